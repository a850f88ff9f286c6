//! What the runs of this process have staged so far: a revision of which Redis has lost a part must not be published.

use morag_core::ports::Revision;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// Revisions remembered at most. Each run has one, and a process has far fewer runs; beyond it, some runs have ended without
/// removing theirs.
const REVISIONS_MAX: usize = 10_000;

/// The revisions that are being written here.
#[derive(Default)]
pub(super) struct Running(Mutex<HashMap<Uuid, Writes>>);

struct Writes {
    revision: Revision,
    calls: u64,
}

impl Running {
    fn map(&self) -> MutexGuard<'_, HashMap<Uuid, Writes>> {
        // No code panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the revision belongs to its document. `None`: this process does not know.
    pub(super) fn owns(&self, revision: &Revision) -> Option<bool> {
        let of = |writes: &Writes| {
            writes.revision.collection == revision.collection && writes.revision.document == revision.document
        };
        self.map().get(&revision.id).map(of)
    }

    /// Remembers the revision's document. When there are too many, all are removed: then only Redis's counts are used.
    pub(super) fn begin(&self, revision: &Revision) {
        let mut map = self.map();
        if map.len() >= REVISIONS_MAX {
            map.clear();
        }
        map.entry(revision.id).or_insert_with(|| Writes { revision: revision.clone(), calls: 0 });
    }

    /// One more call has staged something.
    pub(super) fn count(&self, revision: Uuid) {
        if let Some(writes) = self.map().get_mut(&revision) {
            writes.calls += 1;
        }
    }

    /// Calls that have staged something.
    pub(super) fn calls(&self, revision: Uuid) -> u64 {
        self.map().get(&revision).map_or(0, |writes| writes.calls)
    }

    /// Removes a revision that was published or discarded.
    pub(super) fn end(&self, revision: Uuid) {
        self.map().remove(&revision);
    }
}
