//! Whether and when an interrupted task is run again.

use crate::task::StepFailure;
use std::time::Duration;

/// Claims after which a task counts as one that kills its worker. A healthy task is claimed once; a few server restarts
/// while it runs must not fail it.
pub const CLAIMS_MAX: u64 = 20;

/// Claims up to which a step with a transient failure is run again. With the pauses of [`again_after`] these span ten minutes,
/// enough for a full disk to be cleared or a store to restart; after that the caller should learn of the failure.
pub const PASSING_FAILURES_MAX: u64 = 8;

/// Pause before the second claim.
const PAUSE: Duration = Duration::from_secs(5);

/// Doublings of the pause; the longest is some 40 minutes.
const DOUBLINGS_MAX: u64 = 9;

/// Whether a failed step is run again later instead of failing its task; no event is committed then. Not for steps with a
/// retry policy of their own ([`super::OnFailure::Retry`]). `claims`: how often the task was claimed.
pub fn is_run_again(failure: &StepFailure, claims: u64) -> bool {
    failure.retryable && claims < PASSING_FAILURES_MAX
}

/// Delay before an interrupted task's next claim: 5 s, doubled each time, so that a storage outage does not use up the
/// task's claims.
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
