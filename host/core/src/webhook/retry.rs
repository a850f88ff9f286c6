//! Retries of deliveries (`docs/http-api.md#delivery-promises`). Pure.

use super::Signal;
use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Maximum delay between two attempts, whatever the policy or the receiver's `Retry-After` says: a day. A task is kept while a
/// delivery of it waits.
const DELAY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Share of the delay that jitter may add.
const JITTER: f64 = 0.1;

/// Maximum retries of a policy: with doubling delays, the maximum delay is reached long before.
const RETRIES_MAX: u32 = 20;

/// Number and delays of retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    retries_max: u32,
    base: Duration,
}

/// The policy exceeds a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("at most {RETRIES_MAX} retries, and a delay of at most a day")]
pub struct InvalidRetryPolicy;

impl RetryPolicy {
    /// `retries_max` retries after the first attempt, the first after `base`, each further one after twice as long.
    pub fn new(retries_max: u32, base: Duration) -> Result<Self, InvalidRetryPolicy> {
        match retries_max <= RETRIES_MAX && base <= DELAY_MAX {
            true => Ok(Self { retries_max, base }),
            false => Err(InvalidRetryPolicy),
        }
    }

    /// Delay before retry `n` (from 1): `base · 2^(n-1)` and up to 10% more. `unit` is the jitter's randomness, 0 to 1.
    pub fn delay(&self, n: u32, unit: f64) -> Duration {
        let doubled = 2f64.powi(i32::try_from(n.saturating_sub(1)).unwrap_or(i32::MAX).min(64));
        let seconds = self.base.as_secs_f64() * doubled * (1.0 + JITTER * unit.clamp(0.0, 1.0));
        Duration::try_from_secs_f64(seconds).unwrap_or(DELAY_MAX).min(DELAY_MAX)
    }
}

impl Default for RetryPolicy {
    /// The contract's default: three retries, the first after 5 s.
    fn default() -> Self {
        Self { retries_max: 3, base: Duration::from_secs(5) }
    }
}

/// Why an attempt got no response, as shown in the delivery log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// Name resolution failed.
    Dns,
    /// The address guard refused the address.
    AddressRefused,
    /// No connection could be established.
    Connect,
    /// The certificate or the handshake failed.
    Tls,
    /// The whole exchange exceeded its time limit.
    Timeout,
    /// The connection broke.
    Reset,
    /// The response is not valid HTTP, or its headers exceed the limit.
    Protocol,
}

impl ErrorClass {
    /// The word of the delivery log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::AddressRefused => "address_refused",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
        }
    }
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptOutcome {
    /// HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The error, if there was no response.
    pub error: Option<ErrorClass>,
    /// `Retry-After` of the response, milliseconds.
    pub retry_after_ms: Option<u64>,
    /// Beginning of the response body, or of the error text; at most 1 KiB.
    pub excerpt: String,
    /// From the start to the last byte read, milliseconds.
    pub duration_ms: u64,
}

impl AttemptOutcome {
    /// The outcome with a `Retry-After` of at most this time.
    pub fn capped(mut self, retry_after_max: Duration) -> Self {
        let max = u64::try_from(retry_after_max.as_millis()).unwrap_or(u64::MAX);
        self.retry_after_ms = self.retry_after_ms.map(|asked| asked.min(max));
        self
    }

    /// The pause that the receiver asked for, where its status gives `Retry-After` that meaning.
    fn retry_after(&self) -> Option<Duration> {
        match self.status {
            Some(429 | 503) => self.retry_after_ms.map(Duration::from_millis),
            _ => None,
        }
    }
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Delivered: continue with the next event.
    Delivered,
    /// Retry the same delivery at this time.
    Retry(Timestamp),
    /// Given up: record it as dead and continue with the next event.
    Dead,
    /// The receiver is gone permanently (410): disable the endpoint for the task.
    Gone,
}

/// Evaluates attempt number `attempt` (from 1). `unit` is the random factor of the jitter, 0 to 1.
pub fn judge(outcome: &AttemptOutcome, attempt: u32, policy: &RetryPolicy, unit: f64, now: Timestamp) -> Verdict {
    match outcome.status {
        Some(200..=299) if outcome.error.is_none() => Verdict::Delivered,
        Some(410) => Verdict::Gone,
        _ if attempt > policy.retries_max => Verdict::Dead,
        _ => {
            let delay = outcome.retry_after().unwrap_or_default().max(policy.delay(attempt, unit)).min(DELAY_MAX);
            Verdict::Retry(now.plus(delay))
        }
    }
}

/// What an attempt says about the receiver to all deliveries of its lane; none where it says nothing. `next_delay`: after how long
/// the delivery would be retried once more.
pub fn signal(outcome: &AttemptOutcome, verdict: Verdict, next_delay: Duration, now: Timestamp) -> Option<Signal> {
    match (verdict, outcome.retry_after()) {
        (Verdict::Delivered, _) => Some(Signal::Success),
        // A task's own receiver that is gone says nothing of another task's.
        (Verdict::Gone, _) => None,
        (Verdict::Retry(_) | Verdict::Dead, Some(pause)) => Some(Signal::Pause(pause)),
        (Verdict::Retry(due), None) => Some(Signal::Failure(Some(due.since(now)))),
        // The first attempt of the next delivery is a retry for the receiver.
        (Verdict::Dead, None) => Some(Signal::Failure(Some(next_delay))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome(status: Option<u16>, retry_after_ms: Option<u64>) -> AttemptOutcome {
        let error = status.is_none().then_some(ErrorClass::Connect);
        AttemptOutcome { status, error, retry_after_ms, excerpt: String::new(), duration_ms: 1 }
    }

    fn policy() -> RetryPolicy {
        RetryPolicy::new(3, Duration::from_secs(5)).unwrap()
    }

    const NOW: Timestamp = Timestamp::from_millis(0);

    #[test]
    fn the_delays_are_the_contracts() {
        let delays: Vec<_> = (1..=3).map(|n| policy().delay(n, 0.0).as_secs_f64()).collect();
        assert_eq!(delays, [5.0, 10.0, 20.0]);
        assert_eq!(policy().delay(1, 1.0).as_secs_f64(), 5.5);
    }

    #[test]
    fn success_is_2xx_only() {
        for status in 200..=299 {
            assert_eq!(judge(&outcome(Some(status), None), 1, &policy(), 0.0, NOW), Verdict::Delivered);
        }
        for status in [100, 199, 300, 301, 302, 304, 307, 308, 400, 404, 500] {
            assert!(matches!(judge(&outcome(Some(status), None), 1, &policy(), 0.0, NOW), Verdict::Retry(_)));
        }
    }

    #[test]
    fn an_answer_that_broke_off_is_no_success() {
        let broken = AttemptOutcome { error: Some(ErrorClass::Timeout), ..outcome(Some(200), None) };
        assert!(matches!(judge(&broken, 1, &policy(), 0.0, NOW), Verdict::Retry(_)));
    }

    #[test]
    fn attempts_are_one_and_the_retries() {
        assert!(matches!(judge(&outcome(None, None), 3, &policy(), 0.0, NOW), Verdict::Retry(_)));
        assert_eq!(judge(&outcome(None, None), 4, &policy(), 0.0, NOW), Verdict::Dead);
    }

    #[test]
    fn gone_disables_whatever_the_attempt() {
        assert_eq!(judge(&outcome(Some(410), None), 1, &policy(), 0.0, NOW), Verdict::Gone);
    }

    #[test]
    fn retry_after_counts_for_429_and_503_alone() {
        let at = |status, asked| judge(&outcome(Some(status), Some(asked)), 1, &policy(), 0.0, NOW);
        assert_eq!(at(429, 60_000), Verdict::Retry(Timestamp::from_millis(60_000)));
        assert_eq!(at(503, 60_000), Verdict::Retry(Timestamp::from_millis(60_000)));
        assert_eq!(at(500, 60_000), Verdict::Retry(Timestamp::from_millis(5_000)));
        assert_eq!(at(429, 1), Verdict::Retry(Timestamp::from_millis(5_000)));
        assert_eq!(at(429, u64::MAX), Verdict::Retry(NOW.plus(DELAY_MAX)));
    }

    #[test]
    fn an_attempt_tells_its_lane_of_the_receiver() {
        let minute = Duration::from_secs(60);
        let retry = Verdict::Retry(NOW.plus(minute * 2));
        let table = [
            (outcome(Some(200), Some(9)), Verdict::Delivered, Some(Signal::Success)),
            (outcome(Some(410), Some(9)), Verdict::Gone, None),
            (outcome(Some(429), Some(9_000)), retry, Some(Signal::Pause(Duration::from_secs(9)))),
            (outcome(Some(503), Some(9_000)), Verdict::Dead, Some(Signal::Pause(Duration::from_secs(9)))),
            (outcome(Some(503), None), retry, Some(Signal::Failure(Some(minute * 2)))),
            (outcome(Some(500), Some(9_000)), retry, Some(Signal::Failure(Some(minute * 2)))),
            (outcome(None, None), Verdict::Dead, Some(Signal::Failure(Some(minute)))),
        ];
        for (outcome, verdict, expected) in table {
            assert_eq!(signal(&outcome, verdict, minute, NOW), expected, "{outcome:?} {verdict:?}");
        }
    }

    #[test]
    fn a_longer_retry_after_than_the_operators_is_cut() {
        let asked = |ms| outcome(Some(429), ms).capped(Duration::from_secs(1)).retry_after_ms;
        assert_eq!([asked(None), asked(Some(999)), asked(Some(5_000))], [None, Some(999), Some(1000)]);
    }

    #[test]
    fn an_error_class_is_named_as_it_is_stored() {
        use ErrorClass::*;
        for class in [Dns, AddressRefused, Connect, Tls, Timeout, Reset, Protocol] {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
    }

    proptest! {
        #[test]
        fn a_delay_stays_within_its_tenth_and_its_cap(n in 1u32..200, unit in 0.0f64..=1.0, base_ms in 0u64..100_000) {
            let policy = RetryPolicy::new(20, Duration::from_millis(base_ms)).unwrap();
            let plain = Duration::from_millis(base_ms).as_secs_f64() * 2f64.powi((n - 1).min(64) as i32);
            let delay = policy.delay(n, unit).as_secs_f64();
            let cap = DELAY_MAX.as_secs_f64();
            prop_assert!(delay <= cap);
            prop_assert!(delay >= plain.min(cap) - 1e-6);
            prop_assert!(delay <= (plain * 1.1).min(cap) + 1e-6);
        }
    }
}
