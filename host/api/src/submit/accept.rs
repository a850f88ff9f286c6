//! From a checked submission to an accepted task.

use super::checked::{CheckedSpec, Submission};
use super::lookups::{WebhookHosts, replayed, replayed_or};
use super::origin::Origin;
use super::upload::{StoredFile, Upload};
use crate::Api;
use crate::ApiError;
use crate::accept_error::accept_error;
use crate::caller::Caller;
use crate::quota;
use crate::sealing::not_sealing;
use crate::traced;
use axum::http::StatusCode;
use morag_core::JsonObject;
use morag_core::ports::{AcceptError, Accepted, Idempotency, NewTask, StoreError};
use morag_core::task::{DocumentId, Source, SourceType, TaskRecord};
use morag_engine::endpoints::task_credentials;
use morag_engine::spans;
use std::sync::Arc;
use tracing::Instrument as _;

/// Bytes that the pipeline is taken to process per second, for the estimate. Documents: about 100 pages of PDF a second make some MiB;
/// half a MiB leaves room for slow ones. Sound: a service transcribes ten seconds of 128 kbit/s in one. Films have ten times the bytes, of
/// which the sound is one. Pictures: a page of half a MiB takes 5 s to read.
const fn bytes_per_second(source: SourceType) -> u64 {
    match source {
        SourceType::Document => 512 << 10,
        SourceType::Audio => 160 << 10,
        SourceType::Video => 1600 << 10,
        SourceType::Image => 100 << 10,
    }
}

/// A submission whose look-ups are done: its key is new, its webhook may be reached, and the caller may write to its
/// collection. Only [`admit_before_fetch`] and [`submit_file`] make one, so that nothing is accepted without them.
#[derive(Debug)]
pub struct Admitted {
    origin: Origin,
    checked: CheckedSpec,
    digest: String,
}

/// Outcome of a submission's look-ups.
#[derive(Debug)]
pub enum Admission {
    /// The same request was accepted before: this was the answer.
    Replayed(JsonObject),
    /// It is new.
    New(Box<Admitted>),
}

/// What the idempotency key of a submission was found to be.
#[derive(Debug)]
pub enum Key {
    /// Not looked up yet.
    Unknown,
    /// Looked up with its batch: not used before.
    New,
}

/// Decides whether a document that is to be fetched could be accepted, as far as that can be said without it, so that no
/// document is fetched that would be refused.
///
/// # Errors
/// Those of accepting it: 409, 422, 403, 429, 503 and 507.
pub async fn admit_before_fetch(
    app: &Api,
    hosts: &WebhookHosts,
    key: Key,
    origin: Origin,
    checked: CheckedSpec,
    digest: String,
) -> Result<Admission, ApiError> {
    if let Some(response) = known(app, key, &origin, &digest).await? {
        return Ok(Admission::Replayed(response));
    }
    let caller = &origin.caller;
    app.disk.check().await?;
    hosts.check(app, caller, &checked.spec).await?;
    check_collection(app, caller, &checked)?;
    quota::check_stored_bytes(app, caller, 0).await?;
    app.tasks.may_enter(&caller.flow(), caller.limits()).await.map_err(|error| accept_error(app, error))?;
    let CheckedSpec { spec, pipeline } = &checked;
    if let Some(document) =
        spec.document_id.as_ref().filter(|_| app.pipelines.stores(pipeline) && !spec.replace_existing)
        && let Some(holder) = app.tasks.document_holder(caller.tenant(), document).await?
    {
        return Err(ApiError::duplicate_document(holder));
    }
    Ok(Admission::New(Box::new(Admitted { origin, checked, digest })))
}

/// Accepts a task of an uploaded file. `answer` makes the response that is stored with it and given again to the same request.
///
/// # Errors
/// 409, 422, 403, 429, 503 and 507, as `docs/http-api.md` lists them.
pub async fn submit_file(
    app: &Arc<Api>,
    hosts: &WebhookHosts,
    key: Key,
    origin: Origin,
    upload: Upload,
    submission: Submission,
    answer: impl FnOnce(&TaskRecord) -> JsonObject,
) -> Result<JsonObject, ApiError> {
    let Submission { checked, file, digest } = submission;
    if let Some(response) = known(app, key, &origin, &digest).await? {
        return Ok(response);
    }
    // Before the host is looked up: a file without room needs no look-up.
    check_room(app, &origin.caller, &upload, &file).await?;
    hosts.check(app, &origin.caller, &checked.spec).await?;
    check_collection(app, &origin.caller, &checked)?;
    store(app, Admitted { origin, checked, digest }, upload, file, answer).await
}

/// Accepts a task of a document that was fetched after [`admit_before_fetch`].
///
/// # Errors
/// Those of [`submit_file`].
pub async fn accept_fetched(
    app: &Arc<Api>,
    admitted: Admitted,
    upload: Upload,
    file: StoredFile,
    answer: impl FnOnce(&TaskRecord) -> JsonObject,
) -> Result<JsonObject, ApiError> {
    // Again: the document's size is known now, and other requests have stored theirs meanwhile.
    if let Err(error) = check_room(app, &admitted.origin.caller, &upload, &file).await {
        // The same request may have been accepted during the fetch.
        return replayed_or(app, &admitted.origin, &admitted.digest, error).await;
    }
    store(app, admitted, upload, file, answer).await
}

async fn known(app: &Api, key: Key, origin: &Origin, digest: &str) -> Result<Option<JsonObject>, ApiError> {
    match key {
        Key::Unknown => replayed(app, origin, digest).await,
        Key::New => Ok(None),
    }
}

/// Whether the disk and the caller's quota have room for a stored file.
async fn check_room(app: &Api, caller: &Caller, upload: &Upload, file: &StoredFile) -> Result<(), ApiError> {
    upload.within_quota()?;
    app.disk.check().await?;
    // With the tenant's other uploads, which no task of the store counts yet.
    let uploading = app.fair.uploads.of(caller.tenant()).max(file.size);
    quota::check_stored_bytes(app, caller, uploading).await
}

/// 403 for a collection that the caller may not write to. A pipeline that stores nothing needs none.
fn check_collection(app: &Api, caller: &Caller, CheckedSpec { spec, pipeline }: &CheckedSpec) -> Result<(), ApiError> {
    let is_used = spec.names_collection || app.pipelines.stores(pipeline);
    if !is_used || caller.may_use(&spec.collection) {
        return Ok(());
    }
    let text =
        format!("The key may not use the collection {:?}: give a collection_name that it may use", spec.collection);
    Err(ApiError::new(StatusCode::FORBIDDEN, "collection_not_allowed", text))
}

/// Seconds that a task of this source takes when it runs alone, estimated.
pub fn estimated_seconds(source: &Source) -> u64 {
    1 + source.size / bytes_per_second(source.source_type)
}

/// The record of a task to be. Its subscribers are chosen later.
fn record(app: &Api, origin: &Origin, upload: &Upload, checked: CheckedSpec, file: StoredFile) -> TaskRecord {
    let CheckedSpec { spec, pipeline } = checked;
    let source_type = spec.source_type.unwrap_or_else(|| SourceType::of_media_type(&file.media_type));
    TaskRecord {
        id: upload.task(),
        document_id: spec.document_id.unwrap_or_else(DocumentId::random),
        pipeline,
        source: Source {
            stored_as: file.stored_as,
            file_name: file.file_name,
            media_type: file.media_type,
            size: file.size,
            sha256: file.sha256,
            source_type,
        },
        collection: spec.collection,
        language: spec.language,
        replace_existing: spec.replace_existing,
        options: spec.options,
        metadata: spec.metadata,
        endpoints: spec.endpoint.into_iter().collect(),
        subscribers: vec![],
        created_at: app.clock.now(),
        tenant: origin.caller.tenant().clone(),
        trace: origin.trace,
    }
}

async fn store(
    app: &Arc<Api>,
    admitted: Admitted,
    upload: Upload,
    file: StoredFile,
    answer: impl FnOnce(&TaskRecord) -> JsonObject,
) -> Result<JsonObject, ApiError> {
    let Admitted { origin, checked, digest } = admitted;
    let claims_document = app.pipelines.stores(&checked.pipeline);
    let mut record = record(app, &origin, &upload, checked, file);
    let (key, caller) = (origin.key(), origin.caller);
    record.subscribers = app.endpoints.fresh().await?.chosen_by(&record);
    let (response, task, trace) = (answer(&record), record.id, record.trace);
    let idempotency = key.map(|key| Idempotency { key, request_digest: digest, response: response.clone() });
    // After the answer is made: it shows no credentials.
    let sealer = match task_credentials::has_any(&record) {
        true => app.endpoints.sealing().await.map_err(not_sealing)?,
        false => None,
    };
    let credentials = task_credentials::take_out(sealer, &mut record);
    let credentials = credentials.map_err(|error| ApiError::internal(format!("webhook credentials: {error}")))?;
    let (flow, limits) = (caller.flow(), caller.limits());
    let new = NewTask { record, idempotency, claims_document, flow, credentials, limits };
    let tasks = app.tasks.clone();
    // In a task of its own: a client that disconnects now must not separate the task from its file.
    let accepting = async move {
        let accepted = tasks.accept(new).await;
        match accepted {
            // A store that fails in the middle may have stored the task: its files stay. If no task owns them, the janitor
            // deletes them by their age. A full store says so before it changes anything.
            Ok(Accepted::New) | Err(AcceptError::Store(StoreError::Unavailable(_) | StoreError::Corrupt(_))) => {
                upload.keep();
            }
            _ => {}
        }
        accepted
    };
    let (span, of_log) = (spans::commit(None), traced::of_log(trace.as_ref()));
    let accepted = tokio::spawn(accepting.instrument(span.clone()).instrument(of_log)).await;
    if !matches!(accepted, Ok(Ok(_))) {
        spans::erred(&span);
    }
    match accepted.map_err(|error| ApiError::internal(format!("accepting a task: {error}")))? {
        Ok(Accepted::New) => {
            caller.has_made(task);
            Ok(response)
        }
        Ok(Accepted::Replayed(response)) => Ok(response),
        Err(error) => Err(accept_error(app, error)),
    }
}
