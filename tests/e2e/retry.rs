//! Running a task again.

use crate::cancel::large_markdown;
use crate::ingest_url::answer;
use morag_tests::receiver::Receiver;
use morag_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

async fn retry(server: &Server, task: &str, query: &str) -> (u16, Value) {
    let request = server.request(Method::POST, &format!("/api/v1/tasks/{task}/retry{query}"));
    answer(request.send().await.expect("an answer")).await
}

async fn history(server: &Server, task: &str) -> Vec<Value> {
    let history = server.get(&format!("/api/v1/status/{task}/history?order=asc")).await;
    history["history"].as_array().expect("a history").clone()
}

fn assert_progress_never_falls(history: &[Value]) {
    let progress: Vec<_> = history.iter().map(|event| event["progress"].as_f64().expect("a number")).collect();
    assert!(progress.is_sorted(), "{progress:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_runs_again_to_its_end_and_its_webhook_hears_of_all() {
    let server = Server::start_with(&[("MORAG_WORKER_CONCURRENCY", "1")]).await;
    let receiver = Receiver::start().await;
    let fields = [("webhook_url", receiver.url.as_str()), ("document_id", "d")];
    let task = server.submit("large.md", large_markdown(), &fields).await;
    receiver.wait_until(|received| received.iter().any(|one| one.event_type() == "step_completed")).await;
    let (status, running) = retry(&server, &task, "").await;
    assert_eq!((status, &running["error_code"]), (409, &json!("task_not_ended")));
    let cancelled = server.request(Method::POST, &format!("/api/v1/cancel/{task}")).send().await.expect("an answer");
    assert_eq!(cancelled.status(), 200);
    let before = server.get(&format!("/api/v1/status/{task}")).await;
    assert_eq!((&before["status"], &before["attempt"]), (&json!("cancelled"), &json!(1)));
    let cut = history(&server, &task).await.len();

    let (status, unknown) = retry(&server, &task, "?from_step=nonsense").await;
    assert_eq!((status, &unknown["detail"][0]["loc"]), (422, &json!(["query", "from_step"])), "{unknown}");
    let (status, begun) = retry(&server, &task, "").await;
    assert_eq!((status, &begun["attempt"], &begun["task_id"]), (200, &json!(2), &json!(task)), "{begun}");
    let now = server.get(&format!("/api/v1/status/{task}")).await;
    assert_eq!(now["attempt"], 2);
    assert!(now["progress"].as_f64() >= before["progress"].as_f64(), "{now}");

    let ended = server.wait_for_end(&task).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("completed"), &Value::Null), "{ended}");
    assert!(ended["steps"].as_array().expect("steps").iter().all(|step| step["status"] == "completed"), "{ended}");
    let history = history(&server, &task).await;
    assert_progress_never_falls(&history);
    assert_eq!(
        (&history[cut]["event_type"], &history[cut]["metadata"]["from_step"]),
        (&json!("task_started"), &begun["from_step"])
    );
    // Completed steps were not run again.
    let started: Vec<_> = history[cut..].iter().filter(|event| event["event_type"] == "step_started").collect();
    assert_eq!(started[0]["step"], begun["from_step"]);
    assert_ne!(started[0]["step"], "markdown_conversion");
    let received =
        receiver.wait_until(|received| received.last().is_some_and(|one| one.event_type() == "task_completed")).await;
    let kinds: Vec<_> = received.iter().map(|one| one.event_type().to_owned()).collect();
    let expected: Vec<_> =
        history.iter().map(|event| event["event_type"].as_str().expect("a type").to_owned()).collect();
    assert_eq!(kinds, expected, "in order, without a gap");
    let (status, done) = retry(&server, &task, "").await;
    assert_eq!((status, &done["error_code"]), (409, &json!("task_completed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_fails_again_where_it_failed_and_gives_way_to_another() {
    let server = Server::start().await;
    let task = server.submit("empty.pdf", Vec::new(), &[("document_id", "d")]).await;
    assert_eq!(server.wait_for_end(&task).await["status"], "failed");
    let (status, begun) = retry(&server, &task, "?from_step=markdown_conversion").await;
    assert_eq!((status, &begun["from_step"]), (200, &json!("markdown_conversion")), "{begun}");
    let ended = server.wait_for_end(&task).await;
    assert_eq!((&ended["status"], &ended["attempt"]), (&json!("failed"), &json!(2)), "{ended}");
    let history = history(&server, &task).await;
    assert_progress_never_falls(&history);
    assert_eq!(history.iter().filter(|event| event["event_type"] == "task_failed").count(), 2);
    let (status, early) = retry(&server, &task, "?from_step=chunking").await;
    assert_eq!(status, 422, "{early}");

    // Another task holds the document meanwhile.
    let other = server.submit("notes.md", morag_fixtures::markdown(), &[("document_id", "d")]).await;
    let (status, refused) = retry(&server, &task, "").await;
    assert_eq!(
        (status, &refused["error_code"], &refused["task_id"]),
        (409, &json!("duplicate_document"), &json!(other))
    );
    assert_eq!(server.wait_for_end(&other).await["status"], "completed");

    // Once the files are deleted, it cannot run again either.
    let deleted = server.request(Method::DELETE, &format!("/api/files/temp/{task}")).send().await.expect("an answer");
    assert_eq!(deleted.status(), 200);
    let (status, gone) = retry(&server, &task, "").await;
    assert_eq!(status, 422, "{gone}");
    assert!(gone["error"].as_str().expect("a text").contains("original.pdf"), "{gone}");
    assert_eq!(retry(&server, "00000000-0000-4000-8000-000000000000", "").await.0, 404);
}
