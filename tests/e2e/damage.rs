//! Damaged files, as after a power loss or with bad sectors.

use crate::cancel::large_markdown;
use crate::ingest_url::answer;
use morag_tests::receiver::Receiver;
use morag_tests::redis::{RedisOptions, RedisServer};
use morag_tests::server::Server;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Larger than files that are hashed before they are sent.
const LARGE: usize = 12 << 20;

fn stored(server: &Server, task: &str, name: &str) -> PathBuf {
    server.data_dir().join(format!("files/tasks/{task}/files/{name}"))
}

async fn ask(server: &Server, method: Method, path: &str) -> (u16, Value) {
    answer(server.request(method, path).send().await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_artifact_is_refused_and_a_retry_makes_it_again() {
    let server = Server::start_with(&[("MORAG_WORKER_CONCURRENCY", "1")]).await;
    let receiver = Receiver::start().await;
    let task = server.submit("large.md", large_markdown(), &[("webhook_url", receiver.url.as_str())]).await;
    receiver.wait_until(|received| received.iter().any(|one| one.event_type() == "step_completed")).await;
    let (status, _) = ask(&server, Method::POST, &format!("/api/v1/cancel/{task}")).await;
    assert_eq!(status, 200);
    std::fs::write(stored(&server, &task, "markdown.md"), "").expect("the file is there");
    let path = format!("/api/files/temp/{task}/markdown.md");
    let (status, refused) = ask(&server, Method::GET, &path).await;
    assert_eq!((status, &refused["error_code"]), (500, &json!("artifact_damaged")), "{refused}");

    // Also in a process that has not verified any file yet.
    let server = server.kill_and_restart().await;
    let (status, begun) = ask(&server, Method::POST, &format!("/api/v1/tasks/{task}/retry")).await;
    assert_eq!((status, &begun["from_step"]), (200, &json!("markdown_conversion")), "{begun}");
    let ended = server.wait_for_end(&task).await;
    assert_eq!((&ended["status"], &ended["attempt"]), (&json!("completed"), &json!(2)), "{ended}");
    let whole = server.request(Method::GET, &path).send().await.expect("an answer");
    assert!(whole.bytes().await.expect("the whole file").len() > 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_damaged_upload_is_never_sent_whole_and_not_run_again() {
    let server = Server::start().await;
    let content: Vec<u8> = (0..LARGE).map(|n| (n % 251) as u8).collect();
    let task = server.submit("unknown.xyz", content.clone(), &[]).await;
    assert_eq!(server.wait_for_end(&task).await["status"], "failed");
    let path = format!("/api/files/temp/{task}/original.xyz");
    let get = async || {
        let answer = server.request(Method::GET, &path).send().await.expect("an answer");
        (answer.status(), answer.bytes().await)
    };
    let (status, bytes) = get().await;
    assert!(status == StatusCode::OK && bytes.expect("a whole transfer") == content);

    let mut damaged = content.clone();
    damaged[LARGE / 2] ^= 1;
    std::fs::write(stored(&server, &task, "original.xyz"), damaged).expect("the file is there");
    for _ in 0..2 {
        let (status, bytes) = get().await;
        assert_eq!(status, StatusCode::OK, "its digest is known at the end");
        assert!(bytes.is_err(), "a client must see that the transfer broke off");
    }
    let (status, refused) = ask(&server, Method::POST, &format!("/api/v1/tasks/{task}/retry")).await;
    assert_eq!((status, &refused["error_code"]), (409, &json!("source_damaged")), "{refused}");
}

/// On Redis a fence is no count: a resumed run must record the number of claims before it, or the limit of claims would not work.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_mended_on_redis_keeps_its_limit_of_claims() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let settings = [("REDIS_URL", &*redis.url()), ("MORAG_WORKER_CONCURRENCY", "1"), ("MORAG_LEASE_SECONDS", "1")];
    let server = Server::start_with(&settings).await;
    let receiver = Receiver::start().await;
    let task = server.submit("large.md", large_markdown(), &[("webhook_url", receiver.url.as_str())]).await;
    receiver.wait_until(|received| received.iter().any(|one| one.event_type() == "step_completed")).await;
    std::fs::write(stored(&server, &task, "markdown.md"), "").expect("the file is there");
    let server = server.kill_and_restart().await;
    let ended = server.wait_for_end(&task).await;
    assert_eq!((&ended["status"], &ended["attempt"]), (&json!("completed"), &json!(2)), "{ended}");
    let key = format!("task_history:{{q{}}}:{task}", &task[..2]);
    let history = redis.ask(&["lrange", &key, "0", "-1"]);
    let before: Vec<u64> = history
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<Value>(line).expect("an event").pointer("/retry/claims_before")?.as_u64()
        })
        .collect();
    // Once, or several times if the machine was too busy to renew a lease of a second. A fence is about 10^15.
    assert!(before.len() == 1 && (1..=9).contains(&before[0]), "{before:?} claims before the second run: {history}");
}
