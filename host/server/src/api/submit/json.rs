//! Reading a JSON body.

use crate::api::ApiError;
use crate::api::error::FieldError;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use morag_core::JsonObject;

/// Largest JSON body: 50 items with long metadata.
const BYTES_MAX: usize = 4 << 20;

/// Reads a body that is a JSON object, whatever its declared type.
pub async fn read(request: Request) -> Result<JsonObject, ApiError> {
    object(&bytes(request).await?)
}

/// Reads a body that is a JSON object, or absent: then an empty one.
pub async fn read_or_empty(request: Request) -> Result<JsonObject, ApiError> {
    let body = bytes(request).await?;
    match body.trim_ascii().is_empty() {
        true => Ok(JsonObject::new()),
        false => object(&body),
    }
}

async fn bytes(request: Request) -> Result<Bytes, ApiError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > BYTES_MAX as u64) {
        return Err(too_large());
    }
    to_bytes(request.into_body(), BYTES_MAX).await.map_err(|error| {
        let is_limit =
            std::error::Error::source(&error).is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>());
        match is_limit {
            true => too_large(),
            false => ApiError::bad_request("incomplete_body", "The body ends early").with_log(error.to_string()),
        }
    })
}

fn object(body: &[u8]) -> Result<JsonObject, ApiError> {
    serde_json::from_slice(body).map_err(|_| {
        let msg = "the body must be a JSON object".to_owned();
        ApiError::invalid(vec![FieldError { loc: vec!["body".into()], msg, kind: "value_error".into() }])
    })
}

fn too_large() -> ApiError {
    let text = format!("The JSON body is larger than {BYTES_MAX} bytes: submit in smaller batches");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text)
}
