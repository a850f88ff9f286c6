//! The time of day that what is old goes by.

use crate::App;
use morag_core::Timestamp;
use std::time::Duration;

/// As far the wall clock may be from the steady one before nothing goes by its age. Far above what a time service corrects
/// in a life of the process, and little beside retention, which is in hours and days.
pub(crate) const CLOCK_APART_MAX: Duration = Duration::from_secs(60 * 60);

/// The time to reckon the age of tasks and events by: none when the wall clock was set since the start. Tasks' times are times of
/// day, which other processes gave, so that no steady clock can tell their age; and a jump ahead would make everything old
/// at once. Of the two times, before and after, nothing tells which is right, so nothing goes: what is deleted does not come
/// back. A clock that was wrong from the start is not noticed: ended tasks then go early, but none that runs.
pub(crate) fn wall_time(app: &App) -> Option<Timestamp> {
    let (now, steady) = (app.clock.now(), app.clock.steady());
    (now.since(steady).max(steady.since(now)) <= CLOCK_APART_MAX).then_some(now)
}
