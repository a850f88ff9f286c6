//! The contract's delivery promises, against real receivers.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use morag_core::Secret;
use morag_core::webhook::{standard_signature, verify};
use morag_tests::receiver::{Received, Receiver};
use morag_tests::redis::{ACCEPT_LOSS, shared_single};
use morag_tests::server::{PATIENCE, SECRET, Server};
use reqwest::Method;
use serde_json::Value;
use std::collections::HashSet;
use std::time::Duration;

fn answer(status: u16) -> Response {
    StatusCode::from_u16(status).expect("a status").into_response()
}

async fn submit(server: &Server, receiver: &Receiver) -> String {
    let fields = [("webhook_url", receiver.url.as_str()), ("webhook_auth_token", "receiver-token")];
    server.submit("note.md", morag_fixtures::one_page_markdown(1), &fields).await
}

fn sequences(received: &[Received]) -> Vec<u64> {
    received.iter().map(|one| one.header("x-morag-sequence").parse().expect("a number")).collect()
}

async fn deliveries(server: &Server, task: &str) -> Vec<Value> {
    let body = server.get(&format!("/api/v1/tasks/{task}/deliveries")).await;
    body["deliveries"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_header_of_the_contract_is_there_and_true() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    submit(&server, &receiver).await;
    let received = receiver.wait_for_end().await;
    assert_eq!(sequences(&received), (1..=17).collect::<Vec<_>>());
    let ids: HashSet<_> = received.iter().map(|one| one.header("x-morag-delivery")).collect();
    assert_eq!(ids.len(), 17, "each delivery has its own id");
    for one in &received {
        assert_eq!(one.header("content-type"), "application/json");
        assert!(one.header("user-agent").starts_with("MoRAG-Webhook/"));
        assert_eq!(one.header("x-morag-event"), one.json()["event_type"]);
        assert_eq!(one.header("x-morag-attempt"), "1");
        assert_eq!(one.header("authorization"), "Bearer receiver-token");
        let secret = Secret::new(SECRET);
        assert!(verify(&secret, &one.body, one.header("x-morag-signature")));
        let seconds: i64 = one.header("webhook-timestamp").parse().expect("seconds");
        assert_eq!(one.header("x-morag-timestamp"), one.header("webhook-timestamp"));
        let signature = standard_signature(&secret, one.header("webhook-id"), seconds, &one.body);
        assert_eq!(one.header("webhook-signature"), signature);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_receiver_is_tried_again_in_order_and_with_the_same_delivery() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    receiver.answer_next([answer(500), answer(302), answer(404)]);
    let task = submit(&server, &receiver).await;
    let received = receiver.wait_for_end().await;
    // The first event is tried four times, and no later event overtakes it.
    assert_eq!(sequences(&received), [vec![1, 1, 1, 1], (2..=17).collect()].concat());
    let attempts: Vec<_> = received[..4].iter().map(|one| one.header("x-morag-attempt").to_owned()).collect();
    assert_eq!(attempts, ["1", "2", "3", "4"]);
    assert!(received[..4].windows(2).all(|pair| pair[0].body == pair[1].body));
    assert!(
        received[..4]
            .windows(2)
            .all(|pair| { pair[0].header("x-morag-delivery") == pair[1].header("x-morag-delivery") })
    );
    let log = deliveries(&server, &task).await;
    let statuses: Vec<_> =
        log[0]["attempts"].as_array().expect("attempts").iter().map(|attempt| attempt["http_status"].clone()).collect();
    assert_eq!(statuses, [500, 302, 404, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_last_retry_the_event_is_dead_and_the_next_goes_on() {
    let server = Server::start_with(&[("WEBHOOK_MAX_RETRIES", "1")]).await;
    let receiver = Receiver::start().await;
    receiver.answer_next([answer(500), answer(503)]);
    let task = submit(&server, &receiver).await;
    let received = receiver.wait_for_end().await;
    assert_eq!(sequences(&received), [vec![1, 1], (2..=17).collect()].concat());
    let log = deliveries(&server, &task).await;
    assert_eq!((&log[0]["state"], &log[1]["state"]), (&"dead".into(), &"delivered".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_disables_the_endpoint_for_the_task() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    receiver.answer_next([answer(200), answer(410)]);
    let task = submit(&server, &receiver).await;
    server.wait_for_end(&task).await;
    // The end of another task comes after anything that this one would still have sent.
    let witness = Receiver::start().await;
    submit(&server, &witness).await;
    witness.wait_for_end().await;
    assert_eq!(sequences(&receiver.received()), [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let server = Server::start_with(&[("WEBHOOK_MAX_RETRIES", "0")]).await;
    let (receiver, target) = tokio::join!(Receiver::start(), Receiver::start());
    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, target.url.parse().expect("a header"));
    receiver.answer_next([(StatusCode::TEMPORARY_REDIRECT, headers).into_response()]);
    submit(&server, &receiver).await;
    receiver.wait_for_end().await;
    assert!(target.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_survive_a_killed_server() {
    let server = Server::start_with(&[("WEBHOOK_RETRY_DELAY", "1"), ("MORAG_LEASE_SECONDS", "1")]).await;
    let receiver = Receiver::start().await;
    receiver.answer_next([answer(500)]);
    submit(&server, &receiver).await;
    receiver.wait_until(|received| !received.is_empty()).await;
    let _server = server.kill_and_restart().await;
    let received = receiver.wait_for_end().await;
    let mut seen = sequences(&received);
    seen.dedup();
    assert_eq!(seen, (1..=17).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_receiver_does_not_hold_up_another() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    // A port without a listener.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let url = format!("http://{dead}/webhook");
    for number in 0..10 {
        server.submit("note.md", morag_fixtures::one_page_markdown(number), &[("webhook_url", url.as_str())]).await;
    }
    submit(&server, &receiver).await;
    assert_eq!(receiver.wait_for_end().await.len(), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standard_webhooks_secret_verifies_as_its_libraries_do() {
    let secret = format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode([7u8; 32]));
    let server = Server::start_with(&[("WEBHOOK_SECRET", &secret)]).await;
    let receiver = Receiver::start().await;
    submit(&server, &receiver).await;
    let received = receiver.wait_for_end().await;
    let one = &received[0];
    let seconds: i64 = one.header("webhook-timestamp").parse().expect("seconds");
    // The key is the decoded bytes; for our own signature it is the text.
    let raw = Secret::new(String::from_utf8(vec![7u8; 32]).expect("text"));
    assert_eq!(one.header("webhook-signature"), standard_signature(&raw, one.header("webhook-id"), seconds, &one.body));
    assert!(verify(&Secret::new(secret), &one.body, one.header("x-morag-signature")));
}

#[tokio::test(flavor = "multi_thread")]
async fn formats_and_event_filters_of_a_webhook_config() {
    let (server, flat, envelope) = tokio::join!(Server::start(), Receiver::start(), Receiver::start());
    let process = |receiver: &Receiver, config: Value| {
        let mut config = config;
        config["url"] = receiver.url.clone().into();
        let request = serde_json::json!({ "mode": "ingest", "webhook_config": config }).to_string();
        let part = reqwest::multipart::Part::bytes(morag_fixtures::markdown()).file_name("notes.md");
        let form = reqwest::multipart::Form::new().part("file", part).text("request_data", request);
        server.request(Method::POST, "/api/v1/process").multipart(form).send()
    };
    let response = process(&flat, serde_json::json!({ "format": "morag-ui" })).await.expect("an answer");
    assert_eq!(response.status(), 200, "{}", response.text().await.expect("a body"));
    let config = serde_json::json!({ "format": "envelope", "events": ["step_completed", "task_completed"] });
    let response = process(&envelope, config).await.expect("an answer");
    assert_eq!(response.status(), 200, "{}", response.text().await.expect("a body"));

    let flat = flat.wait_until(|received| received.len() >= 12).await;
    assert_eq!(sequences(&flat), (1..=12).collect::<Vec<_>>(), "without gaps, though task events are left out");
    let last = flat[11].json();
    assert_eq!((&last["step"], &last["status"]), (&"ingestor".into(), &"completed".into()));
    assert!(last.get("event_type").is_none() && last["data"]["chunks_ingested"].is_number(), "{last}");

    let envelope = envelope.wait_for_end().await;
    assert_eq!(sequences(&envelope), (1..=7).collect::<Vec<_>>());
    let body = envelope[0].json();
    assert!(body.get("step").is_none() && body["data"]["step"] == "markdown_conversion", "{body}");
}

/// A task whose receiver always fails, on a server with a retention of a second that gives webhooks up soon.
async fn history_expires_although_a_receiver_always_fails(store: &[(&str, &str)]) {
    let mut settings = vec![
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "3s"),
        ("MORAG_HISTORY_RETENTION_DAYS", "1s"),
        ("WEBHOOK_RETRY_DELAY", "5"),
        ("WEBHOOK_MAX_RETRIES", "20"),
    ];
    settings.extend(store);
    let (server, receiver) = tokio::join!(Server::start_with(&settings), Receiver::start());
    receiver.answer_next((0..1000).map(|_| answer(500)));
    let mut tasks = Vec::new();
    for _ in 0..5 {
        tasks.push(submit(&server, &receiver).await);
    }
    // Retries alone would keep it for years: 5 s, doubled nineteen times, up to a day.
    for task in &tasks {
        let path = format!("/api/v1/status/{task}");
        let is_gone = async || {
            let answered = server.request(Method::GET, &path).send().await.expect("an answer");
            answered.status() == StatusCode::NOT_FOUND
        };
        let gone = async {
            while !is_gone().await {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("its history goes");
    }
    assert!(!receiver.received().is_empty(), "it was tried");
    let metrics = server.request(Method::GET, "/metrics").send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    let expired = metrics.lines().find_map(|line| line.strip_prefix("morag_webhook_settled_total{state=\"expired\"} "));
    let expired: u64 = expired.expect("the metric").parse().expect("a number");
    assert_eq!(expired, 17 * 5, "each event of each task");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_expires_although_a_receiver_always_fails_embedded() {
    history_expires_although_a_receiver_always_fails(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_expires_although_a_receiver_always_fails_on_redis() {
    let (redis, prefix) = (shared_single().url(), format!("{}:", uuid::Uuid::new_v4()));
    let store = [("REDIS_URL", redis.as_str()), ("REDIS_KEY_PREFIX", prefix.as_str()), ACCEPT_LOSS];
    history_expires_although_a_receiver_always_fails(&store).await;
}
