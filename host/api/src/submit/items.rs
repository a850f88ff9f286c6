//! Several documents in one request: each accepted or refused by itself.

use super::accept::{Asked, Origin, Submission, accept, replayed};
use super::fields::Fields;
use super::ingest::accepted;
use super::upload::{StoredFile, Upload};
use super::url;
use crate::Api;
use crate::ApiError;
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

/// Most items of a batch (`docs/http-api.md#submit-a-batch`).
pub const ITEMS_MAX: usize = 50;

/// Items of one batch that are fetched at once: enough to keep a slow server from holding up the rest, too few to press one
/// that has all of them.
const FETCHES_AT_ONCE: usize = 4;

/// One document of a batch, its fields complete.
pub enum Item {
    /// To be fetched from `url`.
    Url(Fields),
    /// Uploaded with the request.
    File(Fields, Box<(StoredFile, Upload)>),
    /// Not to be read.
    Unreadable(ApiError),
}

/// What became of a batch.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct BatchAnswer {
    /// Identifies the batch in what the caller keeps; the server knows tasks alone.
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
    /// Its place among the items, from 0.
    pub index: usize,
    /// Its URL without its query, or its file's name.
    pub source: Option<String>,
    /// Status that it would have had as a request of its own.
    pub status: u16,
    /// Stable and machine readable.
    pub error_code: String,
    /// One line for people.
    pub error: String,
    /// The same, or for 422 the array of fields that are wrong.
    #[schema(value_type = Object)]
    pub detail: Value,
}

/// Accepts the items of a batch, a few at a time. `digest`: of the whole request.
///
/// The Idempotency-Key guards the whole: with another request it is a conflict. Each accepted item is stored with a key of its
/// own below it. So a request that is sent again, also after a crash in the middle, meets the tasks there are, and items that
/// were not accepted are tried again.
pub async fn submit(
    app: &Arc<Api>,
    origin: Origin,
    digest: String,
    default_pipeline: &Pipeline,
    items: Vec<Item>,
) -> Result<BatchAnswer, ApiError> {
    if origin.idempotency_key.is_some() {
        // All places, for the earlier request may have had more items.
        for index in 0..ITEMS_MAX {
            replayed(app, &origin.part(index), &digest).await?;
        }
    }
    let (batch_id, caller) = (batch_id(&origin, &digest), origin.caller.clone());
    let total_items = items.len();
    let sources: Vec<_> = items.iter().map(source).collect();
    let work = items.into_iter().enumerate().map(|(index, item)| {
        let (origin, digest) = (origin.part(index), digest.clone());
        async move { submit_one(app, origin, digest, default_pipeline, item).await }
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
    // Nothing of it happened, and none of it is the items' fault.
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

async fn submit_one(
    app: &Arc<Api>,
    origin: Origin,
    digest: String,
    default_pipeline: &Pipeline,
    item: Item,
) -> Result<JsonObject, ApiError> {
    match item {
        Item::Url(fields) => url::submit(app, origin, fields, digest, default_pipeline, accepted).await,
        Item::File(mut fields, file) => {
            let (file, upload) = *file;
            let asked = Asked::check(app, &mut fields, default_pipeline, &[]);
            let Some(Asked { wish, pipeline }) = asked else { return Err(ApiError::invalid(fields.into_errors())) };
            accept(app, origin, upload, Submission { wish, pipeline, file, digest }, accepted).await
        }
        Item::Unreadable(error) => Err(error),
    }
}

/// What an item is, as it may be shown.
fn source(item: &Item) -> Option<String> {
    match item {
        Item::Url(fields) => fields.values().get("url")?.as_str()?.parse::<SourceUrl>().ok().map(|url| url.redacted()),
        Item::File(_, file) => Some(file.0.file_name.clone()),
        Item::Unreadable(_) => None,
    }
}

/// Random, but the same for a request that is sent again.
fn batch_id(origin: &Origin, digest: &str) -> String {
    let Some(key) = origin.key() else { return uuid::Uuid::new_v4().to_string() };
    let hash = Sha256::digest(json!([key, digest]).to_string());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
