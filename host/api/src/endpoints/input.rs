//! Reading requests about endpoints: JSON bodies, and query parameters where a route takes both.

use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::{FIELDS_SHOWN_MAX, FieldError};
use crate::query::Parameters;
use morag_core::webhook::{AddressPolicy, DisabledReason, RetrySettings, WebhookUrl};
use morag_core::{JsonObject, Timestamp, shown};
use morag_engine::endpoints::draft::{self, Problem};
use serde_json::Value;

/// 422 for invalid settings.
pub fn invalid(problems: impl IntoIterator<Item = Problem>) -> ApiError {
    let field = |Problem { name, msg }: Problem| FieldError::body(&name, msg);
    ApiError::invalid(problems.into_iter().map(field).collect())
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
    checked.map_err(|error| invalid([Problem::new("url", error.to_string())]))
}

/// Checks that a body has only known names.
///
/// # Errors
/// 422 with the unknown ones.
pub fn only(body: &JsonObject, known: &[&str]) -> Result<(), ApiError> {
    let unknown = |name: &&String| !known.contains(&name.as_str());
    let problems = body.keys().filter(unknown).take(FIELDS_SHOWN_MAX).map(|name| {
        let name = shown(name);
        let msg = format!("{name:?} is not known here: give {}", known.join(", "));
        Problem::new(&name, msg)
    });
    let problems: Vec<_> = problems.collect();
    match problems.is_empty() {
        true => Ok(()),
        false => Err(invalid(problems)),
    }
}

/// A text of the body, else of the query.
pub fn text<'a>(body: &'a JsonObject, query: &'a Parameters, name: &str) -> Result<Option<&'a str>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(query.text(name)),
        Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
        Some(_) => Err(invalid([Problem::new(name, format!("{name} must be a text"))])),
    }
}

/// `since`, of the body or the query.
pub fn since(body: &JsonObject, query: &Parameters) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text(body, query, "since")? else { return Ok(None) };
    // An unencoded plus in a query was decoded to a space.
    let parsed = text.replace(' ', "+").parse();
    let msg = "since must be a time like 2026-01-31T10:00:00Z";
    parsed.map(Some).map_err(|_| ApiError::invalid(vec![FieldError::query("since", msg)]))
}

/// The URL to send to instead of the endpoint's, if given.
///
/// # Errors
/// 422 for an invalid one or one that deliveries may not reach.
pub async fn other_url(app: &Api, caller: &Caller, body: &JsonObject) -> Result<Option<WebhookUrl>, ApiError> {
    let no_query = Parameters::default();
    let Some(text) = text(body, &no_query, "url")? else { return Ok(None) };
    let url = draft::url(text, &policy(app)).map_err(|msg| invalid([Problem::new("url", msg)]))?;
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
