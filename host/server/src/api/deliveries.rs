//! What was sent to a task's webhooks, with every attempt.

use super::ApiError;
use super::error::ErrorBody;
use super::task::{PathTask, load};
use crate::App;
use axum::Json;
use axum::extract::State;
use morag_core::Timestamp;
use morag_core::ports::{AttemptRecord, DeliveryRecord, TaskLog};
use morag_core::webhook::{delivery_id, redact};
use serde::Serialize;
use serde_json::{Value, json};
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
    /// Endpoint within the task; `task` for its own `webhook_url`.
    pub endpoint: String,
    /// Where to; credentials and query hidden.
    pub url: Option<String>,
    /// `X-MoRAG-Sequence`.
    pub sequence: u64,
    /// Position of the event in the task's history.
    pub event_sequence: u64,
    /// Type of the event.
    pub event_type: Option<String>,
    /// `pending`, `delivered` or `dead`.
    #[schema(value_type = String)]
    pub state: Value,
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
    /// HTTP status of the answer; null where there was none.
    pub http_status: Option<u16>,
    /// Why there was none: `dns`, `address_refused`, `connect`, `tls`, `timeout`, `reset` or `protocol`.
    #[schema(value_type = Option<String>)]
    pub error: Option<Value>,
    /// Beginning of the answer or of the error's text, at most 1 KiB.
    pub excerpt: String,
    /// How long it took.
    pub duration_ms: u64,
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
pub async fn list(State(app): State<Arc<App>>, PathTask(task): PathTask) -> Result<Json<DeliveryList>, ApiError> {
    let log = load(&app, task).await?;
    let records = app.deliveries.deliveries(task).await?;
    let deliveries: Vec<_> = records.into_iter().map(|record| delivery(&log, record)).collect();
    Ok(Json(DeliveryList { task_id: task.to_string(), count: deliveries.len(), deliveries }))
}

fn delivery(log: &TaskLog, record: DeliveryRecord) -> DeliveryBody {
    let DeliveryRecord { endpoint, delivery, resend, event, state, attempts, .. } = record;
    let id = delivery_id(log.record.id, &endpoint, delivery, resend);
    let known = log.record.endpoints.iter().find(|known| known.id == endpoint);
    let happened = log.events.iter().find(|happened| happened.sequence == event);
    DeliveryBody {
        delivery_id: id.to_string(),
        endpoint: endpoint.as_str().to_owned(),
        url: known.map(|known| redact(known.url.as_url())),
        sequence: delivery,
        event_sequence: event,
        event_type: happened.map(|happened| happened.kind.event_type().to_owned()),
        state: json!(state),
        attempts: attempts.into_iter().map(attempt).collect(),
    }
}

fn attempt(record: AttemptRecord) -> AttemptBody {
    let AttemptRecord { attempt, at, outcome } = record;
    AttemptBody {
        attempt,
        at,
        http_status: outcome.status,
        error: outcome.error.map(|error| json!(error)),
        excerpt: outcome.excerpt,
        duration_ms: outcome.duration_ms,
    }
}
