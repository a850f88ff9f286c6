//! The other routes of the contract.

use morag_tests::receiver::Receiver;
use morag_tests::server::{Server, client};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

async fn process(server: &Server, fields: &[(&str, &str)], path: &str) -> (u16, Value) {
    let mut form = Form::new().part("file", Part::bytes(morag_fixtures::markdown()).file_name("notes.md"));
    for (name, value) in fields {
        form = form.text((*name).to_owned(), (*value).to_owned());
    }
    let response = server.request(Method::POST, path).multipart(form).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("a JSON body"))
}

#[tokio::test(flavor = "multi_thread")]
async fn convert_and_process_answer_when_done() {
    let server = Server::start().await;
    let (status, converted) = process(&server, &[("mode", "convert")], "/api/v1/process").await;
    assert_eq!(
        (status, &converted["success"], &converted["mode"]),
        (200, &json!(true), &json!("convert")),
        "{converted}"
    );
    assert!(converted["content"].as_str().is_some_and(|text| text.contains('#')), "{converted}");
    assert!(converted["processing_time_ms"].is_number() && converted["warnings"].is_array(), "{converted}");

    let (status, processed) = process(&server, &[("request_data", r#"{"mode": "process"}"#)], "/api/v1/process").await;
    assert_eq!((status, &processed["success"]), (200, &json!(true)), "{processed}");
    assert!(processed["metadata"].is_object(), "{processed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ingest_by_the_other_two_routes() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let config = json!({ "mode": "ingest", "webhook_config": { "url": receiver.url } }).to_string();
    let (status, accepted) = process(&server, &[("request_data", &config)], "/api/v1/process").await;
    assert_eq!((status, &accepted["success"], &accepted["mode"]), (200, &json!(true), &json!("ingest")), "{accepted}");
    assert!(accepted["task_id"].is_string() && accepted["status_url"].is_string(), "{accepted}");
    receiver.wait_for_end().await;

    let fields = [("webhook_url", receiver.url.as_str()), ("document_id", "doc-7")];
    let (status, accepted) = process(&server, &fields, "/api/convert/process-ingest").await;
    assert_eq!((status, &accepted["success"], &accepted["document_id"]), (200, &json!(true), &json!("doc-7")));
    assert!(accepted["estimated_time_seconds"].is_number(), "{accepted}");
    let (status, _) = process(&server, &[], "/api/convert/process-ingest").await;
    assert!(matches!(status, 400 | 422), "webhook_url is required there");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_list_history_and_recent_events() {
    let server = Server::start().await;
    let mut tasks = Vec::new();
    for number in 0..3 {
        tasks.push(server.submit("note.md", morag_fixtures::one_page_markdown(number), &[]).await);
    }
    for task in &tasks {
        let status = server.wait_for_end(task).await;
        for key in [
            "task_id",
            "document_id",
            "status",
            "progress",
            "progress_percent",
            "current_step",
            "attempt",
            "message",
            "result",
            "error",
            "error_details",
            "created_at",
            "started_at",
            "completed_at",
            "estimated_time_remaining",
            "steps",
        ] {
            assert!(status.get(key).is_some(), "{status} lacks {key}");
        }
        assert_eq!((&status["progress"], &status["progress_percent"]), (&json!(1.0), &json!(100.0)));
        assert_eq!(status["steps"].as_array().map(Vec::len), Some(6));
    }
    let first = server.get("/api/v1/status/?limit=2&status=completed").await;
    assert_eq!((&first["total_count"], &first["count"]), (&json!(3), &json!(2)), "{first}");
    let cursor = first["next_cursor"].as_str().expect("another page").to_owned();
    let second = server.get(&format!("/api/v1/status/?limit=2&status=completed&cursor={cursor}")).await;
    assert_eq!(second["active_tasks"].as_array().map(Vec::len), Some(1));
    assert_eq!(second["next_cursor"], Value::Null);

    let history = server.get(&format!("/api/v1/status/{}/history/", tasks[0])).await;
    assert_eq!(history["event_count"], 17);
    for event in history["history"].as_array().expect("a list") {
        for key in ["sequence", "timestamp", "event_type", "step", "status", "progress", "message", "metadata"] {
            assert!(event.get(key).is_some(), "{event} lacks {key}");
        }
        let timestamp = event["timestamp"].as_str().expect("text");
        assert!(timestamp.len() == 24 && timestamp.ends_with('Z'), "{timestamp}");
    }
    let mut seen = 0;
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/api/v1/status/events/recent?hours=24&limit=20{cursor}")).await;
        assert_eq!(page["hours"], 24);
        seen += page["events"].as_array().map_or(0, Vec::len);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, 3 * 17);
    let queues = server.get("/api/v1/status/stats/queues").await;
    for key in ["active_tasks", "scheduled_tasks", "reserved_tasks", "workers", "queues"] {
        assert!(queues.get(key).is_some(), "{queues} lacks {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_documentation_need_no_key() {
    let server = Server::start().await;
    for path in ["/health", "/health/ready", "/openapi.json", "/docs", "/docs/"] {
        let response = client().get(format!("{}{path}", server.url)).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
    }
    let document: Value = client()
        .get(format!("{}/openapi.json", server.url))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);
    let webhooks = document["webhooks"].as_object().expect("webhooks");
    for event in [
        "task_started",
        "task_progress",
        "task_completed",
        "task_failed",
        "task_cancelled",
        "step_started",
        "step_completed",
        "step_failed",
        "step_skipped",
        "step_retrying",
    ] {
        assert!(webhooks.contains_key(event), "no webhook {event}");
    }
    for path in ["/api/v1/ingest/file", "/api/v1/process", "/api/v1/status/{task_id}", "/api/files/temp/{task_id}"] {
        assert!(document["paths"].get(path).is_some(), "no path {path}");
    }
}
