//! Creating an endpoint.

use super::body::{EndpointWithSecret, answer_with_secret};
use super::input::{check_reachable, invalid, policy, server_retry};
use super::path;
use super::schemas::NewEndpoint;
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::over_quota;
use crate::query::NoQuery;
use crate::sealing::{sealing, unsealable};
use crate::submit::json;
use axum::extract::{Extension, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota};
use morag_core::ports::{ENDPOINTS_MAX, EndpointCounts, EndpointLimits, PutEndpointError};
use morag_core::webhook::{Credentials, Disabled, DisabledReason, EndpointId, NamedEndpoint, redact};
use morag_engine::endpoints::EndpointSnapshot;
use morag_engine::endpoints::draft::Draft;
use morag_engine::endpoints::given::GivenEndpoint;
use morag_input::Problem;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Endpoints that one caller may create. Each event may be sent to all of them: this limits what one caller can add to the cost of
/// an event.
pub const ENDPOINTS_PER_CALLER_MAX: usize = 250;

/// Create an endpoint
///
/// It gets the events of tasks that are accepted from now on.
#[utoipa::path(
    post, path = "/api/v1/webhooks/endpoints", tag = "webhooks", operation_id = "create_endpoint",
    request_body(content = NewEndpoint, content_type = "application/json"),
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
    _: NoQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let given: GivenEndpoint = json::read_as(request).await?;
    if given.version.is_some() {
        return Err(invalid([Problem::invalid("version", "version is for a change: a new endpoint has none yet")]));
    }
    let id = given.id.as_ref().map_or_else(generated, |id| id.0.clone());
    let id = EndpointId::of_tenant(caller.tenant(), id.as_str());
    let draft = Draft::new(given, &policy(&app)).map_err(|problem| invalid([problem]))?;
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

fn generated() -> EndpointId {
    EndpointId::from(format!("ep_{}", uuid::Uuid::new_v4().simple()))
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
