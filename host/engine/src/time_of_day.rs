//! The time of day that what is old goes by.

use morag_core::Timestamp;
use morag_core::ports::Clock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// As far the wall clock may be from the steady one before nothing goes by its age. Far above what a time service corrects
/// in a life of the process, and little beside retention, which is in hours and days.
pub(crate) const CLOCK_APART_MAX: Duration = Duration::from_secs(60 * 60);

/// Whether the wall clock can tell the age of tasks and events.
#[derive(Debug, Default)]
pub struct TimeOfDay {
    /// Whether the clock was set when it was asked for last: said once, and not at each look.
    was_set: AtomicBool,
}

impl TimeOfDay {
    /// The time to reckon ages by: none when the wall clock was set since the start. Tasks' and events' times are times of day, which
    /// other processes gave, so that no steady clock can tell their age; and a jump ahead would make everything old at once. Of the
    /// two times, before and after, nothing tells which is right, so nothing goes. A clock that was wrong from the start is not
    /// noticed: ended tasks then go early, and webhooks of failing receivers are given up early; neither happens to what runs, nor
    /// to webhooks of receivers that answer.
    pub(crate) fn now(&self, clock: &dyn Clock) -> Option<Timestamp> {
        let (now, steady) = (clock.now(), clock.steady());
        let is_set = steady.apart_from(now) > CLOCK_APART_MAX;
        if self.was_set.swap(is_set, Ordering::Relaxed) != is_set && is_set {
            tracing::warn!(
                "the machine's clock was set, or the machine slept, by more than {} minutes since the server started: history and files of \
                 ended tasks stay, and no webhook is given up for its age, until the server is started again with the right time",
                CLOCK_APART_MAX.as_secs() / 60
            );
        }
        (!is_set).then_some(now)
    }
}
