//! A clock that tests control.

use morag_core::ports::Clock;
use morag_core::{SteadyTime, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that only moves when it is advanced or set.
#[derive(Debug)]
pub struct FakeClock {
    now: AtomicI64,
    /// Total offset set since the process started, milliseconds; the steady clock ignores it.
    set: AtomicI64,
}

impl FakeClock {
    /// A clock that starts at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.as_millis()), set: AtomicI64::new(0) }
    }

    /// Advances the wall clock and the steady clock.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the wall clock forward, or back (negative), by `seconds`. The steady clock does not move.
    pub fn set(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
        self.set.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Restarts the steady clock, as for a new process. Earlier users of the clock must be gone.
    pub fn begin(&self) {
        self.set.store(0, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn steady(&self) -> SteadyTime {
        SteadyTime::from_millis(self.now.load(Ordering::SeqCst) - self.set.load(Ordering::SeqCst))
    }
}
