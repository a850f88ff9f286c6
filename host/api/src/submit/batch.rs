//! `POST /api/v1/ingest/batch`: several URLs in, a task for each out.

use super::field_value::{FieldItems, FieldObject, FieldValue, ITEM_BYTES_MAX, ITEMS_MAX, too_long};
use super::fields::Fields;
use super::items::{BatchAnswer, Item, submit};
use super::origin::{Origin, SubmissionHeaders};
use super::schemas::IngestBatch;
use super::{digest, json};
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::error::{ErrorBody, FieldError};
use crate::query::NoQuery;
use axum::extract::{Extension, Request, State};
use axum::{Json, http::HeaderMap};
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Ingest several documents by their URLs
///
/// Each item is fetched and accepted separately, a few at a time. The answer comes after the last one. Items that cannot be accepted are
/// listed in `rejected` with their errors; they do not stop the others.
#[utoipa::path(
    post, path = "/api/v1/ingest/batch", tag = "ingest", operation_id = "ingest_batch",
    params(SubmissionHeaders),
    request_body(content = IngestBatch, content_type = "application/json"),
    responses(
        (status = 200, description = "Accepted, apart from the items in `rejected`", body = BatchAnswer),
        (status = 401, description = "No key, or an unknown one", body = ErrorBody),
        (status = 409, description = "The Idempotency-Key was used with another request", body = ErrorBody),
        (status = 413, description = "The body is larger than 4 MiB", body = ErrorBody),
        (status = 422, description = "No items, or too many", body = ErrorBody),
        (status = 503, description = "The storage does not answer: nothing was accepted", body = ErrorBody),
        (status = 507, description = "The storage is full (`storage_full`), or the disk has less room than `MORAG_DISK_FREE_MIN` (`disk_full`): nothing was accepted", body = ErrorBody),
    )
)]
pub async fn ingest_batch(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    _: NoQuery,
    request: Request,
) -> Result<Json<BatchAnswer>, ApiError> {
    let origin = Origin::read(caller, "ingest/batch", &headers)?;
    let mut shared = Fields::of(json::read_fields(request).await?);
    shared.must_ingest();
    shared.take_none_of(&["url"]);
    if !shared.is_sound() {
        return Err(ApiError::invalid(shared.into_errors()));
    }
    // Before the digest, which reads every item: too many are refused without reading them.
    let list = list(shared.values().get("items"));
    let digest = list.is_ok().then(|| digest::without_file(&shared, &Value::Null));
    shared.take("items");
    shared.check_names();
    let (list, digest) = match (list, digest) {
        (Ok(list), Some(digest)) if shared.is_sound() => (list, digest),
        (list, _) => return Err(ApiError::invalid(list.err().into_iter().chain(shared.into_errors()).collect())),
    };
    let items = each(list, &shared);
    app.disk.check().await?;
    submit(&app, origin, digest, app.pipelines.ingest(), items).await.map(Json)
}

/// The items of a list of objects. `shared` has the defaults of each.
///
/// # Errors
/// 422 for anything but a list of 1 to [`ITEMS_MAX`]. An item that cannot be read is [`Item::Unreadable`].
pub fn items(given: Option<FieldValue>, shared: &Fields) -> Result<Vec<Item>, ApiError> {
    Ok(each(list(given.as_ref()).map_err(|error| ApiError::invalid(vec![error]))?, shared))
}

/// The texts of the items, 1 to [`ITEMS_MAX`].
fn list(given: Option<&FieldValue>) -> Result<Vec<Box<RawValue>>, FieldError> {
    let refused = |msg: String| FieldError::body("items", msg);
    let given = given.ok_or_else(|| FieldError::missing("items"))?;
    let items: Option<FieldItems> = given.read();
    let FieldItems { kept, count } = items.ok_or_else(|| refused("items must be a list of objects".into()))?;
    match (1..=ITEMS_MAX).contains(&count) {
        true => Ok(kept),
        false => Err(refused(format!("items must be 1 to {ITEMS_MAX}, and are {count}"))),
    }
}

fn each(list: Vec<Box<RawValue>>, shared: &Fields) -> Vec<Item> {
    list.into_iter().map(|item| self::item(item.get(), shared)).collect()
}

fn item(given: &str, shared: &Fields) -> Item {
    let refused = |msg: &str| Item::Unreadable(ApiError::invalid(vec![FieldError::body("items", msg)]));
    if given.len() > ITEM_BYTES_MAX {
        return refused(&too_long("the item", &given.len().to_string(), ITEM_BYTES_MAX));
    }
    let object = match serde_json::from_str::<FieldValue>(given) {
        Ok(FieldValue::Json(object)) => serde_json::from_str::<FieldObject>(object.get()).ok(),
        // A bare URL is an item too.
        Ok(url) if url.as_str().is_some() => {
            Some(FieldObject { values: [("url".to_owned(), url)].into(), left_out: 0 })
        }
        _ => None,
    };
    let Some(object) = object else { return refused("an item must be an object with url") };
    let mut fields = Fields::of(object);
    let mode = shared.word("mode").unwrap_or("ingest");
    if fields.word("mode").is_some_and(|own| own != mode) {
        fields.refuse("mode", "mode is the request's: leave it out of the items");
    }
    fields.default_to(shared);
    Item::Url(fields)
}
