//! Changing an endpoint.

use super::body::{ChangedEndpoint, answer_with_dropped};
use super::input::{check_reachable, invalid, policy, server_retry};
use super::path::{PathEndpoint, load, unknown};
use super::read::configured;
use super::schemas::EndpointChange;
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::query::NoQuery;
use crate::sealing::{sealer, sealing, unsealable};
use crate::submit::json;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use morag_core::Timestamp;
use morag_core::webhook::{Credentials, Disabled, DisabledReason, NamedEndpoint};
use morag_engine::endpoints::UpdateError;
use morag_engine::endpoints::draft::Draft;
use morag_engine::endpoints::given::GivenEndpoint;
use morag_engine::endpoints::seal::SealError;
use morag_input::{Patch, Problem};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Change an endpoint
///
/// A JSON merge patch: what is not named stays, null takes a setting back to its default, `headers` and `filter` are merged key
/// by key. `disabled: false` enables it, also one that was disabled because it failed or answered 410: everything that happened
/// meanwhile is then delivered, in order. With `If-Match` (or `version` in the body) the change is made only to that version.
///
/// A `url` of another origin (scheme, host or port) drops the token and the headers that are not given in the same call: they
/// were for the receiver before. `dropped` names them. The signing secret stays.
#[utoipa::path(
    patch, path = "/api/v1/webhooks/endpoints/{endpoint_id}", tag = "webhooks", operation_id = "change_endpoint",
    params(
        PathEndpoint,
        ("If-Match" = Option<String>, Header, description = "`ETag` of the version to change", example = "\"3\""),
    ),
    request_body(content = EndpointChange, content_type = "application/json"),
    responses(
        (status = 200, description = "The endpoint as it is now", body = ChangedEndpoint),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 409, description = "It is configured in `morag.toml` (`configured_endpoint`), or too many others change it at the same time (`endpoint_busy`)", body = ErrorBody),
        (status = 412, description = "It has another version (`version_mismatch`)", body = ErrorBody),
        (status = 422, description = "Invalid settings", body = ErrorBody),
        (status = 503, description = "The storage does not answer, or its credentials cannot be changed without `MORAG_SECRETS_KEY`", body = ErrorBody),
    )
)]
pub async fn change(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathEndpoint(id): PathEndpoint,
    headers: HeaderMap,
    _: NoQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let given: GivenEndpoint = json::read_as(request).await?;
    let expected = version(&headers, given.version.map(|version| version.0));
    check_fixed(&given)?;
    let draft = Draft::new(given, &policy(&app)).map_err(|problem| invalid([problem]))?;
    let opened = load(&app, &id).await?;
    // Its settings are those of `morag.toml`, but its state is not: it can be enabled after its receiver disabled it.
    if opened.is_configured && !draft.only_enables() {
        return Err(configured());
    }
    if let Some(url) = &draft.url {
        check_reachable(&app, &caller, url).await?;
    }
    if draft.changes_credentials() {
        sealing(&app).await?;
    }
    let (now, dropped) = (app.clock.now(), Mutex::new(Vec::new()));
    // Runs again after a concurrent change: only the last run counts.
    let change = |endpoint: &mut NamedEndpoint| {
        let applied = apply(&app, endpoint, &draft, expected, now)?;
        *dropped.lock().unwrap_or_else(PoisonError::into_inner) = applied.dropped;
        Ok(applied.is_changed)
    };
    updated(app.endpoints.try_update(&id, change).await)?;
    let dropped = dropped.into_inner().unwrap_or_else(PoisonError::into_inner);
    let opened = load(&app, &id).await?;
    if opened.endpoint.disabled.is_none() {
        // Also if it was enabled already: that request may have been interrupted before this.
        app.deliveries.unpark(&id).await?;
    }
    tracing::info!(
        endpoint = id.as_str(),
        version = opened.endpoint.version,
        dropped = dropped.join(","),
        "webhook endpoint changed"
    );
    Ok(answer_with_dropped(&app, &opened, dropped))
}

/// The endpoint after an update, or the error of the update.
pub fn updated(result: Result<Result<NamedEndpoint, ApiError>, UpdateError>) -> Result<NamedEndpoint, ApiError> {
    result.map_err(|error| match error {
        UpdateError::Unknown => unknown(),
        UpdateError::Busy => ApiError::conflict("endpoint_busy", error.to_string()).retry_after(),
        UpdateError::Store(error) => error.into(),
    })?
}

/// Refuses what a change cannot change.
fn check_fixed(given: &GivenEndpoint) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    if given.id.is_some() {
        problems.push(Problem::invalid("id", "id cannot be changed: create another endpoint, and delete this one"));
    }
    if !matches!(given.secret, Patch::Absent) {
        let text = "secret is changed with POST …/secret/rotate, so that the previous one can sign for a grace time";
        problems.push(Problem::invalid("secret", text));
    }
    if problems.is_empty() { Ok(()) } else { Err(invalid(problems)) }
}

/// The version that the caller expects, if given. The header wins.
fn version(headers: &HeaderMap, in_body: Option<u64>) -> Option<u64> {
    match headers.get(header::IF_MATCH).and_then(|tag| tag.to_str().ok()).map(str::trim) {
        Some("*") => None,
        // A tag that is no version matches nothing.
        Some(tag) => Some(tag.trim_matches('"').parse().unwrap_or(0)),
        None => in_body,
    }
}

/// The result of a change.
struct Applied {
    is_changed: bool,
    /// Names of the credentials that were dropped with the old origin.
    dropped: Vec<String>,
}

fn apply(
    app: &Api,
    endpoint: &mut NamedEndpoint,
    draft: &Draft,
    expected: Option<u64>,
    now: Timestamp,
) -> Result<Applied, ApiError> {
    if let Some(expected) = expected.filter(|expected| *expected != endpoint.version) {
        let text = format!("The endpoint has version {}, not {expected}: read it again", endpoint.version);
        return Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "version_mismatch", text));
    }
    let before = endpoint.clone();
    draft.apply(&mut endpoint.settings, server_retry(app)).map_err(|problem| invalid([problem]))?;
    match draft.disabled {
        Some(false) => (endpoint.disabled, endpoint.failing_since) = (None, None),
        Some(true) => {
            let manual = || Disabled { reason: DisabledReason::Manual, at: now, to_tell: BTreeMap::new() };
            endpoint.disabled.get_or_insert_with(manual);
        }
        None => {}
    }
    let mut dropped = Vec::new();
    let is_moved = !endpoint.settings.url.has_origin_of(&before.settings.url);
    // If they cannot be read they cannot be dropped either: then this fails and the URL stays.
    if draft.changes_credentials() || is_moved {
        reseal(app, endpoint, |credentials| {
            if is_moved {
                dropped = draft.drop_credentials(credentials);
            }
            draft.apply_credentials(credentials).map_err(|it| invalid([it]))
        })?;
    }
    let is_changed = *endpoint != before;
    if is_changed {
        endpoint.updated_at = now;
    }
    Ok(Applied { is_changed, dropped })
}

/// The error of credentials that cannot be changed, with what to do.
pub fn unopened(error: SealError) -> ApiError {
    match error {
        SealError::Unreadable => {
            let text = "The endpoint's credentials cannot be read: set MORAG_SECRETS_KEY to the key that it was created with, or \
                        rotate its secret with grace_hours 0, which drops its token and headers";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "credentials_unreadable", text)
        }
        SealError::Unsealable => unsealable(error),
    }
}

/// Opens an endpoint's credentials, changes them, and seals them again.
pub fn reseal(
    app: &Api,
    endpoint: &mut NamedEndpoint,
    change: impl FnOnce(&mut Credentials) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let sealer = sealer(app)?;
    let mut credentials = sealer.open(endpoint.id.as_str(), &endpoint.sealed).map_err(unopened)?;
    change(&mut credentials)?;
    endpoint.sealed = sealer.seal(endpoint.id.as_str(), &credentials).map_err(unsealable)?;
    Ok(())
}
