//! How long loops wait: for what is due, and after the store failed.

use morag_core::Timestamp;
use std::time::Duration;

/// How long an idle loop sleeps at most: the safety net below wake-ups, for a key that another process made due.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(5);

/// How long a loop waits after the store failed.
pub(crate) const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait for the next due key: until it is due, but not longer than the safety net.
pub(crate) fn until(next_due: Option<Timestamp>, now: Timestamp) -> Duration {
    next_due.map_or(IDLE_MAX, |due| due.since(now).min(IDLE_MAX))
}
