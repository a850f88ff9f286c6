//! The example receivers, run with the server.

use crate::endpoints_support::{create, patch, post};
use morag_core::Secret;
use morag_core::webhook::{sign, standard_signature};
use morag_tests::clients::{self, ForeignReceiver, example, node_folder, script};
use morag_tests::receiver::Receiver;
use morag_tests::server::{PATIENCE, SECRET, Server, client, python};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const BODY: &str = r#"{"event_type":"step_started","timestamp":"2026-01-31T10:00:00.000Z","data":{"task_id":"one"}}"#;

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    i64::try_from(since.as_secs()).expect("seconds")
}

/// A delivery with both signatures at a given time.
fn delivery(receiver: &ForeignReceiver, id: &str, seconds: i64) -> RequestBuilder {
    signed(receiver, id, seconds, BODY)
}

/// The same with another body, as of another event.
fn signed(receiver: &ForeignReceiver, id: &str, seconds: i64, body: &str) -> RequestBuilder {
    let (secret, message) = (Secret::new(SECRET), format!("msg_{id}_1"));
    client()
        .post(receiver.webhook())
        .header("content-type", "application/json")
        .header("x-morag-delivery", id)
        .header("x-morag-timestamp", seconds.to_string())
        .header("x-morag-signature", sign(&secret, body.as_bytes()))
        .header("webhook-id", &message)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-signature", standard_signature(&secret, &message, seconds, body.as_bytes()))
        .body(body.to_owned())
}

async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    (response.status(), response.json().await.unwrap_or_default())
}

/// A request with some headers replaced, or removed where the value is empty.
fn changed(request: RequestBuilder, changes: &[(&'static str, &str)]) -> RequestBuilder {
    let mut request = request.build().expect("a request");
    for (name, value) in changes {
        match value.is_empty() {
            true => drop(request.headers_mut().remove(*name)),
            false => drop(request.headers_mut().insert(*name, value.parse().expect("a header"))),
        }
    }
    RequestBuilder::from_parts(client(), request)
}

/// Sends forged and old deliveries to a receiver, a genuine one twice, and then delivers a real document's events.
async fn check(receiver: ForeignReceiver) {
    let of = |seconds: i64, changes: &[(&'static str, &str)]| changed(delivery(&receiver, "forged", seconds), changes);
    let (hour, fresh) = (3600, now().to_string());
    let (unmatched, unsigned, old) = ("wrong secret or changed body", "unsigned", "too old");
    // Python receivers return it in `detail`, the others in `error`.
    let why = |body: &Value| ["detail", "error"].iter().find_map(|name| body[name].as_str().map(str::to_owned));
    for (what, request, reason) in [
        ("no signature", of(now(), &[("x-morag-signature", ""), ("webhook-signature", "")]), unsigned),
        (
            "other signatures",
            of(now(), &[("x-morag-signature", "sha256=00"), ("webhook-signature", "v1,AAAA")]),
            unmatched,
        ),
        ("no signatures of ours", of(now(), &[("x-morag-signature", "no"), ("webhook-signature", "no no")]), unmatched),
        ("another body", of(now(), &[]).body(BODY.replace("one", "two")), unmatched),
        ("another id", of(now(), &[("x-morag-signature", ""), ("webhook-id", "msg_forged_2")]), unmatched),
        ("another time", of(now() - hour, &[("x-morag-signature", ""), ("webhook-timestamp", &fresh)]), unmatched),
        ("no time", of(now(), &[("x-morag-signature", ""), ("webhook-timestamp", "")]), unmatched),
        ("an old delivery, replayed", of(now() - hour, &[]), old),
        ("one of the future", of(now() + hour, &[]), old),
        ("an old one whose unsigned time is another", of(now() - hour, &[("x-morag-timestamp", &fresh)]), old),
        ("an old one, by our header", of(now() - hour, &[("webhook-signature", "")]), old),
        ("one without a time, by our header", of(now(), &[("webhook-signature", ""), ("x-morag-timestamp", "")]), old),
    ] {
        let (status, body) = answer(request).await;
        assert_eq!(status, 401, "{what}: {body}");
        assert!(why(&body).is_some_and(|text| text.starts_with(reason)), "{what}: {body}");
    }
    assert_eq!(receiver.get("/events").await, json!([]), "no forged delivery was handled");

    // Either signature is enough: the other may be by a secret that this receiver does not know.
    for (task, other) in [("by-standard", ("x-morag-signature", "sha256=00")), ("by-ours", BY_OURS)] {
        let (status, said) =
            answer(changed(signed(&receiver, task, now(), &BODY.replace("one", task)), &[other])).await;
        assert_eq!((status, said), (StatusCode::OK, json!({"status": "received"})), "{task}");
    }

    // As after a lost response: the server sends the same delivery again.
    let twice = [
        answer(delivery(&receiver, "delivery-1", now())).await,
        answer(delivery(&receiver, "delivery-1", now())).await,
    ];
    assert_eq!(twice[0], (StatusCode::OK, json!({"status": "received"})));
    assert_eq!(twice[1], (StatusCode::OK, json!({"status": "duplicate"})));

    let repeated = replay(&receiver).await;
    let server = Server::start().await;
    let url = receiver.webhook();
    let task = server.submit("notes.md", morag_fixtures::markdown(), &[("webhook_url", &url)]).await;
    let ended = |events: &Value| {
        events.as_array().is_some_and(|events| events.iter().any(|event| event["event_type"] == "task_completed"))
    };
    let events = receiver.wait_until("/events", ended).await;
    let tasks: Vec<_> = events.as_array().expect("a list").iter().map(|event| &event["data"]["task_id"]).collect();
    let mut expected = vec!["by-standard", "by-ours"];
    expected.extend(repeated);
    expected.extend(std::iter::repeat_n(task.as_str(), 17));
    assert_eq!(tasks, expected, "a repeated delivery was handled once");
}

/// Only `X-MoRAG-Signature` is valid, as for a receiver that knows only the other secret of a rotation.
const BY_OURS: (&str, &str) = ("webhook-signature", "v1,AAAA");

/// Sends recorded deliveries again with changes to unsigned parts. Returns the tasks whose events must be handled.
async fn replay(receiver: &ForeignReceiver) -> [&'static str; 7] {
    let soon = (now() + 60).to_string();
    let is = async |status: &str, what: &str, request: RequestBuilder| {
        assert_eq!(answer(request).await, (StatusCode::OK, json!({ "status": status })), "{what}");
    };
    // `delivery-1` was accepted by `webhook-signature`.
    let other = |changes: &[(&'static str, &str)]| changed(delivery(receiver, "delivery-1", now()), changes);
    is("duplicate", "another delivery id", other(&[("x-morag-delivery", "delivery-2")])).await;
    is("duplicate", "another one", other(&[("x-morag-delivery", "delivery-3"), ("x-morag-attempt", "7")])).await;
    is("duplicate", "no delivery id", other(&[("x-morag-delivery", "")])).await;
    let later = changed(delivery(receiver, "delivery-1", now() + 1), &[("x-morag-delivery", "delivery-2")]);
    is("duplicate", "a retry, which has another time", later).await;
    let ours = [("webhook-signature", ""), ("x-morag-timestamp", &*soon), ("x-morag-delivery", "delivery-2")];
    is("duplicate", "the other signature alone, and another time", other(&ours)).await;
    let ours = [("webhook-signature", ""), ("webhook-id", "msg_2"), ("x-morag-delivery", "delivery-4")];
    is("duplicate", "the other signature alone, and another id", other(&ours)).await;
    // A manual resend, which has another signed id.
    is("received", "another signed id", delivery(receiver, "delivery-5", now())).await;

    // Accepted by `X-MoRAG-Signature`, which signs no id.
    let body = BODY.replace("one", "two");
    let two = |id: &str, changes: &[(&'static str, &str)]| changed(signed(receiver, id, now(), &body), changes);
    is("received", "by our header", two("two", &[BY_OURS])).await;
    let again = [BY_OURS, ("x-morag-delivery", "other"), ("webhook-id", "other"), ("x-morag-timestamp", &soon)];
    is("duplicate", "by our header, with other ids", two("two", &again)).await;
    is("duplicate", "with the signature that was taken away", two("two", &[])).await;

    // A missing id never counts as known.
    for (task, changes) in [
        ("three", &[("x-morag-delivery", "")][..]),
        ("four", &[("x-morag-delivery", "")]),
        ("five", &[("x-morag-delivery", ""), ("webhook-id", ""), BY_OURS]),
        ("six", &[("x-morag-delivery", ""), ("webhook-id", ""), BY_OURS]),
    ] {
        let request = changed(signed(receiver, task, now(), &BODY.replace("one", task)), changes);
        is("received", task, request).await;
    }
    ["one", "one", "two", "three", "four", "five", "six"]
}

/// The secrets of a rotation: one as text, one in the format of Standard Webhooks.
const OLD: &str = "the-old-secret-of-a-receiver";
const NEW: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Rotates a secret while the receiver runs, first with the old one and then with the new one.
async fn rotate(command: fn() -> Command, path: &str) {
    let (server, old, new) = tokio::join!(
        Server::start(),
        ForeignReceiver::with_secret(command(), path, OLD),
        ForeignReceiver::with_secret(command(), path, NEW),
    );
    let settings = json!({"id": "r", "url": old.webhook(), "secret": OLD, "retry": {"max_retries": 0}});
    create(&server, settings).await;
    let sample = async || post(&server, "/api/v1/webhooks/endpoints/r/test", &Value::Null).await.body;
    let to = async |receiver: &ForeignReceiver| {
        let answer = patch(&server, "r", &json!({"url": receiver.webhook()})).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        sample().await
    };
    let rotate = async |grace_hours: u32| {
        let asked = json!({"secret": NEW, "grace_hours": grace_hours});
        let answer = post(&server, "/api/v1/webhooks/endpoints/r/secret/rotate", &asked).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let refused = |answer: &Value| {
        assert_eq!((&answer["delivered"], &answer["http_status"]), (&json!(false), &json!(401)), "{answer}");
        assert!(
            answer["excerpt"].as_str().is_some_and(|text| text.contains("wrong secret or changed body")),
            "{answer}"
        );
    };
    let before = sample().await;
    assert_eq!(before["delivered"], true, "before: {before}");
    rotate(1).await;
    let during = [sample().await, to(&new).await];
    assert!(during.iter().all(|answer| answer["delivered"] == true), "within the grace time: {during:?}");
    // Made the newest again, without grace: older secrets sign no more, as at the end of the grace time.
    rotate(0).await;
    let after = sample().await;
    assert_eq!(after["delivered"], true, "after the grace time: {after}");
    refused(&to(&old).await);
}

fn flask() -> Command {
    python_example("webhook-receiver-flask")
}

fn fastapi() -> Command {
    python_example("webhook-receiver-fastapi")
}

fn node() -> Command {
    let mut command = Command::new("node");
    command.arg(node_folder().join("build/receiver.js"));
    command
}

fn rust() -> Command {
    let binary = morag_tests::server::binary().with_file_name("webhook-receiver-rust");
    assert!(binary.exists(), "{} is missing: `cargo build -p webhook-receiver-rust`", binary.display());
    Command::new(binary)
}

/// The receiver in Go, compiled once: it needs only the standard library, so nothing is fetched.
fn go() -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let binary = BUILT.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
        let binary = folder.join("webhook-receiver-go");
        // Under a temporary name first: a concurrent test's process may run or build the binary too.
        let built = folder.join(format!("webhook-receiver-go.{}", std::process::id()));
        let mut build = Command::new("go");
        build.args(["build", "-o"]).arg(&built).arg(".").current_dir(example("webhook-receiver-go"));
        build
            .env("GOCACHE", folder.join("cache"))
            .env("GOFLAGS", "-mod=mod")
            .env("GOPROXY", "off")
            .env("CGO_ENABLED", "0");
        let output = build.output().expect("go runs: `cargo xtask clients` installs it");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::rename(&built, &binary).expect("a file in the same folder");
        binary
    });
    Command::new(binary)
}

/// `morag listen`, which takes its port from an option.
fn listen() -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" listen --port \"$PORT\""]).arg(morag_tests::server::binary());
    command.stderr(Stdio::null());
    command
}

macro_rules! rotations {
    ($($name:ident: $receiver:ident at $path:literal),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                rotate($receiver, $path).await;
            }
        )+
    };
}

rotations!(
    a_rotation_breaks_no_flask_receiver: flask at "/events",
    a_rotation_breaks_no_fastapi_receiver: fastapi at "/events",
    a_rotation_breaks_no_node_receiver: node at "/events",
    a_rotation_breaks_no_rust_receiver: rust at "/events",
    a_rotation_breaks_no_go_receiver: go at "/events",
    a_rotation_breaks_no_morag_listen: listen at "/webhooks",
);

fn python_example(folder: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(example(folder).join("receiver.py")).stderr(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flask_receiver() {
    check(ForeignReceiver::on_free_port(flask(), "/events").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fastapi_receiver() {
    check(ForeignReceiver::on_free_port(fastapi(), "/events").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_receiver() {
    check(ForeignReceiver::on_free_port(node(), "/events").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_receiver() {
    check(ForeignReceiver::on_free_port(rust(), "/events").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_go_receiver() {
    check(ForeignReceiver::on_free_port(go(), "/events").await).await;
}

#[test]
fn no_receiver_starts_without_a_secret_that_is_long_enough() {
    for secret in [None, Some(""), Some("short"), Some("whsec_"), Some("whsec_c2hvcnQ=")] {
        for mut receiver in [flask(), fastapi(), node(), rust(), go()] {
            receiver.env_remove("WEBHOOK_SECRET").env("PORT", "0").stderr(Stdio::piped());
            receiver.envs(secret.map(|secret| ("WEBHOOK_SECRET", secret)));
            let output = receiver.output().expect("the receiver ends");
            assert_eq!(output.status.code(), Some(1), "{receiver:?}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("set WEBHOOK_SECRET") && said.contains("at least"), "{receiver:?}: {said}");
        }
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
    // An attacker who makes it old changes our own header too.
    old["headers"]["x-morag-timestamp"] = old["headers"]["webhook-timestamp"].clone();
    let forged =
        [change("secret", json!("another secret")), change("body", json!("{}")), change("headers", json!({})), old];
    // The first one again with unsigned parts changed, and without the signature of its id.
    let mut replayed = [documents[0].clone(), documents[0].clone()];
    for (again, name) in replayed.iter_mut().zip(["x-morag-delivery", "webhook-signature"]) {
        again["headers"][name] = json!("other");
    }
    documents.extend(forged);
    documents.extend(replayed);

    let mut command = clients::node("n8n_code.mjs");
    command.arg(example("n8n/workflow.json"));
    let said: Vec<Value> =
        clients::feed(command, &documents).iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (one, item) in received.iter().zip(&said) {
        assert_eq!((&item["verified"], &item["event_type"]), (&json!(true), &json!(one.event_type())));
        assert_eq!(item["event"]["data"]["task_id"], one.json()["data"]["task_id"]);
    }
    let (said, others) = said.split_at(genuine);
    let (refused, replayed) = others.split_at(4);
    assert!(refused.iter().all(|item| item["verified"] == false && item["event"] == json!({})), "{refused:?}");
    let reasons = ["wrong secret or changed body", "wrong secret or changed body", "unsigned", "too old"];
    for (item, reason) in refused.iter().zip(reasons) {
        assert!(item["refused"].as_str().is_some_and(|text| text.starts_with(reason)), "{reason}: {item}");
    }
    // The key by which "Once each" identifies deliveries.
    let keys: HashSet<_> = said.iter().map(|item| item["key"].as_str().expect("a key")).collect();
    assert_eq!(keys.len(), genuine, "each delivery has its own key");
    for item in replayed {
        assert_eq!((&item["verified"], &item["key"]), (&json!(true), &said[0]["key"]), "a replay has another key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_breaks_no_n8n_workflow() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    create(&server, json!({"id": "r", "url": receiver.url, "secret": OLD})).await;
    let rotate = "/api/v1/webhooks/endpoints/r/secret/rotate";
    for grace in [None, Some(1), Some(0)] {
        if let Some(hours) = grace {
            let answer = post(&server, rotate, &json!({"secret": NEW, "grace_hours": hours})).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let sent = post(&server, "/api/v1/webhooks/endpoints/r/test", &Value::Null).await;
        assert_eq!(sent.body["delivered"], true, "{}", sent.body);
    }
    let received = receiver.received();
    // Each delivery as input of a workflow with the old secret, and of one with the new secret.
    let documents: Vec<_> =
        received.iter().flat_map(|one| [OLD, NEW].map(|secret| clients::document(secret, one))).collect();
    let mut command = clients::node("n8n_code.mjs");
    command.arg(example("n8n/workflow.json"));
    let said = clients::feed(command, &documents);
    let verified: Vec<_> =
        said.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["verified"].clone()).collect();
    assert_eq!(verified, [true, false, true, true, false, true], "before, during and after: {said:?}");
}

#[test]
fn the_n8n_workflow_is_whole() {
    let text = std::fs::read_to_string(example("n8n/workflow.json")).expect("a file");
    let workflow: Value = serde_json::from_str(&text).expect("JSON");
    let nodes = workflow["nodes"].as_array().expect("nodes");
    let node = |name: &str| nodes.iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("no node {name}"));
    // As in guide 1, and with the raw bytes that the signature covers.
    let hook = &node("Webhook")["parameters"];
    assert_eq!((&hook["httpMethod"], &hook["path"]), (&json!("POST"), &json!("morag-webhook")));
    assert_eq!((&hook["responseMode"], &hook["options"]["rawBody"]), (&json!("responseNode"), &json!(true)));
    // Every connection joins existing nodes, and every node but the first is reached.
    let mut reached: Vec<&str> = vec!["Webhook"];
    for (from, outputs) in workflow["connections"].as_object().expect("connections") {
        node(from);
        let targets = outputs["main"].as_array().expect("outputs").iter().flat_map(|output| output.as_array());
        reached.extend(targets.flatten().map(|target| target["node"].as_str().expect("a name")));
    }
    assert!(nodes.iter().all(|node| reached.contains(&node["name"].as_str().expect("a name"))), "{reached:?}");
    assert!(reached.iter().all(|name| node(name)["type"].is_string()));
    assert_eq!(node("Once each")["parameters"]["dedupeValue"], "={{ $json.key }}");
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
    // By host name, as in the guides.
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
    // An unsigned request is refused.
    let unsigned = client().post(format!("{base}/webhook")).body(BODY).send().await.expect("an answer");
    assert_eq!(unsigned.status(), 401);
    let cleared = client().post(format!("{base}/webhooks/clear")).send().await.expect("an answer");
    assert_eq!(cleared.status(), 200);
    assert_eq!(list().await.map(|webhooks| webhooks.len()), Some(0));
}
