//! The quota of stored bytes.

use super::ApiError;
use super::caller::Caller;
use super::over_quota::over;
use crate::Api;
use morag_core::caller::{OverQuota, Quota};

/// Checks that a tenant's files with `more` bytes are within the caller's quota. Concurrent submissions and the output of running
/// tasks are counted when they are stored: by those the quota may be exceeded.
///
/// # Errors
/// 403 `quota_stored_bytes`.
pub async fn check_stored_bytes(app: &Api, caller: &Caller, more: u64) -> Result<(), ApiError> {
    let Some(limit) = caller.quotas().stored_bytes else { return Ok(()) };
    let stored = app.tasks.stored_bytes(caller.tenant()).await?;
    match stored.saturating_add(more) > limit {
        true => Err(over(OverQuota { quota: Quota::StoredBytes, limit, resets_at: None }, app.clock.now())),
        false => Ok(()),
    }
}
