//! A webhook receiver that only counts and records digests, and the check of its records.

pub mod judge;

use crate::server::SECRET;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use judge::{Sighting, is_end};
use morag_core::Secret;
use morag_core::webhook::verify;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

/// How the receiver handles a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Record it and answer 200.
    Take,
    /// Answer 503 without recording it.
    Refuse,
    /// Record it, but answer only after [`Tally::let_go`] or when the sender has disconnected: a slow receiver, whose sender is
    /// killed before it can record the answer.
    TakeAndHang,
}

/// Chooses the answer by task, sequence and event type.
pub type Decide = Box<dyn Fn(&str, u64, &str) -> Answer + Send + Sync>;

/// A running receiver; ends when dropped.
pub struct Tally {
    /// URL of the webhook.
    pub url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    secret: Secret,
    counts: Mutex<Counts>,
    decide: Mutex<Option<Decide>>,
    /// Increased by every request.
    changed: watch::Sender<u64>,
    /// Number of calls of [`Tally::let_go`].
    let_go: watch::Sender<u64>,
}

#[derive(Default)]
struct Counts {
    tasks: HashMap<String, Vec<Sighting>>,
    ended: HashSet<String>,
    taken: u64,
    refused: u64,
    hung: u64,
    unsigned: u64,
}

/// Counts so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Recorded deliveries, including repeats.
    pub taken: u64,
    /// Deliveries refused on purpose.
    pub refused: u64,
    /// Recorded deliveries whose answer was delayed.
    pub hung: u64,
    /// Requests with a wrong signature or without a part of a delivery.
    pub unsigned: u64,
    /// Tasks whose end event was recorded.
    pub ended: u64,
}

impl Tally {
    /// Starts a receiver on a free loopback port that records everything signed.
    pub async fn start() -> Self {
        let (changed, _) = watch::channel(0);
        let (let_go, _) = watch::channel(0);
        let (counts, decide) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { secret: Secret::new(SECRET), counts, decide, changed, let_go });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/webhook", listener.local_addr().expect("its address"));
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the receiver serves") });
        Self { url, shared, server }
    }

    /// Uses `decide` from now on.
    pub fn answer(&self, decide: impl Fn(&str, u64, &str) -> Answer + Send + Sync + 'static) {
        *lock(&self.shared.decide) = Some(Box::new(decide));
    }

    /// Records everything from now on.
    pub fn take_all(&self) {
        *lock(&self.shared.decide) = None;
    }

    /// Answers all delayed requests.
    pub fn let_go(&self) {
        self.shared.let_go.send_modify(|count| *count += 1);
    }

    /// Counts so far.
    pub fn arrived(&self) -> Arrived {
        let counts = lock(&self.shared.counts);
        let Counts { taken, refused, hung, unsigned, .. } = *counts;
        Arrived { taken, refused, hung, unsigned, ended: counts.ended.len() as u64 }
    }

    /// Recorded deliveries of a task, in order.
    pub fn seen(&self, task: &str) -> Vec<Sighting> {
        lock(&self.shared.counts).tasks.get(task).cloned().unwrap_or_default()
    }

    /// Tasks with recorded deliveries.
    pub fn tasks(&self) -> HashSet<String> {
        lock(&self.shared.counts).tasks.keys().cloned().collect()
    }

    /// Waits until the counts satisfy `enough`. `false`: no request arrived for the time `stall`.
    pub async fn wait_until(&self, stall: Duration, enough: impl Fn(Arrived) -> bool) -> bool {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            if enough(self.arrived()) {
                return true;
            }
            if tokio::time::timeout(stall, changed.changed()).await.is_err() {
                return enough(self.arrived());
            }
        }
    }

    /// Waits until the end events of all these tasks were recorded. `false`: no request arrived for the time `stall`.
    pub async fn wait_for_ends(&self, tasks: &[String], stall: Duration) -> bool {
        let all = |_| {
            let counts = lock(&self.shared.counts);
            tasks.iter().all(|task| counts.ended.contains(task))
        };
        self.wait_until(stall, all).await
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let Some((task, sighting)) = read(&shared.secret, &headers, &body) else {
        lock(&shared.counts).unsigned += 1;
        return StatusCode::UNAUTHORIZED;
    };
    let decide = |decide: &Decide| decide(&task, sighting.sequence, &sighting.event_type);
    let answer = lock(&shared.decide).as_ref().map_or(Answer::Take, decide);
    // Subscribe before the request is counted as hung, so that a `let_go` after that reaches it.
    let mut let_go = shared.let_go.subscribe();
    {
        let mut counts = lock(&shared.counts);

        match answer {
            Answer::Refuse => counts.refused += 1,
            Answer::Take | Answer::TakeAndHang => {
                counts.taken += 1;
                counts.hung += u64::from(answer == Answer::TakeAndHang);
                if is_end(&sighting.event_type) {
                    counts.ended.insert(task.clone());
                }
                counts.tasks.entry(task).or_default().push(sighting);
            }
        }
    }
    shared.changed.send_modify(|count| *count += 1);
    match answer {
        Answer::Take => StatusCode::OK,
        Answer::Refuse => StatusCode::SERVICE_UNAVAILABLE,
        Answer::TakeAndHang => {
            // Dropped with the connection when the sender has disconnected.
            let _ = let_go.changed().await;
            StatusCode::OK
        }
    }
}

/// Task and record of a request; `None` if the signature is wrong or something is missing.
fn read(secret: &Secret, headers: &HeaderMap, body: &Bytes) -> Option<(String, Sighting)> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    if !verify(secret, body, header("x-morag-signature")?) {
        return None;
    }
    let json: Value = serde_json::from_slice(body).ok()?;
    let task = json["data"]["task_id"].as_str()?.to_owned();
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let sequence = header("x-morag-sequence")?.parse().ok()?;
    Some((task, Sighting { sequence, event_type: header("x-morag-event")?.to_owned(), digest: hasher.finish() }))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code panics under the lock")
}
