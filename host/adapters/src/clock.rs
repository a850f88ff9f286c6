//! The machine's clock.

use morag_core::ports::Clock;
use morag_core::{SteadyTime, Timestamp};
use std::sync::LazyLock;
use std::time::Instant;

/// Origin of the steady clock, one per process: otherwise two stores in it would disagree on what is due.
static START: LazyLock<(SteadyTime, Instant)> =
    LazyLock::new(|| (SteadyTime::from_millis(SystemClock.now().as_millis()), Instant::now()));

/// The machine's wall clock, and its only reader in the host. The steady clock may stand still while the machine sleeps.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }

    fn steady(&self) -> SteadyTime {
        let (start, begun) = *START;
        start.plus(begun.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_clocks_of_a_process_share_one_monotonic_origin() {
        // Read alternately by several threads: with an origin per clock or per thread, one reading would be before the last.
        let last = std::sync::Mutex::new(SteadyTime::from_millis(0));
        std::thread::scope(|scope| {
            for clock in [SystemClock, SystemClock] {
                let last = &last;
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        let mut last = last.lock().unwrap();
                        let time = clock.steady();
                        assert!(time >= *last, "{time:?} came after {last:?}");
                        *last = time;
                    }
                });
            }
        });
    }

    #[test]
    fn the_steady_clock_begins_at_the_time_of_day_and_goes_on() {
        let (wall, steady) = (SystemClock.now(), SystemClock.steady());
        // Fails only if the wall clock is set by a day while the test runs.
        assert!(steady.apart_from(wall).as_secs() < 24 * 60 * 60, "{wall} and {steady:?}");
        while SystemClock.steady() == steady {
            std::thread::yield_now();
        }
    }
}
