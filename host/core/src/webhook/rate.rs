//! The rate of a lane: attempts a second.

use crate::SteadyTime;
use std::time::Duration;

/// How much ahead of its rate a lane may be: a burst after an idle second.
const BURST: Duration = Duration::from_secs(1);

/// How long an attempt may wait for its lane's rate in memory; where it would be longer, it waits in the queue.
pub(super) const AHEAD_MAX: Duration = Duration::from_millis(200);

/// The attempts that were counted towards a rate.
#[derive(Debug, Clone, Default)]
pub(super) struct Rate {
    /// When the next attempt would be on time.
    next: Option<SteadyTime>,
}

impl Rate {
    /// When the next attempt may be made at `per_second` attempts a second, counting it as made. Up to a second's worth may go at
    /// once. `Err`: not for longer than [`AHEAD_MAX`]; it is not counted.
    pub(super) fn count(&mut self, per_second: u32, now: SteadyTime) -> Result<SteadyTime, SteadyTime> {
        let interval = Duration::from_secs(1) / per_second.max(1);
        let idle = now.minus(BURST);
        let next = self.next.map_or(idle, |next| next.max(idle)).plus(interval);
        if next.since(now) > AHEAD_MAX {
            return Err(next);
        }
        self.next = Some(next);
        Ok(next.max(now))
    }

    /// When a cursor should come back for the rate; none where an attempt can be made or waited for in memory.
    pub(super) fn closed_until(&self, now: SteadyTime) -> Option<SteadyTime> {
        self.next.filter(|next| next.since(now) >= AHEAD_MAX).map(|next| next.minus(AHEAD_MAX / 2))
    }

    /// Whether what was counted matters no more.
    pub(super) fn is_past(&self, now: SteadyTime) -> bool {
        self.next.is_none_or(|next| next <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SteadyTime = SteadyTime::from_millis(1_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_rate_is_kept_and_a_burst_is_a_second_of_it() {
        let mut rate = Rate::default();
        let at: Vec<_> = (0..13).map(|_| rate.count(10, NOW).map(|at| at.since(NOW).as_millis())).collect();
        let soon = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200].map(Ok);
        assert_eq!(at[..12], soon);
        assert_eq!(at[12], Err(NOW.plus(SECOND * 3 / 10)));
        assert!(rate.closed_until(NOW).is_some_and(|until| until > NOW));
        assert!(!rate.is_past(NOW));
    }

    #[test]
    fn idle_time_is_no_credit_beyond_a_burst() {
        let mut rate = Rate::default();
        rate.count(10, NOW).unwrap();
        let idle = NOW.plus(SECOND * 60);
        assert!(rate.is_past(idle));
        assert_eq!(rate.count(10, idle), Ok(idle));
    }
}
