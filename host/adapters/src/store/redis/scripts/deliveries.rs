//! Scripts on the cursors of a task and their deliveries. `endpoint_lists` are lists of the deliveries of a named endpoint, one for
//! each of the states that the script says; none where the endpoint is a task's own.

use super::scripts;
use crate::store::redis::task_keys::TaskKeys;
use morag_core::task::TaskId;
use std::time::Duration;

scripts! {
    Pending("pending") {
        keys_of: TaskKeys[task, history, cursors, deliveries],
        args: [
            cursor: String,
            wants_record: bool,
            events_max: usize,
            /// The delivery that the cursor makes again.
            resent_delivery: Option<String>,
        ],
    }
    Advance("exact", "now", "ready", "reschedule", "task_keys", "write", "advance") {
        keys_of: TaskKeys[
            task, history, cursors, deliveries, attempts,
            delivery_due, delivery_ready, delivery_leases, lanes, parked,
        ],
        // Pending, delivered and dead.
        more_keys: endpoint_lists,
        args: [
            now: Option<i64>,
            key: String,
            fence: u64,
            token: String,
            cursor: String,
            endpoint: String,
            /// 0 for a cursor that makes no delivery again.
            resend: u32,
            /// What becomes of the cursor, as `cursor_moves` puts it: where an event is left, and where none is.
            fate_with_event: String,
            fate_without_event: String,
            history_kept: Duration,
            id: TaskId,
            channel: String,
            wake: String,
        ],
        // Of each move four words, as `cursor_moves` puts them.
        more_args: moves,
    }
    Resend("exact", "now", "ready", "reschedule", "task_keys", "resend") {
        keys_of: TaskKeys[
            task, history, cursors, deliveries, attempts,
            delivery_due, delivery_ready, delivery_leases, lanes,
        ],
        // Pending, dead and resent.
        more_keys: endpoint_lists,
        args: [
            now: Option<i64>,
            id: TaskId,
            token: String,
            cursor: String,
            endpoint: String,
            delivery: u64,
            /// `-` for the endpoint's own.
            url: String,
            delay: Duration,
            resends_max: u32,
            /// The states of which a delivery is made again, each between spaces.
            settled: String,
            history_kept: Duration,
            channel: String,
            wake: String,
        ],
    }
    Unpark("exact", "now", "ready", "reschedule", "task_keys", "unpark") {
        keys_of: TaskKeys[
            task, history, cursors, deliveries, attempts,
            delivery_due, delivery_ready, delivery_leases, lanes, parked,
        ],
        args: [now: Option<i64>, key: String, cursor: String, token: String, channel: String, wake: String],
    }
    EndpointPage("endpoint_page") {
        more_keys: lists,
        args: [
            /// As `ZRANGE` takes them.
            latest: String,
            earliest: String,
            offset: usize,
            count: usize,
        ],
    }
    ChainTurn("exact", "chain", "chain_turn") {
        keys: [chain],
        args: [task: TaskId, delivered: u64, links_max: usize, kept: Duration],
    }
    ChainFinish("exact", "chain", "chain_finish") {
        keys: [chain],
        args: [
            task: TaskId,
            /// None: as many as the chain knows of.
            delivered: Option<u64>,
            kept: Duration,
        ],
    }
    ChainLinks("exact", "chain", "chain_links") {
        keys: [chain],
        args: [links_max: usize],
    }
}
