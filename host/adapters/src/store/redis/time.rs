//! What time it is in the store.

use morag_core::Timestamp;
use morag_core::ports::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// Whose clock leases and due times go by.
#[derive(Clone, Default)]
pub enum TimeSource {
    /// The Redis server's: a process whose clock is wrong, or jumps, moves no lease.
    #[default]
    Server,
    /// A given one; for tests. Every process of a store must have the same.
    Clock(Arc<dyn Clock>),
}

/// The store's time, and what this process thinks it is between two answers.
pub(super) struct StoreTime {
    source: TimeSource,
    started: Instant,
    /// The server's time less ours, milliseconds; `i64::MIN` before the first answer.
    ahead: AtomicI64,
}

impl StoreTime {
    pub(super) fn new(source: TimeSource) -> Self {
        Self { source, started: Instant::now(), ahead: AtomicI64::new(i64::MIN) }
    }

    /// The first argument of every script: the time, or nothing where the server is to take its own.
    pub(super) fn argument(&self) -> String {
        match &self.source {
            TimeSource::Server => String::new(),
            TimeSource::Clock(clock) => clock.now().as_millis().to_string(),
        }
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Takes the time from an answer.
    pub(super) fn heard(&self, now: f64) {
        self.ahead.store((now as i64).saturating_sub(self.elapsed()), Ordering::Relaxed);
    }

    /// The store's time, milliseconds: by the last answer and the time since. Without any answer, the beginning of time:
    /// nothing is taken for due then.
    pub(super) fn now(&self) -> Timestamp {
        match &self.source {
            TimeSource::Clock(clock) => clock.now(),
            TimeSource::Server => match self.ahead.load(Ordering::Relaxed) {
                i64::MIN => Timestamp::from_millis(0),
                ahead => Timestamp::from_millis(ahead.saturating_add(self.elapsed())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_none_can_be_is_the_first_or_the_last() {
        let time = StoreTime::new(TimeSource::Server);
        std::thread::sleep(std::time::Duration::from_millis(2));
        for (told, taken) in [(f64::INFINITY, i64::MAX), (f64::NEG_INFINITY, 0), (f64::NAN, 0)] {
            time.heard(told);
            let now = time.now().as_millis();
            assert!(now.abs_diff(taken) < 60_000, "{told}: {now}");
        }
    }
}
