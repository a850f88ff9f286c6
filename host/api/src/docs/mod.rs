//! `/openapi.json`, and `/docs`: a page that shows it and can send requests. All files are served from here; the page loads
//! nothing from other hosts.

use super::ApiError;
use crate::Api;
use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config;

/// The script of the page, ours.
const SCRIPT: &str = include_str!("page.js");
/// Its name in Swagger UI's page.
const SCRIPT_NAME: &str = "swagger-initializer.js";

/// Only the page's own scripts and styles; inline styles too, because its script sets some.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'none'";

/// The routes of the document and its page.
pub fn routes(document: &OpenApi) -> Router<Arc<Api>> {
    let json = document.to_json().map_err(|error| ApiError::internal(format!("the OpenAPI document: {error}")));
    let document = async move || json.map(|json| ([(header::CONTENT_TYPE, "application/json")], json));
    Router::new()
        .route("/openapi.json", get(document))
        .route("/docs", get(async || file("index.html")))
        .route("/docs/{file}", get(async |Path(name): Path<String>| file(&name)))
}

fn file(name: &str) -> Result<Response, ApiError> {
    if name == SCRIPT_NAME {
        let kind = (header::CONTENT_TYPE, "text/javascript; charset=utf-8");
        return Ok(([kind, (header::CONTENT_SECURITY_POLICY, POLICY)], SCRIPT).into_response());
    }
    let served = utoipa_swagger_ui::serve(name, Arc::new(Config::default()));
    let file = served.map_err(|error| ApiError::internal(format!("the documentation page: {error}")))?;
    let file = file.ok_or_else(|| ApiError::not_found("The documentation has no such file"))?;
    let mut bytes = file.bytes.into_owned();
    if name == "index.html" {
        // Served at /docs without a trailing slash, so the paths of its files must be absolute.
        bytes = String::from_utf8_lossy(&bytes)
            .replace("\"./", "\"/docs/")
            .replace("\"index.css", "\"/docs/index.css")
            .into();
    }
    Ok(([(header::CONTENT_TYPE, file.content_type.as_str()), (header::CONTENT_SECURITY_POLICY, POLICY)], bytes)
        .into_response())
}
