//! The outermost middleware: request id, trailing slash, panics, the shape of errors, their log.

use super::{ApiError, request_body};
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt as _;
use morag_core::shown;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tracing::Instrument as _;

/// Longest `X-Request-Id` that is accepted from a caller: room for two UUIDs and a word.
const REQUEST_ID_LENGTH_MAX: usize = 128;

/// Longest error text of the framework that is read, bytes: each is one short line.
const PLAIN_TEXT_MAX: usize = 4 * 1024;

const REQUEST_ID: &str = "x-request-id";

/// Runs a request. The response always has `X-Request-Id`, and an error always has the contract's shape.
pub async fn frame(mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    if let Some(uri) = without_trailing_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let request = request_body::guard(request);
    // Of the highest level: with `RUST_LOG=error` too, a line says which request it is about.
    let span = tracing::error_span!("request", request_id = id);
    let response = match AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let error = ApiError::internal(format!("panic: {}", text.unwrap_or_default()));
            axum::response::IntoResponse::into_response(error)
        }
    };
    let mut response = shape(response, &id, &method, &path).await;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
    response
}

/// Gives an error response its body, whether a handler or the framework made it.
async fn shape(mut response: Response, id: &str, method: &Method, path: &str) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let error = match response.extensions_mut().remove::<ApiError>() {
        Some(error) => error,
        // It has a body already, such as that of `/health/ready`.
        None if is_json(response.headers()) => return response,
        None => {
            let (parts, body) = response.into_parts();
            let text = plain_text(body).await;
            let error = ApiError::of_status(status, &text);
            match parts.headers.get(header::ALLOW) {
                Some(allow) => error.with_header(header::ALLOW, allow.clone()),
                None => error,
            }
        }
    };
    let (status_code, reason) = (status.as_u16(), error.log().unwrap_or_else(|| error.public()));
    if status.is_server_error() && !error.is_logged() {
        tracing::error!(request_id = id, %method, path, status = status_code, error = reason, "request failed");
    } else {
        tracing::debug!(request_id = id, %method, path, status = status_code, error = reason, "request failed");
    }
    let mut rendered = error.render(id);
    if method == Method::HEAD {
        *rendered.body_mut() = Body::empty();
    }
    rendered
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with("application/json"))
}

async fn plain_text(body: Body) -> String {
    // The framework's texts are available at once: the time limit is only a safeguard.
    let read = tokio::time::timeout(Duration::from_secs(1), to_bytes(body, PLAIN_TEXT_MAX)).await;
    let bytes = read.ok().and_then(Result::ok).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The caller's id if it is short and of plain characters, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let is_valid = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'/');
        (1..=REQUEST_ID_LENGTH_MAX).contains(&text.len()) && text.bytes().all(plain)
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(is_valid);
    given.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

/// The URI without its trailing slash; none if it has none.
fn without_trailing_slash(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let trimmed = path.strip_suffix('/').filter(|trimmed| !trimmed.is_empty() && !trimmed.ends_with('/'))?;
    let path_and_query = match uri.query() {
        Some(query) => format!("{trimmed}?{query}"),
        None => trimmed.to_owned(),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The fallback for paths without a route.
pub async fn no_route(uri: Uri) -> ApiError {
    ApiError::not_found(format!("There is no route {}: /docs lists every route", shown(uri.path())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trailing_slash_is_forgiven() {
        let trimmed = |text: &str| without_trailing_slash(&text.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(trimmed("/api/v1/status/?limit=1").as_deref(), Some("/api/v1/status?limit=1"));
        assert_eq!(trimmed("http://h/a/").as_deref(), Some("http://h/a"));
        assert_eq!(trimmed("/"), None);
        assert_eq!(trimmed("//"), None);
        assert_eq!(trimmed("/a//"), None);
        assert_eq!(trimmed("/a"), None);
    }

    #[test]
    fn only_a_sane_request_id_is_taken() {
        let id = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(value).unwrap());
            request_id(&headers)
        };
        assert_eq!(id(b"abc-1"), "abc-1");
        for odd in [&b""[..], b"a b", b"<x>", &[b'a'; 129], "\u{e4}".as_bytes()] {
            assert_eq!(id(odd).len(), 36);
        }
    }
}
