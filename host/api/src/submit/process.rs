//! `POST /api/v1/process`: convert or process a document and answer when it is done, or ingest it and answer at once.

use super::accept::{Key, estimated_seconds, submit_file};
use super::checked::Submission;
use super::fields::Fields;
use super::given::{Mode, ModeWord};
use super::ingest::{as_object, status_url};
use super::items::BatchAnswer;
use super::lookups::WebhookHosts;
use super::origin::{Origin, SubmissionHeaders};
use super::schemas::ProcessForm;
use super::url::{self, Document};
use super::{digest, form, form_batch, items};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::ErrorBody;
use crate::files::whole;
use crate::query::NoQuery;
use crate::wait::{Until, mark, wait};
use axum::extract::{Extension, Request, State};
use axum::{Json, http::HeaderMap};
use morag_core::JsonObject;
use morag_core::pipeline::{ExpectedFile, inputs};
use morag_core::ports::TaskLog;
use morag_core::task::{Event, EventKind, StatusWord, TaskId, TaskRecord, TaskStatus};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest markdown in the JSON answer, bytes: some 10,000 pages. A longer one is only available at its URL.
const CONTENT_BYTES_MAX: u64 = 32 << 20;

/// Warnings that are answered: those of the standard conversion, which are at most 21, of several steps.
const WARNINGS_MAX: usize = 100;

/// The result of processing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProcessAnswer {
    /// Whether the mode's result is complete: false for a task that failed, or has not ended after the waiting time.
    pub success: bool,
    /// The mode.
    #[schema(value_type = ModeWord)]
    pub mode: String,
    /// The markdown; null for `ingest`, for a failed task, and where it is longer than 32 MiB.
    pub content: Option<String>,
    /// The data of the steps about the document.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub metadata: JsonObject,
    /// From acceptance to the end, milliseconds.
    pub processing_time_ms: u64,
    /// The task; the first of a batch, and empty if none of its items was accepted.
    pub task_id: String,
    /// Seconds that the task takes alone, a rough guess from the file's size.
    pub estimated_time_seconds: u64,
    /// Path of the task's status.
    pub status_url: String,
    /// The caller's id of the document, or a generated one.
    pub document_id: String,
    /// Why `success` is false.
    pub error_message: Option<String>,
    /// Further notes.
    pub warnings: Vec<String>,
    /// One line for people.
    pub message: String,
}

impl Mode {
    /// The mode of the fields.
    ///
    /// # Errors
    /// 422 with everything that is wrong with the fields, where it is missing or wrong.
    fn of(fields: &mut Fields) -> Result<Self, ApiError> {
        if let Some(ModeWord { 0: mode }) = fields.read_one("mode") {
            return Ok(mode);
        }
        if !fields.has("mode") {
            fields.miss("mode");
        }
        Err(ApiError::invalid(std::mem::take(fields).into_errors()))
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Convert => "convert",
            Self::Process => "process",
            Self::Ingest => "ingest",
        }
    }
}

/// Convert, process or ingest a document
///
/// `source_type=url` fetches the document first, as `POST /api/v1/ingest/url` does. `source_type=batch` takes `items` (as
/// `POST /api/v1/ingest/batch`), `batch_urls` and `batch_files`, at most 50 in all; `batch_metadata_N` is the metadata of the N-th of them,
/// counted from 0, URLs before files. A batch is answered at once, whatever the mode: `metadata` holds `batch_id`, `task_ids`,
/// `total_items` and `rejected`, and `task_id` is the first task.
///
/// `convert` and `process` answer when the task has ended, or after the server's waiting time (300 s unless configured) with `success: false`
/// while the task goes on: ask `status_url`. A failed task answers 200 with `success: false` and `error_message`. A client that goes away
/// cancels nothing. `ingest` answers at once and requires `webhook_config.url`.
#[utoipa::path(
    post, path = "/api/v1/process", tag = "ingest", operation_id = "process_document",
    params(SubmissionHeaders),
    request_body(content = ProcessForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Done, or accepted", body = ProcessAnswer),
        (status = 400, description = "A webhook is required", body = ErrorBody),
        (status = 409, description = "The document is already ingested, or the Idempotency-Key was used with another request", body = ErrorBody),
        (status = 413, description = "Too large", body = ErrorBody),
        (status = 422, description = "Missing or invalid fields, or a URL whose server does not send the document", body = ErrorBody),
        (status = 429, description = "Too many tasks are waiting, or the caller has as many waiting requests or fetches as it may", body = ErrorBody),
        (status = 502, description = "`source_unavailable`: the URL's server is down, failing or busy", body = ErrorBody),
        (status = 504, description = "`source_timeout`: the document did not arrive in time", body = ErrorBody),
    )
)]
pub async fn process(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    _: NoQuery,
    request: Request,
) -> Result<Json<JsonObject>, ApiError> {
    let origin = Origin::read(caller, "process", &headers)?;
    let mut form = form::read(&app, &origin, request).await?;
    let files = std::mem::take(&mut form.batch);
    let (mut fields, file, upload) = form.into_parts();
    let mode = Mode::of(&mut fields)?;
    let kind = SourceKind::of(&fields, file.is_some(), !files.is_empty());
    if mode == Mode::Ingest && !fields.has("webhook_url") {
        let text = "mode ingest answers at once, so it needs webhook_config.url to say how the task went";
        return Err(ApiError::bad_request("webhook_required", text));
    }
    // Before anything is accepted: a request that is refused with 429 must not create a task.
    let _permit = match (mode, kind) {
        (Mode::Ingest, _) | (_, SourceKind::Batch) => None,
        _ => Some(app.fair.waits.take(&origin.caller)?),
    };
    let pipeline = match mode {
        Mode::Convert => app.pipelines.convert(),
        Mode::Process => app.pipelines.process(),
        Mode::Ingest => app.pipelines.ingest(),
    };
    let answer = |record: &TaskRecord| as_object(&accepted(mode, record));
    let accepted = match kind {
        SourceKind::File => {
            fields.take_no_batch();
            let submission = Submission::check(&app, file, fields, pipeline, &[])?;
            submit_file(&app, &WebhookHosts::default(), Key::Unknown, origin, upload, submission, answer).await?
        }
        SourceKind::Url => {
            fields.take_no_batch();
            let digest = digest::without_file(&fields, &Value::Null);
            let document = Document { fields, digest, key: Key::Unknown };
            url::submit(&app, &WebhookHosts::default(), origin, document, pipeline, answer).await?
        }
        SourceKind::Batch => {
            let (digest, items) = form_batch::items(fields, files)?;
            let batch = items::submit(&app, origin, digest, pipeline, items).await?;
            return Ok(Json(as_object(&accepted_batch(mode, batch))));
        }
    };
    if mode == Mode::Ingest {
        return Ok(Json(accepted));
    }
    let task: TaskId = accepted
        .get("task_id")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| ApiError::internal("a stored answer of process has no task_id"))?;
    let first = mark(&app, task).await?;
    wait(&app, task, first, app.config.process_wait, Until::Ended).await?;
    let log = app.tasks.load(task).await?.ok_or_else(ApiError::unknown_task)?;
    Ok(Json(as_object(&finished(&app, mode, &log).await?)))
}

/// Where the document comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    File,
    Url,
    Batch,
}

impl SourceKind {
    /// The kind that `source_type` names, else by the fields that are present.
    fn of(fields: &Fields, has_file: bool, has_files: bool) -> Self {
        match fields.word("source_type") {
            Some("url" | "web") => Self::Url,
            Some("batch") => Self::Batch,
            Some("file") => Self::File,
            _ if has_file => Self::File,
            _ if has_files || fields.has("items") || fields.has("batch_urls") => Self::Batch,
            _ if fields.has("url") => Self::Url,
            _ => Self::File,
        }
    }
}

/// The answer to a batch: `task_id` is its first task.
fn accepted_batch(mode: Mode, batch: BatchAnswer) -> ProcessAnswer {
    let task_id = batch.task_ids.first().and_then(Value::as_str).unwrap_or_default().to_owned();
    let warning = |item: &items::RejectedItem| format!("item {} was not accepted: {}", item.index, item.error);
    let warnings: Vec<_> = batch.rejected.iter().map(warning).collect();
    ProcessAnswer {
        success: warnings.is_empty(),
        mode: mode.as_str().into(),
        content: None,
        processing_time_ms: 0,
        estimated_time_seconds: 0,
        status_url: if task_id.is_empty() { String::new() } else { format!("/api/v1/status/{task_id}") },
        task_id,
        document_id: String::new(),
        error_message: (!warnings.is_empty()).then(|| batch.message.clone()),
        warnings,
        message: batch.message.clone(),
        metadata: as_object(&batch),
    }
}

fn accepted(mode: Mode, record: &TaskRecord) -> ProcessAnswer {
    ProcessAnswer {
        success: true,
        mode: mode.as_str().into(),
        content: None,
        metadata: JsonObject::new(),
        processing_time_ms: 0,
        task_id: record.id.to_string(),
        estimated_time_seconds: estimated_seconds(&record.source),
        status_url: status_url(record),
        document_id: record.document_id.to_string(),
        error_message: None,
        warnings: Vec::new(),
        message: "File accepted for processing".into(),
    }
}

async fn finished(app: &Api, mode: Mode, log: &TaskLog) -> Result<ProcessAnswer, ApiError> {
    let status = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent);
    let end = status.completed_at.unwrap_or_else(|| app.clock.now());
    let mut answer = accepted(mode, &log.record);
    answer.metadata = metadata(log);
    answer.warnings = warnings(log);
    answer.processing_time_ms = u64::try_from(end.since(log.record.created_at).as_millis()).unwrap_or(u64::MAX);
    answer.message = status.message;
    match status.word {
        StatusWord::Completed => match content(app, log).await? {
            Some(text) => answer.content = Some(text),
            None => {
                let text = format!("The markdown is longer than {CONTENT_BYTES_MAX} bytes: get it from its URL");
                answer.warnings.push(text);
            }
        },
        StatusWord::Failed => {
            answer.success = false;
            answer.error_message = status.failure.map(|(_, _, failure)| failure.message);
        }
        StatusWord::Cancelled => {
            answer.success = false;
            answer.error_message = Some("The task was cancelled".into());
        }
        StatusWord::Pending | StatusWord::InProgress => {
            answer.success = false;
            let seconds = app.config.process_wait.as_secs();
            answer.error_message = Some(format!("The task has not ended after {seconds} seconds: poll status_url"));
        }
    }
    Ok(answer)
}

/// The markdown as a later step would read it: the artifact that replaces it, if one does. None if it is too long. Empty if the file
/// was deleted meanwhile, or the pipeline makes none.
async fn content(app: &Api, log: &TaskLog) -> Result<Option<String>, ApiError> {
    let mut artifacts = inputs(&log.record.pipeline, &log.events).into_iter();
    let Some((_, markdown)) = artifacts.find(|(name, _)| name.as_str() == "markdown.md") else {
        return Ok(Some(String::new()));
    };
    if markdown.size > CONTENT_BYTES_MAX {
        return Ok(None);
    }
    match whole::read(app, log, ExpectedFile::from(&markdown)).await? {
        Some(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        None => Ok(Some(String::new())),
    }
}

/// What steps say is missing or doubtful, in their order.
fn warnings(log: &TaskLog) -> Vec<String> {
    let of_event = |event: &Event| match &event.kind {
        EventKind::StepCompleted { data, .. } => data.get("warnings").and_then(Value::as_array).cloned(),
        _ => None,
    };
    let texts = log.events.iter().filter_map(of_event).flatten();
    texts.filter_map(|text| text.as_str().map(str::to_owned)).take(WARNINGS_MAX).collect()
}

/// The data of the steps: the conversion's and the document's metadata on one level, then the rest, without URLs of files and times.
fn metadata(log: &TaskLog) -> JsonObject {
    let mut metadata = JsonObject::new();
    for event in &log.events {
        let EventKind::StepCompleted { data, .. } = &event.kind else { continue };
        for (key, value) in data {
            match (key.as_str(), value) {
                ("conversion_metadata" | "metadata", Value::Object(inner)) => metadata.extend(inner.clone()),
                // Texts have a field of their own; a step's list of something else is kept whole.
                ("warnings", Value::Array(list)) if list.iter().all(Value::is_string) => {}
                (key, _) if key.ends_with("_file_url") || key.ends_with("_time_seconds") => {}
                (key, value) => {
                    metadata.insert(key.into(), value.clone());
                }
            }
        }
    }
    metadata.insert("source_type".into(), json!(log.record.source.source_type));
    for (key, value) in log.record.metadata.to_object() {
        metadata.entry(key).or_insert(value);
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::record;
    use morag_core::Timestamp;
    use morag_core::task::Resources;
    use std::sync::Arc;

    #[test]
    fn warnings_that_are_no_texts_stay_in_the_metadata() {
        let log = |warnings: Value| {
            let data = json!({"warnings": warnings}).as_object().cloned().unwrap_or_default();
            let kind = EventKind::StepCompleted {
                step: "s".into(),
                stage: "s".into(),
                data,
                artifacts: Vec::new(),
                resources: Resources::default(),
            };
            let timestamp = Timestamp::from_millis(0);
            let event =
                Event { sequence: 1, timestamp, progress_percent: 0.0, message: String::new(), span: None, kind };
            TaskLog { record: Arc::new(record()), events: vec![event], live_percent: 0.0, claims: 0 }
        };
        let texts = log(json!(["a", "b"]));
        assert_eq!(warnings(&texts), ["a", "b"]);
        assert_eq!(metadata(&texts).get("warnings"), None);
        let others = log(json!(["a", {"page": 2}]));
        assert_eq!(warnings(&others), ["a"]);
        assert_eq!(metadata(&others)["warnings"], json!(["a", {"page": 2}]));
    }
}
