//! Who waits for a queue, and when they are woken.

use super::due_queue::number;
use super::feed::FeedChanges;
use morag_core::ports::Queue;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Notify;

/// Queues that a running transaction changes, and those who wait for them. A job marks; the commit wakes. So nobody is
/// woken before the change can be read, and a caller that goes away in between takes no wake-up with it.
#[derive(Default)]
pub(super) struct Wakes {
    queues: [Wake; 2],
    /// Those who watch the feed.
    pub(super) feed: FeedChanges,
}

#[derive(Default)]
struct Wake {
    marked: AtomicBool,
    count: AtomicU64,
    changed: Notify,
}

impl Wakes {
    /// A key of the queue got another due time. A mark of a job whose writes are taken back wakes for nothing, no more.
    pub(super) fn mark(&self, queue: Queue) {
        self.of(queue).marked.store(true, Ordering::Release);
    }

    /// Wakes everybody who waits for a marked queue, or watches a marked feed.
    pub(super) fn committed(&self) {
        for wake in &self.queues {
            if wake.marked.swap(false, Ordering::AcqRel) {
                wake.count.fetch_add(1, Ordering::AcqRel);
                wake.changed.notify_waiters();
            }
        }
        self.feed.committed();
    }

    /// What [`Self::committed`] notifies.
    pub(super) fn changed(&self, queue: Queue) -> &Notify {
        &self.of(queue).changed
    }

    /// How often a queue's waiters were woken.
    pub(super) fn count(&self, queue: Queue) -> u64 {
        self.of(queue).count.load(Ordering::Acquire)
    }

    fn of(&self, queue: Queue) -> &Wake {
        &self.queues[usize::from(number(queue))]
    }
}
