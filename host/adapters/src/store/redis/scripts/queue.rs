//! Scripts on the due-queue of a bucket. `beside` is `since` for tasks, `lanes` for deliveries ([`super::super::keys`]).

use super::scripts;
use std::time::Duration;

scripts! {
    Claim("exact", "now", "ready", "collect", "claim") {
        keys: [due, ready, ranks, leases, fences, since],
        args: [
            now: Option<i64>,
            max: usize,
            lease: Duration,
            /// Only tasks up to this rank are taken.
            rank_max: Option<f64>,
            collected_max: usize,
            fence: u64,
        ],
    }
    Take("exact", "now", "ready", "collect", "take") {
        keys: [due, ready, leases, lanes],
        args: [
            now: Option<i64>,
            lease: Duration,
            fence: u64,
            collected_max: usize,
            /// Without it, cursors are listed where one has just come due or a wanted one was not there.
            wants_listing: bool,
            /// Oldest cursors that are listed.
            listed_max: usize,
            /// Lanes that are listed in addition.
            lanes_max: usize,
            lanes_from: String,
        ],
        // Keys of cursors.
        more_args: wanted,
    }
    Renew("exact", "now", "ready", "renew") {
        keys: [due, ready, leases, beside],
        args: [now: Option<i64>, key: String, fence: u64, lease: Duration],
    }
    Release("exact", "now", "ready", "reschedule", "release") {
        keys: [due, ready, ranks, leases, beside],
        args: [now: Option<i64>, key: String, fence: u64, delay: Duration, channel: String, wake: String],
    }
    Hasten("exact", "now", "ready", "reschedule", "hasten") {
        keys: [due, ready, ranks, leases, beside],
        args: [now: Option<i64>, key: String, channel: String, wake: String],
    }
    Fullness("exact", "now", "fullness") {
        // `since`: the set whose scores are the times since which keys are due.
        keys: [due, ready, leases, since],
        args: [now: Option<i64>],
    }
}
