//! A clock that a test can set.

use morag_adapters::SystemClock;
use morag_core::ports::Clock;
use morag_core::{SteadyTime, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The machine's clock, which a test can set, and on which it can let time pass.
#[derive(Default)]
pub(super) struct TestClock {
    pub(super) passed_ms: AtomicU64,
    pub(super) set_ms: AtomicU64,
}

impl TestClock {
    /// Lets seconds pass.
    pub(super) fn pass(&self, seconds: u64) {
        self.passed_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// Sets it forward by so many days. No time passes.
    pub(super) fn set_forward(&self, days: u64) {
        self.set_ms.fetch_add(days * 86_400_000, Ordering::Relaxed);
    }

    pub(super) fn passed(&self) -> Duration {
        Duration::from_millis(self.passed_ms.load(Ordering::Relaxed))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.passed()).plus(Duration::from_millis(self.set_ms.load(Ordering::Relaxed)))
    }

    fn steady(&self) -> SteadyTime {
        SystemClock.steady().plus(self.passed())
    }
}
