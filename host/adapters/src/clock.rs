//! The machine's clock.

use morag_core::ports::Clock;
use morag_core::{SteadyTime, Timestamp};
use std::sync::LazyLock;
use std::time::Instant;

/// Where the steady clock begins: one place for the whole process, or two stores in it would not agree on what is due.
static START: LazyLock<(SteadyTime, Instant)> =
    LazyLock::new(|| (SteadyTime::from_millis(SystemClock.now().as_millis()), Instant::now()));

/// The machine's wall clock. The only reader of it in the host. While the machine sleeps, its steady clock may stand still.
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
    fn the_steady_clocks_of_a_process_are_one_that_never_goes_back() {
        // Asked in turns, by threads: another beginning for each clock, or each thread, would let one be before the last.
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
        // Nobody sets the clock of a machine that runs tests by a day.
        assert!(steady.apart_from(wall).as_secs() < 24 * 60 * 60, "{wall} and {steady:?}");
        while SystemClock.steady() == steady {
            std::thread::yield_now();
        }
    }
}
