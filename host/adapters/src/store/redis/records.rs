//! Records that were read lately: a task's never changes, and each of its deliveries needs it.

use super::store::from_json;
use morag_core::ports::StoreError;
use morag_core::task::{TaskId, TaskRecord};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Records kept: those of the tasks whose webhooks are under way. A record is a few KiB, at most some 100.
const KEPT_MAX: usize = 256;

/// Bytes of their texts: a hundred of the longest, and all where they are of usual length.
const BYTES_MAX: usize = 8 << 20;

/// A record, and the length of its text.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) record: Arc<TaskRecord>,
    pub(super) bytes: usize,
}

#[derive(Default)]
struct Inner {
    records: HashMap<TaskId, Kept>,
    bytes: usize,
}

/// The records.
#[derive(Default)]
pub(super) struct Records(Mutex<Inner>);

impl Records {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record, if it is here.
    pub(super) fn get(&self, task: TaskId) -> Option<Kept> {
        self.inner().records.get(&task).cloned()
    }

    /// Reads a record and keeps it. When there are too many all go: simpler than the oldest, and as good at this size.
    pub(super) fn keep(&self, text: &str) -> Result<Arc<TaskRecord>, StoreError> {
        let record: Arc<TaskRecord> = Arc::new(from_json(text)?);
        // One that is longer than all may be together would only push the others out.
        if text.len() > BYTES_MAX {
            return Ok(record);
        }
        let mut inner = self.inner();
        if inner.records.len() >= KEPT_MAX || inner.bytes + text.len() > BYTES_MAX {
            *inner = Inner::default();
        }
        let kept = Kept { record: record.clone(), bytes: text.len() };
        if inner.records.insert(record.id, kept).is_none() {
            inner.bytes += text.len();
        }
        Ok(record)
    }
}
