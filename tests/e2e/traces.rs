//! One trace of one document, from the request to the webhook, as a real collector gets it.

use crate::cancel::large_markdown;
use crate::pipelines::components_and;
use morag_tests::fleet::{Fleet, wait_for};
use morag_tests::otlp::{Collector, Span, Trace};
use morag_tests::receiver::{Received, Receiver};
use morag_tests::redis::{ACCEPT_LOSS, free_port, shared_single};
use morag_tests::sandbox::guest;
use morag_tests::server::{API_KEY, Server, binary, client};
use reqwest::{Method, RequestBuilder, multipart};
use serde_json::{Value, json};
use std::time::Duration;

/// What a client's own trace is.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Steps of the standard pipeline.
const STEPS: usize = 6;

/// Two processes on one store: one that takes requests, one that does the rest.
struct Two {
    fleet: Fleet,
    api: String,
    worker: usize,
}

impl Two {
    async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_with_file("", settings).await
    }

    async fn start_with_file(morag_toml: &str, settings: &[(&str, &str)]) -> Self {
        let (url, prefix, key) = (shared_single().url(), format!("{}:", uuid::Uuid::new_v4()), "00".repeat(32));
        let own = [
            ("REDIS_URL", url.as_str()),
            ("REDIS_KEY_PREFIX", prefix.as_str()),
            ACCEPT_LOSS,
            // Named endpoints on Redis need it.
            ("MORAG_SECRETS_KEY", key.as_str()),
            ("MORAG_WORKER_CONCURRENCY", "1"),
        ];
        let all: Vec<_> = own.iter().chain(settings).copied().collect();
        let mut fleet = Fleet::new(&all);
        settings_file(&fleet, morag_toml);
        let api = fleet.start("api").await;
        let worker = fleet.start("worker,dispatcher").await;
        let api = fleet.processes()[api].url();
        Self { fleet, api, worker }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client().request(method, format!("{}{path}", self.api)).bearer_auth(API_KEY)
    }

    async fn send(request: RequestBuilder) -> Value {
        let response = request.send().await.expect("an answer");
        let (status, text) = (response.status(), response.text().await.expect("a body"));
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn endpoint(&self, settings: Value) {
        Self::send(self.request(Method::POST, "/api/v1/webhooks/endpoints").json(&settings)).await;
    }

    /// Submits a document under the client's span, and returns the task's id.
    async fn submit(&self, name: &str, document: Vec<u8>, webhook: &str) -> String {
        let request = self.request(Method::POST, "/api/v1/ingest/file").multipart(form(name, document, webhook));
        let accepted = Self::send(request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"))).await;
        accepted["task_id"].as_str().expect("a task_id").to_owned()
    }
}

/// Writes the settings file of a fleet's processes.
fn settings_file(fleet: &Fleet, morag_toml: &str) {
    let folder = fleet.data_dir().parent().expect("the fleet's folder").to_owned();
    std::fs::write(folder.join("morag.toml"), morag_toml).expect("a settings file");
}

fn form(name: &str, document: Vec<u8>, webhook: &str) -> multipart::Form {
    let part = multipart::Part::bytes(document).file_name(name.to_owned());
    multipart::Form::new().part("file", part).text("webhook_url", webhook.to_owned())
}

fn steps(trace: &Trace) -> Vec<&Span> {
    let mut steps: Vec<_> = trace.0.iter().filter(|span| !span.attribute("morag.step").is_empty()).collect();
    steps.sort_by_key(|span| span.start);
    steps
}

/// The request that brought the document.
fn submission(trace: &Trace) -> Option<&Span> {
    trace.0.iter().find(|span| span.parent == PARENT && span.attribute("http.route").ends_with("/ingest/file"))
}

/// Header `traceparent`, in its parts.
fn traceparent(received: &Received) -> (String, String) {
    let parts: Vec<_> = received.header("traceparent").split('-').map(str::to_owned).collect();
    assert!(parts.len() == 4 && parts[0] == "00" && parts[3] == "01", "{parts:?}");
    (parts[1].clone(), parts[2].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_document_is_one_trace_over_two_processes() {
    let (collector, receiver, silent) = (Collector::start().await, Receiver::start().await, Receiver::start().await);
    let [endpoint, delay] = collector.settings();
    let secret = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=s3cret-key");
    let two = Two::start(&[endpoint, delay, secret, ("OTEL_RESOURCE_ATTRIBUTES", "deployment=test")]).await;
    two.endpoint(json!({"id": "silent", "url": silent.url, "trace": false})).await;
    let task =
        two.submit("private-name.md", morag_fixtures::markdown(), &format!("{}?token=s3cret-url", receiver.url)).await;
    let received = receiver.wait_for_end().await;
    let unsaid = silent.wait_for_end().await;
    let is_whole = |trace: &Trace| {
        let of = |endpoint: &str| trace.0.iter().filter(|span| span.attribute("morag.endpoint") == endpoint).count();
        let has_run = trace.named("task").len() + trace.named("claim").len() == 2 && submission(trace).is_some();
        has_run && (of("task"), of("silent")) == (received.len(), unsaid.len())
    };
    let trace = collector.wait_for(TRACE, is_whole).await;
    println!("{}", trace.tree());
    let tree = trace.tree();

    // One trace: the request is the client's child, and whatever the other process does is below the request.
    let request = submission(&trace).expect("the request");
    assert_eq!((request.kind, request.name.as_str()), ("server", "POST /api/v1/ingest/file"), "{tree}");
    assert_eq!(request.attribute("http.response.status_code"), "200", "{tree}");
    let runs = trace.named("task");
    assert_eq!(runs.len(), 1, "{tree}");
    assert_eq!((runs[0].parent.as_str(), runs[0].attribute("morag.task_id")), (request.id.as_str(), task.as_str()));
    assert!(runs[0].process() != request.process() && runs[0].links.is_empty(), "{tree}");
    let claims = trace.named("claim");
    assert!(claims.len() == 1 && claims[0].parent == runs[0].id, "{tree}");
    let done = steps(&trace);
    assert!(done.len() == STEPS && done.iter().all(|step| step.parent == runs[0].id), "{tree}");
    let (first, last) = (done[0], done[STEPS - 1]);
    assert_eq!((first.attribute("morag.step"), last.attribute("morag.step")), ("markdown_conversion", "ingestion"));
    assert!(trace.below(&last.id).iter().any(|call| call.name == "vectors.put"), "{tree}");
    assert!(trace.named("commit").iter().any(|commit| commit.parent == runs[0].id), "{tree}");
    let below = trace.below(&request.id);
    let commits: Vec<_> = below.iter().filter(|span| span.name == "commit").collect();
    assert!(commits.iter().any(|commit| commit.process() == request.process()), "the acceptance:\n{tree}");
    assert!(commits.iter().all(|commit| commit.attribute("morag.events").is_empty()), "{tree}");
    let failed = |name| trace.named(name).iter().any(|span| span.is_error);
    assert!(!["task", "claim", "commit", "delivery", "POST"].into_iter().any(failed), "{tree}");

    // Every delivery is below the request, linked to the run, with its exchange, and the receiver knows it.
    let deliveries: Vec<_> =
        trace.named("delivery").into_iter().filter(|one| one.attribute("morag.endpoint") == "task").collect();
    for (delivery, received) in deliveries.iter().zip(&received) {
        assert_eq!(delivery.parent, request.id, "{tree}");
        assert!(delivery.is_linked_to(&runs[0].id), "{tree}");
        assert_eq!(traceparent(received), (TRACE.to_owned(), delivery.id.clone()), "{tree}");
        assert_eq!(delivery.attribute("morag.event"), received.event_type());
        let below = trace.below(&delivery.id);
        let exchange = below.iter().find(|span| span.kind == "client").expect("an exchange");
        assert_eq!((exchange.name.as_str(), exchange.attribute("server.address")), ("POST", "127.0.0.1"), "{tree}");
    }
    assert!(unsaid.iter().all(|one| one.header("traceparent").is_empty()), "the endpoint said no");

    // The collector was told who sends, by the key, and no secret is in a span or in the log.
    assert!(collector.headers().iter().all(|headers| headers["x-key"] == "s3cret-key"));
    assert!(
        trace.0.iter().all(|span| span.resource["service.name"] == "morag" && span.resource["deployment"] == "test")
    );
    let (sent, logs) = (format!("{:?}", collector.spans()), two.fleet.log_lines_with(""));
    for secret in ["s3cret", "private-name", API_KEY, "?token"] {
        assert!(!sent.contains(secret), "{secret} is in a span");
    }
    assert!(!logs.iter().any(|line| line.contains("s3cret-key")), "{logs:?}");
    // The log says which trace a line is about.
    let ended = two.fleet.log_lines_with("task completed");
    assert!(ended.len() == 1 && ended[0].contains(&format!("trace_id={TRACE}")), "{ended:?}");
    assert!(!logs.iter().any(|line| line.contains("morag.task_id")), "spans of traces are not in the log: {logs:?}");
}

/// Its last step does not end by itself.
const SLEEPS: &str = r#"
[[pipelines]]
name = "ingest"
[[pipelines.steps]]
name = "markdown_conversion"
[[pipelines.steps]]
name = "content_processing"
[[pipelines.steps]]
name = "sleeping"
plugin = "misbehave"
config = { mode = "sleep" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_run_after_a_killed_worker_and_a_retry_are_linked_and_not_nested() {
    let (collector, receiver) = (Collector::start().await, Receiver::start().await);
    let plugins = components_and(&["misbehave"]);
    let [endpoint, delay] = collector.settings();
    let folder = ("MORAG_PLUGINS_DIR", plugins.path().to_str().expect("a path"));
    let mut two = Two::start_with_file(SLEEPS, &[endpoint, delay, folder]).await;
    let task = two.submit("large.md", large_markdown(), &receiver.url).await;
    let has_begun =
        |one: &Received| one.event_type() == "step_started" && one.json()["data"]["step"] == "content_processing";
    receiver.wait_until(|received| received.iter().any(has_begun)).await;
    // The steps that have ended are all that the collector gets of this run: the run itself ends with its process.
    let before = collector.wait_for(TRACE, |trace| !steps(trace).is_empty()).await;
    let killed = steps(&before)[0].parent.clone();
    let worker = two.worker;
    assert!(before.0.iter().all(|span| span.id != killed), "it runs:\n{}", before.tree());
    two.fleet.process(worker).kill();
    two.fleet.process(worker).start().await;

    // The next run ends a step, so that the log knows it; then the task is cancelled, and run again. The receiver is told sooner than the
    // collector.
    let has_ended = |one: &&Received| one.event_type() == "step_completed";
    let known = receiver.received().iter().filter(has_ended).count();
    receiver.wait_until(|received| received.iter().filter(has_ended).count() > known).await;
    Two::send(two.request(Method::POST, &format!("/api/v1/cancel/{task}"))).await;
    let ended = collector.wait_for(TRACE, |trace| !trace.named("task").is_empty()).await;
    let second = ended.named("task")[0].id.clone();
    Two::send(two.request(Method::POST, &format!("/api/v1/tasks/{task}/retry"))).await;
    // The third has begun when it has begun a step: its start is the retry's own event.
    let begun = |received: &[Received]| {
        let is = |one: &Received, kind: &str| one.event_type() == kind;
        let again = received.iter().rposition(|one| is(one, "task_started")).filter(|at| *at > 0);
        again.is_some_and(|again| received[again..].iter().any(|one| is(one, "step_started")))
    };
    receiver.wait_until(begun).await;
    Two::send(two.request(Method::POST, &format!("/api/v1/cancel/{task}"))).await;
    let trace = collector.wait_for(TRACE, |trace| trace.named("task").len() == 2).await;
    println!("{}", trace.tree());
    let (tree, runs) = (trace.tree(), trace.named("task"));
    assert!(trace.0.iter().all(|span| span.id != killed), "it was killed while it ran:\n{tree}");
    let request = submission(&trace).expect("the request");
    assert_eq!(runs[0].id, second);
    for run in &runs {
        assert_eq!(run.parent, request.id, "below the submission, not below an earlier run:\n{tree}");
    }
    assert!(runs[0].is_linked_to(&killed) && !runs[0].is_linked_to(&runs[1].id), "the killed run:\n{tree}");
    assert!(runs[1].is_linked_to(&killed) && runs[1].is_linked_to(&second), "the retry:\n{tree}");
    assert!(runs.iter().flat_map(|run| &run.links).all(|(of, _)| of == TRACE), "{tree}");
    // The requests that cancelled and retried are of the traces of whoever sent them.
    assert!(!trace.0.iter().any(|span| span.name.contains("retry") || span.name.contains("cancel")), "{tree}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_clients_trace_reaches_its_receiver_and_the_log() {
    let receiver = Receiver::start().await;
    let mut fleet = Fleet::new(&[]);
    let process = fleet.start("api,worker,dispatcher").await;
    let url = fleet.processes()[process].url();
    let post = |traceparent: &str| {
        let form = form("note.md", morag_fixtures::one_page_markdown(1), &receiver.url);
        let request = client().post(format!("{url}/api/v1/ingest/file")).bearer_auth(API_KEY);
        request.header("traceparent", traceparent).multipart(form)
    };
    Two::send(post(&format!("00-{TRACE}-{PARENT}-01"))).await;
    let received = receiver.wait_for_end().await;
    assert!(received.iter().all(|one| traceparent(one) == (TRACE.to_owned(), PARENT.to_owned())), "{received:?}");
    let ended = wait_for(|| {
        let lines = fleet.log_lines_with("task completed");
        (!lines.is_empty()).then_some(lines)
    });
    let ended = ended.await.expect("it is said that the task has ended");
    assert!(ended[0].contains(&format!("trace_id={TRACE}")), "{ended:?}");

    // An invalid header is ignored: no error, and no header on deliveries.
    Two::send(post("00-zz")).await;
    let completed = |received: &[Received]| received.iter().filter(|one| one.event_type() == "task_completed").count();
    let all = receiver.wait_until(|received| completed(received) == 2).await;
    assert!(all[received.len()..].iter().all(|one| one.header("traceparent").is_empty()));
}

/// A server whose collector takes connections and says nothing, for this long. Five tasks complete in it.
async fn five_tasks_with_a_dead_collector(timeout_ms: &str) -> (Fleet, tokio::net::TcpListener) {
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/s3cret", dead.local_addr().expect("its address"));
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", timeout_ms),
    ];
    let mut fleet = Fleet::new(&settings);
    let process = fleet.start("api,worker,dispatcher").await;
    let (url, receiver) = (fleet.processes()[process].url(), Receiver::start().await);
    for number in 0..5 {
        let form = form("note.md", morag_fixtures::one_page_markdown(number), &receiver.url);
        Two::send(client().post(format!("{url}/api/v1/ingest/file")).bearer_auth(API_KEY).multipart(form)).await;
    }
    let completed = |received: &[Received]| received.iter().filter(|one| one.event_type() == "task_completed").count();
    receiver.wait_until(|received| completed(received) == 5).await;
    (fleet, dead)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_delays_nothing() {
    // Longer than any test waits: what waited for it would not come.
    let (mut fleet, _dead) = five_tasks_with_a_dead_collector("600000").await;
    let stopped = tokio::time::timeout(Duration::from_secs(60), fleet.terminate()).await;
    stopped.expect("the last traces are given up after five seconds");
    // The queue is full since long.
    assert_eq!(fleet.log_lines_with("found no place in their queue").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_takes_nothing_is_named_once() {
    let (mut fleet, _dead) = five_tasks_with_a_dead_collector("300").await;
    let warned = wait_for(|| {
        let lines = fleet.log_lines_with("collector of traces");
        (!lines.is_empty()).then_some(lines)
    });
    warned.await.expect("it is said once");
    fleet.terminate().await;
    assert_eq!(fleet.log_lines_with("collector of traces").len(), 1, "and not again");
    assert!(fleet.log_lines_with("s3cret").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_sample_is_followed() {
    let (collector, receiver) = (Collector::start().await, Receiver::start().await);
    let server = Server::start_with(&collector.settings()).await;
    let submit = |flag: &str, trace: &str| {
        let form = form("note.md", morag_fixtures::one_page_markdown(1), &receiver.url);
        let request = server.request(Method::POST, "/api/v1/ingest/file").multipart(form);
        request.header("traceparent", format!("00-{trace}-{PARENT}-{flag}"))
    };
    let unsampled = "1".repeat(32);
    Two::send(submit("00", &unsampled)).await;
    let received = receiver.wait_for_end().await;
    let carried = |one: &Received| one.header("traceparent").starts_with(&format!("00-{unsampled}-"));
    assert!(received.iter().all(|one| carried(one) && one.header("traceparent").ends_with("-00")), "{received:?}");
    // What comes after it, and is sampled, has come whole: so nothing of the first is still on its way.
    Two::send(submit("01", TRACE)).await;
    let deliveries = |trace: &Trace| trace.named("delivery").len();
    collector.wait_for(TRACE, |trace| deliveries(trace) == received.len()).await;
    assert!(collector.trace(&unsampled).0.is_empty());
}

/// A step that asks a service which is not there, 205 times.
const ASKS: &str = r#"
[[plugins]]
name = "uses_all_one"
capabilities = ["embeddings", "completions", "transcription", "kv", "secrets", "conversion", "ocr", "http"]
secrets = { API_TOKEN = "GUEST_TOKEN" }
http = [{ host = "a.example" }]

[[pipelines]]
name = "asks"
[[pipelines.steps]]
name = "asking"
plugin = "uses_all_one"
config = { mode = "complete", text = "x", max_tokens = 1, calls = 205 }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_shows_its_first_calls_and_its_lines_have_the_trace() {
    let (collector, plugins) = (Collector::start().await, components_and(&[]));
    let asking = std::path::absolute(guest("capabilities")).expect("a path");
    std::os::unix::fs::symlink(asking, plugins.path().join("uses_all_one.wasm")).expect("a link");
    let nobody = format!("http://127.0.0.1:{}/v1", free_port());
    let [endpoint, delay] = collector.settings();
    let mut fleet = Fleet::new(&[
        endpoint,
        delay,
        ("MORAG_PLUGINS_DIR", plugins.path().to_str().expect("a path")),
        ("OPENAI_BASE_URL", &nobody),
        ("GUEST_TOKEN", "t0ken-of-the-guest"),
    ]);
    settings_file(&fleet, ASKS);
    let process = fleet.start("api,worker,dispatcher").await;
    let url = format!("{}/api/v1/ingest/file", fleet.processes()[process].url());
    let part = multipart::Part::bytes(morag_fixtures::one_page_markdown(1)).file_name("note.md");
    let form = multipart::Form::new().part("file", part).text("pipeline", "asks");
    let request = client().post(url).bearer_auth(API_KEY).multipart(form);
    Two::send(request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"))).await;
    let trace = collector.wait_for(TRACE, |trace| !trace.named("task").is_empty()).await;

    let asking = trace.named("step asking");
    assert_eq!((asking.len(), asking[0].attribute("morag.calls_not_shown")), (1, "5"));
    let calls = trace.named("completions.complete");
    assert_eq!(calls.len(), 200, "the step's first calls");
    assert!(calls.iter().all(|call| call.is_error && call.parent == asking[0].id), "nobody answers");
    // A thread of guests says it, which has no spans of its own.
    let lines = fleet.log_lines_with("the service for completions");
    let is_whole = |line: &String| line.contains(&format!("trace_id={TRACE}")) && line.contains("asking");
    assert!(!lines.is_empty() && lines.iter().all(is_whole), "{:?}", lines.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_fails_is_a_span_that_failed() {
    let collector = Collector::start().await;
    let server = Server::start_with(&collector.settings()).await;
    let part = multipart::Part::bytes(Vec::new()).file_name("empty.pdf");
    let form = multipart::Form::new().part("file", part);
    let request = server.request(Method::POST, "/api/v1/ingest/file").multipart(form);
    Two::send(request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"))).await;
    let trace = collector.wait_for(TRACE, |trace| !trace.named("task").is_empty()).await;
    let (tree, run, step) = (trace.tree(), trace.named("task"), trace.named("step markdown_conversion"));
    assert!(run[0].is_error && step[0].is_error, "{tree}");
    assert!(!run[0].attribute("error.type").is_empty(), "{tree}");
    assert_eq!(run[0].attribute("error.type"), step[0].attribute("error.type"), "{tree}");
    assert!(trace.named("commit").iter().all(|commit| !commit.is_error), "{tree}");
}

#[test]
fn the_check_of_the_settings_is_one_of_traces_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |endpoint: &str, settings: &[(&str, &str)]| {
        let mut command = std::process::Command::new(binary());
        command.args(["config", "check"]).current_dir(folder.path()).env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        command.envs(settings.iter().copied());
        let output = command.output().expect("the binary runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (is_good, said) = check("http://user:s3cret@localhost:4318", &[]);
    assert!(!is_good && said.contains("OTEL_EXPORTER_OTLP_HEADERS") && !said.contains("s3cret"), "{said}");
    assert!(check("http://localhost:4318", &[]).0);
    // What is wrong with settings is told in the same run.
    let settings = [("REDIS_URL", "http://s3cret@host"), ("RUST_LOG", "morag=loud"), ("MORAG_SECRETS_KEY", "s3cret")];
    let (is_good, said) = check("localhost:4318", &settings);
    let names = settings.map(|(name, _)| name).into_iter().chain(["OTEL_EXPORTER_OTLP_ENDPOINT"]);
    assert!(!is_good && !said.contains("s3cret"), "{said}");
    names.for_each(|name| assert!(said.contains(name), "{name}: {said}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_nobody_waits_for_is_a_span_that_failed() {
    let collector = Collector::start().await;
    // It takes connections, and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let webhook = format!("http://{}/hook", silent.local_addr().expect("its address"));
    let mut fleet = Fleet::new(&collector.settings());
    let process = fleet.start("api,worker,dispatcher").await;
    let url = format!("{}/api/v1/ingest/file", fleet.processes()[process].url());
    let form = form("note.md", morag_fixtures::one_page_markdown(1), &webhook);
    let request = client().post(url).bearer_auth(API_KEY).multipart(form);
    Two::send(request.header("traceparent", format!("00-{TRACE}-{PARENT}-01"))).await;
    let trace = collector.wait_for(TRACE, |trace| !trace.named("delivery").is_empty()).await;
    let (tree, deliveries) = (trace.tree(), trace.named("delivery"));
    let delivery = deliveries[0];
    assert!(delivery.is_error && delivery.attribute("error.type") == "timeout", "{tree}");
    let below = trace.below(&delivery.id);
    assert!(below.len() == 1 && below[0].kind == "client" && below[0].is_error, "{tree}");
}
