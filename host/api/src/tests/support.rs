//! What the tests of routes share: a server in memory, its answers, forms, and events of tasks.

use crate::router;
use crate::testing::{Memory, NOW, app, record};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use morag_core::JsonObject;
use morag_core::task::{Artifact, Event, EventKind, StepFailure, TaskId};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tower::ServiceExt as _;

pub(super) const BOUNDARY: &str = "XBOUNDARYX";

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    /// The error code, after checking that the body has the contract's shape.
    pub(super) fn error(&self) -> String {
        let body = self.json();
        for key in ["detail", "error", "type", "error_code", "request_id"] {
            assert!(!body[key].is_null(), "{key} is missing: {body}");
        }
        assert_eq!(body["request_id"], self.headers["x-request-id"].to_str().unwrap());
        assert_eq!(self.status == StatusCode::UNPROCESSABLE_ENTITY, body["detail"].is_array());
        body["error_code"].as_str().unwrap().to_owned()
    }

    /// Names of the fields that a 422 complains of.
    pub(super) fn fields(&self) -> Vec<String> {
        assert_eq!((self.status, self.error().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "validation_error"));
        let body = self.json();
        let items = body["detail"].as_array().unwrap().iter();
        items.map(|item| item["loc"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned()).collect()
    }
}

/// The router on ports in memory.
pub(super) struct Server {
    pub(super) memory: Arc<Memory>,
    pub(super) router: Router,
}

/// A server with changes to the environment's settings.
pub(super) fn server(environment: &[(&str, &str)]) -> Server {
    let memory = Arc::new(Memory::default());
    Server { router: router(app(&memory, environment)), memory }
}

impl Server {
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, 16 << 20).await.unwrap() }
    }

    pub(super) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer test-api-key");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &[]).await
    }

    pub(super) async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method("POST").uri(path).header("authorization", "Bearer test-api-key");
        if headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(super) async fn ingest(&self, fields: &[(&str, &str)], file: Option<(&str, &str)>) -> Answer {
        self.post("/api/v1/ingest/file", &[], form(fields, file)).await
    }

    pub(super) fn completed_task(&self) -> TaskId {
        let record = record();
        let events = completed(record.id);
        self.memory.store.add(record, events)
    }

    pub(super) fn task_count(&self) -> usize {
        self.memory.store.task_count()
    }

    /// Waits until refused uploads are gone. Each turn lets the clean-up go on; it needs no time of its own.
    pub(super) async fn nothing_is_left(&self) {
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

/// A form with a file and other fields.
pub(super) fn form(fields: &[(&str, &str)], file: Option<(&str, &str)>) -> String {
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

pub(super) const FILE: Option<(&str, &str)> = Some(("a.md", "# Hello\n"));

pub(super) fn event(sequence: u64, percent: f64, kind: EventKind) -> Event {
    Event { sequence, timestamp: NOW, progress_percent: percent, message: "happened".into(), span: None, kind }
}

/// Events of a task that failed.
pub(super) fn failed() -> Vec<Event> {
    let failure =
        StepFailure { code: "CORRUPT".into(), message: "broken".into(), details: JsonObject::new(), retryable: false };
    let (step, stage) = ("markdown_conversion".to_owned(), "content_processing".to_owned());
    vec![
        event(1, 0.0, EventKind::TaskStarted { retry: None }),
        event(2, 10.0, EventKind::TaskFailed { step, stage, failure }),
    ]
}

/// Content of a completed task's markdown.
pub(super) const MARKDOWN: &str = "0123456789";

/// Events of a task that completed, with its markdown.
pub(super) fn completed(task: TaskId) -> Vec<Event> {
    completed_with(task, MARKDOWN)
}

pub(super) fn completed_with(task: TaskId, content: &str) -> Vec<Event> {
    let url = format!("/api/files/temp/{task}/markdown.md");
    let Value::Object(data) = json!({"conversion_metadata": {"page_count": 3}, "markdown_file_url": url}) else {
        unreachable!()
    };
    let artifact = |name: &str, media_type: &str| Artifact {
        name: name.parse().unwrap(),
        media_type: media_type.into(),
        size: content.len() as u64,
        sha256: hex::encode(Sha256::digest(content)),
        listed: false,
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

/// Stores a file of a task.
pub(super) fn put(server: &Server, task: TaskId, name: &str, content: &str) {
    let path = format!("tasks/{task}/files/{name}");
    server.memory.blobs.put(path, content.to_owned());
}
