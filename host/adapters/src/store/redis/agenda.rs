//! What is due in both queues, and how often that is refreshed.

use super::queue_agenda::QueueAgenda;
use morag_core::ports::Queue;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longest time between two refreshes of all buckets: how late a key is found at worst, where its wake-up was lost.
const REFRESH_EVERY_MAX: Duration = Duration::from_secs(10);

/// Shortest time between them: a refresh is 256 calls for each queue.
const REFRESH_EVERY_MIN: Duration = Duration::from_secs(1);

/// What is due in both queues, and how often all buckets are refreshed.
pub(super) struct Agenda {
    tasks: QueueAgenda,
    deliveries: QueueAgenda,
    /// Milliseconds.
    refresh_every: AtomicU64,
}

impl Agenda {
    pub(super) fn new() -> Self {
        let refresh_every = AtomicU64::new(REFRESH_EVERY_MAX.as_millis() as u64);
        Self { tasks: QueueAgenda::new(), deliveries: QueueAgenda::new(), refresh_every }
    }

    /// Time between two refreshes of all buckets.
    pub(super) fn refresh_every(&self) -> Duration {
        Duration::from_millis(self.refresh_every.load(Ordering::Relaxed))
    }

    /// Keys are claimed for this long: a key whose holder dies should not wait much longer.
    pub(super) fn note_lease(&self, lease: Duration) {
        let every = (lease / 3).clamp(REFRESH_EVERY_MIN, REFRESH_EVERY_MAX);
        self.refresh_every.fetch_min(every.as_millis() as u64, Ordering::Relaxed);
    }

    /// The agenda of a queue.
    pub(super) fn of(&self, queue: Queue) -> &QueueAgenda {
        match queue {
            Queue::Tasks => &self.tasks,
            Queue::Deliveries => &self.deliveries,
        }
    }

    /// Marks every bucket of both queues as stale.
    pub(super) fn invalidate_all(&self) {
        self.tasks.invalidate_all();
        self.deliveries.invalidate_all();
    }
}
