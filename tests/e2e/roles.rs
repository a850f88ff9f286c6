//! Roles of a process, its flags, and how it stops.

use crate::cancel::large_markdown;
use morag_adapters::store::sqlite::SqliteStore;
use morag_core::ports::{DueQueue as _, Queue, QueueCounts};
use morag_tests::receiver::Receiver;
use morag_tests::server::{PATIENCE, Server, binary, plugins_dir};
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

/// The error of a `morag serve` that does not start.
async fn refusal(flags: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = tokio::process::Command::new(binary());
    command
        .arg("serve")
        .args(flags)
        .env_clear()
        .env("API_PORT", "0")
        .env("MORAG_DATA_DIR", folder.path().join("data"))
        .env("MORAG_PLUGINS_DIR", plugins_dir())
        .current_dir(folder.path())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("the binary runs");
    assert!(!output.status.success(), "{flags:?}");
    assert!(!folder.path().join("data").exists(), "{flags:?}: it made a data folder");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Content of a stopped server's queue.
async fn left(server: &Server, queue: Queue) -> QueueCounts {
    let clock = Arc::new(morag_adapters::SystemClock);
    let store = SqliteStore::open(&server.data_dir().join("morag.db"), clock).expect("the server's store");
    store.queue_counts(queue).await.expect("counts")
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_flags_are_refused_in_one_line() {
    for (flags, says) in [
        (["--role", "worker"], "REDIS_URL"),
        (["--role", "api,dispatcher"], "REDIS_URL"),
        (["--role", "boss"], "api, worker and dispatcher"),
        (["--concurrency", "0"], "1 to 1024"),
        (["--drain-timeout", "soon"], "0 to 3600"),
    ] {
        let said = refusal(&flags).await;
        assert!(said.contains(flags[0]) && said.contains(says) && said.lines().count() == 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_without_a_timeout_releases_the_running_task() {
    let settings = [("MORAG_WORKER_CONCURRENCY", "1"), ("MORAG_DRAIN_TIMEOUT", "0")];
    let mut server = Server::start_with(&settings).await;
    let receiver = Receiver::start().await;
    server.submit("large.md", large_markdown(), &[("webhook_url", &receiver.url)]).await;
    receiver.wait_until(|received| received.iter().any(|one| one.event_type() == "step_started")).await;
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    let tasks = left(&server, Queue::Tasks).await;
    assert_eq!((tasks.due, tasks.leased, tasks.later), (1, 0, 0));
    assert_eq!(left(&server, Queue::Deliveries).await.leased, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_releases_an_unanswered_delivery() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/webhook", silent.local_addr().expect("its address"));
    let settings = [("MORAG_DRAIN_TIMEOUT", "500ms"), ("WEBHOOK_TIMEOUT", "600")];
    let mut server = Server::start_with(&settings).await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[("webhook_url", &url)]).await;
    let (mut connection, _) =
        tokio::time::timeout(PATIENCE, silent.accept()).await.expect("a delivery comes").expect("a connection");
    // The request has begun: the delivery is in progress, and its receiver does not respond.
    assert!(connection.read(&mut [0; 64]).await.expect("a request") > 0);
    server.wait_for_end(&task).await;
    let status = server.terminate().await;
    assert!(status.success(), "{status}");
    let deliveries = left(&server, Queue::Deliveries).await;
    assert_eq!((deliveries.due, deliveries.leased, deliveries.later), (1, 0, 0));
    assert_eq!(left(&server, Queue::Tasks).await, QueueCounts::default());
}
