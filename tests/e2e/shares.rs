//! What one caller can take of the named endpoints.

use morag_tests::server::{API_KEY, Server};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

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
    assert_eq!(create(&server, API_KEY).await.status(), StatusCode::CREATED, "what was deleted is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_one_caller_leave_places_to_anothers() {
    // A receiver that never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("its address"));
    let (connected, mut connections) = tokio::sync::watch::channel(0);
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
    connections.wait_for(|count| *count == 16).await.expect("the receiver runs");
    let refused = try_out(API_KEY).await.expect("it ends").expect("an answer");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let error: Value = refused.json().await.expect("an error");
    assert_eq!(error["error_code"], "too_many_tests");
    let others = try_out(OTHER_KEY);
    connections.wait_for(|count| *count == 17).await.expect("the receiver runs");
    held.iter().chain([&others]).for_each(tokio::task::JoinHandle::abort);
    receiver.abort();
}
