//! The example receivers, run for real against the server.

use morag_tests::server::{PATIENCE, SECRET, Server, client, python};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;
use tokio::process::{Child, Command};

/// A free port: the example takes it a moment later.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port()
}

fn start(mut command: Command, port: u16) -> Child {
    command.env("WEBHOOK_SECRET", SECRET).env("PORT", port.to_string()).stdout(Stdio::null()).stderr(Stdio::null());
    command.kill_on_drop(true).spawn().expect("the example starts")
}

async fn events(port: u16) -> Option<Vec<Value>> {
    let response = client().get(format!("http://127.0.0.1:{port}/events")).send().await.ok()?;
    response.json().await.ok()
}

/// Runs a document through the server to a receiver, and a forged delivery past it.
async fn check(mut receiver: Child, port: u16) {
    let started = Instant::now();
    while events(port).await.is_none() {
        assert!(receiver.try_wait().expect("its status").is_none(), "the receiver has ended");
        assert!(started.elapsed() < PATIENCE, "the receiver does not answer");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let url = format!("http://127.0.0.1:{port}/webhook");
    let forged = client().post(&url).header("X-MoRAG-Signature", "sha256=00").body("{}").send().await;
    assert_eq!(forged.expect("an answer").status(), 401);

    let server = Server::start().await;
    let task = server.submit("notes.md", morag_fixtures::markdown(), &[("webhook_url", &url)]).await;
    server.wait_for_end(&task).await;
    let mut taken = Vec::new();
    while taken.last().is_none_or(|event: &Value| event["event_type"] != "task_completed") {
        assert!(started.elapsed() < PATIENCE, "the events do not come: {taken:?}");
        taken = events(port).await.expect("the receiver answers");
    }
    assert_eq!(taken.len(), 17);
    assert!(taken.iter().all(|event| event["data"]["task_id"] == task.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_receiver() {
    let port = free_port();
    let mut command = Command::new(python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/webhook-receiver-python/receiver.py"));
    check(start(command, port), port).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_receiver() {
    let port = free_port();
    let binary = morag_tests::server::binary().with_file_name("webhook-receiver-rust");
    assert!(binary.exists(), "{} is missing: `cargo build -p webhook-receiver-rust`", binary.display());
    check(start(Command::new(binary), port), port).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn morag_listen_is_the_receiver_of_the_guides_quick_start() {
    let port = free_port();
    let mut command = Command::new(morag_tests::server::binary());
    command.args(["listen", "--port", &port.to_string(), "--secret", SECRET]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut receiver = command.spawn().expect("the receiver starts");
    let base = format!("http://127.0.0.1:{port}");
    let list = || async { client().get(format!("{base}/webhooks")).send().await.ok()?.json::<Vec<Value>>().await.ok() };
    let started = Instant::now();
    while list().await.is_none() {
        assert!(receiver.try_wait().expect("its status").is_none(), "the receiver has ended");
        assert!(started.elapsed() < PATIENCE, "the receiver does not answer");
    }
    let server = Server::start().await;
    // By name, as the guides write it.
    let url = format!("http://localhost:{port}/webhook");
    let task = server.submit("notes.md", morag_fixtures::markdown(), &[("webhook_url", &url)]).await;
    server.wait_for_end(&task).await;
    let mut webhooks = Vec::new();
    while webhooks.len() < 17 {
        assert!(started.elapsed() < PATIENCE, "the webhooks do not come: {}", webhooks.len());
        webhooks = list().await.expect("the receiver answers");
    }
    assert!(webhooks.iter().all(|webhook| webhook["signature"] == "valid"), "{webhooks:?}");
    let latest = client().get(format!("{base}/webhooks/latest")).send().await.expect("an answer");
    assert_eq!(latest.status(), 200);
    let cleared = client().post(format!("{base}/webhooks/clear")).send().await.expect("an answer");
    assert_eq!(cleared.status(), 200);
    assert_eq!(list().await.map(|webhooks| webhooks.len()), Some(0));
}
