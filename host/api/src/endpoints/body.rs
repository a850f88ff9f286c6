//! The body of an endpoint: without its secret, token, values of headers, and the query of its URL.

use super::input::reason;
use crate::Api;
use crate::words::{BreakerState, DisabledReasonWord, EndpointSource};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use morag_core::webhook::{BodyFormat, Breaker, CursorName, NamedEndpoint, OrderScope, redact};
use morag_core::{JsonObject, Secret, Timestamp};
use morag_engine::endpoints::Opened;
use morag_engine::endpoints::draft::event_names;
use morag_input::{FormatWord, OrderWord};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// An endpoint's retries.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetryBody {
    /// Retries after the first attempt.
    pub max_retries: u32,
    /// Seconds before the first; each further one waits twice as long.
    pub delay_seconds: f64,
}

/// A named webhook endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointBody {
    /// Identifies it.
    pub id: String,
    /// The URL; credentials and query hidden.
    pub url: String,
    /// Description for people.
    pub description: String,
    /// Event types and patterns that it gets.
    pub events: Vec<String>,
    /// `dual`, `envelope`, `flat` or `morag-ui`.
    #[schema(value_type = FormatWord)]
    pub format: BodyFormat,
    /// Metadata that a task must have.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub filter: JsonObject,
    /// `task` or `document`.
    #[schema(value_type = OrderWord)]
    pub order: OrderScope,
    /// Its own retries; null for the server's.
    pub retry: Option<RetryBody>,
    /// Most attempts a second; null: no limit.
    pub rate_limit: Option<u32>,
    /// Whether its deliveries carry `traceparent`.
    pub trace: bool,
    /// Whether a bearer token is sent.
    pub has_auth_token: bool,
    /// Names of its extra headers.
    pub headers: Vec<String>,
    /// Number of secrets that sign: the current one, and those in their grace time.
    pub signing_secrets: usize,
    /// Whether its credentials can be read with the server's `MORAG_SECRETS_KEY`. If not, its webhooks wait.
    pub credentials_readable: bool,
    /// Whether it is disabled: nothing is sent to it, and its events are kept.
    pub disabled: bool,
    /// `manual`, `gone` (it answered 410) or `failing`; null if it is not disabled.
    #[schema(value_type = Option<DisabledReasonWord>)]
    pub disabled_reason: Option<&'static str>,
    /// Since when it is disabled.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// Since when every attempt has failed, if it has been failing for a while.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// State of this process's circuit breaker: `closed`, `open` (nothing is sent for a while) or `half_open`; null if it has sent nothing yet.
    #[schema(value_type = Option<BreakerState>)]
    pub breaker: Option<&'static str>,
    /// `api`, or `config`: its settings are in `morag.toml`.
    #[schema(value_type = EndpointSource)]
    pub source: &'static str,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Incremented by every change; also the `ETag`.
    pub version: u64,
}

/// An endpoint with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointWithSecret {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: EndpointBody,
    /// The secret that signs its webhooks. Only shown now.
    #[schema(value_type = String)]
    pub secret: Value,
    /// `auth_token` and `headers` if they could not be read and were dropped; absent if nothing was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
}

/// An endpoint after a change.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedEndpoint {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: EndpointBody,
    /// Credentials that were dropped because the URL's origin changed and they were not given again: `auth_token`, `headers.NAME`.
    pub dropped: Vec<String>,
}

/// The body of an endpoint.
pub fn body(app: &Api, opened: &Opened) -> EndpointBody {
    let NamedEndpoint { id, settings, disabled, failing_since, created_at, updated_at, version, .. } = &opened.endpoint;
    let credentials = opened.credentials.as_ref().ok();
    let lane = CursorName::of_named(id.clone()).to_string();
    let breaker = app.lanes.breaker(&lane, app.clock.steady()).map(|breaker| match breaker {
        Breaker::Closed => "closed",
        Breaker::Open => "open",
        Breaker::HalfOpen => "half_open",
    });
    EndpointBody {
        id: id.name().to_owned(),
        url: redact(settings.url.as_url()),
        description: settings.description.clone(),
        events: event_names(settings),
        format: settings.format,
        filter: settings.filter.clone(),
        order: settings.order,
        retry: settings.retry.map(|retry| {
            let delay_seconds = std::time::Duration::from_millis(retry.delay_ms).as_secs_f64();
            RetryBody { max_retries: retry.max_retries, delay_seconds }
        }),
        rate_limit: settings.rate_limit,
        trace: settings.trace,
        has_auth_token: credentials.is_some_and(|credentials| credentials.auth_token.is_some()),
        headers: credentials.map(|credentials| credentials.headers.keys().cloned().collect()).unwrap_or_default(),
        signing_secrets: credentials.map_or(0, |credentials| credentials.signing(app.clock.now()).len()),
        credentials_readable: credentials.is_some(),
        disabled: disabled.is_some(),
        disabled_reason: disabled.as_ref().map(|disabled| reason(disabled.reason)),
        disabled_at: disabled.as_ref().map(|disabled| disabled.at),
        failing_since: *failing_since,
        breaker,
        source: if opened.is_configured { "config" } else { "api" },
        created_at: *created_at,
        updated_at: *updated_at,
        version: *version,
    }
}

/// The answer with an endpoint.
pub fn answer(app: &Api, opened: &Opened) -> Response {
    with_tag(opened, Json(body(app, opened)).into_response())
}

/// The answer with an endpoint that was changed.
pub fn answer_with_dropped(app: &Api, opened: &Opened, dropped: Vec<String>) -> Response {
    let endpoint = body(app, opened);
    with_tag(opened, Json(ChangedEndpoint { endpoint, dropped }).into_response())
}

/// The answer with an endpoint and its secret, which proxies must not store.
pub fn answer_with_secret(
    app: &Api,
    status: StatusCode,
    opened: &Opened,
    secret: &Secret,
    dropped: Vec<String>,
) -> Response {
    let secret = json!(secret.expose());
    let endpoint = body(app, opened);
    let mut response = (status, Json(EndpointWithSecret { endpoint, secret, dropped })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    with_tag(opened, response)
}

fn with_tag(opened: &Opened, mut response: Response) -> Response {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", opened.endpoint.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
