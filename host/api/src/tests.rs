//! The routes, on an app in memory.

use super::router;
use super::testing::event as sample_event;
use super::testing::{Memory, NOW, app, attempt, endpoint, record};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures::stream;
use morag_core::ports::{AcceptError, CursorMove, Deliveries as _, DueQueue as _, Queue, Shortcoming, StoreError};
use morag_core::task::{Artifact, Event, EventKind, StepFailure, TaskId, TaskRecord};
use morag_core::{JsonObject, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tower::ServiceExt as _;

mod callers;
mod damage;
mod fair;
mod ingest;
mod limits;
mod pipelines;
mod plugins;
mod quotas;

/// How long a lease lasts where a test does not care.
const LEASE: std::time::Duration = std::time::Duration::from_secs(30);

const BOUNDARY: &str = "XBOUNDARYX";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    /// The error code, after checking that the body has the contract's shape.
    fn error(&self) -> String {
        let body = self.json();
        for key in ["detail", "error", "type", "error_code", "request_id"] {
            assert!(!body[key].is_null(), "{key} is missing: {body}");
        }
        assert_eq!(body["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert_eq!(self.status == StatusCode::UNPROCESSABLE_ENTITY, body["detail"].is_array());
        body["error_code"].as_str().unwrap().to_owned()
    }

    /// Names of the fields that a 422 complains of.
    fn fields(&self) -> Vec<String> {
        assert_eq!((self.status, self.error().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "validation_error"));
        let body = self.json();
        let items = body["detail"].as_array().unwrap().iter();
        items.map(|item| item["loc"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned()).collect()
    }
}

struct Server {
    memory: Arc<Memory>,
    router: Router,
}

fn server(environment: &[(&str, &str)]) -> Server {
    let memory = Arc::new(Memory::default());
    Server { router: router(app(&memory, environment)), memory }
}

impl Server {
    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, 16 << 20).await.unwrap() }
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer test-api-key");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[]).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method("POST").uri(path).header("authorization", "Bearer test-api-key");
        if headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn ingest(&self, fields: &[(&str, &str)], file: Option<(&str, &str)>) -> Answer {
        self.post("/api/v1/ingest/file", &[], form(fields, file)).await
    }

    fn completed_task(&self) -> TaskId {
        let record = record();
        let events = completed(record.id);
        self.memory.store.add(record, events)
    }

    fn task_count(&self) -> usize {
        self.memory.store.task_count()
    }

    /// Waits until refused uploads are gone. Each turn lets the clean-up go on; it needs no time of its own.
    async fn nothing_is_left(&self) {
        for _ in 0..1000 {
            if self.memory.blobs.paths().is_empty() {
                assert_eq!(self.task_count(), 0);
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("left behind: {:?}", self.memory.blobs.paths());
    }
}

fn form(fields: &[(&str, &str)], file: Option<(&str, &str)>) -> String {
    let mut form = String::new();
    if let Some((name, content)) = file {
        form += &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{content}\r\n"
        );
    }
    for (name, value) in fields {
        form += &format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    form + &format!("--{BOUNDARY}--\r\n")
}

const FILE: Option<(&str, &str)> = Some(("a.md", "# Hello\n"));

fn event(sequence: u64, percent: f64, kind: EventKind) -> Event {
    Event { progress_percent: percent, ..sample_event(sequence, kind) }
}

fn failed() -> Vec<Event> {
    let failure =
        StepFailure { code: "CORRUPT".into(), message: "broken".into(), details: JsonObject::new(), retryable: false };
    let (step, stage) = ("markdown_conversion".to_owned(), "content_processing".to_owned());
    vec![
        event(1, 0.0, EventKind::TaskStarted { retry: None }),
        event(2, 10.0, EventKind::TaskFailed { step, stage, failure }),
    ]
}

/// Content of a completed task's markdown.
const MARKDOWN: &str = "0123456789";

fn completed(task: TaskId) -> Vec<Event> {
    completed_with(task, MARKDOWN)
}

fn completed_with(task: TaskId, content: &str) -> Vec<Event> {
    let url = format!("/api/files/temp/{task}/markdown.md");
    let Value::Object(data) = json!({"conversion_metadata": {"page_count": 3}, "markdown_file_url": url}) else {
        unreachable!()
    };
    let artifact = |name: &str, media_type: &str| Artifact {
        name: name.parse().unwrap(),
        media_type: media_type.into(),
        size: content.len() as u64,
        sha256: hex::encode(Sha256::digest(content)),
    };
    let kind = EventKind::StepCompleted {
        step: "markdown_conversion".into(),
        stage: "content_processing".into(),
        data,
        artifacts: vec![artifact("markdown.md", "text/markdown"), artifact("document.json", "application/json")],
        resources: Default::default(),
    };
    let result = JsonObject::new();
    vec![
        event(1, 0.0, EventKind::TaskStarted { retry: None }),
        event(2, 100.0, kind),
        event(3, 100.0, EventKind::TaskCompleted { result }),
    ]
}

fn put(server: &Server, task: TaskId, name: &str, content: &str) {
    let path = format!("tasks/{task}/files/{name}");
    server.memory.blobs.put(path, content.to_owned());
}

#[tokio::test]
async fn a_file_becomes_a_task() {
    let server = server(&[]);
    let fields = [("chunk_size", "500"), ("metadata", r#"{"a": 1}"#), ("unknown", "x"), ("source_type", "document")];
    let answer = server.ingest(&fields, Some(("../../report.md", "# Hello\n"))).await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["document_id", "estimated_time", "message", "status", "status_url", "task_id"]);
    assert_eq!(body["status"], "pending");
    let task = body["task_id"].as_str().unwrap();
    assert_eq!(server.memory.blobs.paths(), [format!("tasks/{task}/files/original.md")]);
    let log = server.memory.store.logs()[0].clone();
    assert_eq!((log.record.source.file_name.as_str(), log.record.source.size), ("report.md", 8));
    assert_eq!(log.record.source.media_type, "text/markdown");
    assert_eq!(log.record.options["chunk_size"], json!(500));
    assert_eq!(log.record.metadata.to_object()["a"], json!(1));
    let status = server.get(body["status_url"].as_str().unwrap()).await;
    assert_eq!((status.status, &status.json()["status"]), (StatusCode::OK, &json!("pending")));
}

#[tokio::test]
async fn an_empty_file_is_a_task_and_no_file_is_not() {
    let server = server(&[]);
    assert_eq!(server.ingest(&[], Some(("empty.pdf", ""))).await.status, StatusCode::OK);
    for file in [None, Some(("", "content"))] {
        assert_eq!(server.ingest(&[], file).await.fields(), ["file"]);
    }
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let long = "x".repeat(10_000);
    let huge = "x".repeat(65 * 1024);
    for (name, value) in [
        ("document_id", "a<b"),
        ("document_id", long.as_str()),
        ("webhook_url", "http://127.0.0.1/hook"),
        ("webhook_url", "http://private.example/hook"),
        ("webhook_url", "https://u:p@example.com/"),
        ("chunk_size", "many"),
        ("pipeline", "nonsense"),
        ("metadata", huge.as_str()),
    ] {
        let server = server(&[]);
        assert_eq!(server.ingest(&[(name, value)], FILE).await.fields(), [name], "{value:.40}");
        server.nothing_is_left().await;
    }
}

#[tokio::test]
async fn a_body_that_is_no_whole_form_is_refused() {
    let server = server(&[]);
    let answer = server.post("/api/v1/ingest/file", &[("content-type", "application/json")], "{}").await;
    assert_eq!(answer.error(), "validation_error");
    let whole = form(&[], FILE);
    let answer = server.post("/api/v1/ingest/file", &[], whole[..whole.len() - 20].to_owned()).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_multipart"));
    server.nothing_is_left().await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let server = server(&[]);
    let start = form(&[], FILE).split("--XBOUNDARYX--").next().unwrap().to_owned();
    let gone = stream::iter([Ok(start), Err(std::io::Error::other("connection reset"))]);
    assert_eq!(server.post("/api/v1/ingest/file", &[], Body::from_stream(gone)).await.status, StatusCode::BAD_REQUEST);
    server.nothing_is_left().await;

    // Dropping the request, as the server does when the connection breaks: here when the file is stored already.
    let whole = form(&[("language", "de")], FILE);
    let start = whole.split("de\r\n").next().unwrap().to_owned();
    let stuck = stream::StreamExt::chain(stream::iter([Ok::<_, std::io::Error>(start)]), stream::pending());
    let request = server.post("/api/v1/ingest/file", &[], Body::from_stream(stuck));
    let mut request = Box::pin(request);
    while server.memory.blobs.paths().is_empty() {
        assert!(futures::poll!(&mut request).is_pending());
        tokio::task::yield_now().await;
    }
    drop(request);
    server.nothing_is_left().await;
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_declared_or_not() {
    let server = server(&[("MORAG_MAX_UPLOAD_SIZE_BYTES", "100")]);
    let declared = [("content-length", "999999999")];
    let unread = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = server.post("/api/v1/ingest/file", &declared, unread).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"));
    let answer = server.ingest(&[], Some(("a.md", &"x".repeat(101)))).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "file_too_large"));
    assert_eq!(server.task_count(), 0);
    assert_eq!(server.ingest(&[], Some(("a.md", &"x".repeat(100)))).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_stores_refusals_have_their_codes() {
    let holder = TaskId::random();
    for (error, status, code) in [
        (AcceptError::DuplicateDocument(holder), 409, "duplicate_document"),
        (AcceptError::QueueFull, 429, "queue_full"),
        (AcceptError::QueueShare, 429, "queue_full"),
        (AcceptError::Store(StoreError::Unavailable("secret".into())), 503, "unavailable"),
        (AcceptError::Store(StoreError::Full("secret".into())), 507, "storage_full"),
    ] {
        let server = server(&[]);
        *server.memory.store.accept_error.lock().unwrap() = Some(error);
        let answer = server.ingest(&[], FILE).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (status, code));
        assert!(!answer.json().to_string().contains("secret"));
        let retry_after =
            answer.headers.get("retry-after").map(|value| value.to_str().unwrap().parse::<u32>().unwrap());
        assert_eq!(retry_after.is_some_and(|seconds| seconds > 0), status != 409, "{retry_after:?}");
        if status == 409 {
            assert!(answer.json()["error"].as_str().unwrap().contains(&holder.to_string()));
            assert_eq!(answer.json()["task_id"], json!(holder));
        }
        match status {
            // Whether the task was stored is not known: its file stays, for the janitor to judge.
            503 => assert_eq!((server.memory.blobs.paths().len(), server.task_count()), (1, 0)),
            _ => server.nothing_is_left().await,
        }
    }
}

#[tokio::test]
async fn an_idempotency_key_answers_once_more_and_refuses_another_request() {
    let server = server(&[]);
    let key = [("idempotency-key", "k1")];
    let first = server.post("/api/v1/ingest/file", &key, form(&[], FILE)).await;
    let again = server.post("/api/v1/ingest/file", &key, form(&[], FILE)).await;
    assert_eq!((first.status, first.json()), (again.status, again.json()));
    assert_eq!(server.task_count(), 1);
    let other = server.post("/api/v1/ingest/file", &key, form(&[("language", "de")], FILE)).await;
    assert_eq!((other.status, other.error().as_str()), (StatusCode::CONFLICT, "idempotency_conflict"));
    let other = server.post("/api/v1/ingest/file", &key, form(&[], Some(("a.md", "other")))).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    // The same key at another route is another key.
    let hook = [("webhook_url", "https://example.com/")];
    let elsewhere = server.post("/api/convert/process-ingest", &key, form(&hook, FILE)).await;
    assert_eq!(elsewhere.status, StatusCode::OK);
    assert_eq!(server.task_count(), 2);
}

#[tokio::test]
async fn below_the_room_that_is_kept_free_nothing_new_is_taken() {
    let server = server(&[]);
    *server.memory.disk_misses.lock().unwrap() = 5 << 20;
    let url = r#"{"url": "https://e.com/a"}"#;
    let batch = r#"{"items": [{"url": "https://e.com/a"}]}"#;
    let json = [("content-type", "application/json")];
    let hook = [("webhook_url", "https://example.com/hook")];
    for answer in [
        server.ingest(&[], FILE).await,
        server.post("/api/v1/process", &[], form(&[("mode", "ingest"), hook[0]], FILE)).await,
        server.post("/api/convert/process-ingest", &[], form(&hook, FILE)).await,
        server.post("/api/v1/ingest/url", &json, url).await,
        server.post("/api/v1/ingest/batch", &json, batch).await,
    ] {
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INSUFFICIENT_STORAGE, "disk_full"));
        let text = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(text.contains("251 MiB free") && text.contains("below 256 MiB"), "{text}");
    }
    assert_eq!(*server.memory.network.fetches.lock().unwrap(), 0, "nothing is fetched for it");
    server.nothing_is_left().await;
    let ready = server.get("/health/ready").await;
    assert_eq!((ready.status, &ready.json()["dependencies"]["disk"]), (StatusCode::OK, &json!("low")));
    let task = server.completed_task();
    assert_eq!(server.get(&format!("/api/v1/status/{task}")).await.status, StatusCode::OK, "all else works");
    *server.memory.disk_misses.lock().unwrap() = 0;
    assert_eq!(server.ingest(&[], FILE).await.status, StatusCode::OK);
    assert_eq!(server.get("/health/ready").await.json()["dependencies"]["disk"], "up");
}

#[tokio::test]
async fn process_ingest_requires_a_webhook() {
    let server = server(&[]);
    assert_eq!(server.post("/api/convert/process-ingest", &[], form(&[], FILE)).await.fields(), ["webhook_url"]);
    let fields = [("webhook_url", "https://example.com/hook"), ("webhook_auth_token", "t")];
    let body = server.post("/api/convert/process-ingest", &[], form(&fields, FILE)).await.json();
    assert_eq!(body["success"], json!(true));
    assert!(body["estimated_time_seconds"].is_u64());
    let log = server.memory.store.logs()[0].clone();
    assert!(log.record.endpoints[0].auth_token.is_none(), "kept beside the record");
    let kept = server.memory.store.credentials.lock().unwrap().clone();
    assert_eq!(kept.iter().map(|(task, _)| *task).collect::<Vec<_>>(), [log.record.id]);
    assert!(kept[0].1.contains("\"auth_token\":\"t\""), "not sealed, for the server of this test has no key: {kept:?}");
}

#[tokio::test]
async fn process_waits_and_answers_with_the_markdown() {
    let server = server(&[]);
    let files = server.memory.blobs.files.clone();
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(move |record: &TaskRecord| {
        assert_eq!(record.pipeline.name(), "convert");
        files.lock().unwrap().insert(format!("tasks/{}/files/markdown.md", record.id), "# Out".into());
        completed_with(record.id, "# Out")
    }));
    let data = r#"{"mode": "convert", "source_type": "file"}"#;
    let body = server.post("/api/v1/process", &[], form(&[("request_data", data)], FILE)).await.json();
    assert_eq!((&body["success"], &body["mode"], &body["content"]), (&json!(true), &json!("convert"), &json!("# Out")));
    assert_eq!(body["metadata"]["page_count"], json!(3));
    assert!(body["error_message"].is_null() && body["warnings"] == json!([]));
}

#[tokio::test]
async fn process_says_why_it_failed_and_when_it_takes_too_long() {
    let server = server(&[("MORAG_PROCESS_WAIT_SECONDS", "0")]);
    let fields = [("mode", "process")];
    let body = server.post("/api/v1/process", &[], form(&fields, FILE)).await.json();
    assert_eq!(body["success"], json!(false));
    assert!(body["error_message"].as_str().unwrap().contains("runs still"), "{body}");
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(|_| failed()));
    let answer = server.post("/api/v1/process", &[], form(&fields, FILE)).await;
    assert_eq!((answer.status, &answer.json()["error_message"]), (StatusCode::OK, &json!("broken")));
    assert_eq!((&answer.json()["success"], &answer.json()["content"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn process_refuses_what_it_cannot_do() {
    let server = server(&[]);
    for (fields, code) in [(&[("mode", "ingest")][..], "webhook_required")] {
        let answer = server.post("/api/v1/process", &[], form(fields, FILE)).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, code));
    }
    assert_eq!(server.post("/api/v1/process", &[], form(&[], FILE)).await.fields(), ["mode"]);
    assert_eq!(server.post("/api/v1/process", &[], form(&[("mode", "eat")], FILE)).await.fields(), ["mode"]);
    assert_eq!(server.post("/api/v1/process", &[], form(&[("mode", "convert")], None)).await.fields(), ["file"]);
    let config = r#"{"url": "https://example.com/h", "format": "morag-ui"}"#;
    let fields = [("mode", "ingest"), ("webhook_config", config)];
    server.nothing_is_left().await;
    let body = server.post("/api/v1/process", &[], form(&fields, FILE)).await.json();
    assert_eq!((&body["success"], &body["content"]), (&json!(true), &Value::Null));
}

#[tokio::test]
async fn without_a_key_nothing_under_api_answers() {
    let server = server(&[]);
    for path in ["/api/v1/status", "/api/v1/nonsense", "/api/files/temp/x", "/nonsense"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::UNAUTHORIZED, "unauthorized"), "{path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    for path in ["/health", "/health/ready", "/openapi.json", "/docs", "/docs/"] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        assert_eq!(server.send(request).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_process_without_the_role_api_serves_the_probes_alone() {
    let server = server(&[("REDIS_URL", "redis://127.0.0.1:1"), ("MORAG_ROLE", "dispatcher")]);
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
    let ready = server.get("/health/ready/").await;
    assert_eq!((ready.status, &ready.json()["dependencies"]), (StatusCode::OK, &json!({"disk": "up", "tasks": "up"})));
    for path in ["/api/v1/status", "/openapi.json", "/docs", "/"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::NOT_FOUND, "not_found"), "{path}");
        assert!(answer.json()["error"].as_str().unwrap().contains("role dispatcher"), "{}", answer.json());
    }
    *server.memory.store.down.lock().unwrap() = true;
    server.memory.clock.advance(std::time::Duration::from_secs(2));
    assert_eq!(server.get("/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn readiness_asks_the_dependencies_at_most_every_two_seconds() {
    let server = server(&[]);
    let pings = || *server.memory.blobs.pings.lock().unwrap();
    for _ in 0..20 {
        let all = futures::future::join_all((0..10).map(|_| server.get("/health/ready"))).await;
        assert!(all.iter().all(|answer| answer.status == StatusCode::OK));
    }
    assert_eq!(pings(), 1);
    server.memory.clock.advance(std::time::Duration::from_millis(1999));
    server.get("/health/ready").await;
    assert_eq!(pings(), 1);
    server.memory.clock.advance(std::time::Duration::from_millis(1));
    server.get("/health/ready").await;
    assert_eq!(pings(), 2);
}

#[tokio::test]
async fn with_the_default_key_only_this_machines_own_names_are_answered() {
    let ask = async |server: &Server, method: &str, path: &str, header: (&str, &str)| {
        server.call(method, path, &[("host", "localhost:8000"), header]).await
    };
    let open = server(&[]);
    for path in ["/health", "/docs", "/api/v1/status", "/nowhere"] {
        let answer = open.call("GET", path, &[("host", "rebound.example:8000")]).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (421, "foreign_host"), "{path}");
        assert!(answer.json()["error"].as_str().unwrap().contains("MORAG_API_KEYS"));
        assert_ne!(open.call("GET", path, &[("host", "127.0.0.1:8000")]).await.status.as_u16(), 421, "{path}");
    }
    let foreign = ask(&open, "POST", "/api/v1/plugins/reload", ("origin", "https://evil.example")).await;
    assert_eq!((foreign.status, foreign.error().as_str()), (StatusCode::FORBIDDEN, "foreign_origin"));
    let own = ask(&open, "POST", "/api/v1/plugins/reload", ("origin", "http://localhost:3000")).await;
    assert_ne!(own.status, StatusCode::FORBIDDEN);
    // The same key written out is known as well.
    let written = server(&[("MORAG_API_KEYS", "other,test-api-key")]);
    let status =
        async |server: &Server| server.call("GET", "/api/v1/status", &[("host", "morag.example")]).await.status;
    assert_eq!(status(&written).await, StatusCode::MISDIRECTED_REQUEST);
    // Keys that were chosen are not known, whatever the name: here it is the key that is asked for.
    let chosen = server(&[("MORAG_API_KEYS", "chosen")]);
    assert_eq!(status(&chosen).await, StatusCode::UNAUTHORIZED);
    let foreign = ask(&chosen, "POST", "/api/v1/plugins/reload", ("origin", "https://app.example")).await;
    assert_eq!(foreign.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_store_that_may_lose_tasks_is_shown_and_makes_the_server_unready_unless_that_is_accepted() {
    let server = server(&[]);
    assert!(server.get("/health/ready").await.json().get("store_shortcomings").is_none());
    for (is_accepted, status, word) in [(true, 200, "ready"), (false, 503, "unavailable")] {
        let message = "maxmemory-policy is allkeys-lru".to_owned();
        *server.memory.shortcomings.lock().unwrap() =
            vec![Shortcoming { setting: "maxmemory-policy", message: message.clone(), is_accepted }];
        let answer = server.get("/health/ready").await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["status"]), (status, &json!(word)));
        let shown = json!([{"setting": "maxmemory-policy", "message": message, "accepted": is_accepted}]);
        assert_eq!((&body["store_shortcomings"], &body["dependencies"]["tasks"]), (&shown, &json!("up")));
    }
}

#[tokio::test]
async fn the_weight_of_the_callers_key_goes_with_the_task() {
    let server = server(&[("MORAG_API_KEYS", "other,test-api-key"), ("MORAG_API_KEY_WEIGHTS", "1,7")]);
    assert_eq!(server.ingest(&[], FILE).await.status, StatusCode::OK);
    let flow = server.memory.store.flow.lock().unwrap().clone().unwrap();
    assert_eq!(flow.weight, 7);
}

#[tokio::test]
async fn every_error_has_the_contracts_shape() {
    let server = server(&[]);
    let unknown = TaskId::random();
    for (method, path, status) in [
        ("GET", "/nonsense".to_owned(), 404),
        ("GET", "/api/v1/status/nonsense".to_owned(), 404),
        ("GET", "/api/v1/status/%ff".to_owned(), 404),
        ("GET", format!("/api/v1/status/{unknown}"), 404),
        ("GET", format!("/api/v1/status/{unknown}/history"), 404),
        ("GET", format!("/api/files/temp/{unknown}"), 404),
        ("GET", format!("/api/v1/tasks/{unknown}/deliveries"), 404),
        ("DELETE", format!("/api/v1/cancel/{unknown}"), 404),
        ("DELETE", format!("/api/files/temp/{unknown}"), 404),
        ("GET", "/api/v1/ingest/file".to_owned(), 405),
        ("PUT", "/health".to_owned(), 405),
        ("GET", "/api/v1/status?limit=0".to_owned(), 422),
        ("GET", "/api/v1/status?limit=1001".to_owned(), 422),
        ("GET", "/api/v1/status?status=lost".to_owned(), 422),
        ("GET", "/api/v1/status/events/recent?hours=169".to_owned(), 422),
    ] {
        let answer = server.call(method, &path, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}");
        answer.error();
        assert_eq!(answer.headers.contains_key("allow"), status == 405, "{method} {path}");
    }
}

#[tokio::test]
async fn a_store_that_is_away_is_503_without_its_secrets() {
    let server = server(&[]);
    *server.memory.store.down.lock().unwrap() = true;
    let answer = server.get(&format!("/api/v1/status/{}", TaskId::random())).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "unavailable"));
    assert!(!String::from_utf8_lossy(&answer.body).contains("/var"));
    let answer = server.get("/health/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["dependencies"], json!({"blobs": "up", "disk": "up", "tasks": "down"}));
    assert_eq!(server.get("/health").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_panic_is_500_in_the_contracts_shape() {
    let server = server(&[]);
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(|_| panic!("secret")));
    *server.memory.store.panics.lock().unwrap() = true;
    for answer in [server.ingest(&[], FILE).await, server.get("/api/v1/status").await] {
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"));
        assert!(!answer.json().to_string().contains("secret"));
    }
    server.nothing_is_left().await;
}

#[tokio::test]
async fn the_callers_request_id_comes_back() {
    let server = server(&[]);
    let answer = server.call("GET", "/health", &[("x-request-id", "abc-1")]).await;
    assert_eq!(answer.headers["x-request-id"], "abc-1");
}

#[tokio::test]
async fn status_lists_and_history_have_their_fields() {
    let server = server(&[]);
    let store = &server.memory.store;
    let task = store.add(TaskRecord { endpoints: vec![endpoint("task")], ..record() }, failed());
    store.add(record(), vec![]);
    for path in ["/api/v1/status", "/api/v1/status/"] {
        let list = server.get(path).await.json();
        assert_eq!((&list["count"], &list["total_count"], &list["next_cursor"]), (&json!(2), &json!(2), &Value::Null));
    }
    let list = server.get("/api/v1/status/?status=failed").await.json();
    assert_eq!(list["active_tasks"][0]["task_id"], json!(task));
    let order = |history: Value| -> Vec<u64> {
        history["history"].as_array().unwrap().iter().map(|item| item["sequence"].as_u64().unwrap()).collect()
    };
    let path = format!("/api/v1/status/{task}/history");
    assert_eq!(order(server.get(&path).await.json()), [2, 1]);
    assert_eq!(order(server.get(&format!("{path}/?order=asc")).await.json()), [1, 2]);
    assert_eq!(server.get(&format!("{path}?order=up")).await.fields(), ["order"]);
    let recent = server.get("/api/v1/status/events/recent?limit=1").await.json();
    assert_eq!((&recent["count"], &recent["hours"]), (&json!(1), &json!(24)));
    assert_eq!(recent["events"][0]["task_id"], json!(task));
    assert_eq!(recent["events"][0]["event_type"], "task_failed");
    for _ in 0..4 {
        store.add(record(), vec![]);
    }
    store.claim(Queue::Tasks, 2, LEASE).await.unwrap();
    let queues = server.get("/api/v1/status/stats/queues").await.json();
    assert_eq!((&queues["active_tasks"], &queues["reserved_tasks"]), (&json!(2), &json!(3)));
    let held = store.claim(Queue::Deliveries, 1, LEASE).await.unwrap().leases.remove(0);
    store.advance(&held, CursorMove::Delivered, Some(attempt(1, NOW, 200))).await.unwrap();
    let deliveries = server.get(&format!("/api/v1/tasks/{task}/deliveries")).await.json();
    assert_eq!(deliveries["deliveries"][0]["event_type"], "task_started");
    assert_eq!(deliveries["deliveries"][0]["attempts"][0]["http_status"], 200);
}

#[tokio::test]
async fn a_long_poll_ends_with_the_next_change_or_its_time() {
    let server = server(&[]);
    let task = server.memory.store.add(record(), vec![]);
    assert_eq!(server.get(&format!("/api/v1/status/{task}?wait=1")).await.json()["status"], "pending");
    let path = format!("/api/v1/status/{task}?wait=60");
    // The task has been read when the other future gets its turn.
    let change = async { server.memory.store.append(task, failed()) };
    let start = tokio::time::Instant::now();
    let (answer, ()) = tokio::join!(server.get(&path), change);
    assert_eq!(answer.json()["status"], "failed");
    assert!(start.elapsed().as_secs() < 30);
    assert_eq!(server.get(&format!("/api/v1/status/{task}?wait=61")).await.fields(), ["wait"]);
}

#[tokio::test]
async fn an_ended_task_cannot_be_cancelled() {
    let server = server(&[]);
    let task = server.memory.store.add(record(), failed());
    for (method, path) in [("DELETE", "ingest"), ("DELETE", "status"), ("POST", "cancel"), ("DELETE", "cancel")] {
        let answer = server.call(method, &format!("/api/v1/{path}/{task}"), &[]).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "task_already_ended"), "{path}");
    }
}

#[tokio::test]
async fn files_are_served_whole_and_in_parts() {
    let server = server(&[]);
    let task = server.completed_task();
    put(&server, task, "markdown.md", MARKDOWN);
    // Not announced, and not yet: a step's files are there before its end is told.
    put(&server, task, "document.json", "{}");
    put(&server, task, "chunks.json", "[]");
    let list = server.get(&format!("/api/files/temp/{task}")).await.json();
    assert_eq!((&list["session_id"], &list["total_size_bytes"]), (&json!(task), &json!(10)));
    assert_eq!(list["files"][0]["filename"], "markdown.md");
    assert_eq!(list["expires_at"].as_str().unwrap(), NOW.plus(std::time::Duration::from_secs(168 * 3600)).to_string());
    for base in [format!("/api/files/temp/{task}"), format!("/api/v1/files/{task}")] {
        let path = format!("{base}/markdown.md");
        let whole = server.get(&path).await;
        assert_eq!((whole.status, &whole.body[..]), (StatusCode::OK, &b"0123456789"[..]));
        assert_eq!(whole.headers["accept-ranges"], "bytes");
        let etag = whole.headers["etag"].to_str().unwrap();
        let part = server.call("GET", &path, &[("range", "bytes=2-4")]).await;
        assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &b"234"[..]));
        assert_eq!(part.headers["content-range"], "bytes 2-4/10");
        let beyond = server.call("GET", &path, &[("range", "bytes=10-")]).await;
        assert_eq!(
            (beyond.status, beyond.error().as_str()),
            (StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable")
        );
        assert_eq!(beyond.headers["content-range"], "bytes */10");
        let same = server.call("GET", &path, &[("if-none-match", etag)]).await;
        assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
        let changed = server.call("GET", &path, &[("range", "bytes=2-4"), ("if-range", "\"old\"")]).await;
        assert_eq!(changed.status, StatusCode::OK);
        let head = server.call("HEAD", &path, &[]).await;
        assert_eq!(
            (head.status, head.body.len(), &head.headers["content-length"]),
            (StatusCode::OK, 0, &"10".parse().unwrap())
        );
        for hidden in ["document.json", "chunks.json", "nonsense.md", "..%2f..%2fx", ".x"] {
            assert_eq!(server.get(&format!("{base}/{hidden}")).await.error(), "file_not_found", "{hidden}");
        }
    }
}

#[tokio::test]
async fn files_of_an_ended_task_alone_can_be_deleted() {
    let server = server(&[]);
    let running = server.memory.store.add(record(), vec![event(1, 0.0, EventKind::TaskStarted { retry: None })]);
    put(&server, running, "markdown.md", "x");
    let answer = server.call("DELETE", &format!("/api/files/temp/{running}"), &[]).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "task_running"));
    let ended = server.completed_task();
    put(&server, ended, "markdown.md", "x");
    let body = server.call("DELETE", &format!("/api/v1/files/{ended}/"), &[]).await.json();
    assert_eq!(body["success"], json!(true));
    assert_eq!(server.memory.blobs.paths(), [format!("tasks/{running}/files/markdown.md")]);
}

#[tokio::test]
async fn files_of_a_task_that_runs_again_meanwhile_are_not_deleted() {
    let server = server(&[]);
    let task = server.memory.store.add(record(), failed());
    put(&server, task, "markdown.md", "x");
    *server.memory.store.runs_meanwhile.lock().unwrap() = Some(task);
    let answer = server.call("DELETE", &format!("/api/files/temp/{task}"), &[]).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "task_running"));
    assert_eq!(server.memory.blobs.paths(), [format!("tasks/{task}/files/markdown.md")]);
}

#[tokio::test]
async fn the_documentation_loads_nothing_from_elsewhere() {
    let server = server(&[]);
    let page = server.get("/docs").await;
    let html = String::from_utf8_lossy(&page.body).into_owned();
    for address in html.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css")) {
        assert!(address.starts_with("/docs/"), "{address}");
        assert_eq!(server.get(address).await.status, StatusCode::OK, "{address}");
    }
    assert!(html.contains("/docs/swagger-initializer.js"));
    assert_eq!(server.get("/docs/nonsense.js").await.error(), "not_found");
    assert_eq!(server.get("/openapi.json").await.json()["openapi"], "3.1.0");
}

#[test]
fn the_time_of_the_tests_is_what_it_says() {
    assert_eq!(NOW, "2026-01-31T10:00:00.000Z".parse::<Timestamp>().unwrap());
}

#[tokio::test]
async fn deleting_files_gives_their_bytes_back_first_and_goes_on_without_its_caller() {
    for stays in [true, false] {
        let server = server(&[]);
        let task = server.completed_task();
        server.memory.blobs.put(format!("tasks/{task}/files/original.md"), "x");
        let path = format!("/api/files/temp/{task}");
        let mut request = Box::pin(server.call("DELETE", &path, &[]));
        match stays {
            true => assert_eq!(request.await.status, StatusCode::OK),
            false => {
                assert!(futures::poll!(&mut request).is_pending(), "it was done before its caller could leave");
                drop(request);
            }
        }
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.memory.blobs.paths(), [""; 0], "whether its caller stays: {stays}");
        assert_eq!(*server.memory.store.uncounted.lock().unwrap(), [(task, 1)]);
    }
}
