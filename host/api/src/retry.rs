//! Running a task again after it failed or was cancelled.

use super::ApiError;
use super::accept_error::accept_error;
use super::caller::Caller;
use super::error::{ErrorBody, FieldError};
use super::query::Query;
use super::quota::check_stored_bytes;
use super::task::{PathTask, own};
use crate::Api;
use axum::Json;
use axum::extract::{Extension, State};
use morag_core::pipeline::RetryRefused;
use morag_core::ports::KeptCredentials;
use morag_engine::{RetryError, retry as retry_task};
use morag_input::TaskState;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Where to begin.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RetryQuery {
    /// Step to begin with: the first that has not completed, or one before it.
    #[param(format = "step", example = "chunking")]
    from_step: Option<String>,
}

/// The task runs again.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetryAnswer {
    /// The task, the same as before.
    #[schema(value_type = String, format = Uuid)]
    pub task_id: String,
    /// `in_progress`.
    #[schema(value_type = TaskState)]
    pub status: &'static str,
    /// Run of the task, from 2.
    pub attempt: u32,
    /// Step that the run begins with.
    pub from_step: String,
    /// Path of the task's status.
    pub status_url: String,
    /// One line for people. It says where webhooks go without the `webhook_auth_token`, which is deleted after the last delivery.
    pub message: String,
}

/// Run a task again
///
/// For a task that failed or was cancelled: a new run under the same id, from the step that failed unless `from_step` names an
/// earlier one. The results of the steps before it are reused; if one of their files is damaged or missing, the run begins with the step
/// that wrote it. The log continues with `task_started`, progress does not fall, and every webhook continues after its last event.
///
/// The task waits at the end of the caller's queue and counts as a new task for the caller's quotas. A task runs at most 100 times.
#[utoipa::path(
    post, path = "/api/v1/tasks/{task_id}/retry", tag = "status", operation_id = "retry_task",
    params(
        PathTask,
        RetryQuery,
    ),
    responses(
        (status = 200, description = "The task runs again", body = RetryAnswer),
        (status = 404, description = "No such task", body = ErrorBody),
        (status = 409, description = "The task has not ended (`task_not_ended`) or completed (`task_completed`), another task has its document by now (`duplicate_document`), the stored upload is damaged (`source_damaged`), or the task has run as often as it may (`too_many_runs`): submit the document again", body = ErrorBody),
        (status = 422, description = "An unknown step or one that was not reached, or the upload is no longer stored", body = ErrorBody),
        (status = 403, description = "The quota of stored bytes is reached (`quota_stored_bytes`)", body = ErrorBody),
        (status = 429, description = "Too many tasks are waiting (`queue_full`), or the caller has as many as it may (`quota_waiting_tasks`, `quota_tasks_per_day`)", body = ErrorBody),
        (status = 503, description = "The storage does not answer", body = ErrorBody),
        (status = 507, description = "The disk has less room than `MORAG_DISK_FREE_MIN` (`disk_full`)", body = ErrorBody),
    )
)]
pub async fn retry(
    State(app): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    PathTask(task): PathTask,
    Query(query): Query<RetryQuery>,
) -> Result<Json<RetryAnswer>, ApiError> {
    let task = own(&app, &task).await?;
    app.disk.check().await?;
    check_stored_bytes(&app, &caller, 0).await?;
    let admission = (&caller.flow(), caller.limits());
    let retried = retry_task(&app, task, query.from_step.as_deref(), admission);
    let retried = retried.await.map_err(|error| refused(&app, error))?;
    // Credentials are deleted after the task's last delivery, which may have been before this run.
    let without = match app.deliveries.credentials(task).await? {
        KeptCredentials::Gone => {
            "; its webhooks go without the webhook_auth_token and headers, deleted after the last delivery"
        }
        KeptCredentials::None | KeptCredentials::Kept(_) => "",
    };
    Ok(Json(RetryAnswer {
        task_id: task.to_string(),
        status: "in_progress",
        attempt: retried.attempt,
        message: format!("Task runs again from {}{without}", retried.from_step),
        from_step: retried.from_step,
        status_url: format!("/api/v1/status/{task}"),
    }))
}

fn refused(app: &Api, error: RetryError) -> ApiError {
    let text = error.to_string();
    match error {
        RetryError::Unknown => ApiError::unknown_task(),
        RetryError::Refused(RetryRefused::NotEnded) => ApiError::conflict("task_not_ended", text),
        RetryError::Refused(RetryRefused::TooManyRuns) => ApiError::conflict("too_many_runs", text),
        RetryError::NotAdmitted(error) => accept_error(app, error),
        RetryError::Refused(RetryRefused::Completed) => ApiError::conflict("task_completed", text),
        RetryError::Refused(RetryRefused::UnknownStep { .. } | RetryRefused::NotReached { .. })
        | RetryError::InputGone { .. } => ApiError::invalid(vec![FieldError::query("from_step", text)]),
        RetryError::SourceDamaged(_) => ApiError::conflict("source_damaged", text),
        RetryError::DuplicateDocument(holder) => ApiError::duplicate_document(holder),
        RetryError::Store(error) => error.into(),
        RetryError::Files(error) => error.into(),
    }
}
