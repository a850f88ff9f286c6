//! The errors of callers whose quota is used up.

use super::ApiError;
use axum::http::{HeaderValue, StatusCode, header};
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota};
use serde_json::json;

/// The error of a reached quota: 429 if waiting helps, else 403; with the quota's name, its limit and the time of its reset.
pub fn over(over: OverQuota, now: Timestamp) -> ApiError {
    let OverQuota { quota, limit, resets_at } = over;
    let (status, code, text) = match quota {
        Quota::WaitingTasks => (
            StatusCode::TOO_MANY_REQUESTS,
            "quota_waiting_tasks",
            format!(
                "The quota of waiting tasks is reached (waiting_tasks): {limit} tasks of this key are waiting; submit more when some have started"
            ),
        ),
        Quota::TasksPerDay => (
            StatusCode::TOO_MANY_REQUESTS,
            "quota_tasks_per_day",
            format!(
                "The daily quota is reached (tasks_per_day): this key has submitted {limit} tasks today; submit more after midnight UTC"
            ),
        ),
        Quota::Streams => (
            StatusCode::TOO_MANY_REQUESTS,
            "quota_streams",
            format!("The quota of event streams is reached (streams): this key has {limit} open; close one first"),
        ),
        Quota::StoredBytes => (
            StatusCode::FORBIDDEN,
            "quota_stored_bytes",
            format!(
                "The stored files would exceed the quota of {limit} bytes (stored_bytes): delete files of ended tasks, or wait for their retention"
            ),
        ),
        Quota::Endpoints => (
            StatusCode::FORBIDDEN,
            "quota_endpoints",
            format!(
                "The quota of {limit} {} is used up (endpoints): delete one that is not needed",
                if limit == 1 { "endpoint" } else { "endpoints" }
            ),
        ),
    };
    let error = ApiError::new(status, code, text)
        .with_extra("quota", json!(quota.as_str()))
        .with_extra("limit", json!(limit))
        .with_extra("resets_at", json!(resets_at));
    match (status, resets_at) {
        (StatusCode::FORBIDDEN, _) => error,
        (_, None) => error.retry_after(),
        (_, Some(resets_at)) => {
            // Rounded up: a request at that second must come after the reset.
            let seconds = resets_at.since(now).as_millis().div_ceil(1000).max(1);
            error.with_header(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_is_one() {
        let text =
            |limit| over(OverQuota { quota: Quota::Endpoints, limit, resets_at: None }, Timestamp::from_millis(0));
        assert!(text(1).public().starts_with("The quota of 1 endpoint is used up"));
        assert!(text(2).public().starts_with("The quota of 2 endpoints is used up"));
    }

    #[test]
    fn every_quota_names_itself_its_limit_and_its_reset() {
        let now: Timestamp = "2026-01-31T23:59:50.500Z".parse().unwrap();
        for quota in Quota::ALL {
            let resets_at = (quota == Quota::TasksPerDay).then(|| morag_core::caller::next_day(now));
            let error = over(OverQuota { quota, limit: 7, resets_at }, now);
            assert_eq!(error.code(), format!("quota_{}", quota.as_str()));
            assert!(error.public().contains('7') && error.public().contains(quota.as_str()), "{}", error.public());
            let answer = error.render("id");
            let retry_after = answer.headers().get(header::RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
            let expected = match (quota, error.status()) {
                (Quota::TasksPerDay, _) => Some("10".to_owned()),
                (_, StatusCode::FORBIDDEN) => None,
                _ => Some("5".to_owned()),
            };
            assert_eq!(retry_after, expected, "{quota:?}");
        }
    }
}
