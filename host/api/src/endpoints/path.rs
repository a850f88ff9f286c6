//! The endpoint of a path, within the caller's tenant.

use crate::Api;
use crate::ApiError;
use crate::parameter;
use crate::task::tenant;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use morag_core::webhook::EndpointId;
use morag_engine::endpoints::{Opened, given};
use std::sync::Arc;
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::path::{Parameter, ParameterIn};

/// The `{endpoint_id}` of a route, as it is stored: always in the caller's own tenant.
#[derive(Debug, Clone)]
pub struct PathEndpoint(pub EndpointId);

impl<S: Send + Sync> FromRequestParts<S> for PathEndpoint {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| unknown())?;
        // Valid names have no dot, so that none can name another tenant's endpoint.
        let name = given::endpoint_id(&name).map_err(|_| unknown())?;
        Ok(Self(EndpointId::of_tenant(&tenant(parts)?, name.as_str())))
    }
}

impl utoipa::IntoParams for PathEndpoint {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ObjectBuilder::new().min_length(Some(1)).max_length(Some(64)).pattern(Some("^[a-z0-9_-]+$"));
        vec![parameter::text(ParameterIn::Path, "endpoint_id", "The endpoint", id, "crm")]
    }
}

/// 404 for an endpoint, whether its id is unknown or invalid.
pub fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "endpoint_not_found", "There is no webhook endpoint with this id")
}

/// The endpoint as it is now.
///
/// # Errors
/// 404 for an unknown one.
pub async fn load(app: &Api, id: &EndpointId) -> Result<Arc<Opened>, ApiError> {
    app.endpoints.fresh().await?.get(id).cloned().ok_or_else(unknown)
}
