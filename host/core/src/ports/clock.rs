//! Time.

use crate::Timestamp;

/// Where the time comes from. Nothing else reads a wall clock.
pub trait Clock: Send + Sync {
    /// The time now. Jumps, either way, where somebody sets the clock.
    fn now(&self) -> Timestamp;

    /// The time at the process's start and what has passed since: it never jumps and never goes back, but is not the time of
    /// day once the clock was set. For what comes due in this process; shown to nobody, and compared only with itself. A
    /// clock that nobody sets, as a test's, needs none of its own.
    fn steady(&self) -> Timestamp {
        self.now()
    }
}
