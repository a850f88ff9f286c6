//! What the routes of endpoints share: errors of settings, and checks of URLs.

use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::FieldError;
use morag_core::webhook::{AddressPolicy, DisabledReason, RetrySettings, WebhookUrl};
use morag_engine::endpoints::draft;
use morag_input::Problem;

/// 422 for invalid settings.
pub fn invalid(problems: impl IntoIterator<Item = Problem>) -> ApiError {
    ApiError::invalid(problems.into_iter().map(|problem| FieldError::in_body(&problem)).collect())
}

/// The policy of addresses that webhooks may reach.
pub fn policy(app: &Api) -> AddressPolicy {
    AddressPolicy::new(app.config.webhook_allow_networks.clone())
}

/// The retries of an endpoint without settings of its own.
pub fn server_retry(app: &Api) -> RetrySettings {
    let delay_ms = u64::try_from(app.config.webhook_retry_delay.as_millis()).unwrap_or(u64::MAX);
    RetrySettings { max_retries: app.config.webhook_max_retries, delay_ms }
}

/// Looks the URL's host up.
///
/// # Errors
/// 422 if deliveries may not reach one of its addresses; 429 or 503 if too many look-ups are under way.
pub async fn check_reachable(app: &Api, caller: &Caller, url: &WebhookUrl) -> Result<(), ApiError> {
    let checked = app.fair.look_up(caller, app.sender.check(url)).await?;
    checked.map_err(|error| invalid([Problem::invalid("url", error.to_string())]))
}

/// The URL to send to instead of the endpoint's, if given.
///
/// # Errors
/// 422 for an invalid one or one that deliveries may not reach.
pub async fn other_url(app: &Api, caller: &Caller, asked: Option<String>) -> Result<Option<WebhookUrl>, ApiError> {
    let Some(text) = asked else { return Ok(None) };
    let url = draft::url(&text, &policy(app)).map_err(|msg| invalid([Problem::invalid("url", msg)]))?;
    check_reachable(app, caller, &url).await?;
    Ok(Some(url))
}

/// The name of a reason in answers.
pub fn reason(reason: DisabledReason) -> &'static str {
    match reason {
        DisabledReason::Manual => "manual",
        DisabledReason::Gone => "gone",
        DisabledReason::Failing => "failing",
    }
}
