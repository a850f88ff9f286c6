//! What one receiver is sent at once, and when: its circuit breaker, its pauses, its rate. Pure: time is an argument.
//!
//! A lane is **steady** until an exchange fails. Then one exchange at a time goes on, and after [`FAILURES_MAX`] failures in a
//! row the breaker is **open**: between the attempts of the one delivery that is tried nothing else is, so that a receiver
//! that is down costs one exchange a retry delay, and nobody else's attempts are used up in vain. The attempt after the pause is
//! the probe. After a success the lane is drained at a pace: twice as many places with each round of successes.

use crate::SteadyTime;
use std::time::Duration;

/// Failures in a row that open the breaker.
pub const FAILURES_MAX: u32 = 10;

/// Longest pause of a whole lane, whatever a delivery's own retry says: somebody who has waited for hours should not wait for
/// as long again after the receiver is back.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How much ahead of its rate a lane may be: a burst after an idle second.
const BURST: Duration = Duration::from_secs(1);

/// How long an attempt may wait for its lane's rate in hand; longer, it waits in the queue.
pub const AHEAD_MAX: Duration = Duration::from_millis(200);

/// How an exchange ended, for its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The receiver took it.
    Success,
    /// It did not, and the delivery is tried again after so long, if it is.
    Failure(Option<Duration>),
    /// It asked to be left alone for so long (`Retry-After`), capped by the operator's setting.
    Pause(Duration),
}

/// State of a lane's breaker, for people and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Breaker {
    /// Everything goes.
    Closed,
    /// Nothing goes until the pause is over.
    Open,
    /// One at a time.
    HalfOpen,
}

/// One receiver.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    under_way: usize,
    /// Failures since the last success.
    failures: u32,
    /// Nothing goes before: the breaker is open.
    open_until: Option<SteadyTime>,
    /// Nothing goes before: the receiver has asked for it.
    paused_until: Option<SteadyTime>,
    /// When an exchange ended last.
    last_signal: Option<SteadyTime>,
    /// Places while it is drained after a pause; none: as many as the share.
    window: Option<usize>,
    /// Whether an exchange has ever succeeded.
    proven: bool,
    /// When the next attempt of the rate would be on time.
    next_on_rate: Option<SteadyTime>,
}

/// Why nothing may go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Every place is taken: ask again when one is given back.
    Full,
    /// Closed until then.
    Until(SteadyTime),
}

impl Lane {
    /// Places for exchanges now, of `share` at most; none while it is closed.
    pub fn room(&self, share: usize, now: SteadyTime) -> Result<usize, Refused> {
        if let Some(until) = self.closed_until(now) {
            return Err(Refused::Until(until));
        }
        if let Some(next) = self.next_on_rate.filter(|next| next.since(now) >= AHEAD_MAX) {
            return Err(Refused::Until(next.minus(AHEAD_MAX / 2)));
        }
        match self.allowed(share).saturating_sub(self.under_way) {
            0 => Err(Refused::Full),
            room => Ok(room),
        }
    }

    /// Whether more are in it than it would let in now.
    pub fn is_crowded(&self, share: usize) -> bool {
        self.under_way > self.allowed(share)
    }

    fn allowed(&self, share: usize) -> usize {
        match self.failures {
            0 => self.window.unwrap_or(share).min(share),
            _ => 1,
        }
    }

    /// Takes a place.
    pub fn enter(&mut self) {
        self.under_way += 1;
    }

    /// Gives a place back.
    pub fn leave(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// When the next attempt may be made at `rate` attempts a second, counting it as made. Up to a second's worth may go at once.
    /// `Err`: not for longer than [`AHEAD_MAX`]; it is not counted.
    pub fn on_rate(&mut self, rate: u32, now: SteadyTime) -> Result<SteadyTime, SteadyTime> {
        let apart = Duration::from_secs(1) / rate.max(1);
        let idle = now.minus(BURST);
        let next = self.next_on_rate.map_or(idle, |next| next.max(idle)).plus(apart);
        if next.since(now) > AHEAD_MAX {
            return Err(next);
        }
        self.next_on_rate = Some(next);
        Ok(next.max(now))
    }

    /// Notes how an exchange ended.
    pub fn note(&mut self, signal: Signal, now: SteadyTime) {
        self.last_signal = Some(now);
        let later = |known: Option<SteadyTime>, pause: Duration| {
            let until = now.plus(pause);
            Some(known.map_or(until, |known| known.max(until)))
        };
        match signal {
            Signal::Success => {
                let was_failing = self.failures > 0 || self.window.is_some();
                self.failures = 0;
                // A pause stays: what succeeds now was sent before it was asked for.
                self.open_until = None;
                self.proven = true;
                // Each success makes room for one more: a round of them doubles the places.
                self.window = was_failing.then(|| self.window.unwrap_or(1) + 1).filter(|places| *places < WINDOW_MAX);
            }
            Signal::Failure(again) => {
                self.failures = self.failures.saturating_add(1);
                self.window = Some(1);
                if self.failures >= FAILURES_MAX {
                    self.open_until = later(self.open_until, again.unwrap_or_default().min(PAUSE_MAX));
                }
            }
            Signal::Pause(asked) => {
                self.window = Some(1);
                self.paused_until = later(self.paused_until, asked);
            }
        }
    }

    /// Forgets that it has failed: somebody has mended it.
    pub fn forgive(&mut self) {
        (self.failures, self.open_until) = (0, None);
    }

    /// Whether its last exchange failed.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether its last exchange succeeded: such a lane has places kept for it that the others do not get.
    pub fn is_proven(&self) -> bool {
        self.proven && self.failures == 0
    }

    /// Whether nothing has been sent for so long, though it might have been, that what is known says nothing any more.
    pub fn is_silent(&self, now: SteadyTime) -> bool {
        let last = self.last_signal.max(self.open_until).max(self.paused_until);
        last.is_none_or(|last| now.since(last) > SILENT_MAX)
    }

    /// Exchanges under way.
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// When it opens again, where it is closed.
    pub fn closed_until(&self, now: SteadyTime) -> Option<SteadyTime> {
        self.open_until.max(self.paused_until).filter(|until| now < *until)
    }

    /// State of its breaker.
    pub fn breaker(&self, now: SteadyTime) -> Breaker {
        match (self.closed_until(now), self.failures) {
            (Some(_), _) => Breaker::Open,
            (None, FAILURES_MAX..) => Breaker::HalfOpen,
            _ => Breaker::Closed,
        }
    }

    /// Whether it can be forgotten: a new one would do the same, or nothing has gone there for so long that what is known says
    /// nothing any more.
    pub fn is_idle(&self, now: SteadyTime) -> bool {
        let rate_is_past = self.next_on_rate.is_none_or(|next| next <= now);
        self.under_way == 0
            && (self.failures == 0 || self.is_silent(now))
            && self.closed_until(now).is_none()
            && rate_is_past
    }
}

/// How long failures of a lane are remembered after the last exchange: longer than any pause of the breaker.
const SILENT_MAX: Duration = Duration::from_secs(600);

/// Places at which a drained lane is as it was: more than any share.
const WINDOW_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: usize = 8;
    const SECOND: Duration = Duration::from_secs(1);
    const NOW: SteadyTime = SteadyTime::from_millis(1_000_000);

    fn failing(times: u32) -> Lane {
        let mut lane = Lane::default();
        for _ in 0..times {
            lane.note(Signal::Failure(Some(SECOND * 5)), NOW);
        }
        lane
    }

    #[test]
    fn a_lane_has_its_share_and_no_more() {
        let mut lane = Lane::default();
        for taken in 0..SHARE {
            assert_eq!(lane.room(SHARE, NOW), Ok(SHARE - taken));
            lane.enter();
        }
        assert_eq!(lane.room(SHARE, NOW), Err(Refused::Full));
        lane.leave();
        assert_eq!(lane.room(SHARE, NOW), Ok(1));
    }

    #[test]
    fn after_a_failure_one_goes_at_a_time() {
        let mut lane = failing(1);
        assert_eq!(lane.room(SHARE, NOW), Ok(1));
        lane.enter();
        assert_eq!(lane.room(SHARE, NOW), Err(Refused::Full));
        assert_eq!(lane.breaker(NOW), Breaker::Closed);
    }

    #[test]
    fn the_breaker_opens_after_so_many_failures_and_a_probe_follows() {
        assert_eq!(failing(FAILURES_MAX - 1).room(SHARE, NOW), Ok(1));
        let lane = failing(FAILURES_MAX);
        let until = NOW.plus(SECOND * 5);
        assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(until)));
        assert_eq!(lane.breaker(NOW), Breaker::Open);
        assert_eq!(lane.room(SHARE, until), Ok(1), "the probe");
        assert_eq!(lane.breaker(until), Breaker::HalfOpen);
    }

    #[test]
    fn a_day_long_retry_does_not_close_a_lane_for_a_day() {
        let mut lane = failing(FAILURES_MAX - 1);
        lane.note(Signal::Failure(Some(SECOND * 86_400)), NOW);
        assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(NOW.plus(PAUSE_MAX))));
    }

    #[test]
    fn a_lane_that_is_back_is_drained_at_a_pace() {
        let mut lane = failing(FAILURES_MAX);
        let mut rooms = vec![];
        for _ in 0..SHARE {
            lane.note(Signal::Success, NOW);
            rooms.push(lane.room(SHARE, NOW).unwrap());
        }
        assert_eq!(rooms, [2, 3, 4, 5, 6, 7, 8, 8]);
    }

    #[test]
    fn retry_after_pauses_the_whole_lane() {
        let mut lane = Lane::default();
        lane.note(Signal::Pause(SECOND * 7), NOW);
        assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(NOW.plus(SECOND * 7))));
        lane.note(Signal::Pause(SECOND), NOW);
        assert_eq!(lane.closed_until(NOW), Some(NOW.plus(SECOND * 7)), "a shorter one does not shorten it");
        assert_eq!(lane.room(SHARE, NOW.plus(SECOND * 7)), Ok(1), "one probe");
    }

    #[test]
    fn a_success_that_was_under_way_ends_no_pause() {
        let mut lane = Lane::default();
        lane.note(Signal::Pause(SECOND * 7), NOW);
        lane.note(Signal::Success, NOW);
        assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(NOW.plus(SECOND * 7))));
        let mut open = failing(FAILURES_MAX);
        open.note(Signal::Success, NOW);
        assert!(open.room(SHARE, NOW).is_ok(), "the breaker closes with it");
    }

    #[test]
    fn a_rate_is_kept_and_a_burst_is_a_second_of_it() {
        let mut lane = Lane::default();
        let at: Vec<_> = (0..13).map(|_| lane.on_rate(10, NOW).map(|at| at.since(NOW).as_millis())).collect();
        let soon = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 200].map(Ok);
        assert_eq!(at[..12], soon);
        assert_eq!(at[12], Err(NOW.plus(SECOND * 3 / 10)));
        assert!(matches!(lane.room(SHARE, NOW), Err(Refused::Until(until)) if until > NOW));
        let mut later = Lane::default();
        later.on_rate(10, NOW).unwrap();
        let idle = NOW.plus(SECOND * 60);
        assert_eq!(later.on_rate(10, idle), Ok(idle), "idle time is no credit beyond a burst");
    }

    #[test]
    fn a_lane_is_forgotten_only_where_nothing_is_known_of_it() {
        let mut lane = Lane::default();
        assert!(lane.is_idle(NOW));
        lane.enter();
        assert!(!lane.is_idle(NOW));
        assert!(!failing(1).is_idle(NOW));
        assert!(failing(1).is_idle(NOW.plus(SILENT_MAX + SECOND)), "nothing went there for long");
    }
}
