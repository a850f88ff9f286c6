//! What was sent to an endpoint, of all tasks.

use super::input::since;
use super::path::{PathEndpoint, load};
use crate::Api;
use crate::ApiError;
use crate::deliveries::{DeliveryBody, delivery};
use crate::error::{ErrorBody, FieldError};
use crate::query::Parameters;
use crate::sequence::Sequences;
use axum::Json;
use axum::extract::State;
use morag_core::JsonObject;
use morag_core::ports::{DeliveryFilter, DeliveryRecord, DeliveryState, EndpointDelivery};
use morag_core::task::TaskId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Deliveries of a page when nobody says, and at most: of each, its task is read for the event and the attempts.
const PAGE_DEFAULT: u64 = 50;
const PAGE_MAX: u64 = 200;

/// An endpoint's deliveries, those moved last first.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointDeliveries {
    /// The endpoint.
    pub endpoint: String,
    /// The deliveries of this page, with every attempt.
    pub deliveries: Vec<DeliveryBody>,
    /// How many they are.
    pub count: usize,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// What was sent to an endpoint
///
/// Of all tasks, those moved last first. `status=dead` lists the dead letters: they can be sent again one by one, or all by
/// `…/recover`.
#[utoipa::path(
    get, path = "/api/v1/webhooks/endpoints/{endpoint_id}/deliveries", tag = "webhooks", operation_id = "list_endpoint_deliveries",
    params(
        ("endpoint_id" = String, Path, description = "The endpoint"),
        ("status" = Option<String>, Query, description = "`pending`, `delivered`, `dead` or `resent`"),
        ("since" = Option<String>, Query, description = "Only those moved at this time or later, RFC 3339"),
        ("limit" = Option<u64>, Query, description = "1 to 200, default 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "Its deliveries with every attempt", body = EndpointDeliveries),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 422, description = "A parameter that cannot be", body = ErrorBody),
    )
)]
pub async fn list(
    State(app): State<Arc<Api>>,
    PathEndpoint(id): PathEndpoint,
    parameters: Parameters,
) -> Result<Json<EndpointDeliveries>, ApiError> {
    load(&app, &id).await?;
    let filter = DeliveryFilter {
        endpoint: id.clone(),
        state: state(parameters.text("status"))?,
        since: since(&JsonObject::new(), &parameters)?,
        limit: usize::try_from(parameters.number("limit", PAGE_DEFAULT, 1..=PAGE_MAX)?).unwrap_or(usize::MAX),
        cursor: parameters.cursor()?.map(str::to_owned),
    };
    let page = app.deliveries.endpoint_deliveries(&filter).await?;
    let known = app.endpoints.recent().await?;
    let mut sequences = Sequences::default();
    let mut shown: Vec<Option<DeliveryBody>> = page.items.iter().map(|_| None).collect();
    // Task by task, so that no more than one task's log of deliveries is in memory.
    for (task, places) in by_task(&page.items) {
        // One that went with its task meanwhile is no more to be seen.
        let Some(outline) = app.tasks.outline(task).await? else { continue };
        let mut records = app.deliveries.deliveries(task).await?;
        for place in places {
            let listed = &page.items[place].record;
            let is_same = |one: &DeliveryRecord| {
                one.endpoint == listed.endpoint && one.delivery == listed.delivery && one.resend == listed.resend
            };
            let found = records.iter().position(is_same).map(|found| records.swap_remove(found));
            let record = found.unwrap_or_else(|| listed.clone());
            let of = (task, &outline.accepted.document_id);
            let sequence = sequences.of(&app, &known, of, &record.endpoint, record.delivery).await?;
            shown[place] = Some(delivery(&known, task, &outline, record, sequence));
        }
    }
    let deliveries: Vec<_> = shown.into_iter().flatten().collect();
    Ok(Json(EndpointDeliveries {
        endpoint: id.name().to_owned(),
        count: deliveries.len(),
        deliveries,
        next_cursor: page.next_cursor,
    }))
}

/// A state by its word.
pub fn state(word: Option<&str>) -> Result<Option<DeliveryState>, ApiError> {
    match word {
        None => Ok(None),
        Some("pending") => Ok(Some(DeliveryState::Pending)),
        Some("delivered") => Ok(Some(DeliveryState::Delivered)),
        Some("dead") => Ok(Some(DeliveryState::Dead)),
        Some("resent") => Ok(Some(DeliveryState::Resent)),
        Some(_) => {
            let msg = "status must be pending, delivered, dead or resent";
            Err(ApiError::invalid(vec![FieldError::query("status", msg)]))
        }
    }
}

/// The tasks of a page, each with the places of its deliveries there.
fn by_task(items: &[EndpointDelivery]) -> BTreeMap<TaskId, Vec<usize>> {
    let mut tasks: BTreeMap<TaskId, Vec<usize>> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        tasks.entry(item.task).or_default().push(place);
    }
    tasks
}
