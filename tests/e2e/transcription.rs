//! What a service for transcription answers, as those who submitted a recording and the operator see it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use morag_tests::server::Server;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

const KEY: &str = "s3cr3t-key-of-the-operator";

/// A service that answers with a status, and with a transcript where that is 200.
struct Service {
    status: AtomicU16,
    asked: AtomicUsize,
}

impl Service {
    async fn start(status: u16) -> (Arc<Self>, Server) {
        let service = Arc::new(Self { status: AtomicU16::new(status), asked: AtomicUsize::new(0) });
        let routes = Router::new()
            .route("/v1/audio/transcriptions", post(transcribe))
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(service.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}/v1", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, routes).await.expect("it serves") });
        (service, Server::start_with(&[("OPENAI_BASE_URL", &base), ("OPENAI_API_KEY", KEY)]).await)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn transcribe(State(service): State<Arc<Service>>, _: axum::body::Bytes) -> Response {
    service.asked.fetch_add(1, Ordering::SeqCst);
    let status = StatusCode::from_u16(service.status.load(Ordering::SeqCst)).expect("a status");
    match status {
        StatusCode::OK => Json(json!({"text": "hello there"})).into_response(),
        _ => (status, Json(json!({"error": {"code": "some_code", "message": KEY}}))).into_response(),
    }
}

/// A second of silence.
fn wav() -> Vec<u8> {
    let samples = vec![0; 16_000];
    let size = |bytes: usize| u32::try_from(bytes).expect("a small file").to_le_bytes();
    let head: [&[u8]; 13] = [
        b"RIFF",
        &size(36 + samples.len()),
        b"WAVE",
        b"fmt ",
        &size(16),
        &1u16.to_le_bytes(),
        &1u16.to_le_bytes(),
        &size(8_000),
        &size(16_000),
        &2u16.to_le_bytes(),
        &16u16.to_le_bytes(),
        b"data",
        &size(samples.len()),
    ];
    [head.concat(), samples].concat()
}

async fn submitted(server: &Server) -> String {
    server.submit("talk.wav", wav(), &[("pipeline", "convert")]).await
}

fn assert_shows_no_key(body: &Value) {
    assert!(!body.to_string().contains("s3cr3t"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_the_service_refuses_fail_the_task_at_once() {
    for (status, setting) in [(401, "OPENAI_API_KEY"), (404, "MORAG_TRANSCRIPTION_MODEL")] {
        let (service, server) = Service::start(status).await;
        let body = server.wait_for_end(&submitted(&server).await).await;
        assert_eq!(body["error_details"]["error_code"], "TRANSCRIPTION_MISCONFIGURED", "{body}");
        let error = body["error"].as_str().expect("a text");
        assert!(error.contains(setting) && error.contains(&format!("status {status}")), "{body}");
        assert_shows_no_key(&body);
        assert_eq!(service.asked(), 1, "nothing is tried again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_says_that_a_task_waits_for_the_service() {
    let (service, server) = Service::start(503).await;
    let task = submitted(&server).await;
    let waiting = loop {
        let body = server.get(&format!("/api/v1/status/{task}")).await;
        assert_eq!(body["error"], Value::Null, "{body}");
        if body["message"].as_str().expect("a message").contains("next attempt in") {
            break body;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&waiting["status"], &waiting["current_step"]), (&json!("in_progress"), &json!("markdown_conversion")));
    let message = waiting["message"].as_str().expect("a message");
    assert!(message.contains("service for transcription") && message.contains("(status 503, some_code)"), "{message}");
    assert!(message.contains("; next attempt in ") && message.ends_with(" s"), "{message}");
    assert_shows_no_key(&waiting);
    service.status.store(200, Ordering::SeqCst);
    let body = server.wait_for_end(&task).await;
    assert_eq!(body["status"], "completed", "{body}");
    assert!(service.asked() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_what_reads_and_transcribes() {
    let (_, server) = Service::start(200).await;
    let services = server.get("/api/v1/plugins").await["services"].clone();
    assert_eq!((&services["ocr"]["ready"], &services["ocr"]["reader"]), (&json!(false), &Value::Null), "{services}");
    let message = services["ocr"]["message"].as_str().expect("a text");
    assert!(message.contains("`morag models add pp-ocrv6-small`"), "{services}");
    let transcription = &services["transcription"];
    assert_eq!((&transcription["configured"], &transcription["model"]), (&json!(true), &json!("whisper-1")));
    assert!(transcription["host"].as_str().expect("a host").starts_with("127.0.0.1:"), "{services}");
    assert_shows_no_key(&services);
}
