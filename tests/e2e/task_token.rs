//! A task's `webhook_auth_token` is nowhere in the store in plain text, and is deleted after the task's last delivery.

use crate::endpoints_support::{ack, deliver_all, post, wait_for};
use morag_tests::receiver::Receiver;
use morag_tests::redis::{RedisOptions, RedisServer};
use morag_tests::server::Server;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const TOKEN: &str = "t0ken-that-nobody-reads-in-a-store";
const HEADER: &str = "h3ader-that-nobody-reads-in-a-store";

/// Every file below a folder, with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            // A file that was removed meanwhile counts as empty.
            false => found.push((path.clone(), std::fs::read(&path).unwrap_or_default())),
        }
    }
    found
}

fn assert_nowhere(folder: &Path, when: &str) {
    let files = files(folder);
    assert!(files.iter().any(|(_, bytes)| bytes.windows(10).any(|piece| piece == b"chunk_size")), "the store is there");
    for (path, bytes) in files {
        for secret in [TOKEN, HEADER] {
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{when}: {} has {secret} in clear", path.display());
        }
    }
}

/// Submits a document whose first delivery fails once, searches `folder` before and after the deliveries, and resends one delivery.
async fn check(server: &Server, folder: &Path, waits_sealed: bool) -> String {
    let receiver = Receiver::start().await;
    receiver.answer_next([ack(503)]);
    let config = json!({"url": receiver.url, "auth_token": TOKEN, "headers": {"X-Key": HEADER}}).to_string();
    let data = json!({"mode": "ingest", "webhook_config": config}).to_string();
    let part = reqwest::multipart::Part::bytes(morag_fixtures::one_page_markdown(1)).file_name("note.md");
    let form = reqwest::multipart::Form::new().part("file", part).text("request_data", data);
    let form = form.text("chunk_size", "500");
    let request = server.request(reqwest::Method::POST, "/api/v1/process").multipart(form);
    let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let task = answer["task_id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    receiver.wait_until(|all| !all.is_empty()).await;
    if waits_sealed {
        assert_nowhere(folder, "while it is delivered");
    }
    let all = receiver.wait_for_end().await;
    for one in &all {
        assert_eq!((one.header("authorization"), one.header("x-key")), (&*format!("Bearer {TOKEN}"), HEADER));
    }
    let deliveries = format!("/api/v1/tasks/{task}/deliveries");
    let log = wait_for(server, &deliveries, |log| deliver_all(log, 17)).await;
    let resend = format!("{deliveries}/{}/resend", log["deliveries"][0]["delivery_id"].as_str().expect("an id"));
    let answer = post(server, &resend, &Value::Null).await;
    assert_eq!((answer.status, &answer.body["credentials_sent"]), (200, &json!(false)), "{}", answer.body);
    assert!(answer.body["credentials_note"].as_str().is_some_and(|note| note.contains("deleted")), "{}", answer.body);
    let seen = all.len();
    let again = receiver.wait_until(|now| now.len() > seen).await;
    let last = again.last().expect("a delivery");
    assert_eq!((last.header("authorization"), last.header("x-key")), ("", ""), "they are gone");
    assert!(!last.header("x-morag-signature").is_empty(), "signed as before");
    task
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_in_no_file_of_the_embedded_store_and_gone_after_the_last_delivery() {
    let mut server = Server::start().await;
    let folder = server.data_dir();
    check(&server, &folder, true).await;
    assert_nowhere(&folder, "after the last delivery");
    server.terminate().await;
    assert_nowhere(&folder, "after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_the_token_is_nowhere_in_redis_and_gone_after_the_last_delivery() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let key = "00".repeat(32);
    let server = Server::start_with(&[("REDIS_URL", &redis.url()), ("MORAG_SECRETS_KEY", &key)]).await;
    // Its log has every write ever made: a key's value was written there.
    check(&server, redis.folder(), true).await;
    assert_nowhere(redis.folder(), "after the last delivery");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_the_token_is_in_redis_until_the_last_delivery() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let server = Server::start_with(&[("REDIS_URL", &redis.url())]).await;
    let task = check(&server, redis.folder(), false).await;
    let record = redis.ask(&["HGETALL", &format!("task:{{q{}}}:{task}", &task[..2])]);
    assert!(record.contains("note.md") && !record.contains(TOKEN) && !record.contains(HEADER), "{record}");
}
