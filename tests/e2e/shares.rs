//! Shares of one caller in the named endpoints and in the queue, on both stores.

use morag_tests::fleet::Fleet;
use morag_tests::redis::{ACCEPT_LOSS, shared_single};
use morag_tests::server::{API_KEY, PATIENCE, Server, client};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Endpoints that one caller may create.
const EACH: usize = 250;

const OTHER_KEY: &str = "another-key";

async fn create(server: &Server, key: &str) -> Response {
    let url = format!("{}/api/v1/webhooks/endpoints", server.url);
    let request = server.client.post(url).bearer_auth(key).json(&json!({"url": "http://127.0.0.1:9999/hook"}));
    request.send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_of_one_caller_leave_room_for_anothers() {
    let keys = format!("{API_KEY},{OTHER_KEY}");
    let server = Server::start_with(&[("MORAG_API_KEYS", &keys)]).await;
    let mut last = Value::Null;
    for n in 0..EACH {
        let created = create(&server, API_KEY).await;
        assert_eq!(created.status(), StatusCode::CREATED, "{n}");
        last = created.json().await.expect("an endpoint");
    }
    let refused = create(&server, API_KEY).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let error: Value = refused.json().await.expect("an error");
    assert_eq!(error["error_code"], "too_many_endpoints");
    assert!(error["error"].as_str().expect("a text").contains("250"), "{error}");
    assert_eq!(create(&server, OTHER_KEY).await.status(), StatusCode::CREATED);
    let path = format!("/api/v1/webhooks/endpoints/{}", last["id"].as_str().expect("an id"));
    assert!(server.request(Method::DELETE, &path).send().await.expect("an answer").status().is_success());
    assert_eq!(create(&server, API_KEY).await.status(), StatusCode::CREATED, "a deleted endpoint does not count");
}

/// Waits until a receiver has this many connections.
async fn connected_to(connections: &mut watch::Receiver<usize>, count: usize) {
    let waited = tokio::time::timeout(PATIENCE, connections.wait_for(|connected| *connected == count)).await;
    waited.unwrap_or_else(|_| panic!("{count} connections do not come")).expect("the receiver runs");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_one_caller_leave_places_to_anothers() {
    // A receiver that never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
    let (connected, mut connections) = watch::channel(0);
    let receiver = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
            connected.send_replace(held.len());
        }
    });
    let server = Server::start_with(&[("MORAG_API_KEYS", &format!("{API_KEY},{OTHER_KEY}"))]).await;
    let path = format!("{}/api/v1/webhooks/endpoints", server.url);
    let created = server.client.post(&path).bearer_auth(API_KEY).json(&json!({"id": "slow", "url": url}));
    assert_eq!(created.send().await.expect("an answer").status(), StatusCode::CREATED);
    let try_out = |key: &str| tokio::spawn(server.client.post(format!("{path}/slow/test")).bearer_auth(key).send());
    // Half of 32.
    let held: Vec<_> = (0..16).map(|_| try_out(API_KEY)).collect();
    connected_to(&mut connections, 16).await;
    let refused = try_out(API_KEY).await.expect("it ends").expect("an answer");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let error: Value = refused.json().await.expect("an error");
    assert_eq!(error["error_code"], "too_many_tests");
    let others = try_out(OTHER_KEY);
    connected_to(&mut connections, 17).await;
    held.iter().chain([&others]).for_each(tokio::task::JoinHandle::abort);
    receiver.abort();
}

/// A caller with the key `key-of-a`.
const CALLERS: &str = r#"
    [[callers]]
    name = "a"
    key_sha256 = "ee063bb3d7270fdf6148f09dde510a5cf346c4aa4dd2ff4b2caec5348d799043"
    scopes = ["admin"]
    quotas = { endpoints = 3 }
"#;

/// A server on Redis, with its own key prefix, or an embedded one.
async fn server_on(redis: bool, toml: &str) -> Server {
    let (url, prefix) = (shared_single().url(), format!("{}:", uuid::Uuid::new_v4()));
    let key = "00".repeat(32);
    let mut settings = vec![("MORAG_SECRETS_KEY", key.as_str())];
    if redis {
        settings.extend([("REDIS_URL", url.as_str()), ("REDIS_KEY_PREFIX", &prefix), ACCEPT_LOSS]);
    }
    Server::start_with_file(toml, &settings).await
}

async fn no_more_endpoints_than_the_quota_says(redis: bool) {
    let server = server_on(redis, CALLERS).await;
    let answers = futures::future::join_all((0..100).map(|_| create(&server, "key-of-a"))).await;
    let created = answers.iter().filter(|answer| answer.status() == StatusCode::CREATED).count();
    assert_eq!(created, 3);
    for refused in answers.into_iter().filter(|answer| answer.status() != StatusCode::CREATED) {
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let error: Value = refused.json().await.expect("an error");
        assert_eq!((&error["error_code"], &error["limit"]), (&json!("quota_endpoints"), &json!(3)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_of_endpoints_holds_against_parallel_requests() {
    no_more_endpoints_than_the_quota_says(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_of_endpoints_holds_against_parallel_requests_on_redis() {
    no_more_endpoints_than_the_quota_says(true).await;
}

async fn submit(url: &str, key: &str) -> Response {
    let form = Form::new().part("file", Part::bytes(b"# Note".to_vec()).file_name("note.md"));
    let request = client().post(format!("{url}/api/v1/ingest/file")).bearer_auth(key).multipart(form);
    request.send().await.expect("an answer")
}

/// How many of twelve tasks of the first key are accepted while none starts.
async fn taken_of_twelve(url: &str) -> usize {
    let mut taken = 0;
    for _ in 0..12 {
        let answer = submit(url, API_KEY).await;
        if answer.status().is_success() {
            taken += 1;
            continue;
        }
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(answer.json::<Value>().await.expect("an error")["error_code"], "queue_full");
    }
    taken
}

/// A process on Redis that accepts tasks and starts none.
async fn taker(keys: &str) -> Fleet {
    let (url, prefix) = (shared_single().url(), format!("{}:", uuid::Uuid::new_v4()));
    let mut fleet = Fleet::new(&[
        ("MORAG_QUEUE_TASKS_MAX", "8"),
        ("MORAG_API_KEYS", keys),
        ("REDIS_URL", &url),
        ("REDIS_KEY_PREFIX", &prefix),
        ACCEPT_LOSS,
    ]);
    fleet.start("api").await;
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn one_caller_leaves_others_room_in_the_queue_and_alone_fills_it() {
    let shared = taker(&format!("{API_KEY},{OTHER_KEY}")).await;
    let url = shared.api_urls().remove(0);
    assert_eq!(taken_of_twelve(&url).await, 4);
    assert!(submit(&url, OTHER_KEY).await.status().is_success(), "the other caller's task is accepted");
    let alone = taker(API_KEY).await;
    assert_eq!(taken_of_twelve(&alone.api_urls()[0]).await, 8);
}
