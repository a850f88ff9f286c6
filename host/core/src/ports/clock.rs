//! Time.

use crate::{SteadyTime, Timestamp};

/// Where the time comes from. Nothing else reads a clock.
pub trait Clock: Send + Sync {
    /// The time of day. Jumps, either way, where somebody sets the clock.
    fn now(&self) -> Timestamp;

    /// The time on the steady clock, for what comes due in this process. A clock that is never set, as a test's, needs none of its own.
    fn steady(&self) -> SteadyTime {
        SteadyTime::from_millis(self.now().as_millis())
    }
}
