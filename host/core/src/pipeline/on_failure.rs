//! What happens to a task when one of its steps fails.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Maximum retries of a step: with the longest delay they take most of a day, and each is an event in the log and a delivery
/// to endpoints that receive step events.
pub const RETRIES_MAX: u32 = 20;

/// Maximum delay before a retry: after a longer outage, callers want the task to fail.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(60 * 60);

/// What happens to a task when a step fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum OnFailure {
    /// The task fails.
    #[default]
    Fail,
    /// The task continues without the step's results.
    Skip,
    /// The step is run again later; the task fails after the last retry.
    Retry(Retries),
}

/// How often and when a failed step is run again.
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

/// Why a retry policy is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRetries {
    /// Zero, or more than [`RETRIES_MAX`].
    #[error("a step is retried 1 to {RETRIES_MAX} times")]
    Times,
    /// More than [`RETRY_DELAY_MAX`].
    #[error("the delay before a retry is at most {} minutes", RETRY_DELAY_MAX.as_secs() / 60)]
    Delay,
}

impl Retries {
    /// `times` retries, each `delay` after the failure, in whole milliseconds.
    pub fn new(times: u32, delay: Duration) -> Result<Self, InvalidRetries> {
        match () {
            () if !(1..=RETRIES_MAX).contains(&times) => Err(InvalidRetries::Times),
            () if delay > RETRY_DELAY_MAX => Err(InvalidRetries::Delay),
            () => Ok(Self { times, delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX) }),
        }
    }

    /// Number of retries, 1 to [`RETRIES_MAX`].
    pub fn times(self) -> u32 {
        self.times
    }

    /// Delay between a failure and its retry.
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
    /// Whether this is the default.
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
