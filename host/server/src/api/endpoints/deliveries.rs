//! What was sent to an endpoint, of all tasks.

use super::input::since;
use super::path::{PathEndpoint, load};
use crate::App;
use crate::api::ApiError;
use crate::api::deliveries::{DeliveryBody, delivery};
use crate::api::error::{ErrorBody, FieldError};
use crate::api::query::Parameters;
use crate::api::sequence::Sequences;
use axum::Json;
use axum::extract::State;
use morag_core::JsonObject;
use morag_core::ports::{DeliveryFilter, DeliveryRecord, DeliveryState, EndpointDelivery, StoreError, TaskLog};
use morag_core::task::TaskId;
use serde::Serialize;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
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
    State(app): State<Arc<App>>,
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
    let (mut sequences, mut tasks) = (Sequences::default(), Tasks::default());
    let mut deliveries = Vec::with_capacity(page.items.len());
    for EndpointDelivery { task, record } in page.items {
        // One that went with its task meanwhile is no more to be seen.
        let Some((log, records)) = tasks.get(&app, task).await? else { continue };
        let is_same = |one: &&DeliveryRecord| {
            one.endpoint == record.endpoint && one.delivery == record.delivery && one.resend == record.resend
        };
        let record = records.iter().find(is_same).cloned().unwrap_or(record);
        let sequence = sequences.of(&app, &known, &log.record, &record.endpoint, record.delivery).await?;
        deliveries.push(delivery(&known, log, record, sequence));
    }
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

/// Tasks of a page, each read once.
#[derive(Default)]
struct Tasks(HashMap<TaskId, Option<(TaskLog, Vec<DeliveryRecord>)>>);

impl Tasks {
    async fn get(&mut self, app: &App, task: TaskId) -> Result<Option<&(TaskLog, Vec<DeliveryRecord>)>, StoreError> {
        if let Entry::Vacant(place) = self.0.entry(task) {
            place.insert(match app.tasks.load(task).await? {
                Some(log) => Some((log, app.deliveries.deliveries(task).await?)),
                None => None,
            });
        }
        Ok(self.0.get(&task).and_then(Option::as_ref))
    }
}
