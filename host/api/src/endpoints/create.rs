//! Creating an endpoint.

use super::body::{EndpointWithSecret, answer_with_secret};
use super::input::{check_reachable, invalid, policy, server_retry};
use super::path;
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::over_quota;
use crate::sealing::{sealing, unsealable};
use crate::submit::json;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use morag_core::caller::{OverQuota, Quota};
use morag_core::ports::{ENDPOINTS_MAX, EndpointCounts, EndpointLimits, PutEndpointError};
use morag_core::webhook::{Credentials, Disabled, DisabledReason, EndpointId, NamedEndpoint, redact};
use morag_core::{JsonObject, Secret, Timestamp};
use morag_engine::endpoints::EndpointSnapshot;
use morag_engine::endpoints::draft::{self, Draft, Problem};
use morag_engine::endpoints::seal::Sealer;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Endpoints that one caller may create. Each event may be sent to all of them: this limits what one caller can add to the cost of
/// an event.
pub const ENDPOINTS_PER_CALLER_MAX: usize = 250;

/// Settings of an endpoint.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI; the body itself is read by endpoints::draft")]
pub struct EndpointRequest {
    /// 1 to 64 of the characters `a-z 0-9 _ -`, not `task`; generated when absent. Only when it is created.
    pub id: Option<String>,
    /// The URL; http or https, without credentials. Required when it is created.
    pub url: Option<String>,
    /// Description for people, one line.
    pub description: Option<String>,
    /// Names of event types, or patterns such as `task_*`; all events of tasks when absent. `endpoint_disabled`, with or without
    /// others: an event when another endpoint is disabled.
    pub events: Option<Vec<String>>,
    /// `dual` (default), `envelope`, `flat` or `morag-ui`.
    pub format: Option<String>,
    /// 16 to 512 printable characters; generated when absent. Only when it is created: `…/secret/rotate` changes it.
    pub secret: Option<String>,
    /// Sent as `Authorization: Bearer …`.
    pub auth_token: Option<String>,
    /// Extra headers: names and texts, at most 32; none of the server's own.
    #[schema(value_type = Option<Object>)]
    pub headers: Option<Value>,
    /// `{max_retries: 0..20, delay_seconds: 0..86400}`; the server's when absent.
    #[schema(value_type = Option<Object>)]
    pub retry: Option<Value>,
    /// Most attempts a second, 1 to 1000.
    pub rate_limit: Option<u32>,
    /// Whether it is disabled. Its events are kept as long as their tasks are, and delivered when it is enabled.
    pub disabled: Option<bool>,
    /// Only tasks whose metadata has all of these values; at most 16 keys.
    #[schema(value_type = Option<Object>)]
    pub filter: Option<Value>,
    /// `task` (default): each task's events are in order. `document`: those of all tasks of a `document_id`.
    pub order: Option<String>,
}

/// Create an endpoint
///
/// It gets the events of tasks that are accepted from now on.
#[utoipa::path(
    post, path = "/api/v1/webhooks/endpoints", tag = "webhooks", operation_id = "create_endpoint",
    request_body(content = EndpointRequest, content_type = "application/json"),
    responses(
        (status = 201, description = "Created, with its secret, which is only shown now", body = EndpointWithSecret),
        (status = 403, description = "The caller has created as many endpoints as it may (`too_many_endpoints`), or the key's quota is reached (`quota_endpoints`)", body = ErrorBody),
        (status = 409, description = "The id is taken (`endpoint_exists`), or the server has as many endpoints as it may (`endpoints_full`)", body = ErrorBody),
        (status = 422, description = "Missing or invalid settings", body = ErrorBody),
        (status = 503, description = "The storage does not answer, or `MORAG_SECRETS_KEY` is not set (`no_secrets_key`)", body = ErrorBody),
    )
)]
pub async fn create(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut asked = json::read(request).await?;
    let id = EndpointId::of_tenant(caller.tenant(), id(&mut asked)?.as_str());
    let draft = Draft::read(&asked, &policy(&app)).map_err(invalid)?;
    let settings = draft.settings(server_retry(&app)).map_err(|problem| invalid([problem]))?;
    let sealer = sealing(&app).await?;
    check_reachable(&app, &caller, &settings.url).await?;
    let now = app.clock.now();
    let secret = match &draft.secret {
        Some(secret) => secret.clone(),
        None => sealer.signing_secret().map_err(unsealable)?,
    };
    let mut credentials = Credentials::default();
    credentials.rotate(secret.clone(), Duration::ZERO, now);
    draft.apply_credentials(&mut credentials).map_err(|problem| invalid([problem]))?;
    let manual = Disabled { reason: DisabledReason::Manual, at: now, to_tell: BTreeMap::new() };
    let endpoint = NamedEndpoint {
        sealed: sealer.seal(id.as_str(), &credentials).map_err(unsealable)?,
        id,
        settings,
        disabled: draft.disabled.unwrap_or_default().then_some(manual),
        failing_since: None,
        created_at: now,
        updated_at: now,
        version: 1,
        created_by: Some(caller.as_text()),
    };
    store(&app, &caller, &endpoint).await?;
    caller.has_made(endpoint.id.name());
    let opened = path::load(&app, &endpoint.id).await?;
    tracing::info!(
        endpoint = endpoint.id.as_str(),
        url = redact(endpoint.settings.url.as_url()),
        "webhook endpoint created"
    );
    Ok(answer_with_secret(&app, StatusCode::CREATED, &opened, &secret, Vec::new()))
}

/// Removes the id from the request, or generates one.
fn id(asked: &mut JsonObject) -> Result<EndpointId, ApiError> {
    match asked.remove("id") {
        None | Some(Value::Null) => Ok(EndpointId::from(format!("ep_{}", uuid::Uuid::new_v4().simple()))),
        Some(Value::String(text)) => draft::endpoint_id(&text).map_err(|msg| invalid([Problem::new("id", msg)])),
        Some(_) => Err(invalid([Problem::new("id", "id must be a text")])),
    }
}

async fn store(app: &Api, caller: &Caller, endpoint: &NamedEndpoint) -> Result<(), ApiError> {
    let known = app.endpoints.fresh().await?;
    if known.get(&endpoint.id).is_some() {
        return Err(taken());
    }
    let limits = EndpointLimits { creator_max: ENDPOINTS_PER_CALLER_MAX, tenant_max: caller.quotas().endpoints };
    // Checked before the commit, which counts again: so repeated refused requests cost no commit.
    limits.check(counts(&known, endpoint)).map_err(|error| refused(error, app.clock.now()))?;
    let port = app.endpoints.store();
    let mut stored = port.create_endpoint(endpoint, limits).await;
    if matches!(stored, Err(PutEndpointError::Stale)) && app.endpoints.fresh().await?.get(&endpoint.id).is_none() {
        // The store still has the state of an endpoint that was in `morag.toml` before.
        port.remove_endpoint(&endpoint.id).await?;
        stored = port.create_endpoint(endpoint, limits).await;
    }
    stored.map_err(|error| refused(error, app.clock.now()))
}

/// The numbers of endpoints that callers have created, without the new one.
fn counts(known: &EndpointSnapshot, new: &NamedEndpoint) -> EndpointCounts {
    let mut counts = EndpointCounts::default();
    for opened in known.all().filter(|opened| !opened.is_configured) {
        counts.count((&opened.endpoint.id, opened.endpoint.created_by.as_deref()), new);
    }
    counts
}

fn taken() -> ApiError {
    let text = "An endpoint with this id exists: change it, or choose another id";
    ApiError::conflict("endpoint_exists", text)
}

/// The error of an endpoint that is not created.
fn refused(error: PutEndpointError, now: Timestamp) -> ApiError {
    match error {
        PutEndpointError::Stale => taken(),
        PutEndpointError::Full => {
            let text = format!(
                "The server has {ENDPOINTS_MAX} endpoints, the most it may have: delete some that are not needed any more"
            );
            ApiError::conflict("endpoints_full", text)
        }
        PutEndpointError::Share { own, all } => {
            let text = format!(
                "You have created {own} endpoints. One caller may create {ENDPOINTS_PER_CALLER_MAX}, and no more than it leaves to \
                 others (there are {all}, of {ENDPOINTS_MAX}). Delete some that are not needed any more"
            );
            ApiError::new(StatusCode::FORBIDDEN, "too_many_endpoints", text)
        }
        PutEndpointError::Quota { limit } => {
            over_quota::over(OverQuota { quota: Quota::Endpoints, limit, resets_at: None }, now)
        }
        PutEndpointError::Store(error) => error.into(),
    }
}

/// The secret of the request, or a generated one.
///
/// # Errors
/// 422 for an invalid one.
pub fn secret_of(asked: &JsonObject, sealer: &Sealer) -> Result<Secret, ApiError> {
    match asked.get("secret") {
        None | Some(Value::Null) => sealer.signing_secret().map_err(unsealable),
        Some(value) => {
            let text = value.as_str().unwrap_or_default();
            draft::signing_secret(text).map_err(|msg| invalid([Problem::new("secret", msg)]))
        }
    }
}
