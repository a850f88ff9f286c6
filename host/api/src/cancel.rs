//! Cancelling a task.

use super::ApiError;
use super::error::ErrorBody;
use super::query::NoQuery;
use super::task::{PathTask, own};
use crate::Api;
use axum::Json;
use axum::extract::State;
use morag_engine::{CancelOutcome, cancel as cancel_task};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The task was cancelled.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cancelled {
    /// One line for people.
    pub message: String,
    /// The task.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
}

/// Cancel a task
///
/// Its stored data stays; its files stay until their retention ends. The same is done by `DELETE` on
/// `/api/v1/ingest/{task_id}`, `/api/v1/status/{task_id}` and `/api/v1/cancel/{task_id}`.
#[utoipa::path(
    post, path = "/api/v1/cancel/{task_id}", tag = "status", operation_id = "cancel_task",
    params(PathTask),
    responses(
        (status = 200, description = "Cancelled", body = Cancelled),
        (status = 404, description = "No such task", body = ErrorBody),
        (status = 409, description = "The task has already ended", body = ErrorBody),
    )
)]
pub async fn cancel(
    State(app): State<Arc<Api>>,
    PathTask(task): PathTask,
    _: NoQuery,
) -> Result<Json<Cancelled>, ApiError> {
    let task = own(&app, &task).await?;
    match cancel_task(&app, task).await? {
        CancelOutcome::Cancelled => Ok(Json(Cancelled { message: "Task cancelled".into(), task_id: task.to_string() })),
        CancelOutcome::AlreadyEnded => Err(ApiError::conflict("task_already_ended", "The task has already ended")),
        CancelOutcome::Unknown => Err(ApiError::unknown_task()),
    }
}
