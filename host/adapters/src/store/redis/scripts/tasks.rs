//! Scripts on a task in its bucket.

use super::scripts;
use crate::store::redis::task_keys::TaskKeys;
use morag_core::task::TaskId;
use std::time::Duration;

scripts! {
    Accept("exact", "now", "ready", "bytes", "accept") {
        keys_of: TaskKeys[task, veto, cursors, ready, ranks, since, owners, task_bytes, tenant_bytes],
        // The tenant's own.
        keys: [tasks, pending],
        args: [
            now: Option<i64>,
            id: TaskId,
            /// JSON.
            record: String,
            /// Empty where the task claims none.
            document: String,
            number: String,
            rank: String,
            channel: String,
            wake: String,
            /// JSON.
            summary: String,
            credentials: Option<String>,
            /// None for the default tenant.
            tenant: Option<String>,
            /// Bytes of the submitted file.
            bytes: u64,
        ],
        more_args: cursor_names,
    }
    Commit("exact", "now", "ready", "reschedule", "tenant", "bytes", "task_keys", "commit") {
        keys_of: TaskKeys[
            task, history, cursors, deliveries, attempts,
            due, ready, ranks, leases, since,
            delivery_due, delivery_ready, lanes,
            recent, ended, pending, in_progress, completed, failed, cancelled,
            feed, owners, task_bytes, tenant_bytes,
        ],
        args: [
            now: Option<i64>,
            id: TaskId,
            token: String,
            /// `lease` or `sequence`.
            guard: &'static str,
            /// The fence, or the last sequence.
            guard_value: u64,
            first_sequence: Option<u64>,
            status: &'static str,
            is_ended: bool,
            /// Percent.
            live: f64,
            /// Percent reached by the events.
            progress: f64,
            /// The running step: empty leaves it as it is, `-` is for none.
            running: String,
            /// `keep`, `at` or `done`.
            next: &'static str,
            delay: Duration,
            recent_max: usize,
            history_kept: Duration,
            channel: String,
            task_wake: String,
            delivery_wake: String,
            feed_max: usize,
            feed_channel: String,
            /// Bytes of new files.
            bytes: u64,
            /// Of a task that runs again and waits until then: its rank, and the name of its entry in the waiting list.
            waiting_rank: Option<String>,
            waiting_entry: Option<String>,
        ],
        // Time and JSON of each event.
        more_args: events,
    }
    Expire("ready", "tenant", "bytes", "task_keys", "write", "expire") {
        keys_of: TaskKeys[
            task, history, cursors, deliveries, attempts,
            due, ready, ranks, leases, fences, since,
            delivery_due, delivery_ready, delivery_leases,
            recent, ended, tasks, pending, in_progress, completed, failed, cancelled,
            parked, owners, task_bytes, tenant_bytes,
        ],
        // Lists of the deliveries of the task's named endpoints.
        more_keys: endpoint_lists,
        args: [id: TaskId],
        // Deliveries, as they are named in those lists.
        more_args: members,
    }
    ForgetBytes("tenant", "bytes", "forget_bytes") {
        keys_of: TaskKeys[task, owners, task_bytes, tenant_bytes],
        args: [id: TaskId],
    }
    Load("load") {
        keys_of: TaskKeys[task, history, fences],
        args: [id: TaskId],
    }
    Counts("counts") {
        more_keys: lists,
    }
    Feed("feed") {
        more_keys: feeds,
        args: [
            /// Milliseconds.
            from: u64,
            /// Entries of each feed at most.
            count: usize,
            history_kept: Duration,
            feed_max: usize,
        ],
    }
}
