//! The log of a task's deliveries, with every attempt, and sending one again.

use super::ApiError;
use super::caller::Caller;
use super::delivery_body::{DeliveryBody, delivery};
use super::error::ErrorBody;
use super::query::NoQuery;
use super::resending::{due, refused};
use super::sequence::Sequences;
use super::submit::json as json_body;
use super::task::{PathTask, own};
use crate::Api;
use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use morag_core::ports::{DeliveryRecord, DeliveryState, KeptCredentials, NewResend, ResendError};
use morag_core::webhook::{EndpointId, delivery_id};
use morag_input::DeliveryWord;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// A task's deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryList {
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Its deliveries, in order.
    pub deliveries: Vec<DeliveryBody>,
    /// Their number.
    pub count: usize,
}

/// A resend of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resent {
    /// The new delivery.
    #[schema(value_type = String, format = Uuid)]
    pub delivery_id: String,
    /// The original delivery.
    #[schema(value_type = String, format = Uuid)]
    pub resent_delivery_id: String,
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Id of the endpoint.
    pub endpoint: String,
    /// Number of the resend, from 1.
    pub resend: u32,
    /// `pending`.
    #[schema(value_type = DeliveryWord)]
    pub state: DeliveryState,
    /// Whether it is sent with the endpoint's token and headers.
    pub credentials_sent: bool,
    /// Why not; null if they are.
    #[schema(value_type = Option<String>)]
    pub credentials_note: Option<&'static str>,
}

/// The target of a resend.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "url": "https://crm.example.com/hooks/again" }))]
pub struct ResendRequest {
    /// Another URL than the endpoint's. The endpoint's token and headers are not sent to it.
    #[schema(format = "uri", example = "https://crm.example.com/hooks/again")]
    url: Option<String>,
}

/// Deliveries of a task
#[utoipa::path(
    get, path = "/api/v1/tasks/{task_id}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(PathTask),
    responses(
        (status = 200, description = "Its deliveries with every attempt", body = DeliveryList),
        (status = 404, description = "No such task", body = ErrorBody),
    )
)]
pub async fn list(
    State(app): State<Arc<Api>>,
    PathTask(task): PathTask,
    _: NoQuery,
) -> Result<Json<DeliveryList>, ApiError> {
    let task = own(&app, &task).await?;
    let outline = app.tasks.outline(task).await?.ok_or_else(ApiError::unknown_task)?;
    let known = app.endpoints.recent().await?;
    let mut sequences = Sequences::default();
    let mut deliveries = Vec::new();
    for record in app.deliveries.deliveries(task).await? {
        let of = (task, &outline.accepted.document_id);
        let sequence = sequences.of(&app, &known, of, &record.endpoint, record.delivery).await?;
        deliveries.push(delivery(&known, task, &outline, record, sequence));
    }
    Ok(Json(DeliveryList { task_id: task.to_string(), count: deliveries.len(), deliveries }))
}

/// Send a delivery again
///
/// As a delivery of its own, with its own attempts, beside those that are under way. The body is that of the event. A task's
/// `webhook_auth_token` is deleted after the task's last delivery, and not sent to another URL: `credentials_sent` says whether it is.
#[utoipa::path(
    post, path = "/api/v1/tasks/{task_id}/deliveries/{delivery_id}/resend", tag = "webhooks", operation_id = "resend_delivery",
    params(
        PathTask,
        ("delivery_id" = String, Path, description = "`delivery_id` of the log", format = Uuid, example = "d2b7c1de-8f0e-5a4b-9c35-1f6f0f6a7d21"),
    ),
    request_body(content = Option<ResendRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "The delivery is sent again", body = Resent),
        (status = 404, description = "No such task (`task_not_found`), delivery (`delivery_not_found`) or endpoint any more (`endpoint_not_found`)", body = ErrorBody),
        (status = 409, description = "It is still being sent (`delivery_pending`), or was sent again too often (`resends_exhausted`)", body = ErrorBody),
        (status = 422, description = "A URL that deliveries may not reach", body = ErrorBody),
    )
)]
pub async fn resend(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathTask(task): PathTask,
    Path(path): Path<HashMap<String, String>>,
    _: NoQuery,
    request: Request,
) -> Result<Json<Resent>, ApiError> {
    let asked: ResendRequest = json_body::read_texts_as(request).await?;
    let task = own(&app, &task).await?;
    let wanted = path.get("delivery_id").map(String::as_str).unwrap_or_default();
    let records = app.deliveries.deliveries(task).await?;
    let id = |record: &DeliveryRecord| delivery_id(task, &record.endpoint, record.delivery, record.resend).to_string();
    let found = records.into_iter().find(|record| id(record).eq_ignore_ascii_case(wanted));
    let record = found.ok_or_else(|| refused(ResendError::Unknown))?;
    if record.endpoint != EndpointId::of_task() {
        super::endpoints::path::load(&app, &record.endpoint).await?;
    }
    let url = super::endpoints::input::other_url(&app, &caller, asked.url).await?;
    let kept = match record.endpoint == EndpointId::of_task() {
        true => app.deliveries.credentials(task).await?,
        false => KeptCredentials::None,
    };
    let credentials_note = match (&url, kept) {
        (Some(_), _) => {
            Some("it goes to another URL than the endpoint's: the endpoint's token and headers are not sent there")
        }
        (None, KeptCredentials::Gone) => Some(
            "the task's webhook_auth_token and headers were deleted after its last delivery: this one goes without them",
        ),
        (None, KeptCredentials::None | KeptCredentials::Kept(_)) => None,
    };
    let resent_delivery_id = id(&record);
    let DeliveryRecord { endpoint, delivery, .. } = record;
    let new = NewResend { task, endpoint: endpoint.clone(), delivery, url, due: due(app.clock.now(), 0) };
    let resend = app.deliveries.resend(&new).await.map_err(refused)?;
    tracing::info!(%task, endpoint = endpoint.as_str(), delivery, resend, "webhook resend queued");
    Ok(Json(Resent {
        delivery_id: delivery_id(task, &endpoint, delivery, resend).to_string(),
        resent_delivery_id,
        task_id: task.to_string(),
        endpoint: endpoint.name().to_owned(),
        resend,
        state: DeliveryState::Pending,
        credentials_sent: credentials_note.is_none(),
        credentials_note,
    }))
}
