//! What becomes of a task whose step failed.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Retries a step may have: with the longest delay that is most of a day, and each is an event in the log and a delivery to
/// whoever is told of steps.
pub const RETRIES_MAX: u32 = 20;

/// Longest delay before a retry: whoever waits longer for a service wants to know that the task failed.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(60 * 60);

/// What becomes of a task when a step of it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum OnFailure {
    /// The task fails.
    #[default]
    Fail,
    /// The task goes on without what the step would have brought.
    Skip,
    /// The step is run again later; after the last time the task fails.
    Retry(Retries),
}

/// How often and when a step that failed is run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Retries {
    times: u32,
    delay_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    times: u32,
    delay_ms: u64,
}

/// Why numbers are no retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRetries {
    /// None, or too many.
    #[error("a step is retried 1 to {RETRIES_MAX} times")]
    Times,
    /// Too long.
    #[error("the delay before a retry is at most {} minutes", RETRY_DELAY_MAX.as_secs() / 60)]
    Delay,
}

impl Retries {
    /// `times` retries, each `delay` after the failure; milliseconds count.
    pub fn new(times: u32, delay: Duration) -> Result<Self, InvalidRetries> {
        match () {
            () if !(1..=RETRIES_MAX).contains(&times) => Err(InvalidRetries::Times),
            () if delay > RETRY_DELAY_MAX => Err(InvalidRetries::Delay),
            () => Ok(Self { times, delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) }),
        }
    }

    /// How often, 1 to [`RETRIES_MAX`].
    pub fn times(self) -> u32 {
        self.times
    }

    /// Time between a failure and its retry.
    pub fn delay(self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

impl TryFrom<Unchecked> for Retries {
    type Error = InvalidRetries;
    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        Self::new(unchecked.times, Duration::from_millis(unchecked.delay_ms))
    }
}

impl From<Retries> for Unchecked {
    fn from(retries: Retries) -> Self {
        Self { times: retries.times, delay_ms: retries.delay_ms }
    }
}

impl OnFailure {
    /// Whether it says nothing of its own.
    pub fn is_fail(&self) -> bool {
        matches!(self, Self::Fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_bounded() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Retries::new(20, hour).map(|retries| (retries.times(), retries.delay())), Ok((20, hour)));
        assert_eq!(Retries::new(0, hour), Err(InvalidRetries::Times));
        assert_eq!(Retries::new(21, hour), Err(InvalidRetries::Times));
        assert_eq!(Retries::new(1, hour + Duration::from_millis(1)), Err(InvalidRetries::Delay));
        let stored = r#"{"action":"retry","times":21,"delay_ms":5}"#;
        assert!(serde_json::from_str::<OnFailure>(stored).is_err());
    }
}
