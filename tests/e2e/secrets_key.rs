//! The key that seals credentials is lost, or replaced.

use crate::endpoints_support::{create, post, signed_by, submit};
use morag_tests::receiver::Receiver;
use morag_tests::redis::{RedisOptions, RedisServer};
use morag_tests::server::{PATIENCE, Server, serve};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::path::Path;

const KEYS: [&str; 2] = [
    "0101010101010101010101010101010101010101010101010101010101010101",
    "0202020202020202020202020202020202020202020202020202020202020202",
];

async fn create_endpoint(server: &Server) {
    let body = json!({"url": "http://127.0.0.1:8009/hook"});
    let request = server.request(Method::POST, "/api/v1/webhooks/endpoints").json(&body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED, "{}", answer.text().await.expect("a body"));
}

/// Asserts that a server refuses to start. Returns its error.
async fn refused(data_dir: &Path, settings: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::from(serve(data_dir));
    command.envs(settings.iter().copied()).kill_on_drop(true);
    let output =
        tokio::time::timeout(PATIENCE, command.output()).await.expect("it has started").expect("the binary runs");
    assert!(!output.status.success(), "it has started");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_is_not_opened_without_the_key_of_what_is_sealed_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("MORAG_DATA_DIR", folder.path().to_str().expect("a plain path"))];
    let mut server = Server::start_with(&settings).await;
    create_endpoint(&server).await;
    let key = folder.path().join("secrets.key");
    let kept = std::fs::read(&key).expect("a key");
    assert!(server.terminate().await.success());
    std::fs::remove_file(&key).expect("the key goes");
    let said = refused(folder.path(), &[]).await;
    assert!(said.contains("secrets.key") && said.contains("MORAG_SECRETS_KEY_LOST=true"), "{said}");
    assert!(!key.exists(), "no other key was made");
    std::fs::write(&key, KEYS[0]).expect("another key");
    let said = refused(folder.path(), &[]).await;
    assert!(said.contains("another key") && !said.contains(KEYS[0]), "{said}");
    std::fs::write(&key, kept).expect("the key comes back");
    let server = Server::start_with(&settings).await;
    create_endpoint(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_not_used_without_the_key_of_what_is_sealed_in_it() {
    let redis = RedisServer::start_with(RedisOptions { durable: true, ..RedisOptions::default() });
    let url = redis.url();
    let with = |key: &'static str| [("REDIS_URL", url.as_str()), ("MORAG_SECRETS_KEY", key)];
    let server = Server::start_with(&with(KEYS[0])).await;
    create_endpoint(&server).await;
    let folder = tempfile::tempdir().expect("a folder");
    let said = refused(folder.path(), &with(KEYS[1])).await;
    assert!(said.contains("another key than that in MORAG_SECRETS_KEY") && !said.contains(KEYS[1]), "{said}");
    let said = refused(folder.path(), &[("REDIS_URL", &url)]).await;
    assert!(said.contains("is missing") && said.contains("MORAG_SECRETS_KEY"), "{said}");
    let second = Server::start_with(&with(KEYS[0])).await;
    create_endpoint(&second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_secret_is_lost_gets_another_and_what_waited() {
    let (folder, receiver) = (tempfile::tempdir().expect("a folder"), Receiver::start().await);
    let data = ("MORAG_DATA_DIR", folder.path().to_str().expect("a plain path"));
    let wait = ("MORAG_WEBHOOK_UNREADABLE_WAIT_SECONDS", "1");
    let mut server = Server::start_with(&[data]).await;
    create(&server, json!({"id": "crm", "url": receiver.url, "auth_token": "t0ken"})).await;
    assert!(server.terminate().await.success());
    std::fs::remove_file(folder.path().join("secrets.key")).expect("the key goes");
    let server = Server::start_with(&[data, wait, ("MORAG_SECRETS_KEY_LOST", "true")]).await;
    let task = submit(&server, 1).await;
    server.wait_for_end(&task).await;
    let path = "/api/v1/webhooks/endpoints/crm/secret/rotate";
    let refused = post(&server, path, &json!({"grace_hours": 1})).await;
    assert_eq!((refused.status, &refused.body["error_code"]), (503, &json!("credentials_unreadable")));
    assert!(receiver.received().is_empty(), "its webhooks wait");
    let rotated = post(&server, path, &json!({"secret": "my-own-secret-of-some-length"})).await;
    assert_eq!((rotated.status, &rotated.body["dropped"]), (200, &json!(["auth_token", "headers"])));
    assert_eq!(rotated.body["credentials_readable"], json!(true));
    let received = receiver.wait_for_end().await;
    assert!(received.iter().all(|one| signed_by(one, &["my-own-secret-of-some-length"])));
    assert!(received.iter().all(|one| one.header("authorization").is_empty()), "the token was deleted");
    // With a readable secret, nothing is dropped.
    let again = post(&server, path, &json!({})).await;
    assert_eq!((&again.body["signing_secrets"], again.body.get("dropped")), (&json!(2), None));
}
