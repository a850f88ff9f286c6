//! Who waits for a change of a queue or of the feed, and when they are woken.

use morag_core::ports::Queue;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::{Notify, watch};

/// Queues and the feed that a running transaction changes, and their waiters. A job marks; the commit wakes. So no waiter is
/// woken before it can read the change, and a wake-up is not lost where the caller of the job goes away.
#[derive(Default)]
pub(crate) struct Wakes {
    tasks: Wake,
    deliveries: Wake,
    /// Watchers of the feed.
    pub(crate) feed: FeedChanges,
}

#[derive(Default)]
struct Wake {
    marked: AtomicBool,
    count: AtomicU64,
    changed: Notify,
}

impl Wakes {
    /// A key of the queue got another due time. The mark of a job whose writes are taken back causes a spurious wake-up, no more.
    pub(crate) fn mark(&self, queue: Queue) {
        self.of(queue).marked.store(true, Ordering::Release);
    }

    /// Wakes the waiters of each marked queue, and the watchers of a marked feed.
    pub(crate) fn committed(&self) {
        for wake in [&self.tasks, &self.deliveries] {
            if wake.marked.swap(false, Ordering::AcqRel) {
                wake.count.fetch_add(1, Ordering::AcqRel);
                wake.changed.notify_waiters();
            }
        }
        self.feed.committed();
    }

    /// What [`Self::committed`] notifies.
    pub(crate) fn changed(&self, queue: Queue) -> &Notify {
        &self.of(queue).changed
    }

    /// How often the waiters of a queue were woken.
    pub(crate) fn count(&self, queue: Queue) -> u64 {
        self.of(queue).count.load(Ordering::Acquire)
    }

    fn of(&self, queue: Queue) -> &Wake {
        match queue {
            Queue::Tasks => &self.tasks,
            Queue::Deliveries => &self.deliveries,
        }
    }
}

/// Tells the watchers of the feed that events were committed. As with [`Wakes`], a job marks and the commit wakes.
pub(crate) struct FeedChanges {
    marked: AtomicBool,
    pub(crate) changes: watch::Sender<()>,
}

impl Default for FeedChanges {
    fn default() -> Self {
        Self { marked: AtomicBool::new(false), changes: watch::Sender::new(()) }
    }
}

impl FeedChanges {
    /// An event was appended.
    pub(crate) fn mark(&self) {
        self.marked.store(true, Ordering::Release);
    }

    /// Wakes the watchers, if an event was appended.
    pub(crate) fn committed(&self) {
        if self.marked.swap(false, Ordering::AcqRel) {
            self.changes.send_replace(());
        }
    }
}
