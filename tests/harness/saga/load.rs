//! A client that submits documents and retries until each is accepted, whatever happens to the servers.

use crate::child::LOOK;
use crate::server::{API_KEY, PATIENCE, client};
use crate::tally::Tally;
use futures::StreamExt as _;
use reqwest::{Client, StatusCode, multipart};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Timeout after which a request to a paused process is repeated at another one.
const REQUEST_MAX: Duration = Duration::from_secs(5);
/// Pause between tries, as a well-behaved client makes it.
const PAUSE: Duration = Duration::from_millis(100);
/// Pause between documents of a continuous load: as much as two cores can process, with requests at any moment.
const BETWEEN: Duration = Duration::from_millis(500);
/// Concurrent submissions.
const AT_ONCE: usize = 4;

/// Submits documents. Every submission has an `Idempotency-Key`, so that it can be repeated safely if the response was lost.
pub struct Load {
    client: Client,
    urls: Vec<String>,
    webhook_url: String,
    run: uuid::Uuid,
    tries: AtomicU64,
    accepted: AtomicU64,
}

impl Load {
    pub(super) fn new(urls: Vec<String>, webhook_url: &str) -> Self {
        let (run, client, webhook_url) = (uuid::Uuid::new_v4(), client(), webhook_url.to_owned());
        Self { client, urls, webhook_url, run, tries: AtomicU64::new(0), accepted: AtomicU64::new(0) }
    }

    /// Submits a document until it is accepted, and returns the task's id.
    pub async fn submit(&self, number: u64) -> String {
        let started = Instant::now();
        let mut last = String::new();
        while started.elapsed() < PATIENCE {
            let turn = self.tries.fetch_add(1, Ordering::Relaxed);
            let url = &self.urls[usize::try_from(turn).expect("few tries") % self.urls.len()];
            match self.try_once(url, number).await {
                Ok(task) => {
                    self.accepted.fetch_add(1, Ordering::Relaxed);
                    return task;
                }
                Err(why) => last = why,
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("document {number} is not accepted: {last}")
    }

    async fn try_once(&self, url: &str, number: u64) -> Result<String, String> {
        let part = multipart::Part::bytes(morag_fixtures::one_page_markdown(number)).file_name(format!("{number}.md"));
        let form = multipart::Form::new().part("file", part).text("webhook_url", self.webhook_url.clone());
        let request = self.client.post(format!("{url}/api/v1/ingest/file")).bearer_auth(API_KEY).multipart(form);
        let request = request.header("idempotency-key", format!("{}-{number}", self.run)).timeout(REQUEST_MAX);
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        match status {
            StatusCode::OK => {
                let body: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
                Ok(body["task_id"].as_str().expect("a task_id").to_owned())
            }
            StatusCode::TOO_MANY_REQUESTS => Err(text),
            // The documented response to a server failure; any other status is a bug.
            status if status.is_server_error() => Err(format!("{status} {text}")),
            status => panic!("document {number} is refused: {status} {text}"),
        }
    }

    /// Submits the documents of these numbers, a few concurrently, in a separate task.
    pub fn submit_all(self: &Arc<Self>, numbers: std::ops::Range<u64>) -> tokio::task::JoinHandle<Vec<String>> {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let submits = futures::stream::iter(numbers).map(|number| this.submit(number));
            submits.buffer_unordered(AT_ONCE).collect().await
        })
    }

    /// Submits documents at a steady rate, a few concurrently, with at most `in_flight_max` accepted tasks that have not ended,
    /// until `stop` is set.
    pub fn keep_going(
        self: &Arc<Self>,
        tally: Arc<Tally>,
        in_flight_max: u64,
        stop: watch::Receiver<bool>,
    ) -> tokio::task::JoinHandle<Vec<String>> {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let next = AtomicU64::new(0);
            let one_after_the_other = async |_| {
                let mut accepted = Vec::new();
                while !*stop.borrow() {
                    if this.accepted() >= tally.arrived().ended + in_flight_max {
                        tokio::time::sleep(LOOK).await;
                        continue;
                    }
                    accepted.push(this.submit(next.fetch_add(1, Ordering::Relaxed)).await);
                    tokio::time::sleep(BETWEEN).await;
                }
                accepted
            };
            futures::future::join_all((0..AT_ONCE).map(one_after_the_other)).await.concat()
        })
    }

    /// Number of accepted documents.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Number of requests that failed and were repeated.
    pub fn repeated(&self) -> u64 {
        self.tries.load(Ordering::Relaxed) - self.accepted()
    }
}
