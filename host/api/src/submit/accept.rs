//! From a form to an accepted task.

use super::fields::Fields;
use super::file_name;
use super::form::Form;
use super::given::Given;
use super::upload::StoredFile;
use super::wish::Wish;
use crate::Api;
use crate::ApiError;
use crate::auth::Caller;
use crate::endpoints::create::not_sealing;
use crate::error::FieldError;
use crate::quota;
use axum::http::{HeaderMap, StatusCode};
use morag_core::JsonObject;
use morag_core::pipeline::Pipeline;
use morag_core::ports::{AcceptError, Accepted, Idempotency, NewTask, StoreError};
use morag_core::task::{DocumentId, Source, TaskRecord};
use morag_core::webhook::AddressPolicy;
use morag_engine::endpoints::task_credentials;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest `Idempotency-Key`: the draft standard's examples are UUIDs.
const IDEMPOTENCY_KEY_MAX: usize = 255;

/// Bytes that the pipeline is taken to process per second, for the estimate: about 100 pages of PDF a second make some
/// MiB; half a MiB leaves room for slow documents.
const BYTES_PER_SECOND: u64 = 512 * 1024;

/// What a caller asks for, checked, before there is a file.
pub struct Asked {
    /// What the caller asks for.
    pub wish: Wish,
    /// What the task runs through.
    pub pipeline: Pipeline,
}

/// A checked submission.
pub struct Submission {
    /// What the caller asks for.
    pub wish: Wish,
    /// What the task runs through.
    pub pipeline: Pipeline,
    /// The file.
    pub file: StoredFile,
    /// Digest of everything asked for.
    pub digest: String,
}

/// What identifies the request beside its content.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Who asks.
    pub caller: Caller,
    /// Name of the route.
    pub route: &'static str,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
}

impl Origin {
    /// Reads the headers.
    pub fn read(caller: Caller, route: &'static str, headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(value) = headers.get("idempotency-key") else {
            return Ok(Self { caller, route, idempotency_key: None });
        };
        let sane = |text: &&str| (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len());
        let key = value.to_str().ok().map(str::trim).filter(sane).map(str::to_owned);
        let msg = format!("Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters");
        let invalid =
            || FieldError { loc: vec!["header".into(), "Idempotency-Key".into()], msg, kind: "value_error".into() };
        match key {
            Some(key) => Ok(Self { caller, route, idempotency_key: Some(key) }),
            None => Err(ApiError::invalid(vec![invalid()])),
        }
    }
}

impl Origin {
    /// The idempotency key as it is stored: made unique to the caller and the route.
    pub fn key(&self) -> Option<String> {
        let key = self.idempotency_key.as_ref()?;
        // A key that is given to another tenant meets nothing of the one before.
        let caller = self.caller.tenant().stored_name('/', &self.caller.as_text());
        Some(format!("{caller}/{}/{key}", self.route))
    }

    /// The origin of a part of the request.
    #[must_use]
    pub fn part(&self, index: usize) -> Self {
        Self { idempotency_key: self.idempotency_key.as_ref().map(|key| format!("{key}/{index}")), ..self.clone() }
    }
}

impl Asked {
    /// Checks fields. `default_pipeline` is for callers who name none.
    pub fn check(app: &Api, fields: &mut Fields, default_pipeline: &Pipeline, required: &[&str]) -> Option<Self> {
        let policy = AddressPolicy::new(app.config.webhook_allow_networks.clone());
        let wish = Wish::read(fields, &policy);
        for name in required.iter().filter(|name| !fields.has(name)).copied().collect::<Vec<_>>() {
            fields.miss(name);
        }
        let pipeline = match wish.pipeline.as_deref().map(|name| app.pipelines.get(name)) {
            None => Some(default_pipeline.clone()),
            Some(found) => found.cloned(),
        };
        if pipeline.is_none() {
            let names = app.pipelines.names();
            fields.refuse("pipeline", format!("there is no such pipeline: choose one of {names}"));
        }
        Some(Self { wish, pipeline: pipeline? }).filter(|_| fields.is_sound())
    }
}

impl Submission {
    /// Checks the fields of a form that has been read. `default_pipeline` is for callers who name none.
    pub fn check(
        app: &Api,
        file: Option<StoredFile>,
        mut fields: Fields,
        default_pipeline: &Pipeline,
        required: &[&str],
    ) -> Result<Self, ApiError> {
        let asked = Asked::check(app, &mut fields, default_pipeline, required);
        if file.is_none() {
            fields.miss("file");
        }
        let digest = file.as_ref().map(|file| digest(&fields, file));
        let errors = fields.into_errors();
        match (errors.is_empty(), asked, file, digest) {
            (true, Some(Asked { wish, pipeline }), Some(file), Some(digest)) => {
                Ok(Self { wish, pipeline, file, digest })
            }
            _ => Err(ApiError::invalid(errors)),
        }
    }
}

/// Digest of what was asked for: names, values and the file.
fn digest(fields: &Fields, file: &StoredFile) -> String {
    #[derive(Serialize)]
    struct Asked<'a> {
        fields: &'a BTreeMap<String, Given>,
        file_name: &'a str,
        media_type: &'a str,
        sha256: &'a str,
    }
    let StoredFile { file_name, media_type, sha256, .. } = file;
    digest_json(&Asked { fields: fields.values(), file_name, media_type, sha256 })
}

/// Digest of a request that has no file of its own: names and values, and what else belongs to it.
pub fn digest_of(fields: &Fields, more: &serde_json::Value) -> String {
    #[derive(Serialize)]
    struct Asked<'a> {
        fields: &'a BTreeMap<String, Given>,
        more: &'a serde_json::Value,
    }
    digest_json(&Asked { fields: fields.values(), more })
}

/// Digest of a value's JSON, which is nowhere as a whole.
fn digest_json(value: &impl Serialize) -> String {
    struct Hasher(Sha256);
    impl std::io::Write for Hasher {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut hasher = Hasher(Sha256::new());
    // Neither the values nor the hash can fail.
    let _ = serde_json::to_writer(&mut hasher, value);
    hex::encode(hasher.0.finalize())
}

/// What was answered to the same request before, if anything.
pub async fn replayed(app: &Api, origin: &Origin, digest: &str) -> Result<Option<JsonObject>, ApiError> {
    match origin.key() {
        Some(key) => app.tasks.replay(&key, digest).await.map_err(|error| refused(app, error)),
        None => Ok(None),
    }
}

/// Whether a task could be accepted as far as can be said without its file, so that nothing is fetched in vain.
pub async fn foresee(app: &Api, caller: &Caller, asked: &Asked) -> Result<(), ApiError> {
    let Asked { wish, pipeline } = asked;
    app.disk.check().await?;
    check_endpoint(app, caller, wish).await?;
    check_collection(app, caller, wish, pipeline)?;
    quota::check_stored_bytes(app, caller, 0).await?;
    app.tasks.may_enter(&caller.flow(), caller.limits()).await.map_err(|error| refused(app, error))?;
    if let Some(document) =
        wish.document_id.as_ref().filter(|_| app.pipelines.stores(pipeline) && !wish.replace_existing)
        && let Some(holder) = app.tasks.document_holder(caller.tenant(), document).await?
    {
        return Err(ApiError::duplicate_document(holder));
    }
    Ok(())
}

async fn check_endpoint(app: &Api, caller: &Caller, wish: &Wish) -> Result<(), ApiError> {
    let Some(endpoint) = &wish.endpoint else { return Ok(()) };
    let checked = app.fair.look_up(caller, app.sender.check(&endpoint.url)).await?;
    checked.map_err(|error| ApiError::invalid(vec![FieldError::body("webhook_url", error.to_string())]))
}

/// 403 for a collection that the caller may not write to. A pipeline that stores nothing needs none.
fn check_collection(app: &Api, caller: &Caller, wish: &Wish, pipeline: &Pipeline) -> Result<(), ApiError> {
    let is_used = wish.names_collection || app.pipelines.stores(pipeline);
    if !is_used || caller.may_use(&wish.collection) {
        return Ok(());
    }
    let text =
        format!("The key may not use the collection {:?}: give a collection_name that it may use", wish.collection);
    Err(ApiError::new(StatusCode::FORBIDDEN, "collection_not_allowed", text))
}

/// Seconds that a task of this size takes alone, roughly.
pub fn estimated_seconds(bytes: u64) -> u64 {
    1 + bytes / BYTES_PER_SECOND
}

/// Accepts a task. `answer` makes the response that is stored with it and given again to the same request.
pub async fn accept(
    app: &Arc<Api>,
    origin: Origin,
    form_upload: super::upload::Upload,
    submission: Submission,
    answer: impl FnOnce(&TaskRecord) -> JsonObject,
) -> Result<JsonObject, ApiError> {
    let Submission { wish, pipeline, file, digest } = submission;
    if let Some(response) = replayed(app, &origin, &digest).await? {
        return Ok(response);
    }
    form_upload.within_quota()?;
    app.disk.check().await?;
    check_endpoint(app, &origin.caller, &wish).await?;
    check_collection(app, &origin.caller, &wish, &pipeline)?;
    // With what is being uploaded beside it.
    let uploading = app.fair.uploads.of(origin.caller.tenant()).max(file.size);
    quota::check_stored_bytes(app, &origin.caller, uploading).await?;
    let (key, caller) = (origin.key(), origin.caller);
    let source_type = wish.source_type.unwrap_or_else(|| file_name::source_type(&file.media_type));
    let claims_document = app.pipelines.stores(&pipeline);
    let mut record = TaskRecord {
        id: form_upload.task(),
        document_id: wish.document_id.unwrap_or_else(DocumentId::random),
        pipeline,
        source: Source {
            stored_as: file.stored_as,
            file_name: file.file_name,
            media_type: file.media_type,
            size: file.size,
            sha256: file.sha256,
            source_type,
        },
        collection: wish.collection,
        language: wish.language,
        replace_existing: wish.replace_existing,
        options: wish.options,
        metadata: wish.metadata,
        endpoints: wish.endpoint.into_iter().collect(),
        subscribers: vec![],
        created_at: app.clock.now(),
        tenant: caller.tenant().clone(),
    };
    record.subscribers = app.endpoints.fresh().await?.chosen_by(&record);
    let (response, task) = (answer(&record), record.id);
    let idempotency = key.map(|key| Idempotency { key, request_digest: digest, response: response.clone() });
    // After the answer, which shows none of them.
    let sealer = match task_credentials::has_any(&record) {
        true => app.endpoints.sealing().await.map_err(not_sealing)?,
        false => None,
    };
    let credentials = task_credentials::take_out(sealer, &mut record);
    let credentials = credentials.map_err(|error| ApiError::internal(format!("webhook credentials: {error}")))?;
    let (flow, limits) = (caller.flow(), caller.limits());
    let new = NewTask { record, idempotency, claims_document, flow, credentials, limits };
    let tasks = app.tasks.clone();
    // Apart from the request: a client that goes away now must not separate the task from its file.
    let accepting = tokio::spawn(async move {
        let accepted = tasks.accept(new).await;
        match accepted {
            // Where the store went away, the task may have been stored although nobody said so: files that turn out to be
            // nobody's go by their age. A store that is full says so before it changes anything.
            Ok(Accepted::New) | Err(AcceptError::Store(StoreError::Unavailable(_) | StoreError::Corrupt(_))) => {
                form_upload.keep();
            }
            _ => {}
        }
        accepted
    });
    match accepting.await.map_err(|error| ApiError::internal(format!("accepting a task: {error}")))? {
        Ok(Accepted::New) => {
            caller.has_made(task);
            Ok(response)
        }
        Ok(Accepted::Replayed(response)) => Ok(response),
        Err(error) => Err(refused(app, error)),
    }
}

/// What a caller is told whose task is not taken.
pub fn refused(app: &Api, error: AcceptError) -> ApiError {
    match error {
        AcceptError::DuplicateDocument(holder) => ApiError::duplicate_document(holder),
        AcceptError::IdempotencyConflict => {
            let text = "The Idempotency-Key was used with another request: use a new key for a new request";
            ApiError::conflict("idempotency_conflict", text)
        }
        AcceptError::QueueFull => ApiError::queue_full(),
        AcceptError::QueueShare => ApiError::queue_share(),
        AcceptError::OverQuota(over) => quota::over(over, app.clock.now()),
        AcceptError::Store(error) => error.into(),
    }
}

/// What a handler takes of a form: its fields merged, its file, and the owner of the stored file.
pub fn parts(form: Form) -> (Fields, Option<StoredFile>, super::upload::Upload) {
    (Fields::merge(form.fields), form.file, form.upload)
}
