//! Whether the server lives and can work.

use super::ApiError;
use crate::Api;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use morag_core::SteadyTime;
use morag_core::ports::Shortcoming;
use morag_engine::disk::Room;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use utoipa::ToSchema;

/// A dependency that takes longer to answer counts as down: whoever asks has a limit of their own, often 10 seconds.
const PING_MAX: Duration = Duration::from_secs(5);

/// How old an answer of the dependencies may be. Asking writes to the disk, and everybody may ask: whoever does so more often
/// gets the same answer again.
const READY_AGE_MAX: Duration = Duration::from_secs(2);

/// What the dependencies last answered: names, and whether each is up.
type Answers = Vec<(&'static str, bool)>;

/// The last answer of the dependencies, and when it was asked for. Of many who ask at once one asks them.
#[derive(Default)]
pub struct LastReady(Mutex<Option<(SteadyTime, Answers)>>);

impl LastReady {
    async fn get(&self, app: &Api) -> Answers {
        let mut last = self.0.lock().await;
        let now = app.clock.steady();
        match &*last {
            Some((at, answers)) if now.since(*at) < READY_AGE_MAX => answers.clone(),
            _ => {
                let answers = ask(app).await;
                *last = Some((app.clock.steady(), answers.clone()));
                answers
            }
        }
    }
}

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
    /// `ready`; `degraded` where some pipelines cannot run; `unavailable` where a dependency is down or no pipeline can run.
    pub status: String,
    /// Version of the server.
    pub version: String,
    /// `up` or `down` of each dependency that the process uses: `tasks`, `blobs`; `plugins`, `down`, where no pipeline can run;
    /// `disk` where it writes to one, which is `low` where it has less room than `MORAG_DISK_FREE_MIN`. Then submitting answers
    /// 507 and all else works, so the status is as without it.
    pub dependencies: BTreeMap<String, String>,
    /// Names of step components that were refused, so that an older one or none is used; not there where there are none. They
    /// do not make the server unavailable. `/api/v1/plugins` has the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused_plugins: Vec<String>,
    /// Names of pipelines that cannot run, so that their tasks fail, because a step component is missing or was refused; not there where
    /// there are none. `/api/v1/plugins` has the reasons.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unusable_pipelines: Vec<String>,
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
    Json(Health { status: "healthy".into(), version: morag_engine::VERSION.into() })
}

/// The server can work
///
/// The dependencies are asked at most every two seconds.
#[utoipa::path(
    get, path = "/health/ready", tag = "health", operation_id = "ready", security(()),
    responses(
        (status = 200, description = "Every dependency answers, and a pipeline can run", body = Readiness),
        (status = 503, description = "A dependency is down, no pipeline can run, or the store is not set to keep accepted tasks", body = Readiness),
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
        // It serves what there is, runs what can run, and delivers: nobody gains by its being taken away.
        (true, false) => (StatusCode::OK, "degraded"),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let word = |up| if up { "up" } else { "down" }.to_owned();
    let mut dependencies: BTreeMap<_, _> = answers.into_iter().map(|(name, up)| (name.to_owned(), word(up))).collect();
    if app.disk.is_kept() {
        // Whoever takes this process away for it takes reading away too, and makes no room by it.
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

/// Asks every dependency that the process uses.
async fn ask(app: &Api) -> Answers {
    let tasks = up("tasks", async { app.tasks.ping().await.map_err(|error| error.to_string()) });
    let blobs = up("blobs", async { app.blobs.ping().await.map_err(|error| error.to_string()) });
    match app.config.roles.use_files() {
        true => {
            let (tasks, blobs) = tokio::join!(tasks, blobs);
            vec![("tasks", tasks), ("blobs", blobs)]
        }
        false => vec![("tasks", tasks.await)],
    }
}

impl From<Shortcoming> for StoreShortcoming {
    fn from(found: Shortcoming) -> Self {
        Self { setting: found.setting.into(), message: found.message, accepted: found.is_accepted }
    }
}

/// What a process without the role `api` serves: whether it lives and can work, its metrics, and nothing else.
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

/// What is served where every connection has a request under way: the same, so that who watches the process can tell that it
/// is busy from that it is dead.
pub fn lobby(app: Arc<Api>) -> Router {
    let busy = async || {
        let text = "This server holds as many connections as it may, and each has a request under way: try again later, \
                    or send requests over connections that you have (MORAG_CONNECTIONS_PER_PEER is the limit of one address)";
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
