//! `POST /api/v1/ingest/file` and `POST /api/convert/process-ingest`: a task for an uploaded file.

use super::accept::{Key, estimated_seconds, submit_file};
use super::checked::Submission;
use super::form;
use super::lookups::WebhookHosts;
use super::origin::{Origin, SubmissionHeaders};
use super::schemas::{IngestForm, ProcessIngestForm};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::query::NoQuery;
use axum::extract::{Extension, Request, State};
use axum::{Json, http::HeaderMap};
use morag_core::JsonObject;
use morag_core::task::TaskRecord;
use morag_input::TaskState;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// A task was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct IngestAnswer {
    /// The task.
    #[schema(format = Uuid)]
    pub task_id: String,
    /// `pending`.
    #[schema(value_type = TaskState)]
    pub status: String,
    /// One line for people.
    pub message: String,
    /// Seconds that the task takes alone, a rough guess from the file's size.
    pub estimated_time: u64,
    /// The caller's id of the document, or a generated one.
    pub document_id: String,
    /// Path of the task's status.
    pub status_url: String,
}

/// A task was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProcessIngestAnswer {
    /// True.
    pub success: bool,
    /// The task.
    #[schema(format = Uuid)]
    pub task_id: String,
    /// The caller's id of the document, or a generated one.
    pub document_id: String,
    /// Seconds that the task takes alone, a rough guess from the file's size.
    pub estimated_time_seconds: u64,
    /// Path of the task's status.
    pub status_url: String,
    /// One line for people.
    pub message: String,
}

const ACCEPTED: &str = "File accepted for processing";

/// Path of a task's status.
pub fn status_url(record: &TaskRecord) -> String {
    format!("/api/v1/status/{}", record.id)
}

/// The answer to an accepted submission.
pub fn accepted(record: &TaskRecord) -> JsonObject {
    as_object(&IngestAnswer {
        task_id: record.id.to_string(),
        status: "pending".into(),
        message: ACCEPTED.into(),
        estimated_time: estimated_seconds(&record.source),
        document_id: record.document_id.to_string(),
        status_url: status_url(record),
    })
}

/// An answer as a JSON object, as it is stored for requests with the same idempotency key.
pub fn as_object(answer: &impl Serialize) -> JsonObject {
    match serde_json::to_value(answer) {
        Ok(serde_json::Value::Object(object)) => object,
        // Not reached: the answers are structs of texts and numbers.
        _ => JsonObject::new(),
    }
}

/// Ingest a file
///
/// The file runs through the pipeline in the background; every event is sent to `webhook_url`.
#[utoipa::path(
    post, path = "/api/v1/ingest/file", tag = "ingest", operation_id = "ingest_file",
    params(SubmissionHeaders),
    request_body(content = IngestForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Accepted", body = IngestAnswer),
        (status = 401, description = "No key, or an unknown one", body = ErrorBody),
        (status = 409, description = "The document is already ingested, or the Idempotency-Key was used with another request", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 422, description = "Missing or invalid fields", body = ErrorBody),
        (status = 429, description = "Too many tasks are waiting", body = ErrorBody),
        (status = 503, description = "The storage does not answer", body = ErrorBody),
        (status = 507, description = "The storage is full (`storage_full`), or the disk has less room than `MORAG_DISK_FREE_MIN` (`disk_full`): nothing was accepted", body = ErrorBody),
    )
)]
pub async fn ingest_file(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    _: NoQuery,
    request: Request,
) -> Result<Json<JsonObject>, ApiError> {
    let origin = Origin::read(caller, "ingest/file", &headers)?;
    let (fields, file, upload) = form::read(&app, &origin, request).await?.into_file_parts();
    let submission = Submission::check(&app, file, fields, app.pipelines.ingest(), &[])?;
    submit_file(&app, &WebhookHosts::default(), Key::Unknown, origin, upload, submission, accepted).await.map(Json)
}

/// Ingest a file, with a webhook
///
/// As `POST /api/v1/ingest/file`, with `webhook_url` required.
#[utoipa::path(
    post, path = "/api/convert/process-ingest", tag = "ingest", operation_id = "process_ingest",
    params(SubmissionHeaders),
    request_body(content = ProcessIngestForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Accepted", body = ProcessIngestAnswer),
        (status = 409, description = "The document is already ingested, or the Idempotency-Key was used with another request", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 422, description = "Missing or invalid fields", body = ErrorBody),
    )
)]
pub async fn process_ingest(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    _: NoQuery,
    request: Request,
) -> Result<Json<JsonObject>, ApiError> {
    let origin = Origin::read(caller, "convert/process-ingest", &headers)?;
    let (fields, file, upload) = form::read(&app, &origin, request).await?.into_file_parts();
    let submission = Submission::check(&app, file, fields, app.pipelines.ingest(), &["webhook_url"])?;
    let answer = |record: &TaskRecord| {
        as_object(&ProcessIngestAnswer {
            success: true,
            task_id: record.id.to_string(),
            document_id: record.document_id.to_string(),
            estimated_time_seconds: estimated_seconds(&record.source),
            status_url: status_url(record),
            message: ACCEPTED.into(),
        })
    };
    submit_file(&app, &WebhookHosts::default(), Key::Unknown, origin, upload, submission, answer).await.map(Json)
}
