//! Records that were read lately: a task's never changes, and each of its deliveries needs it.

use morag_core::task::{TaskId, TaskRecord};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records kept: those of the tasks whose webhooks are under way. A record is a few KiB, at most some 100.
const KEPT_MAX: usize = 256;

/// The records.
#[derive(Default)]
pub(super) struct Records(Mutex<HashMap<TaskId, Arc<TaskRecord>>>);

impl Records {
    fn map(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<TaskRecord>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record, if it is here.
    pub(super) fn get(&self, task: TaskId) -> Option<Arc<TaskRecord>> {
        self.map().get(&task).cloned()
    }

    /// Keeps a record. When there are too many all go: simpler than the oldest, and as good at this size.
    pub(super) fn keep(&self, record: TaskRecord) -> Arc<TaskRecord> {
        let record = Arc::new(record);
        let mut map = self.map();
        if map.len() >= KEPT_MAX {
            map.clear();
        }
        map.insert(record.id, record.clone());
        record
    }
}
