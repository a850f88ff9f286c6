//! A webhook receiver: a real server that records requests and answers as configured.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// A recorded request.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its headers.
    pub headers: HeaderMap,
    /// The signed body.
    pub body: Bytes,
}

impl Received {
    /// A header as text; empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The event type, from the headers.
    pub fn event_type(&self) -> String {
        self.header("x-morag-event").to_owned()
    }
}

/// A running receiver; ends when dropped.
pub struct Receiver {
    /// URL of the webhook.
    pub url: String,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    answers: Mutex<VecDeque<Response>>,
    count: watch::Sender<usize>,
}

impl Receiver {
    /// Starts a receiver on a free loopback port that answers 200.
    pub async fn start() -> Self {
        let (count, _) = watch::channel(0);
        let shared = Arc::new(Shared { received: Mutex::default(), answers: Mutex::default(), count });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/webhook", listener.local_addr().expect("its address"));
        let router = Router::new().fallback(receive).with_state(shared.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the receiver serves") });
        Self { url, shared, server }
    }

    /// Sets the next responses, one per request; afterwards 200.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Response>) {
        lock(&self.shared.answers).extend(answers);
    }

    /// Answers 200 from now on, discarding configured responses.
    pub fn answer_well(&self) {
        lock(&self.shared.answers).clear();
    }

    /// All requests, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// Waits until the received requests satisfy `enough`, and returns them.
    pub async fn wait_until(&self, enough: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let mut count = self.shared.count.subscribe();
        let waiting = async {
            loop {
                let received = self.received();
                if enough(&received) {
                    return received;
                }
                count.changed().await.expect("the receiver runs");
            }
        };
        let waited = tokio::time::timeout(super::server::PATIENCE, waiting).await;
        waited.unwrap_or_else(|_| {
            let types: Vec<_> = self.received().iter().map(Received::event_type).collect();
            panic!("not enough has come: {types:?}")
        })
    }

    /// Waits for the event that ends the task.
    pub async fn wait_for_end(&self) -> Vec<Received> {
        self.wait_until(|received| {
            let ends = |event: &Received| {
                matches!(event.event_type().as_str(), "task_completed" | "task_failed" | "task_cancelled")
            };
            received.iter().any(ends)
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    lock(&shared.received).push(Received { headers, body });
    shared.count.send_modify(|count| *count += 1);
    let answer = lock(&shared.answers).pop_front();
    answer.unwrap_or_else(|| StatusCode::OK.into_response())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics under the lock")
}
