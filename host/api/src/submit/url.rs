//! `POST /api/v1/ingest/url`: a URL in, a task out.

use super::accept::{Asked, Origin, Submission, accept, digest_of, foresee, replayed};
use super::fields::Fields;
use super::ingest::{IngestAnswer, accepted};
use super::upload::Upload;
use super::{json, remote};
use crate::Api;
use crate::ApiError;
use crate::auth::Caller;
use crate::error::ErrorBody;
use axum::extract::{Extension, Request, State};
use axum::{Json, http::HeaderMap};
use morag_core::JsonObject;
use morag_core::pipeline::Pipeline;
use morag_core::ports::SourceUrl;
use morag_core::task::TaskRecord;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// Body of `POST /api/v1/ingest/url`, and an item of a batch.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI; the body itself is read as JSON with the form's rules")]
pub struct IngestUrl {
    /// Where the document is; http or https, without credentials.
    pub url: String,
    /// `document`, `audio`, `video` or `image`; inferred when absent.
    pub source_type: Option<String>,
    /// Where events are sent; http or https, without credentials.
    pub webhook_url: Option<String>,
    /// Sent to the webhook as `Authorization: Bearer …`.
    pub webhook_auth_token: Option<String>,
    /// 1 to 255 characters, none of `< > " ' &` or control characters; generated when absent.
    pub document_id: Option<String>,
    /// Collection to store into, default `documents`.
    pub collection_name: Option<String>,
    /// Language code, such as `en`; recognised when absent.
    pub language: Option<String>,
    /// `semantic` (default), `sentence`, `paragraph`, `page` or `fixed`.
    pub chunking_strategy: Option<String>,
    /// Characters of a chunk, 50 to 20000.
    pub chunk_size: Option<u64>,
    /// Characters that a chunk repeats of the one before it; less than `chunk_size`.
    pub chunk_overlap: Option<u64>,
    /// Replace a stored document of the same `document_id`.
    pub replace_existing: Option<bool>,
    /// `ingest` (default), `process` or `convert`.
    pub pipeline: Option<String>,
    /// Its keys come back in task events.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
}

/// Ingest a document by its URL
///
/// The document is fetched now, before the answer: from public addresses and those of `MORAG_FETCH_ALLOW_NETWORKS` alone, redirects
/// included, within `MORAG_FETCH_TIMEOUT`, and no larger than an upload may be. What it is, is told by its first bytes, then by
/// `Content-Disposition`, the URL and `Content-Type`. Then it runs through the pipeline in the background, as an uploaded file does.
#[utoipa::path(
    post, path = "/api/v1/ingest/url", tag = "ingest", operation_id = "ingest_url",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and request answers the first response again, without fetching")),
    request_body(content = IngestUrl, content_type = "application/json"),
    responses(
        (status = 200, description = "Accepted", body = IngestAnswer),
        (status = 401, description = "No key, or an unknown one", body = ErrorBody),
        (status = 409, description = "The document is ingested already, or the Idempotency-Key was used otherwise", body = ErrorBody),
        (status = 413, description = "The document is larger than an upload may be", body = ErrorBody),
        (status = 422, description = "Fields that are missing or wrong; with `loc` `[\"body\", \"url\"]`: the URL may not be fetched from, or its server does not give the document", body = ErrorBody),
        (status = 429, description = "Too many tasks wait (`queue_full`), or the caller fetches as many documents as it may (`too_many_fetches`)", body = ErrorBody),
        (status = 502, description = "`source_unavailable`: the URL's server is away, broken or busy", body = ErrorBody),
        (status = 503, description = "The storage does not answer, or too many documents are being fetched", body = ErrorBody),
        (status = 507, description = "The storage is full (`storage_full`), or the disk has less room than `MORAG_DISK_FREE_MIN` (`disk_full`): nothing was accepted", body = ErrorBody),
        (status = 504, description = "`source_timeout`: the document did not arrive in time", body = ErrorBody),
    )
)]
pub async fn ingest_url(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    request: Request,
) -> Result<Json<JsonObject>, ApiError> {
    let origin = Origin::read(caller, "ingest/url", &headers)?;
    let fields = Fields::of(json::read_fields(request).await?);
    let digest = digest_of(&fields, &Value::Null);
    submit(&app, origin, fields, digest, app.pipelines.ingest(), accepted).await.map(Json)
}

/// Checks, fetches and accepts one document. `digest`: of the request that it belongs to.
pub async fn submit(
    app: &Arc<Api>,
    origin: Origin,
    mut fields: Fields,
    digest: String,
    default_pipeline: &Pipeline,
    answer: impl FnOnce(&TaskRecord) -> JsonObject,
) -> Result<JsonObject, ApiError> {
    let url = fields.parsed("url", |text| text.parse::<SourceUrl>());
    if !fields.has("url") {
        fields.miss("url");
    }
    let asked = Asked::check(app, &mut fields, default_pipeline, &[]);
    let (Some(url), Some(asked)) = (url, asked) else { return Err(ApiError::invalid(fields.into_errors())) };
    if let Some(response) = replayed(app, &origin, &digest).await? {
        return Ok(response);
    }
    foresee(app, &origin.caller, &asked).await?;
    let mut upload = Upload::new(app, &origin.caller, false);
    let file = remote::store(app, &origin.caller, &mut upload, url).await?;
    let Asked { wish, pipeline } = asked;
    accept(app, origin, upload, Submission { wish, pipeline, file, digest }, answer).await
}
