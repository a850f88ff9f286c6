//! The endpoint of a path.

use crate::App;
use crate::api::ApiError;
use crate::endpoints::Opened;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use morag_core::webhook::EndpointId;
use std::sync::Arc;

/// The `{endpoint_id}` of a route.
#[derive(Debug, Clone)]
pub struct PathEndpoint(pub EndpointId);

impl<S: Send + Sync> FromRequestParts<S> for PathEndpoint {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Self(EndpointId::from(id))).map_err(|_| unknown())
    }
}

/// 404 for an endpoint, whatever was given as its id.
pub fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "endpoint_not_found", "There is no webhook endpoint of this id")
}

/// The endpoint as it is now, or 404.
pub async fn load(app: &App, id: &EndpointId) -> Result<Arc<Opened>, ApiError> {
    app.endpoints.fresh().await?.get(id).cloned().ok_or_else(unknown)
}
