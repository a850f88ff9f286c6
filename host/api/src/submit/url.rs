//! `POST /api/v1/ingest/url`: a URL in, a task out.

use super::accept::{Admission, Key, accept_fetched, admit_before_fetch};
use super::checked::CheckedSpec;
use super::fields::Fields;
use super::ingest::{IngestAnswer, accepted};
use super::lookups::WebhookHosts;
use super::origin::{Origin, SubmissionHeaders};
use super::schemas::IngestUrl;
use super::upload::Upload;
use super::{digest, json, remote};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::query::NoQuery;
use axum::extract::{Extension, Request, State};
use axum::{Json, http::HeaderMap};
use morag_core::JsonObject;
use morag_core::pipeline::Pipeline;
use morag_core::task::TaskRecord;
use serde_json::Value;
use std::sync::Arc;

/// Ingest a document by its URL
///
/// The document is fetched now, before the answer: from public addresses and those of `MORAG_FETCH_ALLOW_NETWORKS` alone, redirects
/// included, within `MORAG_FETCH_TIMEOUT`, and no larger than an upload may be. Its type is detected from its first bytes, then from
/// `Content-Disposition`, the URL and `Content-Type`. Then it runs through the pipeline in the background, as an uploaded file does.
#[utoipa::path(
    post, path = "/api/v1/ingest/url", tag = "ingest", operation_id = "ingest_url",
    params(SubmissionHeaders),
    request_body(content = IngestUrl, content_type = "application/json"),
    responses(
        (status = 200, description = "Accepted", body = IngestAnswer),
        (status = 401, description = "No key, or an unknown one", body = ErrorBody),
        (status = 409, description = "The document is already ingested, or the Idempotency-Key was used with another request", body = ErrorBody),
        (status = 413, description = "The document is larger than an upload may be", body = ErrorBody),
        (status = 422, description = "Missing or invalid fields; with `loc` `[\"body\", \"url\"]`: documents may not be fetched from the URL, or its server does not send the document", body = ErrorBody),
        (status = 429, description = "Too many tasks are waiting (`queue_full`), or the caller has as many fetches as it may (`too_many_fetches`)", body = ErrorBody),
        (status = 502, description = "`source_unavailable`: the URL's server is down, failing or busy", body = ErrorBody),
        (status = 503, description = "The storage does not answer, or too many documents are being fetched", body = ErrorBody),
        (status = 507, description = "The storage is full (`storage_full`), or the disk has less room than `MORAG_DISK_FREE_MIN` (`disk_full`): nothing was accepted", body = ErrorBody),
        (status = 504, description = "`source_timeout`: the document did not arrive in time", body = ErrorBody),
    )
)]
pub async fn ingest_url(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    _: NoQuery,
    request: Request,
) -> Result<Json<JsonObject>, ApiError> {
    let origin = Origin::read(caller, "ingest/url", &headers)?;
    let mut fields = Fields::of(json::read_fields(request).await?);
    fields.must_ingest();
    let digest = digest::without_file(&fields, &Value::Null);
    let document = Document { fields, digest, key: Key::Unknown };
    submit(&app, &WebhookHosts::default(), origin, document, app.pipelines.ingest(), accepted).await.map(Json)
}

/// A document to be fetched, as a request or an item of one asks for it.
pub struct Document {
    /// The fields, with `url`.
    pub fields: Fields,
    /// Digest of the whole request.
    pub digest: String,
    /// What is known of its idempotency key.
    pub key: Key,
}

/// Checks, fetches and accepts one document. `hosts` are those of the whole request.
///
/// # Errors
/// 422 for fields that are missing or wrong, and those of looking up, fetching and accepting.
pub async fn submit(
    app: &Arc<Api>,
    hosts: &WebhookHosts,
    origin: Origin,
    Document { mut fields, digest, key }: Document,
    default_pipeline: &Pipeline,
    answer: impl FnOnce(&TaskRecord) -> JsonObject,
) -> Result<JsonObject, ApiError> {
    let checked = CheckedSpec::check(app, &mut fields, default_pipeline, &["url"]);
    let Some((url, checked)) = checked.and_then(|mut checked| Some((checked.spec.url.take()?, checked))) else {
        return Err(ApiError::invalid(fields.into_errors()));
    };
    let caller = origin.caller.clone();
    let admitted = match admit_before_fetch(app, hosts, key, origin, checked, digest).await? {
        Admission::Replayed(response) => return Ok(response),
        Admission::New(admitted) => admitted,
    };
    let mut upload = Upload::new(app, &caller, false);
    let file = remote::store(app, &caller, &mut upload, url).await?;
    accept_fetched(app, *admitted, upload, file, answer).await
}
