//! The errors of tasks that the store does not accept, new ones and those that are run again.

use crate::Api;
use crate::ApiError;
use crate::over_quota;
use morag_core::ports::AcceptError;

/// The error of a task that is not accepted.
pub fn accept_error(app: &Api, error: AcceptError) -> ApiError {
    match error {
        AcceptError::DuplicateDocument(holder) => ApiError::duplicate_document(holder),
        AcceptError::IdempotencyConflict => {
            let text = "The Idempotency-Key was used with another request: use a new key for a new request";
            ApiError::conflict("idempotency_conflict", text)
        }
        AcceptError::QueueFull => ApiError::queue_full(),
        AcceptError::QueueShare => ApiError::queue_share(),
        AcceptError::OverQuota(over) => over_quota::over(over, app.clock.now()),
        AcceptError::Store(error) => error.into(),
    }
}
