//! A cache of task records: a task's record never changes, and each of its deliveries needs it.

use super::values::from_json;
use morag_core::ports::StoreError;
use morag_core::task::{TaskId, TaskRecord};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Cached records: those of the tasks whose webhooks are being sent. A record is a few KiB, at most some 100.
const RECORDS_MAX: usize = 256;

/// Bytes of their texts: a hundred of the longest, or all where they are of usual length.
const BYTES_MAX: usize = 8 << 20;

/// A record, and the length of its text.
#[derive(Debug, Clone)]
pub(super) struct CachedRecord {
    pub(super) record: Arc<TaskRecord>,
    pub(super) bytes: usize,
}

#[derive(Default)]
struct Inner {
    records: HashMap<TaskId, CachedRecord>,
    bytes: usize,
}

/// The cache.
#[derive(Default)]
pub(super) struct RecordCache(Mutex<Inner>);

impl RecordCache {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record, if it is cached.
    pub(super) fn get(&self, task: TaskId) -> Option<CachedRecord> {
        self.inner().records.get(&task).cloned()
    }

    /// Reads a record and caches it. A full cache is emptied: simpler than removing the oldest, and as good at this size.
    pub(super) fn insert(&self, text: &str) -> Result<Arc<TaskRecord>, StoreError> {
        let record: Arc<TaskRecord> = Arc::new(from_json(text)?);
        // A record that does not fit into the empty cache would only remove the others.
        if text.len() > BYTES_MAX {
            return Ok(record);
        }
        let mut inner = self.inner();
        if inner.records.len() >= RECORDS_MAX || inner.bytes + text.len() > BYTES_MAX {
            *inner = Inner::default();
        }
        let cached = CachedRecord { record: record.clone(), bytes: text.len() };
        if inner.records.insert(record.id, cached).is_none() {
            inner.bytes += text.len();
        }
        Ok(record)
    }
}
