//! Rotating an endpoint's secret.

use super::body::{EndpointWithSecret, answer_with_secret};
use super::change::{unopened, updated};
use super::input::invalid;
use super::path::{PathEndpoint, load};
use super::read::configured;
use crate::Api;
use crate::ApiError;
use crate::error::ErrorBody;
use crate::query::NoQuery;
use crate::sealing::{sealing, unsealable};
use crate::submit::json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use morag_core::webhook::{Credentials, NamedEndpoint};
use morag_core::{Secret, Timestamp};
use morag_engine::endpoints::given::GivenSecret;
use morag_engine::endpoints::seal::SealError;
use morag_input::Problem;
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use utoipa::ToSchema;

/// Default grace time of the previous secret: a receiver is reconfigured within a day.
const GRACE_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// Credentials beside the secret that are lost if they cannot be read.
const LOST: [&str; 2] = ["auth_token", "headers"];

/// Longest grace time, hours: a week. A secret that leaked should not sign for longer.
const GRACE_HOURS_MAX: f64 = 168.0;

/// Options of a rotation.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "grace_hours": 24.0 }))]
pub struct RotateRequest {
    /// 16 to 512 printable characters; generated when absent.
    #[schema(value_type = Option<String>, min_length = 16, max_length = 512, pattern = "^[!-~]+$", format = "signing-secret")]
    secret: Option<GivenSecret>,
    /// Hours in which the previous secret also signs `webhook-signature`, 0 to 168, default 24; 0 if that secret cannot be read.
    #[schema(minimum = 0, maximum = 168)]
    grace_hours: Option<f64>,
}

/// Rotate an endpoint's secret
///
/// The new secret signs `X-MoRAG-Signature`. `webhook-signature` has one signature of each secret until the grace time is over.
///
/// If the previous secret cannot be read, because the server's `MORAG_SECRETS_KEY` was lost, it is replaced without a grace time. The
/// token and the headers, which cannot be read either, are dropped, and `dropped` names them: set them again. Waiting deliveries are
/// sent within a minute.
#[utoipa::path(
    post, path = "/api/v1/webhooks/endpoints/{endpoint_id}/secret/rotate", tag = "webhooks", operation_id = "rotate_endpoint_secret",
    params(PathEndpoint),
    request_body(content = Option<RotateRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "The endpoint with its new secret, which is only shown now", body = EndpointWithSecret),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 409, description = "It is configured in `morag.toml` (`configured_endpoint`)", body = ErrorBody),
        (status = 422, description = "An invalid secret or grace time", body = ErrorBody),
        (status = 503, description = "The storage does not answer, `MORAG_SECRETS_KEY` is not set or differs, or a grace time is given and the previous secret cannot be read (`credentials_unreadable`)", body = ErrorBody),
    )
)]
pub async fn rotate(
    State(app): State<Arc<Api>>,
    PathEndpoint(id): PathEndpoint,
    _: NoQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let asked: RotateRequest = json::read_optional_as(request).await?;
    let grace = asked.grace_hours.map(grace).transpose()?;
    if load(&app, &id).await?.is_configured {
        return Err(configured());
    }
    let sealer = sealing(&app).await?;
    let secret = match asked.secret {
        Some(given) => given.0,
        None => sealer.signing_secret().map_err(unsealable)?,
    };
    let (now, is_lost) = (app.clock.now(), AtomicBool::new(false));
    let change = |endpoint: &mut NamedEndpoint| {
        let rotated = rotated(sealer.open(endpoint.id.as_str(), &endpoint.sealed), secret.clone(), grace, now)?;
        endpoint.sealed = sealer.seal(endpoint.id.as_str(), &rotated.credentials).map_err(unsealable)?;
        endpoint.updated_at = now;
        is_lost.store(rotated.is_lost, Ordering::Relaxed);
        Ok(true)
    };
    updated(app.endpoints.try_update(&id, change).await)?;
    let dropped = if is_lost.into_inner() { LOST.map(str::to_owned).to_vec() } else { Vec::new() };
    tracing::info!(endpoint = id.as_str(), dropped = dropped.join(","), "webhook endpoint secret rotated");
    Ok(answer_with_secret(&app, StatusCode::OK, &*load(&app, &id).await?, &secret, dropped))
}

/// The result of rotating.
struct Rotated {
    credentials: Credentials,
    /// Whether the previous ones could not be read.
    is_lost: bool,
}

/// Adds a secret to an endpoint's credentials, or replaces them if they cannot be read and need not sign any longer.
fn rotated(
    opened: Result<Credentials, SealError>,
    secret: Secret,
    grace: Option<Duration>,
    now: Timestamp,
) -> Result<Rotated, ApiError> {
    let is_lost = opened == Err(SealError::Unreadable) && grace.is_none_or(|grace| grace.is_zero());
    let mut credentials = if is_lost { Credentials::default() } else { opened.map_err(unopened)? };
    credentials.rotate(secret, grace.unwrap_or(GRACE_DEFAULT), now);
    Ok(Rotated { credentials, is_lost })
}

/// The grace time of the request.
fn grace(hours: f64) -> Result<Duration, ApiError> {
    match (0.0..=GRACE_HOURS_MAX).contains(&hours) {
        true => Ok(Duration::from_secs_f64(hours * 3600.0)),
        false => {
            let msg = format!("grace_hours must be a number, 0 to {GRACE_HOURS_MAX}");
            Err(invalid([Problem::invalid("grace_hours", msg)]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_cannot_be_read_is_replaced_unless_it_shall_sign_on() {
        let now = Timestamp::from_millis(0);
        let with = |opened, grace| rotated(opened, Secret::new("the new one"), grace, now);
        let mut before = Credentials { auth_token: Some(Secret::new("token")), ..Credentials::default() };
        before.rotate(Secret::new("the old one"), Duration::ZERO, now);
        let kept = with(Ok(before.clone()), None).unwrap();
        assert!(!kept.is_lost && kept.credentials.auth_token.is_some());
        assert_eq!(kept.credentials.signing(now).len(), 2, "the one before signs on, for a day");
        for grace in [None, Some(Duration::ZERO)] {
            let replaced = with(Err(SealError::Unreadable), grace).unwrap();
            assert!(replaced.is_lost && replaced.credentials.auth_token.is_none());
            assert_eq!(replaced.credentials.signing(now), [Secret::new("the new one")]);
        }
        let refused = with(Err(SealError::Unreadable), Some(Duration::from_secs(1))).map(|_| ()).unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (503, "credentials_unreadable"));
        assert!(refused.public().contains("grace_hours 0"), "{}", refused.public());
        assert!(with(Err(SealError::Unsealable), None).is_err());
    }
}
