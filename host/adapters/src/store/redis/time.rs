//! What time it is in the store.

use morag_core::Timestamp;
use morag_core::ports::Clock;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// The clock by which leases end and keys come due.
#[derive(Clone, Default)]
pub enum TimeSource {
    /// The Redis server's: a process whose clock is wrong, or jumps, moves no lease.
    #[default]
    Server,
    /// A given one; for tests. Every process of a store must use the same.
    Clock(Arc<dyn Clock>),
}

/// The store's time, estimated between two answers.
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

    /// The argument `now` of scripts, milliseconds; none where the server uses its own time.
    pub(super) fn argument(&self) -> Option<i64> {
        match &self.source {
            TimeSource::Server => None,
            TimeSource::Clock(clock) => Some(clock.now().as_millis()),
        }
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Notes the time that an answer has.
    pub(super) fn observe(&self, now: f64) {
        self.ahead.store((now as i64).saturating_sub(self.elapsed()), Ordering::Relaxed);
    }

    /// The store's time: the last answer's, plus the time since. Before the first answer it is 1970, at which nothing is due.
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
    fn an_impossible_time_becomes_the_first_or_the_last() {
        let time = StoreTime::new(TimeSource::Server);
        std::thread::sleep(std::time::Duration::from_millis(2));
        for (answered, expected) in [(f64::INFINITY, i64::MAX), (f64::NEG_INFINITY, 0), (f64::NAN, 0)] {
            time.observe(answered);
            let now = time.now().as_millis();
            assert!(now.abs_diff(expected) < 60_000, "{answered}: {now}");
        }
    }
}
