//! Several documents in one request.

use crate::ingest_url::{ALLOWED, Web, answer, post};
use axum::http::HeaderMap;
use morag_tests::receiver::Receiver;
use morag_tests::server::Server;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

fn ids(batch: &Value) -> Vec<String> {
    let ids = batch["task_ids"].as_array().expect("task_ids").iter();
    ids.map(|id| id.as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_item_is_accepted_or_refused_by_itself_also_after_a_crash() {
    let (server, web, receiver) = (Server::start_with(&ALLOWED).await, Web::start().await, Receiver::start().await);
    let body = json!({
        "webhook_url": receiver.url,
        "items": [
            {"url": web.at("/notes"), "document_id": "one"},
            {"url": web.at("/nowhere")},
            {"url": web.at("/download"), "document_id": "two"},
            {"url": "http://10.0.0.1/"}
        ]
    });
    let key = HeaderMap::from_iter([("idempotency-key".parse().expect("a name"), "k".parse().expect("a value"))]);
    let (status, batch) = post(&server, "/api/v1/ingest/batch", key.clone(), &body).await;
    assert_eq!(status, 200, "{batch}");
    let tasks = ids(&batch);
    assert_eq!((tasks.len(), &batch["total_items"]), (2, &json!(4)), "{batch}");
    let rejected: Vec<_> = batch["rejected"].as_array().expect("rejected").iter().map(|item| &item["index"]).collect();
    assert_eq!(rejected, [1, 3]);

    let server = server.kill_and_restart().await;
    let (status, again) = post(&server, "/api/v1/ingest/batch", key.clone(), &body).await;
    assert_eq!((status, &again), (200, &batch));
    for task in &tasks {
        assert_eq!(server.wait_for_end(task).await["status"], "completed");
    }
    assert_eq!(server.get("/api/v1/status").await["total_count"], 2, "no item became two tasks");
    let (status, other) =
        post(&server, "/api/v1/ingest/batch", key, &json!({"items": [{"url": web.at("/notes")}]})).await;
    assert_eq!((status, &other["error_code"]), (409, &json!("idempotency_conflict")));
    receiver
        .wait_until(|received| received.iter().filter(|one| one.event_type() == "task_completed").count() >= 2)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_clients_form_makes_a_batch_of_urls_and_files() {
    let (server, web, receiver) = (Server::start_with(&ALLOWED).await, Web::start().await, Receiver::start().await);
    let file = |n| Part::bytes(morag_fixtures::one_page_markdown(n)).file_name(format!("{n}.md"));
    let form = Form::new()
        .text("mode", "ingest")
        .text("source_type", "batch")
        .text("webhook_config", json!({"url": receiver.url, "format": "morag-ui"}).to_string())
        .text("batch_urls", json!([web.at("/notes")]).to_string())
        .text("batch_metadata_0", json!({"from": "url"}).to_string())
        .text("batch_metadata_1", json!({"from": "file"}).to_string())
        .part("batch_files", file(1))
        .part("batch_files", file(2));
    let request = server.request(Method::POST, "/api/v1/process").multipart(form);
    let (status, accepted) = answer(request.send().await.expect("an answer")).await;
    assert_eq!((status, &accepted["success"]), (200, &json!(true)), "{accepted}");
    let tasks = ids(&accepted["metadata"]);
    assert_eq!(tasks.len(), 3);
    for task in &tasks {
        assert_eq!(server.wait_for_end(task).await["status"], "completed");
    }
}
