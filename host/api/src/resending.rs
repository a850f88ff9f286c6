//! What sending a delivery again has in common, whether one or many are.

use super::ApiError;
use axum::http::StatusCode;
use morag_core::Timestamp;
use morag_core::ports::ResendError;
use std::time::Duration;

/// Deliveries that are made due in a second: a receiver that was just repaired gets load, not a flood. Its own `rate_limit` and
/// circuit breaker apply beside it.
const PER_SECOND: u32 = 20;

/// When the delivery with this index in a row is due.
pub fn due(now: Timestamp, index: usize) -> Timestamp {
    now.plus(Duration::from_secs(1) / PER_SECOND * u32::try_from(index).unwrap_or(u32::MAX))
}

/// The error of a delivery that is not sent again.
pub fn refused(error: ResendError) -> ApiError {
    let text = error.to_string();
    match error {
        ResendError::Unknown => {
            ApiError::new(StatusCode::NOT_FOUND, "delivery_not_found", "The task has no delivery of this id")
        }
        ResendError::Pending => ApiError::conflict("delivery_pending", text),
        ResendError::TooMany => ApiError::conflict("resends_exhausted", text),
        ResendError::Store(error) => error.into(),
    }
}
