//! The load on the server: everything that clients do, repeatedly.

use axum::Router;
use axum::http::StatusCode;
use morag_tests::server::{API_KEY, PATIENCE, client};
use reqwest::{Client, Method, RequestBuilder, multipart};
use serde_json::{Value, json};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Polling interval for a running task.
const POLL: Duration = Duration::from_millis(100);
/// Pause between two documents of one client.
const BETWEEN: Duration = Duration::from_millis(200);
/// Failures that are kept for the report.
const FAILURES_MAX: usize = 20;
/// A client does each of these once per this many documents.
const CANCEL_EVERY: u64 = 7;
const BATCH_EVERY: u64 = 11;
const RELOAD_EVERY: u64 = 25;

/// Work since the last line of the table.
#[derive(Debug, Default)]
pub struct Minute {
    /// Tasks that completed.
    pub completed: u64,
    /// Tasks that failed as their documents require.
    pub failed: u64,
    /// Tasks that were cancelled.
    pub cancelled: u64,
    /// Deliveries that arrived at the receivers, whatever the response.
    pub webhooks: u64,
    /// Latencies of submissions.
    pub submits: Vec<Duration>,
    /// Latencies of status requests.
    pub statuses: Vec<Duration>,
}

/// Total work.
#[derive(Debug, Default)]
pub struct Done {
    /// Tasks that completed.
    pub completed: u64,
    /// Tasks that failed as their documents require.
    pub failed: u64,
    /// Tasks that were cancelled.
    pub cancelled: u64,
    /// Unexpected failures.
    pub failures: Vec<String>,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { completed, failed, cancelled, .. } = self;
        write!(f, "{completed} tasks completed, {failed} failed as they should, {cancelled} cancelled")
    }
}

struct Shared {
    client: Client,
    url: String,
    /// Receivers: one that responds 200, one that always fails.
    receivers: [String; 2],
    documents: String,
    minute: Mutex<Minute>,
    done: Mutex<Done>,
    webhooks: Arc<AtomicU64>,
}

/// Running clients.
pub struct Work {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    clients: Vec<JoinHandle<()>>,
    _servers: Vec<Aborted>,
}

struct Aborted(JoinHandle<()>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Work {
    /// Starts receivers, a site with documents, named endpoints, and this many clients.
    pub async fn start(server: &str, clients: usize) -> Self {
        let webhooks = Arc::new(AtomicU64::new(0));
        let receiver = |answer: StatusCode| {
            let webhooks = webhooks.clone();
            Router::new().fallback(move || async move {
                webhooks.fetch_add(1, Ordering::Relaxed);
                answer
            })
        };
        let site = Router::new().fallback(|| async { morag_fixtures::markdown() });
        let (good, one) = start(receiver(StatusCode::OK)).await;
        let (bad, two) = start(receiver(StatusCode::INTERNAL_SERVER_ERROR)).await;
        let (documents, three) = start(site).await;
        let shared = Arc::new(Shared {
            client: client(),
            url: server.to_owned(),
            receivers: [good, bad],
            documents,
            minute: Mutex::default(),
            done: Mutex::default(),
            webhooks,
        });
        for url in &shared.receivers {
            let request = shared.request(Method::POST, "/api/v1/webhooks/endpoints").json(&json!({ "url": url }));
            let answer = request.send().await.expect("an answer");
            assert!(answer.status().is_success(), "an endpoint is answered {}", answer.status());
        }
        let (stop, stopped) = watch::channel(false);
        let clients = (0..clients as u64).map(|number| {
            let (shared, stopped) = (shared.clone(), stopped.clone());
            tokio::spawn(async move { shared.work(number, stopped).await })
        });
        Self { clients: clients.collect(), shared, stop, _servers: vec![one, two, three] }
    }

    /// Returns the work since the last call.
    pub fn take_minute(&self) -> Minute {
        let mut minute = std::mem::take(&mut *lock(&self.shared.minute));
        minute.webhooks = self.shared.webhooks.swap(0, Ordering::Relaxed);
        minute
    }

    /// Lets every client finish its current document, and returns the total work.
    pub async fn stop(self) -> Done {
        self.stop.send_replace(true);
        for client in self.clients {
            client.await.expect("clients do not panic");
        }
        std::mem::take(&mut *lock(&self.shared.done))
    }
}

impl Shared {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(API_KEY).timeout(PATIENCE)
    }

    async fn work(&self, client: u64, stop: watch::Receiver<bool>) {
        let mut number = client;
        while !*stop.borrow() {
            if let Err(why) = self.one(client, number).await {
                let mut done = lock(&self.done);
                if done.failures.len() < FAILURES_MAX {
                    done.failures.push(why);
                }
            }
            number += 1;
            tokio::time::sleep(BETWEEN).await;
        }
    }

    /// Submits one document, or one batch.
    async fn one(&self, client: u64, number: u64) -> Result<(), String> {
        if number % RELOAD_EVERY == client {
            let answer =
                self.request(Method::POST, "/api/v1/plugins/reload").send().await.map_err(|e| e.to_string())?;
            if !answer.status().is_success() {
                return Err(format!("a reload is answered {}", answer.status()));
            }
        }
        if number.is_multiple_of(BATCH_EVERY) {
            return self.batch(client, number).await;
        }
        let (name, bytes, fails) = document(number);
        let part = multipart::Part::bytes(bytes).file_name(name);
        let form = multipart::Form::new()
            .part("file", part)
            // The same few document ids: stored content is replaced, so the knowledge does not grow.
            .text("document_id", format!("soak-{client}-{}", number % 16))
            .text("replace_existing", "true")
            .text("webhook_url", self.receivers[usize::from(number.is_multiple_of(5))].clone());
        let started = Instant::now();
        let answer = self.request(Method::POST, "/api/v1/ingest/file").multipart(form).send().await;
        let body = json_of(answer, "a document").await?;
        lock(&self.minute).submits.push(started.elapsed());
        let task = body["task_id"].as_str().ok_or("no task_id")?.to_owned();
        if number.is_multiple_of(CANCEL_EVERY) {
            // It may have ended already: then 409 is fine too.
            let _ = self.request(Method::DELETE, &format!("/api/v1/ingest/{task}")).send().await;
        }
        self.follow(&task, fails).await
    }

    async fn batch(&self, client: u64, number: u64) -> Result<(), String> {
        let item = |item: u64| {
            json!({
                "url": format!("{}/{number}-{item}.md", self.documents),
                "document_id": format!("soak-batch-{client}-{item}"),
                "replace_existing": true,
            })
        };
        let body = json!({ "items": (0..3).map(item).collect::<Vec<_>>() });
        let answer = self.request(Method::POST, "/api/v1/ingest/batch").json(&body).send().await;
        let body = json_of(answer, "a batch").await?;
        let tasks: Vec<String> = serde_json::from_value(body["task_ids"].clone()).map_err(|error| error.to_string())?;
        if tasks.len() != 3 {
            return Err(format!("a batch is answered {body}"));
        }
        for task in tasks {
            self.follow(&task, false).await?;
        }
        Ok(())
    }

    /// Waits for the end of a task, and reads what clients read then.
    async fn follow(&self, task: &str, fails: bool) -> Result<(), String> {
        let began = Instant::now();
        let status = loop {
            let started = Instant::now();
            let answer = self.request(Method::GET, &format!("/api/v1/status/{task}")).send().await;
            let body = json_of(answer, "a status").await?;
            lock(&self.minute).statuses.push(started.elapsed());
            let status = body["status"].as_str().unwrap_or_default().to_owned();
            if matches!(status.as_str(), "completed" | "failed" | "cancelled") {
                break status;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("task {task} has not ended: {body}"));
            }
            tokio::time::sleep(POLL).await;
        };
        for path in [format!("/api/v1/status/{task}/history"), format!("/api/files/temp/{task}")] {
            json_of(self.request(Method::GET, &path).send().await, &path).await?;
        }
        let (mut minute, mut done) = (lock(&self.minute), lock(&self.done));
        match status.as_str() {
            "completed" if !fails => (minute.completed += 1, done.completed += 1),
            "failed" if fails => (minute.failed += 1, done.failed += 1),
            "cancelled" => (minute.cancelled += 1, done.cancelled += 1),
            other => return Err(format!("task {task} ended as {other}")),
        };
        Ok(())
    }
}

/// A document of some kind, and whether its task fails.
fn document(number: u64) -> (String, Vec<u8>, bool) {
    let (name, bytes, fails) = match number % 10 {
        0 => ("report.pdf", morag_fixtures::sample_pdf(), false),
        1 => ("letter.docx", morag_fixtures::docx(), false),
        2 => ("page.html", morag_fixtures::html(), false),
        3 => ("table.csv", morag_fixtures::csv(), false),
        4 => ("brief.txt", morag_fixtures::german_txt(), false),
        5 => ("scan.pdf", morag_fixtures::pdf_scanned(), true),
        6 => ("bomb.docx", morag_fixtures::docx_bomb(), true),
        7 => ("locked.pdf", morag_fixtures::pdf_encrypted(), true),
        _ => ("note.md", morag_fixtures::one_page_markdown(number % 97), false),
    };
    (name.to_owned(), bytes, fails)
}

async fn json_of(answer: reqwest::Result<reqwest::Response>, what: &str) -> Result<Value, String> {
    let answer = answer.map_err(|error| format!("{what}: {error}"))?;
    let status = answer.status();
    let body = answer.text().await.map_err(|error| format!("{what}: {error}"))?;
    match status.is_success() {
        true => serde_json::from_str(&body).map_err(|error| format!("{what}: {error}")),
        false => Err(format!("{what} is answered {status}: {body}")),
    }
}

async fn start(router: Router) -> (String, Aborted) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (url, Aborted(task))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic under the lock")
}
