//! What was sent to webhooks, with every attempt; and sending one again.

use super::ApiError;
use super::auth::Caller;
use super::endpoints::again::pace;
use super::error::ErrorBody;
use super::sequence::Sequences;
use super::submit::json as json_body;
use super::task::{PathTask, own};
use crate::Api;
use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::StatusCode;
use morag_core::Timestamp;
use morag_core::ports::{
    AttemptRecord, DeliveryRecord, DeliveryState, KeptCredentials, NewResend, ResendError, TaskOutline,
};
use morag_core::task::TaskId;
use morag_core::webhook::{AttemptOutcome, EndpointId, ErrorClass, delivery_id, redact};
use morag_engine::endpoints::Known;
use serde::Serialize;
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
    /// How many they are.
    pub count: usize,
}

/// One delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryBody {
    /// `X-MoRAG-Delivery`.
    #[schema(value_type = String, format = Uuid)]
    pub delivery_id: String,
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Id of the endpoint; `task` for the task's own `webhook_url`.
    pub endpoint: String,
    /// Where to; credentials and query hidden. Null where the endpoint is no more.
    pub url: Option<String>,
    /// Whether it was replayed to another URL than the endpoint's.
    pub replayed: bool,
    /// `X-MoRAG-Sequence`; null where it is not known yet.
    pub sequence: Option<u64>,
    /// 0 for the delivery itself, from 1 for those that somebody asked for.
    pub resend: u32,
    /// Position of the event in the task's history.
    pub event_sequence: u64,
    /// Type of the event; null where the task is no longer kept.
    pub event_type: Option<String>,
    /// `pending`, `delivered`, `dead` (given up), or `resent`: given up, and sent again since, as a delivery of its own.
    #[schema(value_type = String)]
    pub state: DeliveryState,
    /// When it was moved last.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptBody>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    /// `X-MoRAG-Attempt`.
    pub attempt: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: OutcomeBody,
}

/// What came of an exchange.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutcomeBody {
    /// HTTP status of the answer; null where there was none.
    pub http_status: Option<u16>,
    /// Why there was none; null where there was one, and where nothing was sent because the event was too old: `dns`, `address_refused`, `connect`, `tls`, `timeout`, `reset` or `protocol`.
    #[schema(value_type = Option<String>)]
    pub error: Option<ErrorClass>,
    /// Beginning of the answer or of the error's text, or why nothing was sent; at most 1 KiB.
    pub excerpt: String,
    /// How long it took, to the last byte.
    pub duration_ms: u64,
    /// What the receiver asked for in `Retry-After`, milliseconds.
    pub retry_after_ms: Option<u64>,
}

impl From<AttemptOutcome> for OutcomeBody {
    fn from(outcome: AttemptOutcome) -> Self {
        let AttemptOutcome { status, error, retry_after_ms, excerpt, duration_ms } = outcome;
        Self { http_status: status, error, excerpt, duration_ms, retry_after_ms }
    }
}

/// A delivery is made again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resent {
    /// The new delivery.
    #[schema(value_type = String, format = Uuid)]
    pub delivery_id: String,
    /// The one that it makes again.
    #[schema(value_type = String, format = Uuid)]
    pub resent_delivery_id: String,
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// Id of the endpoint.
    pub endpoint: String,
    /// For which time it is made again, from 1.
    pub resend: u32,
    /// `pending`.
    #[schema(value_type = String)]
    pub state: DeliveryState,
    /// Whether it is sent with what the endpoint has of token and headers.
    pub credentials_sent: bool,
    /// Why not; null where they are.
    #[schema(value_type = Option<String>)]
    pub credentials_note: Option<&'static str>,
}

/// Where to send again.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body in OpenAPI; the body itself is read by hand")]
pub struct ResendRequest {
    /// Another URL than the endpoint's. It is sent neither the endpoint's token nor its headers.
    pub url: Option<String>,
}

/// What was sent to a task's webhooks
#[utoipa::path(
    get, path = "/api/v1/tasks/{task_id}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(("task_id" = String, Path, description = "The task")),
    responses(
        (status = 200, description = "Its deliveries with every attempt", body = DeliveryList),
        (status = 404, description = "No such task", body = ErrorBody),
    )
)]
pub async fn list(State(app): State<Arc<Api>>, PathTask(task): PathTask) -> Result<Json<DeliveryList>, ApiError> {
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
        ("task_id" = String, Path, description = "The task"),
        ("delivery_id" = String, Path, description = "`delivery_id` of the log"),
    ),
    request_body(content = Option<ResendRequest>, content_type = "application/json"),
    responses(
        (status = 200, description = "It is sent again", body = Resent),
        (status = 404, description = "No such task (`task_not_found`), delivery (`delivery_not_found`) or endpoint any more (`endpoint_not_found`)", body = ErrorBody),
        (status = 409, description = "It is still being sent (`delivery_pending`), or was sent again too often (`resends_exhausted`)", body = ErrorBody),
        (status = 422, description = "A URL that may not be sent to", body = ErrorBody),
    )
)]
pub async fn resend(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathTask(task): PathTask,
    Path(path): Path<HashMap<String, String>>,
    request: Request,
) -> Result<Json<Resent>, ApiError> {
    let asked = json_body::read_or_empty(request).await?;
    super::endpoints::input::only(&asked, &["url"])?;
    let task = own(&app, &task).await?;
    let wanted = path.get("delivery_id").map(String::as_str).unwrap_or_default();
    let records = app.deliveries.deliveries(task).await?;
    let id = |record: &DeliveryRecord| delivery_id(task, &record.endpoint, record.delivery, record.resend).to_string();
    let found = records.into_iter().find(|record| id(record).eq_ignore_ascii_case(wanted));
    let record = found.ok_or_else(|| refused(ResendError::Unknown))?;
    if record.endpoint != EndpointId::of_task() {
        super::endpoints::path::load(&app, &record.endpoint).await?;
    }
    let url = super::endpoints::input::other_url(&app, &caller, &asked).await?;
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
    let new = NewResend { task, endpoint: endpoint.clone(), delivery, url, due: pace(app.clock.now(), 0) };
    let resend = app.deliveries.resend(&new).await.map_err(refused)?;
    tracing::info!(%task, endpoint = endpoint.as_str(), delivery, resend, "a webhook is sent again");
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

/// Why a delivery is not made again.
pub fn refused(error: ResendError) -> ApiError {
    let text = error.to_string();
    match error {
        ResendError::Unknown => {
            ApiError::new(StatusCode::NOT_FOUND, "delivery_not_found", "The task has no delivery of this id")
        }
        ResendError::Pending => ApiError::conflict("delivery_pending", text),
        ResendError::TooMany => ApiError::conflict("resends_exhausted", text),
        ResendError::Store(error) => error.into(),
    }
}

/// A delivery of a task that is kept.
pub fn delivery(
    known: &Known,
    task: TaskId,
    outline: &TaskOutline,
    record: DeliveryRecord,
    sequence: Option<u64>,
) -> DeliveryBody {
    let DeliveryRecord { endpoint, delivery, resend, event, state, at, url, attempts } = record;
    let own = || outline.accepted.webhook_url.clone().filter(|_| endpoint == EndpointId::of_task());
    let named = || known.get(&endpoint).map(|opened| redact(opened.endpoint.settings.url.as_url()));
    let place = usize::try_from(event).ok().and_then(|event| event.checked_sub(1));
    DeliveryBody {
        delivery_id: delivery_id(task, &endpoint, delivery, resend).to_string(),
        task_id: task.to_string(),
        replayed: url.is_some(),
        url: url.map(|url| redact(url.as_url())).or_else(own).or_else(named),
        endpoint: endpoint.name().to_owned(),
        sequence,
        resend,
        event_sequence: event,
        event_type: place.and_then(|place| outline.event_types.get(place)).cloned(),
        state,
        at,
        attempts: attempts.into_iter().map(attempt).collect(),
    }
}

fn attempt(record: AttemptRecord) -> AttemptBody {
    let AttemptRecord { attempt, at, outcome } = record;
    AttemptBody { attempt, at, outcome: outcome.into() }
}
