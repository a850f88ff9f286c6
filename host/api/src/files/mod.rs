//! The files of a task: the submitted one and those that its steps published.

mod file_bytes;
mod range;
pub(super) mod whole;

use super::ApiError;
use super::error::ErrorBody;
use super::query::NoQuery;
use super::status::is_ended;
use super::task::{PathTask, load};
use crate::Api;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use file_bytes::FileBytes;
use morag_core::Timestamp;
use morag_core::ports::{BlobError, BlobMeta, BlobPath, TaskLog};
use morag_core::task::{ArtifactName, EventKind};
use range::{Wanted, matches, wanted};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The files of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileList {
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub session_id: String,
    /// Its files.
    pub files: Vec<FileItem>,
    /// Their sizes together.
    pub total_size_bytes: u64,
    /// When they are deleted; null while the task runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
}

/// A file of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileItem {
    /// Its name.
    pub filename: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its media type.
    pub content_type: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was written last. The same: a file is written once.
    #[schema(value_type = String, format = DateTime)]
    pub modified_at: Timestamp,
}

/// The files were deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilesDeleted {
    /// True.
    pub success: bool,
    /// One line for people.
    pub message: String,
}

/// Files of a task
#[utoipa::path(
    get, path = "/api/files/temp/{task_id}", tag = "files", operation_id = "list_files",
    params(PathTask),
    responses(
        (status = 200, description = "Its files", body = FileList),
        (status = 404, description = "No such task", body = ErrorBody),
    )
)]
pub async fn list(
    State(app): State<Arc<Api>>,
    PathTask(task): PathTask,
    _: NoQuery,
) -> Result<Json<FileList>, ApiError> {
    let log = load(&app, &task).await?;
    let task = log.record.id;
    let metas = app.blobs.list(&BlobPath::files(task)).await?;
    let item = |meta: BlobMeta| FileItem {
        content_type: content_type(&log, &meta.name),
        filename: meta.name,
        size_bytes: meta.size,
        created_at: meta.modified,
        modified_at: meta.modified,
    };
    let announced = whole::announced(&log);
    let files: Vec<_> = metas.into_iter().filter(|meta| announced.contains_key(meta.name.as_str())).map(item).collect();
    let ended_at = log.events.last().filter(|event| event.kind.ends_task()).map(|event| event.timestamp);
    Ok(Json(FileList {
        session_id: task.to_string(),
        total_size_bytes: files.iter().map(|file| file.size_bytes).sum(),
        files,
        expires_at: ended_at.map(|ended| ended.plus(app.config.temp_retention)),
    }))
}

/// A file of a task
///
/// The size is verified and, for a whole file, the SHA-256: an answer breaks off if the file turns out to be damaged while it is sent.
/// `HEAD` answers the same without the bytes. `If-None-Match` and `If-Range` are supported; a request for several ranges gets all bytes.
#[utoipa::path(
    get, path = "/api/files/temp/{task_id}/{filename}", tag = "files", operation_id = "get_file",
    params(
        PathTask,
        ("filename" = String, Path, description = "Name of the file, such as `markdown.md`", example = "markdown.md"),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=0-1023`; anything else is as none", example = "bytes=0-1023"),
    ),
    responses(
        (status = 200, description = "The bytes, with the type of the file", content((inline(FileBytes) = "application/octet-stream"), (inline(FileBytes) = "*/*"))),
        (status = 206, description = "The range asked for", content((inline(FileBytes) = "application/octet-stream"), (inline(FileBytes) = "*/*"))),
        (status = 304, description = "The file is as `If-None-Match` says"),
        (status = 404, description = "No such task or file", body = ErrorBody),
        (status = 416, description = "The range is beyond the end of the file", body = ErrorBody),
        (status = 500, description = "The stored file is damaged (`artifact_damaged`, `source_damaged`)", body = ErrorBody),
        (status = 503, description = "The storage does not answer, or the file is damaged and its task has not ended", body = ErrorBody),
    )
)]
pub async fn get(
    State(app): State<Arc<Api>>,
    PathTask(task): PathTask,
    Path((_, filename)): Path<(String, String)>,
    _: NoQuery,
    method: Method,
    request: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let name: ArtifactName = filename.parse().map_err(|_| ApiError::from(BlobError::NotFound))?;
    let (log, file, meta) = whole::find(&app, &name, || load(&app, &task)).await?;
    let task = log.record.id;
    let etag = format!("\"{}\"", meta.etag.trim_matches('"').replace(['"', '\\'], ""));
    let value = |name: HeaderName| request.get(name).and_then(|value| value.to_str().ok());

    let mut response = Response::builder()
        .header(header::ETAG, &etag)
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, "private, no-cache")
        // Browsers must not run uploaded files under this server's origin.
        .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox");
    if value(header::IF_NONE_MATCH).is_some_and(|tags| matches(tags, &etag)) {
        return build(response.status(StatusCode::NOT_MODIFIED), Body::empty());
    }
    response = response
        .header(header::CONTENT_TYPE, content_type(&log, name.as_str()))
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""));
    let same = value(header::IF_RANGE).is_none_or(|tag| tag == etag);
    let range = match wanted(value(header::RANGE).filter(|_| same), meta.size) {
        Wanted::All => 0..meta.size,
        Wanted::Part(range) => {
            let content_range = format!("bytes {}-{}/{}", range.start, range.end - 1, meta.size);
            response = response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, content_range);
            range
        }
        Wanted::Unsatisfiable => {
            let text = format!("The file has {} bytes: the range is beyond them", meta.size);
            let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", text);
            let size = HeaderValue::from_str(&format!("bytes */{}", meta.size))
                .map_err(|e| ApiError::internal(e.to_string()))?;
            return Err(error.with_header(header::CONTENT_RANGE, size));
        }
    };
    response = response.header(header::CONTENT_LENGTH, range.end - range.start);
    let body = match method == Method::HEAD || range.is_empty() {
        true => Body::empty(),
        false if range == (0..meta.size) => Body::from_stream(whole::stream(&app, task, file, meta).await?),
        false => Body::from_stream(app.blobs.stream(&BlobPath::file(task, &name), range).await?),
    };
    build(response, body)
}

fn build(response: axum::http::response::Builder, body: Body) -> Result<Response<Body>, ApiError> {
    response.body(body).map_err(|error| ApiError::internal(format!("a file's answer cannot be built: {error}")))
}

/// Delete a task's files
///
/// Only of a task that has ended: 409 while it runs. Its history stays.
#[utoipa::path(
    delete, path = "/api/files/temp/{task_id}", tag = "files", operation_id = "delete_files",
    params(PathTask),
    responses(
        (status = 200, description = "Deleted", body = FilesDeleted),
        (status = 404, description = "No such task", body = ErrorBody),
        (status = 409, description = "The task has not ended", body = ErrorBody),
    )
)]
pub async fn delete(
    State(app): State<Arc<Api>>,
    PathTask(task): PathTask,
    _: NoQuery,
) -> Result<Json<FilesDeleted>, ApiError> {
    let log = load(&app, &task).await?;
    let task = log.record.id;
    let running = || {
        let text = "The task has not ended and needs its files: cancel it, or wait for its end";
        ApiError::conflict("task_running", text)
    };
    if !is_ended(&log) {
        return Err(running());
    }
    // In a task of its own: a client that disconnects now must not leave half of it done. The store stops counting the files before
    // they are deleted: after a crash the janitor deletes the rest by their age, but bytes of deleted files would stay counted.
    let deleting = tokio::spawn(async move {
        if !app.tasks.files_deleted(task).await? {
            // It was retried since its log was read.
            return Err(running());
        }
        Ok(app.blobs.delete_all(&BlobPath::task(task)).await?)
    });
    let count = deleting.await.map_err(|error| ApiError::internal(format!("deleting files: {error}")))??;
    Ok(Json(FilesDeleted { success: true, message: format!("{count} files deleted") }))
}

/// Media type of a file: as submitted, as its step declared, or guessed from its name.
fn content_type(log: &TaskLog, name: &str) -> String {
    let source = &log.record.source;
    if source.stored_as.as_str() == name {
        return source.media_type.clone();
    }
    let declared = log.events.iter().find_map(|event| match &event.kind {
        EventKind::StepCompleted { artifacts, .. } => {
            artifacts.iter().find(|artifact| artifact.name.as_str() == name).map(|artifact| artifact.media_type.clone())
        }
        _ => None,
    });
    declared.unwrap_or_else(|| mime_guess::from_path(name).first_or_octet_stream().to_string())
}
