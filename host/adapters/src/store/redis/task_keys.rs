//! The keys that scripts on a task change together, by the names that the scripts give them.

use super::keys::{Bucket, Keys};
use morag_core::ports::Queue;
use morag_core::task::{StatusWord, TaskId};

/// The keys of a task and of its bucket, for a call that takes some of them.
pub(crate) struct TaskKeys {
    keys: Keys,
    task: TaskId,
    bucket: Bucket,
}

impl Keys {
    /// The keys of a task and of its bucket.
    pub(super) fn around(&self, task: TaskId) -> TaskKeys {
        TaskKeys { keys: self.clone(), task, bucket: Bucket::of(task) }
    }
}

/// A method for each name, which gives the key of `$of`.
macro_rules! names {
    ($of:ident: $($name:ident = $key:expr,)+) => {
        impl TaskKeys {
            $(pub(super) fn $name(&self) -> String {
                let $of = self;
                $key
            })+
        }
    };
}

names! { of:
    task = of.keys.task(of.task),
    history = of.keys.history(of.task),
    cursors = of.keys.cursors(of.task),
    deliveries = of.keys.deliveries(of.task),
    attempts = of.keys.attempts(of.task),
    veto = of.keys.veto(of.task),

    due = of.keys.due(of.bucket, Queue::Tasks),
    ready = of.keys.ready(of.bucket, Queue::Tasks),
    ranks = of.keys.ranks(of.bucket, Queue::Tasks),
    leases = of.keys.leases(of.bucket, Queue::Tasks),
    fences = of.keys.fences(of.bucket, Queue::Tasks),
    since = of.keys.beside(of.bucket, Queue::Tasks),

    delivery_due = of.keys.due(of.bucket, Queue::Deliveries),
    delivery_ready = of.keys.ready(of.bucket, Queue::Deliveries),
    delivery_leases = of.keys.leases(of.bucket, Queue::Deliveries),
    lanes = of.keys.beside(of.bucket, Queue::Deliveries),
    parked = of.keys.parked(of.bucket),

    tasks = of.keys.tasks(of.bucket),
    pending = of.keys.in_status(of.bucket, StatusWord::Pending),
    in_progress = of.keys.in_status(of.bucket, StatusWord::InProgress),
    completed = of.keys.in_status(of.bucket, StatusWord::Completed),
    failed = of.keys.in_status(of.bucket, StatusWord::Failed),
    cancelled = of.keys.in_status(of.bucket, StatusWord::Cancelled),
    ended = of.keys.ended(of.bucket),
    recent = of.keys.recent(of.bucket),
    feed = of.keys.feed(of.bucket),

    owners = of.keys.owners(of.bucket),
    task_bytes = of.keys.file_bytes(of.bucket),
    tenant_bytes = of.keys.tenant_bytes(of.bucket),
}
