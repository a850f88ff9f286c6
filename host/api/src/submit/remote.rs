//! Fetching a document from its URL into the storage.

use super::sniff;
use super::upload::{StoredFile, Upload};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::FieldError;
use axum::http::StatusCode;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use morag_core::ports::{FetchError, FetchRequest, SourceUrl};

/// Fetches a document and stores it while it arrives. Only its first bytes and a piece or two are in memory.
///
/// # Errors
/// 413, 422, 429, 502, 503 and 504, as `docs/http-api.md` lists them.
pub async fn store(app: &Api, caller: &Caller, upload: &mut Upload, url: SourceUrl) -> Result<StoredFile, ApiError> {
    let _permit = app.fair.fetches.take(caller)?;
    let bytes_max = app.config.max_upload_size_bytes;
    let request = FetchRequest { url, timeout: app.config.fetch_timeout, bytes_max };
    let fetched = app.fetcher.fetch(request).await.map_err(refused)?;
    let mut body = fetched.body;
    let (mut head, mut first) = (Vec::new(), Vec::new());
    while head.len() < sniff::HEAD_BYTES {
        let Some(piece) = body.try_next().await.map_err(refused)? else { break };
        let room = sniff::HEAD_BYTES - head.len();
        head.extend_from_slice(&piece[..room.min(piece.len())]);
        first.push(piece);
    }
    let named = sniff::name(&head, fetched.content_type.as_deref(), fetched.file_name.as_deref(), fetched.url.as_url());
    let pieces = stream::iter(first.into_iter().map(Ok)).chain(body).map_err(refused);
    upload.store(named.file_name, named.media_type, pieces, bytes_max).await
}

/// The error of a fetch: 4xx if the caller can correct it, 5xx if the other server failed.
fn refused(error: FetchError) -> ApiError {
    let text = error.to_string();
    match error {
        FetchError::Refused(_) | FetchError::NotGiven(_) | FetchError::Unsupported(_) => {
            ApiError::invalid(vec![FieldError::body("url", text)])
        }
        FetchError::TooLarge(bytes_max) => ApiError::too_large(bytes_max),
        FetchError::Unavailable(_) => ApiError::new(StatusCode::BAD_GATEWAY, "source_unavailable", text),
        FetchError::Timeout(_) => ApiError::new(StatusCode::GATEWAY_TIMEOUT, "source_timeout", text),
        FetchError::Busy => {
            let text = "Too many documents are being fetched: try again later";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_fetches", text).retry_after()
        }
    }
}
