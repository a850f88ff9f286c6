//! Whether, and when, an interrupted task is begun again.

use crate::task::StepFailure;
use std::time::Duration;

/// Claims after which a task is taken for one that kills its worker. A healthy task is claimed once; a few restarts of
/// the server in the middle of it must not fail it.
pub const CLAIMS_MAX: u64 = 20;

/// Claims up to which a step that failed for a passing reason is run again. With [`again_after`] between them that is ten
/// minutes: a disk that was full, a store that was restarted. Whoever waits for the task should know by then.
pub const PASSING_FAILURES_MAX: u64 = 8;

/// Pause before the second claim.
const PAUSE: Duration = Duration::from_secs(5);

/// Doublings of the pause, so that it ends at some 40 minutes.
const DOUBLINGS_MAX: u64 = 9;

/// Whether a step that failed is run again later instead of failing its task, and nothing is said of it. Not for steps that
/// have retries of their own ([`super::OnFailure::Retry`]). `claims`: how often the task was claimed.
pub fn is_run_again(failure: &StepFailure, claims: u64) -> bool {
    failure.retryable && claims < PASSING_FAILURES_MAX
}

/// How long an interrupted task waits for its next claim: 5 s, doubling with each, so that an outage of the storage does
/// not use up the claims a task has.
pub fn again_after(claims: u64) -> Duration {
    PAUSE * (1 << claims.saturating_sub(1).min(DOUBLINGS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JsonObject;

    #[test]
    fn only_passing_failures_are_tried_again_and_not_for_ever() {
        let failure = |retryable| StepFailure {
            code: "SERVICE_UNAVAILABLE".into(),
            message: "full".into(),
            details: JsonObject::new(),
            retryable,
        };
        assert!(is_run_again(&failure(true), 1) && is_run_again(&failure(true), 7));
        assert!(!is_run_again(&failure(true), 8) && !is_run_again(&failure(false), 1));
    }

    #[test]
    fn the_pause_doubles_up_to_a_limit() {
        assert_eq!([1, 2, 3].map(again_after), [5, 10, 20].map(Duration::from_secs));
        assert_eq!(again_after(100), again_after(10));
        assert_eq!(again_after(0), again_after(1));
        let all: Duration = (1..PASSING_FAILURES_MAX).map(again_after).sum();
        assert_eq!(all, Duration::from_secs(635));
    }
}
