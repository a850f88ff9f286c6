//! The task of a path, within the caller's tenant.

use super::ApiError;
use super::caller::Caller;
use crate::Api;
use crate::parameter;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use morag_core::ports::TaskLog;
use morag_core::task::{TaskId, TenantId};
use utoipa::openapi::ObjectBuilder;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat};

/// A task id in the OpenAPI document.
pub const TASK_EXAMPLE: &str = "6f1c2a1e-3b7d-4c58-9e2a-8d0f5b1c7a42";

/// A task id with the caller's tenant. [`load`] checks that the task exists and is the tenant's.
#[derive(Debug, Clone)]
pub struct NamedTask {
    id: TaskId,
    tenant: TenantId,
}

/// The `{task_id}` of a route. Anything but a UUID is an unknown task: 404.
#[derive(Debug, Clone)]
pub struct PathTask(pub NamedTask);

impl<S: Send + Sync> FromRequestParts<S> for PathTask {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path: Result<Path<Vec<(String, String)>>, PathRejection> = Path::from_request_parts(parts, state).await;
        let Ok(Path(parameters)) = path else { return Err(ApiError::unknown_task()) };
        let text = parameters.iter().find(|(name, _)| name == "task_id").map(|(_, value)| value.as_str());
        let id = text.and_then(|text| text.parse().ok()).ok_or_else(ApiError::unknown_task)?;
        Ok(Self(NamedTask { id, tenant: tenant(parts)? }))
    }
}

impl utoipa::IntoParams for PathTask {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let uuid = ObjectBuilder::new().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        vec![parameter::text(ParameterIn::Path, "task_id", "The task", uuid, TASK_EXAMPLE)]
    }
}

/// The tenant of a request's caller.
pub fn tenant(parts: &Parts) -> Result<TenantId, ApiError> {
    let caller = parts.extensions.get::<Caller>();
    caller.map(|caller| caller.tenant().clone()).ok_or_else(|| ApiError::internal("a route without a caller"))
}

/// Loads a task.
///
/// # Errors
/// 404 for an unknown task and for one of another tenant.
pub async fn load(app: &Api, task: &NamedTask) -> Result<TaskLog, ApiError> {
    let log = app.tasks.load(task.id).await?;
    log.filter(|log| log.record.tenant == task.tenant).ok_or_else(ApiError::unknown_task)
}

/// The id of a task that exists and is the tenant's. Reads neither its record nor its log.
///
/// # Errors
/// 404 for an unknown task and for one of another tenant.
pub async fn own(app: &Api, task: &NamedTask) -> Result<TaskId, ApiError> {
    let owner = app.tasks.tenant_of(task.id).await?;
    owner.filter(|owner| *owner == task.tenant).map(|_| task.id).ok_or_else(ApiError::unknown_task)
}
