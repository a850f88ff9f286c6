//! `morag trigger`, `morag webhook verify` and `morag listen --forward-to`, as used by a developer of a receiver.

use axum::response::IntoResponse as _;
use morag_core::Secret;
use morag_core::webhook::{EVENT_TYPES, standard_signature, verify};
use morag_tests::proxy::{Proxy, Wire};
use morag_tests::receiver::{Received, Receiver};
use morag_tests::server::{API_KEY, PATIENCE, SECRET, Server, binary};
use std::collections::HashSet;
use std::process::{Output, Stdio};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Number of deliveries of a task that completes the standard pipeline.
const COMPLETING: usize = 17;

fn morag(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().args(arguments).kill_on_drop(true).stdin(Stdio::null());
    command
}

async fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().await.expect("it runs");
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(!said.contains(SECRET), "a secret is shown: {said}");
    (status.code(), said)
}

/// Both signatures, as a receiver checks them.
#[track_caller]
fn assert_signed(one: &Received) {
    let secret = Secret::new(SECRET);
    assert!(verify(&secret, &one.body, one.header("x-morag-signature")));
    let seconds = one.header("webhook-timestamp").parse().expect("seconds");
    let signature = standard_signature(&secret, one.header("webhook-id"), seconds, &one.body);
    assert_eq!(one.header("webhook-signature"), signature);
}

fn sequences(received: &[Received]) -> Vec<u64> {
    received.iter().map(|one| one.header("x-morag-sequence").parse().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_sends_a_signed_sample_of_every_event() {
    let receiver = Receiver::start().await;
    for event in EVENT_TYPES {
        let (code, said) = run(&mut morag(&["trigger", event, "--to", &receiver.url, "--secret", SECRET])).await;
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(event) && said.contains(": 200 in "), "{said}");
    }
    let received = receiver.received();
    let types: Vec<_> = received.iter().map(|one| one.event_type()).collect();
    assert_eq!(types, EVENT_TYPES);
    for one in &received {
        assert_signed(one);
        assert!(one.header("user-agent").starts_with("MoRAG-Webhook/"));
        assert_eq!(one.header("x-morag-attempt"), "1");
        assert_eq!(one.json()["event_type"], one.event_type());
    }
    let deliveries: HashSet<_> = received.iter().map(|one| one.header("x-morag-delivery")).collect();
    assert_eq!(deliveries.len(), EVENT_TYPES.len(), "no two runs share a delivery");
    // The guides' own consumer accepts them, except for the one event that it does not know.
    let bodies: Vec<_> =
        received.iter().filter(|one| one.event_type() != "task_cancelled").map(|one| one.json()).collect();
    crate::bodies::consume(&bodies);
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_sends_what_it_is_asked_for() {
    let receiver = Receiver::start().await;
    let task = "6f1c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11";
    let mut command =
        morag(&["trigger", "step_completed", "--step", "ingestion", "--format", "flat", "--task-id", task]);
    command.args(["--to", &receiver.url]).env("WEBHOOK_SECRET", SECRET).env("MORAG_WEBHOOK_AUTH_TOKEN", "token");
    // Templates of settings may contain it empty.
    command.env("WEBHOOK_ALLOW_NETWORKS", "");
    assert_eq!(run(&mut command).await.0, Some(0));
    let one = &receiver.received()[0];
    assert_signed(one);
    assert_eq!(one.header("authorization"), "Bearer token");
    let body = one.json();
    assert_eq!((&body["task_id"], &body["step"]), (&task.into(), &"ingestion".into()));
    assert!(body.get("event_type").is_none() && body["data"]["chunks_ingested"].is_number(), "{body}");

    let (code, _) = run(&mut morag(&["trigger", "task_started", "--to", &receiver.url])).await;
    let unsigned = &receiver.received()[1];
    assert_eq!((code, unsigned.header("x-morag-signature")), (Some(0), ""), "without a secret nothing is signed");
    assert_eq!(unsigned.json()["data"]["metadata"]["webhook_url"], receiver.url);
}

#[tokio::test(flavor = "multi_thread")]
async fn trigger_says_what_went_wrong() {
    let receiver = Receiver::start().await;
    receiver.answer_next([(axum::http::StatusCode::UNAUTHORIZED, "no such secret").into_response()]);
    let (code, said) = run(&mut morag(&["trigger", "task_started", "--to", &receiver.url])).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("401 in ") && said.contains("no such secret"), "{said}");

    // This machine may be reached, other private addresses may not: as in a server.
    let (code, said) = run(&mut morag(&["trigger", "task_started", "--to", "http://10.11.12.13/hook"])).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("address refused") && said.contains("10.11.12.13"), "{said}");

    let (code, said) = run(&mut morag(&["trigger", "step_failed", "--step", "nope", "--to", &receiver.url])).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("markdown_conversion"), "the steps there are: {said}");
    let (code, said) = run(&mut morag(&["trigger", "task_done", "--to", &receiver.url])).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("task_completed"), "the events there are: {said}");
    assert_eq!(receiver.received().len(), 1);
}

/// Runs `morag webhook verify` for a delivery's headers and a body.
async fn verified(one: &Received, body: &[u8], change: impl Fn(&mut Command)) -> (Option<i32>, String) {
    let mut command = morag(&["webhook", "verify"]);
    for name in one.headers.keys() {
        command.arg("--header").arg(format!("{name}: {}", one.header(name.as_str())));
    }
    command.env("WEBHOOK_SECRET", SECRET);
    change(&mut command);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(body).await.expect("it reads");
    drop(input);
    let Output { status, stdout, stderr } = child.wait_with_output().await.expect("it ends");
    let said = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(!said.contains(SECRET), "a secret is shown: {said}");
    (status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_whether_a_real_delivery_is_genuine_and_why_not() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    server.submit("note.md", morag_fixtures::one_page_markdown(1), &[("webhook_url", &receiver.url)]).await;
    let one = receiver.wait_for_end().await[0].clone();

    let (code, said) = verified(&one, &one.body, |_| ()).await;
    assert_eq!((code, said.matches(" good ").count()), (Some(0), 3), "{said}");

    let appended = [&one.body[..], b"\n"].concat();
    let (code, said) = verified(&one, &appended, |_| ()).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("body was changed") && said.contains("newline"), "{said}");
    assert!(said.contains("refused: changed body: a newline was added at its end"), "{said}");

    let (code, said) = verified(&one, b"{}", |_| ()).await;
    assert_eq!(code, Some(1), "{said}");
    let (code, said) = verified(&one, &one.body, |command| {
        command.args(["--secret", "another-one"]);
    })
    .await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the secret does not match"), "{said}");

    // A delivery that is genuine but old.
    let mut old = one.clone();
    let id = old.header("webhook-id").to_owned();
    let signature = standard_signature(&Secret::new(SECRET), &id, 1_600_000_000, &old.body);
    old.headers.insert("webhook-timestamp", "1600000000".parse().expect("a header"));
    old.headers.insert("webhook-signature", signature.parse().expect("a header"));
    let (code, said) = verified(&old, &old.body, |_| ()).await;
    assert_eq!((code, said.matches("FAILED").count()), (Some(1), 1), "{said}");
    assert!(said.contains("--ignore-age"), "{said}");
    let (code, said) = verified(&old, &old.body, |command| {
        command.arg("--ignore-age");
    })
    .await;
    assert_eq!(code, Some(0), "{said}");

    let (code, said) = verified(&one, &one.body, |command| {
        command.env_remove("WEBHOOK_SECRET");
    })
    .await;
    assert_eq!(code, Some(1));
    assert!(said.contains("no secret is given"), "{said}");
    let mut bare = morag(&["webhook", "verify", "--header", "content-type: application/json"]);
    let (code, said) = run(bare.env("WEBHOOK_SECRET", "change-me")).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("the headers contain no signature"), "{said}");
}

/// A running `morag listen --forward-to`.
struct Forwarder {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Forwarder {
    /// Starts one, and waits until it is connected.
    async fn start(server: &str, to: &str, arguments: &[&str]) -> Self {
        let mut command = morag(&["listen", "--server", server, "--forward-to", to]);
        command.args(arguments).env("MORAG_API_KEY", API_KEY).env("WEBHOOK_SECRET", SECRET).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
        let mut forwarder = Self { _child: child, lines };
        forwarder.wait_for("forwarding events to ").await;
        forwarder
    }

    /// Waits for a line that contains a text.
    async fn wait_for(&mut self, text: &str) -> String {
        let found = async {
            loop {
                let line = self.lines.next_line().await.expect("readable output").expect("it runs");
                assert!(!line.contains(SECRET) && !line.contains(API_KEY), "a secret is shown: {line}");
                if line.contains(text) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no line says {text:?}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_forwards_every_event_signed_and_in_order() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let mut forwarder = Forwarder::start(&server.url, &receiver.url, &[]).await;
    // A task without a webhook.
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    let received = receiver.wait_for_end().await;
    assert_eq!(sequences(&received), (1..=COMPLETING as u64).collect::<Vec<_>>());
    let history = crate::bodies::history_types(&server, &task).await;
    assert_eq!(received.iter().map(Received::event_type).collect::<Vec<_>>(), history);
    for one in &received {
        assert_signed(one);
        assert_eq!(one.header("x-morag-event"), one.json()["event_type"]);
        assert_eq!(one.json()["data"]["task_id"], task.as_str());
    }
    let deliveries: HashSet<_> = received.iter().map(|one| one.header("x-morag-delivery")).collect();
    assert_eq!(deliveries.len(), COMPLETING);
    let line = forwarder.wait_for("task_completed").await;
    assert!(line.starts_with("200 in ") && line.contains(&task), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_shows_what_a_receiver_says_that_refuses() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let mut forwarder = Forwarder::start(&server.url, &receiver.url, &[]).await;
    receiver.answer_next([(axum::http::StatusCode::UNAUTHORIZED, "no such secret").into_response()]);
    server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    forwarder.wait_for("401 in ").await;
    assert_eq!(forwarder.wait_for("").await, "  no such secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_forwards_only_the_events_that_were_chosen() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let _forwarder = Forwarder::start(&server.url, &receiver.url, &["--events", "step_*,task_completed"]).await;
    server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    let types: Vec<_> = receiver.wait_for_end().await.iter().map(Received::event_type).collect();
    assert_eq!(types.len(), 13);
    assert!(types.iter().all(|name| name.starts_with("step_") || name == "task_completed"), "{types:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_goes_on_without_a_gap_after_its_connection_broke() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let port = server.url.rsplit(':').next().expect("a port").parse().expect("a number");
    let proxy = Proxy::to(port).await;
    let mut forwarder = Forwarder::start(&format!("http://127.0.0.1:{}", proxy.port()), &receiver.url, &[]).await;
    let first = server.submit("note.md", morag_fixtures::one_page_markdown(1), &[]).await;
    receiver.wait_for_end().await;
    // At least one event is finished on its side too, so that it has an id to resume from.
    forwarder.wait_for("task_completed").await;

    proxy.cut(Wire::Reset);
    forwarder.wait_for("; reconnecting in ").await;
    let second = server.submit("note.md", morag_fixtures::one_page_markdown(2), &[]).await;
    server.wait_for_end(&second).await;
    proxy.heal();
    let received = receiver.wait_until(|received| received.len() >= 2 * COMPLETING).await;
    let of = |task: &str| -> Vec<u64> {
        let of_task = received.iter().filter(|one| one.json()["data"]["task_id"] == task);
        sequences(&of_task.cloned().collect::<Vec<_>>())
    };
    let all: Vec<_> = (1..=COMPLETING as u64).collect();
    assert_eq!((of(&first), of(&second)), (all.clone(), all), "each event once");
}

#[tokio::test(flavor = "multi_thread")]
async fn listen_says_at_once_what_cannot_work() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let forward = |server: &str| morag(&["listen", "--server", server, "--forward-to", &receiver.url]);
    let (code, said) = run(forward(&server.url).env("MORAG_API_KEY", "wrong-key")).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("401") && !said.contains("wrong-key"), "{said}");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    let (code, said) = run(&mut forward(&format!("http://{nobody}"))).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("no server answers"), "{said}");
    let (code, said) = run(forward(&server.url).args(["--events", "task_done"])).await;
    assert_eq!(code, Some(2));
    assert!(said.contains("task_completed"), "the events there are: {said}");
}
