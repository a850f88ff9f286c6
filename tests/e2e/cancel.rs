//! Cancelling tasks.

use crate::bodies::history_types;
use morag_tests::receiver::Receiver;
use morag_tests::server::Server;
use reqwest::Method;

/// A document that keeps a step busy for long; no test waits for its end.
pub fn large_markdown() -> Vec<u8> {
    (0..1500).flat_map(morag_fixtures::one_page_markdown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_task_is_cancelled_and_reported() {
    // One worker: the next task runs only when this one has ended.
    let server = Server::start_with(&[("MORAG_WORKER_CONCURRENCY", "1")]).await;
    let receiver = Receiver::start().await;
    let task = server.submit("large.md", large_markdown(), &[("webhook_url", &receiver.url)]).await;
    receiver.wait_until(|received| received.iter().any(|one| one.event_type() == "step_started")).await;
    let response = server.request(Method::DELETE, &format!("/api/v1/ingest/{task}")).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{}", response.text().await.expect("a body"));
    let status = server.get(&format!("/api/v1/status/{task}")).await;
    assert_eq!(status["status"], "cancelled");
    let received = receiver.wait_for_end().await;
    assert_eq!(received.last().expect("an event").event_type(), "task_cancelled");

    // The worker is free: the next task completes, and the cancelled one does not change any more.
    let before = history_types(&server, &task).await;
    let next = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    assert_eq!(server.wait_for_end(&next).await["status"], "completed");
    assert_eq!(history_types(&server, &task).await, before);
    assert_eq!(before.last().map(String::as_str), Some("task_cancelled"));
    assert_eq!(before.iter().filter(|kind| *kind == "task_cancelled").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_cancelling_reports_the_status() {
    let server = Server::start().await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    server.wait_for_end(&task).await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (method, path) in [
        (Method::DELETE, "/api/v1/ingest"),
        (Method::DELETE, "/api/v1/status"),
        (Method::POST, "/api/v1/cancel"),
        (Method::DELETE, "/api/v1/cancel"),
    ] {
        let ended = server.request(method.clone(), &format!("{path}/{task}")).send().await.expect("an answer");
        assert_eq!(ended.status(), 409, "{method} {path}");
        let missing = server.request(method.clone(), &format!("{path}/{unknown}")).send().await.expect("an answer");
        assert_eq!(missing.status(), 404, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_task_can_be_cancelled() {
    // One worker, kept busy by the first task.
    let server = Server::start_with(&[("MORAG_WORKER_CONCURRENCY", "1")]).await;
    let busy = server.submit("large.md", large_markdown(), &[]).await;
    let waiting = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    let response = server.request(Method::POST, &format!("/api/v1/cancel/{waiting}")).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(server.get(&format!("/api/v1/status/{waiting}")).await["status"], "cancelled");
    let response = server.request(Method::POST, &format!("/api/v1/cancel/{busy}")).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
}
