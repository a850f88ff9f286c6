//! A server that is killed during a task, and one that is asked to stop.

use crate::bodies::history_types;
use crate::cancel::large_markdown;
use morag_adapters::store::sqlite::SqliteStore;
use morag_core::ports::{DueQueue as _, Queue};
use morag_tests::receiver::{Received, Receiver};
use morag_tests::server::Server;

/// Event types and steps of deliveries, without repeats.
fn sequence(received: &[Received]) -> Vec<(String, String)> {
    let mut seen: Vec<(u64, String, String)> = received
        .iter()
        .map(|one| {
            let body = one.json();
            let step = body["data"]["step"].as_str().unwrap_or_default().to_owned();
            (one.header("x-morag-sequence").parse().expect("a number"), one.event_type(), step)
        })
        .collect();
    seen.dedup();
    let sequences: Vec<_> = seen.iter().map(|(sequence, ..)| *sequence).collect();
    assert_eq!(sequences, (1..=seen.len() as u64).collect::<Vec<_>>(), "in order, without a gap");
    seen.into_iter().map(|(_, kind, step)| (kind, step)).collect()
}

/// Kills the server (SIGKILL) when a step starts, restarts it, and compares with an undisturbed run.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_goes_on_after_sigkill_in_the_middle_of_a_step() {
    let settings = [("MORAG_LEASE_SECONDS", "1"), ("WEBHOOK_TIMEOUT", "2")];
    let document: Vec<u8> = (0..150).flat_map(morag_fixtures::one_page_markdown).collect();
    let mut server = Server::start_with(&settings).await;
    let undisturbed = Receiver::start().await;
    server.submit("large.md", document.clone(), &[("webhook_url", &undisturbed.url)]).await;
    let expected = sequence(&undisturbed.wait_for_end().await);
    assert_eq!(expected.len(), 17);

    let receiver = Receiver::start().await;
    let task = server.submit("large.md", document, &[("webhook_url", &receiver.url)]).await;
    for step in ["content_processing", "chunking", "graph_extraction", "ingestion"] {
        let started = |one: &Received| one.event_type() == "step_started" && one.json()["data"]["step"] == step;
        receiver.wait_until(|received| received.iter().any(started)).await;
        server = server.kill_and_restart().await;
    }
    let received = receiver.wait_for_end().await;
    assert_eq!(sequence(&received), expected);
    let status = server.get(&format!("/api/v1/status/{task}")).await;
    assert_eq!(status["status"], "completed", "{status}");
    let history = history_types(&server, &task).await;
    assert_eq!(history, expected.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>());
    let percents: Vec<_> =
        received.iter().map(|one| one.json()["data"]["progress_percent"].as_f64().expect("a number")).collect();
    assert!(percents.is_sorted(), "{percents:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_releases_its_task() {
    let mut server = Server::start_with(&[("MORAG_WORKER_CONCURRENCY", "1")]).await;
    let receiver = Receiver::start().await;
    // More than a stopping server can do in the time that it gives a running step.
    let task = server.submit("large.md", large_markdown().repeat(4), &[("webhook_url", &receiver.url)]).await;
    receiver.wait_until(|received| !received.is_empty()).await;
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    // Released, not left to its lease: nothing is leased, and the task is due.
    let clock = std::sync::Arc::new(morag_adapters::SystemClock);
    let store = SqliteStore::open(&server.data_dir().join("morag.db"), clock).expect("the server's store");
    for queue in [Queue::Tasks, Queue::Deliveries] {
        assert_eq!(store.queue_counts(queue).await.expect("counts").leased, 0, "{queue:?}");
    }
    assert_eq!(store.queue_counts(Queue::Tasks).await.expect("counts").due, 1);
    drop(store);
    let server = server.kill_and_restart().await;
    let cancelled = server.request(reqwest::Method::POST, &format!("/api/v1/cancel/{task}")).send().await;
    assert_eq!(cancelled.expect("an answer").status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_do_not_share_a_data_folder() {
    let server = Server::start().await;
    let output = tokio::process::Command::new(morag_tests::server::binary())
        .arg("serve")
        .env_clear()
        .env("API_PORT", "0")
        .env("MORAG_DATA_DIR", server.data_dir())
        .env("MORAG_PLUGINS_DIR", morag_tests::server::plugins_dir())
        .output()
        .await
        .expect("the binary runs");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("another server uses the data folder"), "{said}");
}
