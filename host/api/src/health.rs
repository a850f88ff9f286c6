//! Liveness and readiness.

use super::ApiError;
use crate::Api;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use morag_core::ports::Shortcoming;
use morag_engine::disk::Room;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Liveness.
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
    /// `ready`; `degraded` where some pipelines cannot run; `unavailable` where a dependency is down or no pipeline can run.
    pub status: String,
    /// Version of the server.
    pub version: String,
    /// `up` or `down` of each dependency that the process uses: `tasks`, `blobs`; `plugins`, `down`, where no pipeline can run;
    /// `disk` if it writes to one, `low` if less than `MORAG_DISK_FREE_MIN` is free. Then submitting answers 507 and everything else works,
    /// so the status does not change.
    pub dependencies: BTreeMap<String, String>,
    /// Names of step components that were refused, so that an older one or none is used; absent if there are none. They
    /// do not make the server unavailable. `/api/v1/plugins` has the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_plugins: Vec<String>,
    /// Names of pipelines that cannot run, so that their tasks fail, because a step component is missing or was refused; absent if
    /// there are none. `/api/v1/plugins` has the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unusable_pipelines: Vec<String>,
    /// Settings of the store with which it may lose accepted tasks, as seen at most 10 seconds ago; absent if there are
    /// none. One whose loss is not accepted makes the server unavailable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub store_shortcomings: Vec<StoreShortcoming>,
}

/// A setting of the store that may lose accepted tasks.
#[derive(Debug, Serialize, ToSchema)]
pub struct StoreShortcoming {
    /// Its name in the store's own documentation, e.g. `maxmemory-policy`.
    pub setting: String,
    /// The problem, its consequence and what to do.
    pub message: String,
    /// Whether the operator accepts the loss (`MORAG_REDIS_ACCEPT_LOSS`).
    pub accepted: bool,
}

/// Liveness
#[utoipa::path(
    get, path = "/health", tag = "health", operation_id = "get_health", security(()),
    responses((status = 200, description = "The process answers", body = Health))
)]
pub async fn health() -> Json<Health> {
    Json(Health { status: "healthy".into(), version: morag_engine::VERSION.into() })
}

/// Readiness
///
/// The dependencies are checked at most every two seconds.
#[utoipa::path(
    get, path = "/health/ready", tag = "health", operation_id = "get_readiness", security(()),
    responses(
        (status = 200, description = "Every dependency answers, and at least one pipeline can run", body = Readiness),
        (status = 503, description = "A dependency is down, no pipeline can run, or the store's settings may lose accepted tasks", body = Readiness),
    )
)]
pub async fn ready(State(app): State<Arc<Api>>) -> (StatusCode, Json<Readiness>) {
    let mut answers = app.last_ready.get(&app).await;
    let set = app.plugins.set();
    let unusable_pipelines: Vec<_> =
        set.iter().flat_map(|set| &set.unusable).map(|pipeline| pipeline.name.clone()).collect();
    if unusable_pipelines.len() == app.pipelines.all().count() {
        answers.push(("plugins", false));
    }
    let shortcomings = app.setup.shortcomings();
    let is_kept = shortcomings.iter().all(|found| found.is_accepted);
    let (code, status) = match (is_kept && answers.iter().all(|(_, up)| *up), unusable_pipelines.is_empty()) {
        (true, true) => (StatusCode::OK, "ready"),
        // It still serves, runs what can run, and delivers: taking it out of service would only lose what still works.
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let word = |up| if up { "up" } else { "down" }.to_owned();
    let mut dependencies: BTreeMap<_, _> = answers.into_iter().map(|(name, up)| (name.to_owned(), word(up))).collect();
    if app.disk.is_kept() {
        // No reason to be unready: taking the process out of service would end reading too, and free no space.
        let disk = match app.disk.room().await {
            Room::Enough => "up",
            Room::Low(_) => "low",
            Room::Unknown => "down",
        };
        dependencies.insert("disk".into(), disk.into());
    }
    let refused_plugins = set.iter().flat_map(|set| &set.refused).map(|refused| refused.name.clone()).collect();
    let store_shortcomings = shortcomings.into_iter().map(StoreShortcoming::from).collect();
    let (status, version) = (status.into(), morag_engine::VERSION.into());
    let readiness =
        Readiness { status, version, dependencies, refused_plugins, unusable_pipelines, store_shortcomings };
    (code, Json(readiness))
}

impl From<Shortcoming> for StoreShortcoming {
    fn from(found: Shortcoming) -> Self {
        Self { setting: found.setting.into(), message: found.message, accepted: found.is_accepted }
    }
}

/// The router of a process without the role `api`: liveness, readiness and metrics.
pub fn probes(app: Arc<Api>) -> Router {
    let roles = app.config.roles;
    let nothing_else = async move || {
        let text = format!(
            "This process has the role {roles}: it serves /health, /health/ready and /metrics, and nothing else"
        );
        ApiError::not_found(text)
    };
    probe_routes().fallback(nothing_else).with_state(app)
}

/// The router for connections beyond the limit: the probes too, so that monitoring can tell a busy process from a dead one.
pub fn lobby(app: Arc<Api>) -> Router {
    let busy = async || {
        let text = "The server has as many connections as it may, each with a request under way: try again later, or send requests over \
                    connections that you have (MORAG_CONNECTIONS_PER_PEER is the limit of one address)";
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", text).retry_after()
    };
    probe_routes().fallback(busy).with_state(app)
}

fn probe_routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/health", get(health))
        .route("/health/ready", get(ready))
        .route("/metrics", get(super::metrics::metrics))
}
