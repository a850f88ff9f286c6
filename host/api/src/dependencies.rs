//! Whether the dependencies of the process answer.

use morag_core::SteadyTime;
use morag_engine::App;
use std::time::Duration;
use tokio::sync::Mutex;

/// Longest wait for a dependency's answer, after which it counts as down: probes have limits of their own, often 10 seconds.
const PING_MAX: Duration = Duration::from_secs(5);

/// How long the dependencies' answers are reused. A check writes to the disk and needs no key, so that frequent requests get
/// the same answer.
const READY_AGE_MAX: Duration = Duration::from_secs(2);

/// The dependencies' answers: each name, and whether it is up.
pub type Answers = Vec<(&'static str, bool)>;

/// The dependencies' last answers with their time. Concurrent requests check them once.
#[derive(Default)]
pub struct LastReady(Mutex<Option<(SteadyTime, Answers)>>);

impl LastReady {
    /// The answers of this moment, or of at most [`READY_AGE_MAX`] ago.
    pub async fn get(&self, app: &App) -> Answers {
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

/// Checks every dependency that the process uses.
async fn ask(app: &App) -> Answers {
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

async fn up(name: &str, ping: impl Future<Output = Result<(), String>>) -> bool {
    match tokio::time::timeout(PING_MAX, ping).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::error!(dependency = name, error, "dependency is down");
            false
        }
        Err(_) => {
            tracing::error!(
                dependency = name,
                timeout_seconds = PING_MAX.as_secs(),
                "dependency did not answer in time"
            );
            false
        }
    }
}
