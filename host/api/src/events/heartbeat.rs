//! The ticks at which a silent stream sends a comment.

use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval_at};

/// Time between two heartbeats: proxies and mobile networks drop what is silent for half a minute or more.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Ticks for heartbeats; the first after a whole interval.
pub(super) fn heartbeats() -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
