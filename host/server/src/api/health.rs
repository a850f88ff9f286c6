//! Whether the server lives and can work.

use super::ApiError;
use crate::App;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use morag_core::ports::Shortcoming;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// A dependency that takes longer to answer counts as down: whoever asks has a limit of their own, often 10 seconds.
const PING_MAX: Duration = Duration::from_secs(5);

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `healthy`.
    pub status: String,
    /// Version of the server.
    pub version: String,
}

/// Whether the server can take and run tasks.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready` or `unavailable`.
    pub status: String,
    /// Version of the server.
    pub version: String,
    /// `up` or `down` of each dependency that the process uses: `tasks`, `blobs`.
    pub dependencies: BTreeMap<String, String>,
    /// Names of step components that were refused, so that an older one or none is used; not there where there are none. They
    /// do not make the server unavailable. `/api/v1/plugins` has the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_plugins: Vec<String>,
    /// Settings of the store with which it may lose accepted tasks, as seen at most 10 seconds ago; not there where there are
    /// none. One whose loss is not accepted makes the server unavailable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub store_shortcomings: Vec<StoreShortcoming>,
}

/// A setting of the store that is not as it must be.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreShortcoming {
    /// Its name in the store's own documentation, e.g. `maxmemory-policy`.
    pub setting: String,
    /// What is wrong, what it means and what to do.
    pub message: String,
    /// Whether the operator accepts the loss (`MORAG_REDIS_ACCEPT_LOSS`).
    pub accepted: bool,
}

/// The process lives
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "health", security(()),
    responses((status = 200, description = "It lives", body = Health))
)]
pub async fn health() -> Json<Health> {
    Json(Health { status: "healthy".into(), version: crate::VERSION.into() })
}

/// The server can work
#[utoipa::path(
    get, path = "/health/ready", tag = "health", operation_id = "ready", security(()),
    responses(
        (status = 200, description = "Every dependency answers", body = Readiness),
        (status = 503, description = "A dependency is down, or the store is not set to keep accepted tasks", body = Readiness),
    )
)]
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let tasks = up("tasks", async { app.tasks.ping().await.map_err(|error| error.to_string()) });
    let blobs = up("blobs", async { app.blobs.ping().await.map_err(|error| error.to_string()) });
    let answers = match app.config.roles.use_files() {
        true => {
            let (tasks, blobs) = tokio::join!(tasks, blobs);
            vec![("tasks", tasks), ("blobs", blobs)]
        }
        false => vec![("tasks", tasks.await)],
    };
    let shortcomings = app.setup.shortcomings();
    let is_kept = shortcomings.iter().all(|found| found.is_accepted);
    let (code, status) = match is_kept && answers.iter().all(|(_, up)| *up) {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let word = |up| if up { "up" } else { "down" }.to_owned();
    let dependencies = answers.into_iter().map(|(name, up)| (name.to_owned(), word(up))).collect();
    let refused = app.plugins.set().map(|set| set.refused.iter().map(|refused| refused.name.clone()).collect());
    let refused_plugins = refused.unwrap_or_default();
    let store_shortcomings = shortcomings.into_iter().map(StoreShortcoming::from).collect();
    let (status, version) = (status.into(), crate::VERSION.into());
    (code, Json(Readiness { status, version, dependencies, refused_plugins, store_shortcomings }))
}

impl From<Shortcoming> for StoreShortcoming {
    fn from(found: Shortcoming) -> Self {
        Self { setting: found.setting.into(), message: found.message, accepted: found.is_accepted }
    }
}

/// What a process without the role `api` serves: whether it lives and can work, its metrics, and nothing else.
pub fn probes(app: Arc<App>) -> Router {
    let roles = app.config.roles;
    let nothing_else = async move || {
        let text = format!(
            "This process has the role {roles}: it serves /health, /health/ready and /metrics, and nothing else"
        );
        ApiError::not_found(text)
    };
    Router::new()
        .route("/health", get(health))
        .route("/health/ready", get(ready))
        .route("/metrics", get(super::metrics::metrics))
        .fallback(nothing_else)
        .with_state(app)
}

async fn up(name: &str, ping: impl Future<Output = Result<(), String>>) -> bool {
    match tokio::time::timeout(PING_MAX, ping).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!("{name} is down: {error}");
            false
        }
        Err(_) => {
            tracing::error!("{name} did not answer within {} seconds", PING_MAX.as_secs());
            false
        }
    }
}
