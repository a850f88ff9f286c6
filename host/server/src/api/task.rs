//! The task of a path.

use super::ApiError;
use crate::App;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use morag_core::ports::TaskLog;
use morag_core::task::TaskId;

/// The `{task_id}` of a route. What is no UUID is an unknown task: 404.
#[derive(Debug, Clone, Copy)]
pub struct PathTask(pub TaskId);

impl<S: Send + Sync> FromRequestParts<S> for PathTask {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path: Result<Path<Vec<(String, String)>>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Ok(Path(parameters)) = path else { return Err(ApiError::unknown_task()) };
        let text = parameters.iter().find(|(name, _)| name == "task_id").map(|(_, value)| value.as_str());
        let id = text.and_then(|text| text.parse().ok()).ok_or_else(ApiError::unknown_task)?;
        Ok(Self(id))
    }
}

/// Answers 404 unless there is such a task. Reads none of it.
pub async fn must_exist(app: &App, task: TaskId) -> Result<(), ApiError> {
    app.tasks.mark(task).await?.map(drop).ok_or_else(ApiError::unknown_task)
}

/// Loads a task, or answers 404.
pub async fn load(app: &App, task: TaskId) -> Result<TaskLog, ApiError> {
    app.tasks.load(task).await?.ok_or_else(ApiError::unknown_task)
}
