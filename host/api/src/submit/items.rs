//! Several documents in one request: each accepted or refused by itself.

use super::accept::{Key, submit_file};
use super::checked::{CheckedSpec, Submission};
use super::field_value::ITEMS_MAX;
use super::fields::Fields;
use super::ingest::accepted;
use super::lookups::{WebhookHosts, replayed_or, replayed_parts};
use super::origin::Origin;
use super::upload::{StoredFile, Upload};
use super::url::{self, Document};
use crate::Api;
use crate::ApiError;
use crate::error_detail::ErrorDetail;
use axum::http::StatusCode;
use futures::{StreamExt as _, stream};
use morag_core::JsonObject;
use morag_core::pipeline::Pipeline;
use morag_core::ports::SourceUrl;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use utoipa::ToSchema;

/// Items of one batch that are fetched at once: enough that one slow server does not delay the rest, few enough not to burden a
/// server that has all of them.
const FETCHES_AT_ONCE: usize = 4;

/// One document of a batch, its fields complete.
pub enum Item {
    /// Fetched from `url`.
    Url(Fields),
    /// Uploaded with the request.
    File(Fields, Box<(StoredFile, Upload)>),
    /// An item that cannot be read.
    Unreadable(ApiError),
}

/// The result of a batch.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// Identifies the batch for the caller; the server only stores tasks.
    #[schema(format = Uuid)]
    pub batch_id: String,
    /// Tasks of the accepted items, in the items' order.
    #[schema(value_type = Vec<String>)]
    pub task_ids: Vec<Value>,
    /// How many items were submitted.
    pub total_items: usize,
    /// Items that were not accepted.
    pub rejected: Vec<RejectedItem>,
    /// One line for people.
    pub message: String,
}

/// An item that was not accepted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RejectedItem {
    /// Its index among the items, from 0.
    pub index: usize,
    /// Its URL without its query, or its file's name.
    pub source: Option<String>,
    /// Status that it would have as a separate request.
    pub status: u16,
    /// Stable and machine readable.
    pub error_code: String,
    /// One line for people.
    pub error: String,
    /// The same, or for 422 the array of invalid fields.
    #[schema(value_type = ErrorDetail, inline)]
    pub detail: Value,
}

/// Accepts the items of a batch, a few at a time. `digest` is that of the whole request.
///
/// The `Idempotency-Key` is for the whole batch: with another request it is a conflict. Each accepted item is stored with a key
/// derived from it. So a request that is sent again, even after a crash in the middle, gets the tasks that exist, and items that
/// were not accepted are tried again.
///
/// # Errors
/// 409 for a key of another request; 503 and 507 if the server could not take any item.
pub async fn submit(
    app: &Arc<Api>,
    origin: Origin,
    digest: String,
    default_pipeline: &Pipeline,
    items: Vec<Item>,
) -> Result<BatchAnswer, ApiError> {
    // Every index that a batch can have: an earlier request with this key may have had more items.
    let mut answered = replayed_parts(app, &origin, &digest, ITEMS_MAX).await?;
    let hosts = WebhookHosts::default();
    let (batch_id, caller) = (batch_id(&origin, &digest), origin.caller.clone());
    let origin = &origin;
    let total_items = items.len();
    let sources: Vec<_> = items.iter().map(source).collect();
    let work = items.into_iter().enumerate().map(|(index, item)| {
        let (digest, hosts) = (digest.clone(), &hosts);
        let answered = answered.get_mut(index).and_then(Option::take);
        async move {
            if let Some(response) = answered {
                return Ok(response);
            }
            let part = origin.part(index);
            match submit_one(app, hosts, part, digest.clone(), default_pipeline, item).await {
                // The same request, sent at the same time, may have been accepted meanwhile: its task is what refuses this one.
                Err(error) => replayed_or(app, &origin.part(index), &digest, error).await,
                accepted => accepted,
            }
        }
    });
    let results: Vec<_> = stream::iter(work).buffered(FETCHES_AT_ONCE).collect().await;

    let (mut task_ids, mut rejected, mut first_error) = (Vec::new(), Vec::new(), None);
    for ((index, result), source) in results.into_iter().enumerate().zip(sources) {
        match result {
            Ok(answer) => task_ids.extend(answer.get("task_id").cloned()),
            Err(error) => {
                rejected.push(RejectedItem {
                    index,
                    source,
                    status: error.status().as_u16(),
                    error_code: error.code().into(),
                    error: error.public().into(),
                    detail: error.detail(),
                });
                first_error.get_or_insert(error);
            }
        }
    }
    // Nothing was accepted, and the server is the cause, not the items.
    let of_the_server = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::INSUFFICIENT_STORAGE];
    if let Some(error) = first_error.filter(|error| task_ids.is_empty() && of_the_server.contains(&error.status())) {
        return Err(error);
    }
    if task_ids.is_empty() {
        caller.all_rejected();
    }
    let message = format!("{} of {total_items} items accepted for processing", task_ids.len());
    Ok(BatchAnswer { batch_id, task_ids, total_items, rejected, message })
}

/// Accepts an item whose idempotency key was looked up with the batch's.
async fn submit_one(
    app: &Arc<Api>,
    hosts: &WebhookHosts,
    origin: Origin,
    digest: String,
    default_pipeline: &Pipeline,
    item: Item,
) -> Result<JsonObject, ApiError> {
    match item {
        Item::Url(fields) => {
            let document = Document { fields, digest, key: Key::New };
            url::submit(app, hosts, origin, document, default_pipeline, accepted).await
        }
        Item::File(mut fields, file) => {
            let (file, upload) = *file;
            let checked = CheckedSpec::check(app, &mut fields, default_pipeline, &[]);
            let Some(checked) = checked else { return Err(ApiError::invalid(fields.into_errors())) };
            submit_file(app, hosts, Key::New, origin, upload, Submission { checked, file, digest }, accepted).await
        }
        Item::Unreadable(error) => Err(error),
    }
}

/// The source of an item for the answer: its URL without the query, or its file's name.
fn source(item: &Item) -> Option<String> {
    match item {
        Item::Url(fields) => fields.values().get("url")?.as_str()?.parse::<SourceUrl>().ok().map(|url| url.redacted()),
        Item::File(_, file) => Some(file.0.file_name.clone()),
        Item::Unreadable(_) => None,
    }
}

/// The id of a batch: random, or derived from the idempotency key, so that a request that is sent again gets the same.
fn batch_id(origin: &Origin, digest: &str) -> String {
    let Some(key) = origin.key() else { return uuid::Uuid::new_v4().to_string() };
    let hash = Sha256::digest(json!([key, digest]).to_string());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
