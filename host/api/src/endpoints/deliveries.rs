//! The log of an endpoint's deliveries, of all tasks.

use super::path::{PathEndpoint, load};
use crate::Api;
use crate::ApiError;
use crate::delivery_body::{DeliveryBody, delivery};
use crate::error::ErrorBody;
use crate::query::{Query, SmallLimit};
use crate::sequence::Sequences;
use axum::Json;
use axum::extract::State;
use morag_core::ports::{DeliveryFilter, DeliveryRecord, EndpointDelivery};
use morag_core::task::TaskId;
use morag_input::{Cursor, DeliveryWord, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Which deliveries to list.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// Only deliveries in this state.
    #[param(inline)]
    status: Option<DeliveryWord>,
    /// Only deliveries whose state changed at this time or later.
    #[param(inline)]
    since: Option<Time>,
    /// Deliveries of a page: the task of each is read for its event and attempts.
    #[param(inline)]
    #[serde(default)]
    limit: SmallLimit,
    /// `next_cursor` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
}

/// An endpoint's deliveries, those moved last first.
#[derive(Debug, Serialize, ToSchema)]
pub struct EndpointDeliveries {
    /// The endpoint.
    pub endpoint: String,
    /// The deliveries of this page, with every attempt.
    pub deliveries: Vec<DeliveryBody>,
    /// Their number.
    pub count: usize,
    /// Where the next page begins; null at the end.
    pub next_cursor: Option<String>,
}

/// Deliveries of an endpoint
///
/// Of all tasks, the last changed first. `status=dead` lists the dead deliveries: they can be sent again one by one, or all with
/// `…/recover`.
#[utoipa::path(
    get, path = "/api/v1/webhooks/endpoints/{endpoint_id}/deliveries", tag = "webhooks", operation_id = "list_endpoint_deliveries",
    params(
        PathEndpoint,
        DeliveriesQuery,
    ),
    responses(
        (status = 200, description = "Its deliveries with every attempt", body = EndpointDeliveries),
        (status = 404, description = "No such endpoint", body = ErrorBody),
        (status = 422, description = "An invalid parameter", body = ErrorBody),
    )
)]
pub async fn list(
    State(app): State<Arc<Api>>,
    PathEndpoint(id): PathEndpoint,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Json<EndpointDeliveries>, ApiError> {
    load(&app, &id).await?;
    let filter = DeliveryFilter {
        endpoint: id.clone(),
        state: query.status.map(|word| word.0),
        since: query.since.map(|time| time.0),
        limit: query.limit.0 as usize,
        cursor: query.cursor.map(|cursor| cursor.0),
    };
    let page = app.deliveries.endpoint_deliveries(&filter).await?;
    let known = app.endpoints.recent().await?;
    let mut sequences = Sequences::default();
    let mut shown: Vec<Option<DeliveryBody>> = page.items.iter().map(|_| None).collect();
    // Task by task, so that only one task's log of deliveries is in memory.
    for (task, places) in by_task(&page.items) {
        // A delivery whose task expired meanwhile is left out.
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

/// The tasks of a page, each with the indexes of its deliveries.
fn by_task(items: &[EndpointDelivery]) -> BTreeMap<TaskId, Vec<usize>> {
    let mut tasks: BTreeMap<TaskId, Vec<usize>> = BTreeMap::new();
    for (place, item) in items.iter().enumerate() {
        tasks.entry(item.task).or_default().push(place);
    }
    tasks
}
