//! What one receiver is sent at once, and when: its circuit breaker, its pauses, its rate. Pure: time is an argument.
//!
//! The breaker of a lane is **closed** until exchanges fail. After a failure one exchange is made at a time, and after
//! [`FAILURES_MAX`] failures in a row the breaker is **open**: nothing is sent between the attempts of the one delivery that is
//! retried, so that a receiver that is down costs one exchange a retry delay, and no other delivery uses up its attempts. The attempt
//! after the pause is the probe. After a success the lane's slots double with each round of successes.

use super::RateGate;
use super::rate::Rate;
use crate::SteadyTime;
use std::time::Duration;

/// Failures in a row that open the breaker.
pub const FAILURES_MAX: u32 = 10;

/// Longest pause of a whole lane, whatever the retry delay of a delivery: a delivery that has waited for hours should not wait for as
/// long again after the receiver is back.
const PAUSE_MAX: Duration = Duration::from_secs(60);

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
    /// All deliveries are allowed.
    Closed,
    /// No delivery is allowed until the pause is over.
    Open,
    /// One delivery at a time is allowed.
    HalfOpen,
}

/// One receiver.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    under_way: usize,
    /// Failures since the last success.
    failures: u32,
    /// The breaker is open until then.
    open_until: Option<SteadyTime>,
    /// The receiver has asked for a pause until then.
    paused_until: Option<SteadyTime>,
    /// When an exchange ended last.
    last_signal: Option<SteadyTime>,
    /// Slots while it recovers from a failure or a pause; none: as many as the share.
    window: Option<usize>,
    /// Whether an exchange has ever succeeded.
    proven: bool,
    /// Attempts counted towards its rate.
    rate: Rate,
}

/// Why a lane allows no exchange now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Every slot is taken: ask again when one is given back.
    Full,
    /// Closed until then.
    Until(SteadyTime),
}

/// How long a cursor waits that was claimed although its lane has no slot: another claim was faster.
const FULL_PAUSE: Duration = Duration::from_millis(100);

impl Refused {
    /// How long a cursor that was claimed in vain is left alone.
    pub fn pause(self, now: SteadyTime) -> Duration {
        match self {
            Self::Full => FULL_PAUSE,
            Self::Until(until) => until.since(now),
        }
    }
}

impl Lane {
    /// Slots that are free now, of `share` at most; none while it is closed.
    pub fn room(&self, share: usize, now: SteadyTime) -> Result<usize, Refused> {
        if let Some(until) = self.closed_until(now) {
            return Err(Refused::Until(until));
        }
        if let Some(until) = self.rate.closed_until(now) {
            return Err(Refused::Until(until));
        }
        match self.allowed(share).saturating_sub(self.under_way) {
            0 => Err(Refused::Full),
            room => Ok(room),
        }
    }

    fn allowed(&self, share: usize) -> usize {
        match self.failures {
            0 => self.window.unwrap_or(share).min(share),
            _ => 1,
        }
    }

    /// Takes a slot.
    pub fn enter(&mut self) {
        self.under_way += 1;
    }

    /// Gives a slot back.
    pub fn leave(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether the lane is open, and wide enough for those who are in it. `Err`: when to come back.
    fn check(&self, share: usize, now: SteadyTime) -> Result<(), SteadyTime> {
        match self.closed_until(now) {
            Some(until) => Err(until),
            None if self.under_way > self.allowed(share) => Err(now),
            None => Ok(()),
        }
    }

    /// Whether the holder of a slot may make another exchange: not where the lane was closed meanwhile, or has become narrower than
    /// those who are in it, or where `rate` attempts a second do not allow it. Counts the exchange towards the rate.
    pub fn admit(&mut self, share: usize, rate: Option<u32>, now: SteadyTime) -> RateGate {
        let due = match (self.check(share, now), rate) {
            (Err(until), _) => Err(until),
            (Ok(()), None) => Ok(now),
            (Ok(()), Some(rate)) => self.rate.count(rate, now),
        };
        match due.map(|due| due.since(now)) {
            Ok(Duration::ZERO) => RateGate::Open,
            Ok(wait) => RateGate::OpenAfter(wait),
            Err(until) => RateGate::Closed(until.since(now)),
        }
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
                // Each success adds a slot: a round of successes doubles them.
                self.window = was_failing.then(|| self.window.unwrap_or(1) + 1).filter(|slots| *slots < WINDOW_MAX);
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

    /// Forgets its failures, because its endpoint was changed or disabled.
    pub fn forgive(&mut self) {
        (self.failures, self.open_until) = (0, None);
    }

    /// Whether its last exchange failed.
    pub fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// Whether its last exchange succeeded: slots are reserved for such lanes.
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

    /// When it opens again; none where it is open.
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
        self.under_way == 0
            && (self.failures == 0 || self.is_silent(now))
            && self.closed_until(now).is_none()
            && self.rate.is_past(now)
    }
}

/// How long failures of a lane are remembered after the last exchange: longer than any pause of the breaker.
const SILENT_MAX: Duration = Duration::from_secs(600);

/// Slots at which a lane has recovered: more than any share.
const WINDOW_MAX: usize = 4096;

#[cfg(test)]
mod tests;
