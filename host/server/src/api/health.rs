//! Whether the server lives and can work.

use crate::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
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
    /// `up` or `down` of each dependency: `tasks`, `blobs`.
    pub dependencies: BTreeMap<String, String>,
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
        (status = 503, description = "A dependency is down", body = Readiness),
    )
)]
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let (tasks, blobs) = tokio::join!(
        up("tasks", async { app.tasks.ping().await.map_err(|error| error.to_string()) }),
        up("blobs", async { app.blobs.ping().await.map_err(|error| error.to_string()) }),
    );
    let word = |up| if up { "up" } else { "down" }.to_owned();
    let (code, status) = match tasks && blobs {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let dependencies = [("tasks", tasks), ("blobs", blobs)].map(|(name, up)| (name.to_owned(), word(up))).into();
    (code, Json(Readiness { status: status.into(), version: crate::VERSION.into(), dependencies }))
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
