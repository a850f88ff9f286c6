//! Clocks.

use crate::{SteadyTime, Timestamp};

/// Source of time. Code outside the adapters reads no other clock.
pub trait Clock: Send + Sync {
    /// The time of day. May jump in both directions when the system clock is set.
    fn now(&self) -> Timestamp;

    /// Monotonic time, for what comes due within this process. Clocks that are never set, as in tests, can use the default.
    fn steady(&self) -> SteadyTime {
        SteadyTime::from_millis(self.now().as_millis())
    }
}
