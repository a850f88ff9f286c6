//! Another secret for an endpoint.

use super::body::{EndpointWithSecret, answer_with_secret};
use super::change::{reseal, updated};
use super::create::{sealing, secret_of};
use super::input::{invalid, only};
use super::path::{PathEndpoint, load};
use super::read::configured;
use crate::App;
use crate::api::ApiError;
use crate::api::error::ErrorBody;
use crate::api::submit::json;
use crate::endpoints::draft::Problem;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use morag_core::webhook::NamedEndpoint;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Hours that the secret before signs on where nobody says: a receiver is changed within a working day.
const GRACE_HOURS_DEFAULT: f64 = 24.0;

/// Longest grace time, hours: a week. A secret that leaked should not sign for longer.
const GRACE_HOURS_MAX: f64 = 168.0;

/// How to rotate.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI; the body itself is read by hand")]
pub struct RotateRequest {
    /// 16 to 512 printable characters; generated when absent.
    pub secret: Option<String>,
    /// Hours that the secret before signs `webhook-signature` too, 0 to 168, default 24.
    pub grace_hours: Option<f64>,
}

/// Rotate an endpoint's secret
///
/// The new secret signs `X-MoRAG-Signature`. `webhook-signature` has one signature of each secret until the grace time is over.
#[utoipa::path(
    post, path = "/api/v1/webhooks/endpoints/{endpoint_id}/secret/rotate", tag = "webhooks", operation_id = "rotate_endpoint_secret",
    params(("endpoint_id" = String, Path, description = "The endpoint")),
    request_body(content = Option<RotateRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "The endpoint with its new secret: it is shown this one time", body = EndpointWithSecret),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 409, description = "It is one of `morag.toml` (`configured_endpoint`)", body = ErrorBody),
        (status = 422, description = "A secret or grace time that cannot be", body = ErrorBody),
        (status = 503, description = "The storage does not answer, or `MORAG_SECRETS_KEY` is not set or another one", body = ErrorBody),
    )
)]
pub async fn rotate(
    State(app): State<Arc<App>>,
    PathEndpoint(id): PathEndpoint,
    request: Request,
) -> Result<Response, ApiError> {
    let asked = json::read_or_empty(request).await?;
    only(&asked, &["secret", "grace_hours"])?;
    let grace = grace(asked.get("grace_hours"))?;
    if load(&app, &id).await?.is_configured {
        return Err(configured());
    }
    let secret = secret_of(&asked, sealing(&app).await?)?;
    let (now, app_ref, new) = (app.clock.now(), &app, &secret);
    let change = move |endpoint: &mut NamedEndpoint| {
        reseal(app_ref, endpoint, |credentials| {
            credentials.rotate(new.clone(), grace, now);
            Ok(())
        })?;
        endpoint.updated_at = now;
        Ok(true)
    };
    updated(app.endpoints.try_update(&id, change).await)?;
    tracing::info!(
        endpoint = id.as_str(),
        grace_hours = grace.as_secs_f64() / 3600.0,
        "a webhook endpoint has a new secret"
    );
    Ok(answer_with_secret(&app, StatusCode::OK, &*load(&app, &id).await?, &secret))
}

fn grace(asked: Option<&Value>) -> Result<Duration, ApiError> {
    let hours = match asked {
        None | Some(Value::Null) => Some(GRACE_HOURS_DEFAULT),
        Some(value) => value.as_f64().filter(|hours| (0.0..=GRACE_HOURS_MAX).contains(hours)),
    };
    let hours = hours.ok_or_else(|| {
        invalid([Problem::new("grace_hours", format!("grace_hours must be a number, 0 to {GRACE_HOURS_MAX}"))])
    })?;
    Ok(Duration::from_secs_f64(hours * 3600.0))
}
