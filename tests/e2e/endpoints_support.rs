//! Shared by the tests of named endpoints.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use morag_core::Secret;
use morag_core::webhook::{standard_signature, verify};
use morag_tests::receiver::Received;
use morag_tests::server::{API_KEY, PATIENCE, Server, client};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// A receiver's response.
pub fn ack(status: u16) -> Response {
    StatusCode::from_u16(status).expect("a status").into_response()
}

/// Status and JSON body of a response.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    Answer { status, body: response.json().await.expect("a JSON body") }
}

/// A POST request with a JSON body; null: without a body.
pub async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    let request = server.request(Method::POST, path);
    answer(if body.is_null() { request } else { request.json(body) }).await
}

pub async fn patch(server: &Server, id: &str, body: &Value) -> Answer {
    answer(server.request(Method::PATCH, &format!("/api/v1/webhooks/endpoints/{id}")).json(body)).await
}

/// Creates an endpoint, and returns the response.
pub async fn create(server: &Server, settings: Value) -> Value {
    let answer = post(server, "/api/v1/webhooks/endpoints", &settings).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

pub async fn submit(server: &Server, number: u64) -> String {
    submit_with(server, number, &[]).await
}

pub async fn submit_with(server: &Server, number: u64, fields: &[(&str, &str)]) -> String {
    server.submit("note.md", morag_fixtures::one_page_markdown(number), fields).await
}

pub fn sequences(received: &[Received]) -> Vec<u64> {
    received.iter().map(|one| one.header("x-morag-sequence").parse().expect("a number")).collect()
}

/// The deliveries of a task.
pub fn of_task(received: &[Received], task: &str) -> Vec<Received> {
    let is_of = |one: &&Received| one.json().to_string().contains(task);
    received.iter().filter(is_of).cloned().collect()
}

/// Whether exactly these secrets signed it, the newest first.
pub fn signed_by(one: &Received, secrets: &[&str]) -> bool {
    let seconds: i64 = one.header("webhook-timestamp").parse().expect("seconds");
    let id = one.header("webhook-id");
    let signature = |secret: &&str| standard_signature(&Secret::new(*secret), id, seconds, &one.body);
    let expected: Vec<_> = secrets.iter().map(signature).collect();
    one.header("webhook-signature") == expected.join(" ")
        && verify(&Secret::new(secrets[0]), &one.body, one.header("x-morag-signature"))
}

/// Whether a log has this many deliveries, none of them pending.
pub fn deliver_all(log: &Value, count: usize) -> bool {
    let deliveries = log["deliveries"].as_array().expect("a list");
    deliveries.len() == count && deliveries.iter().all(|one| one["state"] != "pending")
}

/// Polls a path until its response satisfies `enough`.
pub async fn wait_for(server: &Server, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let body = server.get(path).await;
        if enough(&body) {
            return body;
        }
        assert!(started.elapsed() < PATIENCE, "{path}: {body}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A server that is started with a given command.
pub struct Process {
    child: tokio::process::Child,
    url: String,
    client: Client,
}

impl Answer {
    /// Starts it, and waits until it listens.
    pub async fn of_process(command: std::process::Command) -> Process {
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        let url = loop {
            let line =
                tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("a line").expect("readable output");
            if let Some(url) = line.expect("the server ended before it listened").strip_prefix("morag listens on ") {
                break url.trim().to_owned();
            }
        };
        Process { child, url, client: client() }
    }
}

impl Process {
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(API_KEY);
        answer(if body.is_null() { request } else { request.json(body) }).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, body).await
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, &Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    pub async fn submit(&self, number: u64) -> String {
        let part = reqwest::multipart::Part::bytes(morag_fixtures::one_page_markdown(number)).file_name("note.md");
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.client.post(format!("{}/api/v1/ingest/file", self.url)).bearer_auth(API_KEY).multipart(form);
        let answer = answer(request).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["task_id"].as_str().expect("a task_id").to_owned()
    }

    pub async fn wait_until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let body = self.get(path).await;
            if enough(&body) {
                return body;
            }
            assert!(started.elapsed() < PATIENCE, "{path}: {body}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn wait_for_end(&self, task: &str) {
        let ended = |body: &Value| matches!(body["status"].as_str(), Some("completed" | "failed" | "cancelled"));
        self.wait_until(&format!("/api/v1/status/{task}"), ended).await;
    }

    pub async fn kill(mut self) {
        self.child.kill().await.expect("the server can be killed");
    }
}
