//! A clock that stands still until a test moves it.

use morag_core::ports::Clock;
use morag_core::{SteadyTime, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A clock that stands still until it is moved or set.
#[derive(Debug)]
pub struct FakeClock {
    now: AtomicI64,
    /// How far it was set forward since the process began, milliseconds: its steady clock did not go along.
    set: AtomicI64,
}

impl FakeClock {
    /// A clock at a time.
    pub fn at(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.as_millis()), set: AtomicI64::new(0) }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets it forward, or back (negative), by so many seconds. No time passes.
    pub fn set(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
        self.set.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Begins its steady clock anew, as for a new process. Who used the clock before has to be gone.
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
