//! The example receivers, run for real against the server.

use morag_core::Secret;
use morag_core::webhook::{sign, standard_signature};
use morag_tests::clients::{self, ForeignReceiver, example, node_folder, script};
use morag_tests::receiver::Receiver;
use morag_tests::server::{PATIENCE, SECRET, Server, client, python};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const BODY: &str = r#"{"event_type":"step_started","timestamp":"2026-01-31T10:00:00.000Z","data":{"task_id":"one"}}"#;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    i64::try_from(since.as_secs()).expect("seconds")
}

/// A delivery signed both ways at a time.
fn delivery(receiver: &ForeignReceiver, id: &str, seconds: i64) -> RequestBuilder {
    let (secret, message) = (Secret::new(SECRET), format!("msg_{id}_1"));
    client()
        .post(receiver.webhook())
        .header("content-type", "application/json")
        .header("x-morag-delivery", id)
        .header("x-morag-signature", sign(&secret, BODY.as_bytes()))
        .header("webhook-id", &message)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", standard_signature(&secret, &message, seconds, BODY.as_bytes()))
        .body(BODY)
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    (response.status(), response.json().await.unwrap_or_default())
}

/// Forged and old deliveries past a receiver, a genuine one twice, and then a document through the server to it.
async fn check(receiver: ForeignReceiver) {
    let without = |name: &str| {
        let mut request = delivery(&receiver, "forged", now()).build().expect("a request");
        request.headers_mut().remove(name);
        RequestBuilder::from_parts(client(), request)
    };
    let with = |name: &'static str, value: &'static str| {
        let mut request = delivery(&receiver, "forged", now()).build().expect("a request");
        request.headers_mut().insert(name, value.parse().expect("a header"));
        RequestBuilder::from_parts(client(), request)
    };
    let hour = 3600;
    for (what, request) in [
        ("no signature", without("x-morag-signature")),
        ("another signature", with("x-morag-signature", "sha256=00")),
        ("a signature that is no text of ours", with("x-morag-signature", "nonsense")),
        ("another body", delivery(&receiver, "forged", now()).body(BODY.replace("one", "two"))),
        ("no Standard Webhooks signature", without("webhook-signature")),
        ("no Standard Webhooks time", without("webhook-timestamp")),
        ("another Standard Webhooks signature", with("webhook-signature", "v1,AAAA")),
        ("another id", with("webhook-id", "msg_forged_2")),
        ("an old delivery, replayed", delivery(&receiver, "forged", now() - hour)),
        ("one of the future", delivery(&receiver, "forged", now() + hour)),
    ] {
        assert_eq!(answer(request).await.0, 401, "{what}");
    }
    assert_eq!(receiver.get("/events").await, json!([]), "nothing forged was worked on");

    // As after an answer that was lost: the server sends the same delivery again.
    let twice = [
        answer(delivery(&receiver, "delivery-1", now())).await,
        answer(delivery(&receiver, "delivery-1", now())).await,
    ];
    assert_eq!(twice[0], (StatusCode::OK, json!({"status": "received"})));
    assert_eq!(twice[1], (StatusCode::OK, json!({"status": "duplicate"})));

    let server = Server::start().await;
    let url = receiver.webhook();
    let task = server.submit("notes.md", morag_fixtures::markdown(), &[("webhook_url", &url)]).await;
    let ended = |events: &Value| {
        events.as_array().is_some_and(|events| events.iter().any(|event| event["event_type"] == "task_completed"))
    };
    let events = receiver.wait_until("/events", ended).await;
    let events = events.as_array().expect("a list");
    assert_eq!(events.len(), 1 + 17, "the delivery that came twice was worked on once");
    assert_eq!(events[0]["data"]["task_id"], "one");
    assert!(events[1..].iter().all(|event| event["data"]["task_id"] == task.as_str()));
}

fn python_example(folder: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(example(folder).join("receiver.py")).stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flask_receiver() {
    check(ForeignReceiver::on_free_port(python_example("webhook-receiver-flask"), "/events").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fastapi_receiver() {
    check(ForeignReceiver::on_free_port(python_example("webhook-receiver-fastapi"), "/events").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_receiver() {
    let mut command = Command::new("node");
    command.arg(node_folder().join("build/receiver.js"));
    check(ForeignReceiver::on_free_port(command, "/events").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_receiver() {
    let binary = morag_tests::server::binary().with_file_name("webhook-receiver-rust");
    assert!(binary.exists(), "{} is missing: `cargo build -p webhook-receiver-rust`", binary.display());
    check(ForeignReceiver::on_free_port(Command::new(binary), "/events").await).await;
}

#[test]
fn no_receiver_starts_without_a_secret() {
    let mut node = Command::new("node");
    node.arg(node_folder().join("build/receiver.js"));
    let rust = Command::new(morag_tests::server::binary().with_file_name("webhook-receiver-rust"));
    let receivers = [python_example("webhook-receiver-flask"), python_example("webhook-receiver-fastapi"), node, rust];
    for mut receiver in receivers {
        receiver.env_remove("WEBHOOK_SECRET").env("PORT", "0").stderr(Stdio::piped());
        let output = receiver.output().expect("the receiver ends");
        assert_eq!(output.status.code(), Some(1), "{receiver:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("set WEBHOOK_SECRET"), "{receiver:?}");
    }
}

#[test]
fn the_tests_run_the_versions_that_the_python_examples_ask_for() {
    let tested = std::fs::read_to_string(script("requirements.txt")).expect("a file");
    for folder in ["webhook-receiver-flask", "webhook-receiver-fastapi"] {
        let asked = std::fs::read_to_string(example(folder).join("requirements.txt")).expect("a file");
        assert!(asked.lines().all(|line| tested.lines().any(|tested| tested == line)), "{folder}: {asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_n8n_workflows_code_verifies_real_deliveries_and_refuses_others() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    server.submit("note.md", morag_fixtures::one_page_markdown(1), &[("webhook_url", &receiver.url)]).await;
    let received = receiver.wait_for_end().await;
    let mut documents: Vec<_> = received.iter().map(|one| clients::document(SECRET, one)).collect();
    let genuine = documents.len();
    let change = |field: &str, value: Value| {
        let mut changed = documents[0].clone();
        changed[field] = value;
        changed
    };
    let mut old = documents[0].clone();
    old["headers"]["webhook-timestamp"] = json!((now() - 3600).to_string());
    let forged = [change("secret", json!("another")), change("body", json!("{}")), change("headers", json!({})), old];
    documents.extend(forged);

    let mut command = clients::node("n8n_code.mjs");
    command.arg(example("n8n/workflow.json"));
    let said: Vec<Value> =
        clients::feed(command, &documents).iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (one, item) in received.iter().zip(&said) {
        assert_eq!((&item["verified"], &item["event_type"]), (&json!(true), &json!(one.event_type())));
        assert_eq!(item["delivery"], one.header("x-morag-delivery"));
        assert_eq!(item["event"]["data"]["task_id"], one.json()["data"]["task_id"]);
    }
    assert!(said[genuine..].iter().all(|item| item["verified"] == false && item["event"] == json!({})), "{said:?}");
}

#[test]
fn the_n8n_workflow_is_whole() {
    let text = std::fs::read_to_string(example("n8n/workflow.json")).expect("a file");
    let workflow: Value = serde_json::from_str(&text).expect("JSON");
    let nodes = workflow["nodes"].as_array().expect("nodes");
    let node = |name: &str| nodes.iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("no node {name}"));
    // As guide 1 has it, and with the bytes that the signature is over.
    let hook = &node("Webhook")["parameters"];
    assert_eq!((&hook["httpMethod"], &hook["path"]), (&json!("POST"), &json!("morag-webhook")));
    assert_eq!((&hook["responseMode"], &hook["options"]["rawBody"]), (&json!("responseNode"), &json!(true)));
    // Every connection joins nodes that there are, and every node but the first is reached.
    let mut reached: Vec<&str> = vec!["Webhook"];
    for (from, outputs) in workflow["connections"].as_object().expect("connections") {
        node(from);
        let targets = outputs["main"].as_array().expect("outputs").iter().flat_map(|output| output.as_array());
        reached.extend(targets.flatten().map(|target| target["node"].as_str().expect("a name")));
    }
    assert!(nodes.iter().all(|node| reached.contains(&node["name"].as_str().expect("a name"))), "{reached:?}");
    assert!(reached.iter().all(|name| node(name)["type"].is_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn morag_listen_is_the_receiver_of_the_guides_quick_start() {
    let mut command = Command::new(morag_tests::server::binary());
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").port();
    command.args(["listen", "--port", &port.to_string(), "--secret", SECRET]).stdout(Stdio::null());
    command.stderr(Stdio::null());
    let mut receiver = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("the receiver starts");
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
    // Nobody who does not know the secret.
    let unsigned = client().post(format!("{base}/webhook")).body(BODY).send().await.expect("an answer");
    assert_eq!(unsigned.status(), 401);
    let cleared = client().post(format!("{base}/webhooks/clear")).send().await.expect("an answer");
    assert_eq!(cleared.status(), 200);
    assert_eq!(list().await.map(|webhooks| webhooks.len()), Some(0));
}
