//! Reading and deleting endpoints.

use super::body::{EndpointBody, answer, body};
use super::path::{PathEndpoint, load, unknown};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::query::{Limit, NoQuery, Query};
use axum::Json;
use axum::extract::{Extension, State};
use axum::response::Response;
use morag_input::Cursor;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Which endpoints to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EndpointsQuery {
    /// Endpoints of a page.
    #[param(inline)]
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// Endpoints in the order of their ids.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointList {
    /// The endpoints of this page.
    pub endpoints: Vec<EndpointBody>,
    /// Their number.
    pub count: usize,
    /// Number of all endpoints.
    pub total_count: usize,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// An endpoint was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointRemoved {
    /// Its id.
    pub id: String,
    /// One line for people.
    pub message: String,
}

/// List the endpoints
#[utoipa::path(
    get, path = "/api/v1/webhooks/endpoints", tag = "webhooks", operation_id = "list_endpoints",
    params(EndpointsQuery),
    responses((status = 200, description = "Endpoints of the API and of `morag.toml`, without their secrets", body = EndpointList))
)]
pub async fn list(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<EndpointsQuery>,
) -> Result<Json<EndpointList>, ApiError> {
    let limit = query.limit.0 as usize;
    let after = query.cursor.map(|cursor| cursor.0).unwrap_or_default();
    let known = app.endpoints.fresh().await?;
    let mut rest = known.of(caller.tenant()).filter(|opened| opened.endpoint.id.name() > after.as_str()).peekable();
    let endpoints: Vec<_> = rest.by_ref().take(limit).map(|opened| body(&app, opened)).collect();
    let next_cursor = rest.peek().and(endpoints.last()).map(|last| last.id.clone());
    Ok(Json(EndpointList {
        count: endpoints.len(),
        total_count: known.of(caller.tenant()).count(),
        endpoints,
        next_cursor,
    }))
}

/// Get an endpoint
#[utoipa::path(
    get, path = "/api/v1/webhooks/endpoints/{endpoint_id}", tag = "webhooks", operation_id = "get_endpoint",
    params(PathEndpoint),
    responses(
        (status = 200, description = "The endpoint, without its secrets", body = EndpointBody),
        (status = 404, description = "No such endpoint", body = ErrorBody),
    )
)]
pub async fn get(
    State(app): State<Arc<Api>>,
    PathEndpoint(id): PathEndpoint,
    _: NoQuery,
) -> Result<Response, ApiError> {
    Ok(answer(&app, &*load(&app, &id).await?))
}

/// Delete an endpoint
///
/// Pending deliveries to it are not sent any more.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/endpoints/{endpoint_id}", tag = "webhooks", operation_id = "delete_endpoint",
    params(PathEndpoint),
    responses(
        (status = 200, description = "Deleted", body = EndpointRemoved),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 409, description = "It is configured in `morag.toml` (`configured_endpoint`)", body = ErrorBody),
    )
)]
pub async fn delete(
    State(app): State<Arc<Api>>,
    PathEndpoint(id): PathEndpoint,
    _: NoQuery,
) -> Result<Json<EndpointRemoved>, ApiError> {
    if load(&app, &id).await?.is_configured {
        return Err(configured());
    }
    if !app.endpoints.store().remove_endpoint(&id).await? {
        return Err(unknown());
    }
    app.endpoints.fresh().await?;
    // Waiting deliveries are parked when the dispatcher claims them, and expire with their tasks.
    tracing::info!(endpoint = id.as_str(), "webhook endpoint deleted");
    Ok(Json(EndpointRemoved { id: id.name().to_owned(), message: "The endpoint was deleted".into() }))
}

/// 409 for a change of an endpoint of `morag.toml`.
pub fn configured() -> ApiError {
    let text = "The endpoint is configured in morag.toml: change it there. Here it can only be enabled, after its receiver disabled it";
    ApiError::conflict("configured_endpoint", text)
}
