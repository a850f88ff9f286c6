//! Scripts on what a task holds outside its bucket.

use super::scripts;
use crate::store::redis::task_keys::TaskKeys;
use morag_core::task::TaskId;
use std::time::Duration;

scripts! {
    Veto("veto") {
        keys_of: TaskKeys[task, veto],
        args: [kept: Duration],
    }
    ReserveKey("reserve_key") {
        keys: [idempotency],
        args: [
            task: TaskId,
            digest: String,
            /// JSON.
            response: String,
            kept: Duration,
            /// A task whose reservation is void.
            void_task: Option<TaskId>,
        ],
    }
    ReadKey("read_key") {
        keys: [idempotency],
    }
    SettleKey("settle_key") {
        keys: [idempotency],
        args: [task: TaskId, accepted: bool],
    }
    ClaimDocument("claim_document") {
        keys: [claims],
        args: [
            task: TaskId,
            number: String,
            replaces: bool,
            /// A task whose claim is void.
            void_task: Option<TaskId>,
        ],
    }
    SettleDocument("settle_document") {
        keys: [claims],
        args: [
            task: TaskId,
            completed: bool,
            /// None where the task is not there.
            number: Option<String>,
        ],
    }
    Enter("exact", "now", "enter") {
        keys: [waiting, flows, virtual_time, number, days, tenants],
        args: [
            now: Option<i64>,
            /// Empty to check only whether there is room.
            entry: String,
            flow: String,
            weight: u32,
            queue_max: u64,
            /// Waiting tasks of the flow at most.
            waiting_max: Option<u64>,
            /// Tasks of the flow in a day at most.
            per_day_max: Option<u64>,
            /// None for the default tenant.
            tenant: Option<String>,
            /// Whether other callers share the queue.
            is_shared: bool,
        ],
    }
    Leave("exact", "leave") {
        keys: [waiting, flows, virtual_time, days],
        args: [
            entry: String,
            /// `begun`, `cancelled` or `refused`.
            outcome: &'static str,
        ],
    }
}
