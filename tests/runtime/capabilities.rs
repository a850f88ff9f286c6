//! Capability calls of a guest: only what was granted, within the granted budgets.

use async_trait::async_trait;
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{any, get};
use morag_adapters::plugin_http::HttpForPlugins;
use morag_core::plugin::{Budget, Budgets, Capability, Grant, HttpRule, Limits};
use morag_core::ports::{
    CapabilityError, Completer, Completion, CompletionRequest, Corner, Picture, PictureReader, Reading, ReadingModel,
    Recording, Segment, StepReport, StepRunner, TextLine, Transcriber, Transcript,
};
use morag_core::webhook::AddressPolicy;
use morag_core::{JsonObject, Secret};
use morag_runtime::Services;
use morag_tests::sandbox::{Sandbox, guest};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const WANTED: [Capability; 8] = [
    Capability::Conversion,
    Capability::Embeddings,
    Capability::Completions,
    Capability::Transcription,
    Capability::Kv,
    Capability::Secrets,
    Capability::Ocr,
    Capability::Http,
];

/// Capabilities that other suites test, with the standard step `ingestion`.
const TESTED_BY_INGESTION: [Capability; 2] = [Capability::Vectors, Capability::Graph];

/// Text of the guest for a call without a result.
const DONE: &str = "\"done\"";

const SECRET: &str = "t0k3n-0f-the-operator";

/// Answers with the question, and counts words as tokens.
struct Parrot;

#[async_trait]
impl Completer for Parrot {
    async fn complete(&self, request: CompletionRequest) -> Result<Completion, CapabilityError> {
        let text = format!("{} (at most {:?})", request.messages[0].content, request.tokens_max);
        Ok(Completion { text, model: "parrot".into(), input_tokens: 10, output_tokens: 20, truncated: false })
    }
}

#[async_trait]
impl Transcriber for Parrot {
    fn model(&self) -> Result<String, CapabilityError> {
        Ok("parrot".into())
    }

    async fn transcribe(&self, recording: Recording) -> Result<Transcript, CapabilityError> {
        let text = format!("{} {} {:?}", recording.file_name, recording.size, recording.language);
        let segments = vec![Segment { start_ms: 0, end_ms: 1, text: "x".into() }];
        Ok(Transcript { text, language: None, duration_ms: None, segments })
    }
}

#[async_trait]
impl PictureReader for Parrot {
    fn model(&self) -> Result<ReadingModel, CapabilityError> {
        Ok(ReadingModel { name: "parrot".into(), scripts: vec!["Latn".into()] })
    }

    async fn read(&self, picture: Picture) -> Result<Reading, CapabilityError> {
        let text =
            format!("{} by {} {:?} {}", picture.width(), picture.height(), picture.format(), picture.pixels().len());
        let corners = [(1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0)].map(|(x, y)| Corner { x, y });
        let line = TextLine { text, confidence: 0.9, density: 2.5, corners };
        Ok(Reading { lines: vec![line], turned: 90, truncated: true })
    }
}

fn grant() -> Grant {
    let mut grant = Grant::of(WANTED);
    grant.limits.wall_time_max = Duration::from_secs(60);
    grant.secrets.insert("API_TOKEN".into(), Secret::new(SECRET));
    grant
}

fn parrots(services: &mut Services) {
    services.completer = Arc::new(Parrot);
    services.transcriber = Arc::new(Parrot);
    services.picture_reader = Arc::new(Parrot);
}

async fn sandbox(grant: Grant) -> Sandbox {
    Sandbox::granted(vec![guest("capabilities")], |_| grant.clone(), parrots).await.unwrap()
}

async fn run(sandbox: &Sandbox, component: &str, config: Value) -> StepReport {
    let config: JsonObject = config.as_object().unwrap().clone();
    sandbox.runner.run(sandbox.call_of(component, config, b"audio").await).await
}

fn results(report: &StepReport) -> Vec<String> {
    let data = &report.result.as_ref().unwrap_or_else(|failure| panic!("{failure:?} {:?}", report.log)).data;
    serde_json::from_value(data["results"].clone()).unwrap()
}

async fn ask(sandbox: &Sandbox, config: Value) -> Vec<String> {
    results(&run(sandbox, "uses_all_one", config).await)
}

#[test]
fn every_capability_is_tested() {
    for capability in Capability::ALL {
        assert!(WANTED.contains(&capability) != TESTED_BY_INGESTION.contains(&capability), "{capability:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_refused_that_lacks_any_one_capability_it_wants() {
    for missing in WANTED {
        let mut grant = grant();
        grant.capabilities.remove(&missing);
        let refused = Sandbox::granted(vec![guest("capabilities")], |_| grant.clone(), |_| ()).await;
        let line = refused.err().unwrap_or_else(|| panic!("{missing:?} is not missed")).to_string();
        assert!(line.contains(&format!("the capability {}", missing.as_str())), "{line}");
        assert!(line.contains("not granted") && !line.contains('\n'), "{line}");
    }
}

/// A guest in which a text is replaced by another of the same length.
fn changed(from: &str, to: &str) -> (tempfile::TempDir, PathBuf) {
    assert_eq!(from.len(), to.len());
    let mut wasm = std::fs::read(guest("capabilities")).unwrap();
    let (mut at, mut found) = (0, 0);
    while let Some(next) = wasm[at..].windows(from.len()).position(|part| part == from.as_bytes()) {
        wasm[at + next..at + next + to.len()].copy_from_slice(to.as_bytes());
        at += next + to.len();
        found += 1;
    }
    assert!(found > 0, "{from} is not in the guest");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.wasm");
    std::fs::write(&path, wasm).unwrap();
    (folder, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_another_version_is_refused_with_both_named() {
    let (_folder, path) = changed("@1.1.0", "@2.0.0");
    let line = Sandbox::granted(vec![path], |_| grant(), |_| ()).await.err().unwrap().to_string();
    assert!(line.contains("morag:step@2.0.0") && line.contains("morag:step@1.1.0"), "{line}");
    // A component of an earlier version with the same major is accepted: released interfaces do not change.
    let old = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("compat/step-1.0.0.wasm");
    let sandbox = Sandbox::load(vec![old], Limits::default()).await.unwrap();
    assert!(sandbox.run("echo").await.result.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_works() {
    let sandbox = sandbox(grant()).await;
    let asked = |config| ask(&sandbox, config);
    assert_eq!(asked(json!({"mode": "embed", "text": "hello"})).await, ["1"]);
    assert_eq!(
        asked(json!({"mode": "complete", "text": "hello", "max_tokens": 9})).await,
        ["(\"hello (at most Some(9))\", \"parrot\", 20)"]
    );
    let said = asked(json!({"mode": "transcribe", "language": "de"})).await;
    assert_eq!(said, ["(\"original.txt 5 Some(\\\"de\\\")\", 1)"]);
    assert!(asked(json!({"mode": "transcribe", "language": "not one"})).await[0].starts_with("invalid"));
    assert_eq!(asked(json!({"mode": "transcription_model"})).await, ["\"parrot\""]);
    assert_eq!(asked(json!({"mode": "secret_length", "key": "API_TOKEN"})).await, [SECRET.len().to_string()]);
    let unknown = asked(json!({"mode": "secret", "key": "PATH"})).await;
    assert_eq!(unknown, ["invalid: the operator has not granted a secret of this name"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_a_step_gets_an_error() {
    let sandbox = Sandbox::granted(vec![guest("capabilities")], |_| grant(), |_| ()).await.unwrap();
    for mode in ["complete", "transcribe", "transcription_model"] {
        let said = ask(&sandbox, json!({"mode": mode})).await;
        assert!(said[0].starts_with("unavailable") && said[0].contains("OPENAI_BASE_URL"), "{said:?}");
    }
}

/// A step that fails in passing because of a service that its operator must set up is not run again; one that fails otherwise, or of something
/// that was away later, keeps its failure.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_by_a_service_that_is_not_set_up_is_the_operators() {
    let sandbox = Sandbox::granted(vec![guest("capabilities")], |_| grant(), |_| ()).await.unwrap();
    let failed = async |config| {
        let failure = run(&sandbox, "uses_all_one", config).await.result.unwrap_err();
        (failure.code, failure.retryable, failure.message)
    };
    for (mode, code, said) in [
        ("complete", "COMPLETIONS_NOT_CONFIGURED", "OPENAI_BASE_URL"),
        ("transcribe", "TRANSCRIPTION_NOT_CONFIGURED", "OPENAI_BASE_URL"),
        ("read", "OCR_NOT_CONFIGURED", "`ocr`"),
    ] {
        let (found, retryable, message) = failed(json!({"mode": mode, "fail": "for_now"})).await;
        assert_eq!((found.as_str(), retryable), (code, false), "{message}");
        assert!(message.contains(said) && message.contains("retry the task"), "{message}");
        let (found, ..) = failed(json!({"mode": mode, "fail": "OWN_CODE"})).await;
        assert_eq!(found, "OWN_CODE", "its author knows better");
    }
    for mode in ["transcription_model", "ocr_model", "keys"] {
        let (found, retryable, _) = failed(json!({"mode": mode, "fail": "for_now"})).await;
        assert_eq!((found.as_str(), retryable), ("SERVICE_UNAVAILABLE", true), "{mode}: it has only asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_read_up_to_the_largest_one() {
    let mut grant = grant();
    grant.limits.memory_bytes_max = 256 << 20;
    let sandbox = sandbox(grant).await;
    let asked = |config| ask(&sandbox, config);
    assert_eq!(asked(json!({"mode": "ocr_model"})).await, ["(\"parrot\", [\"Latn\"])"]);
    let said = asked(json!({"mode": "read", "width": 20, "height": 30})).await;
    assert_eq!(said, ["([(\"20 by 30 Gray8 600\", 2.5, (1.0, 2.0, 3.0, 4.0))], 90, true)"]);
    // In colours: more than a call of another capability may carry.
    let said = asked(json!({"mode": "read", "width": 4096, "height": 4096, "bytes": 3})).await;
    assert!(said[0].contains("4096 by 4096 Rgb8 50331648"), "{said:?}");
    for wrong in [
        json!({"mode": "read", "width": 15}),
        json!({"mode": "read", "height": 16_385}),
        json!({"mode": "read", "width": 4097, "height": 4096}),
        json!({"mode": "read", "pixel_bytes": 255}),
    ] {
        let said = asked(wrong.clone()).await;
        assert!(said[0].starts_with("invalid"), "{wrong}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_their_pixels_have_budgets() {
    let mut grant = grant();
    grant.budgets = Budgets::default().with(Budget::OcrPictures, 2).with(Budget::OcrPixels, 1000);
    let sandbox = sandbox(grant).await;
    let said = ask(&sandbox, json!({"mode": "read", "calls": 3})).await;
    assert!(said[1].contains("16 by 16") && said[2].contains("ocr_pictures of 2 pictures a run"), "{said:?}");
    let said = ask(&sandbox, json!({"mode": "read", "width": 40, "height": 40})).await;
    assert!(said[0].starts_with("limit") && said[0].contains("ocr_pixels of 1000 pixels"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_a_step_gets_an_error() {
    let sandbox = Sandbox::granted(vec![guest("capabilities")], |_| grant(), |_| ()).await.unwrap();
    for mode in ["ocr_model", "read"] {
        let said = ask(&sandbox, json!({"mode": mode})).await;
        assert!(said[0].starts_with("unavailable") && said[0].contains("`ocr`"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_hold_for_a_run_and_are_named() {
    let mut grant = grant();
    grant.budgets = Budgets::default()
        .with(Budget::EmbeddingCalls, 2)
        .with(Budget::CompletionCalls, 3)
        .with(Budget::CompletionTokens, 65)
        .with(Budget::TranscriptionBytes, 9);
    let sandbox = sandbox(grant).await;
    // Budgets are per run: the second run has new ones.
    for _ in 0..2 {
        let said = ask(&sandbox, json!({"mode": "embed", "text": "x", "calls": 4})).await;
        assert_eq!(said[..2], ["1", "1"]);
        assert!(said[2].starts_with("limit") && said[2].contains("embedding_calls of 2"), "{said:?}");
    }
    let said = ask(&sandbox, json!({"mode": "complete", "text": "x", "calls": 4})).await;
    assert!(said[0].contains("at most Some(64)") && said[2].contains("at most Some(4)"), "{said:?}");
    assert!(said[3].starts_with("limit") && said[3].contains("completion_calls of 3"), "{said:?}");
    let said = ask(&sandbox, json!({"mode": "transcribe", "calls": 2})).await;
    assert!(said[1].starts_with("limit") && said[1].contains("transcription_bytes of 9"), "{said:?}");
    let said = ask(&sandbox, json!({"mode": "complete", "text": "x", "max_tokens": 65})).await;
    assert!(said[0].starts_with("limit") && said[0].contains("completion_tokens of 65"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_completions_count() {
    let mut grant = grant();
    grant.budgets.set(Budget::CompletionTokens, 100);
    // No service is configured.
    let sandbox = Sandbox::granted(vec![guest("capabilities")], |_| grant.clone(), |_| ()).await.unwrap();
    let question = json!({"mode": "complete", "text": "x".repeat(160), "max_tokens": 20, "calls": 3});
    let said = ask(&sandbox, question).await;
    assert!(said[..2].iter().all(|said| said.starts_with("unavailable")), "{said:?}");
    assert!(said[2].starts_with("limit") && said[2].contains("80 are used, and the call needs 60"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_count_as_read_from_the_host() {
    let sandbox = sandbox(grant()).await;
    let report = run(&sandbox, "uses_all_one", json!({"mode": "embed", "text": "hello"})).await;
    assert_eq!(results(&report), ["1"]);
    // A vector of the built-in model has hundreds of 4-byte numbers.
    assert!(report.resources.bytes_in >= 100 * 4, "{:?}", report.resources);
}

#[tokio::test(flavor = "multi_thread")]
async fn step_output_contains_no_secret() {
    let sandbox = sandbox(grant()).await;
    let report = run(&sandbox, "uses_all_one", json!({"mode": "leak", "key": "API_TOKEN"})).await;
    let said = format!("{report:?} {:?}", sandbox.progress.lock().unwrap());
    assert!(!said.contains(SECRET), "{said}");
    let failure = report.result.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("LEAKED", "with [redacted]"));
    assert_eq!(failure.details["url"], "https://a.example/?key=[redacted]");
    let lines: Vec<_> = report.log.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines, ["the log has [redacted] in it", "printed [redacted]", "[redacted]"]);
    assert_eq!(sandbox.progress.lock().unwrap()[0].1, "at [redacted]");
    // Also not in its results.
    let said = ask(&sandbox, json!({"mode": "secret", "key": "API_TOKEN"})).await;
    assert_eq!(said, ["\"[redacted]\""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_between_runs_and_from_other_plugins() {
    let (_folder, two) = changed("uses_all_one", "uses_all_two");
    let sandbox = Sandbox::granted(vec![guest("capabilities"), two], |_| grant(), |_| ()).await.unwrap();
    assert_eq!(ask(&sandbox, json!({"mode": "set", "key": "k", "text": "mine", "calls": 2})).await, [DONE, DONE]);
    assert_eq!(ask(&sandbox, json!({"mode": "get", "key": "k1"})).await, ["Some(\"mine\")"]);
    assert_eq!(ask(&sandbox, json!({"mode": "keys", "key": "k"})).await, ["[\"k0\", \"k1\"]"]);
    let other = async |config| results(&run(&sandbox, "uses_all_two", config).await);
    assert_eq!(other(json!({"mode": "get", "key": "k1"})).await, ["None"]);
    assert_eq!(other(json!({"mode": "keys", "key": ""})).await, ["[]"]);
    assert_eq!(other(json!({"mode": "delete", "key": "k1"})).await, [DONE]);
    assert_eq!(ask(&sandbox, json!({"mode": "get", "key": "k1"})).await, ["Some(\"mine\")"]);
    for key in ["", "a\nb", &"x".repeat(256)] {
        let said = ask(&sandbox, json!({"mode": "get", "key": key})).await;
        assert!(said[0].starts_with("invalid"), "{key:?}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugins_store_has_the_size_that_was_granted() {
    let mut grant = grant();
    grant.budgets.set(Budget::KvKeys, 2);
    let sandbox = sandbox(grant).await;
    let said = ask(&sandbox, json!({"mode": "set", "key": "k", "text": "x", "calls": 3})).await;
    assert_eq!(said[..2], [DONE, DONE]);
    assert!(said[2].starts_with("limit") && said[2].contains("kv_keys of 2"), "{said:?}");
    // Calls are counted per run: the second run has a new budget.
    let mut grant = self::grant();
    grant.budgets.set(Budget::KvCalls, 2);
    let few_calls = self::sandbox(grant).await;
    for _ in 0..2 {
        let said = ask(&few_calls, json!({"mode": "set", "key": "k", "text": "x", "calls": 3})).await;
        assert_eq!(said[..2], [DONE, DONE]);
        assert!(said[2].starts_with("limit") && said[2].contains("kv_calls of 2 calls a run"), "{said:?}");
    }
    let large = "x".repeat((64 << 10) + 1);
    let said = ask(&sandbox, json!({"mode": "set", "key": "k", "text": large})).await;
    assert!(said[0].starts_with("limit") && said[0].contains("65536 bytes"), "{said:?}");
}

/// A server on this machine, and its number of requests.
async fn server() -> (SocketAddr, Arc<AtomicUsize>) {
    let hits = Arc::new(AtomicUsize::new(0));
    let counted = hits.clone();
    let app = Router::new()
        .route(
            "/hello",
            any(|headers: axum::http::HeaderMap, body: String| async move {
                let shown = |name: &str| headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
                format!("hello {body} {} {} {}", shown("x-token"), shown("host"), shown("user-agent"))
            }),
        )
        .route("/large", get(|| async { vec![b'x'; 3 << 20] }))
        .route(
            "/endless",
            get(|| async {
                let piece = || Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'x'; 64 << 10]));
                axum::body::Body::from_stream(futures::stream::repeat_with(piece))
            }),
        )
        .route("/away", get(|| async { (StatusCode::FOUND, [("location", "/hello")]).into_response() }))
        .layer(axum::middleware::map_request(move |request: axum::extract::Request| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { request }
        }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (address, hits)
}

fn rule(host: &str, port: u16, methods: &[&str]) -> HttpRule {
    HttpRule { host: host.into(), port: Some(port), methods: methods.iter().map(|&method| method.into()).collect() }
}

async fn web(grant: Grant, allowed: &[&str]) -> Sandbox {
    let policy = AddressPolicy::new(allowed.iter().map(|network| network.parse().unwrap()).collect());
    let client = Arc::new(HttpForPlugins::new(policy).unwrap());
    Sandbox::granted(vec![guest("capabilities")], |_| grant.clone(), |services| services.http = client).await.unwrap()
}

const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_host_that_a_rule_names() {
    let (address, hits) = server().await;
    let mut grant = grant();
    grant.http = vec![rule("127.0.0.1", address.port(), &["GET", "POST"])];
    let sandbox = web(grant, &LOOPBACK).await;
    let url = format!("http://{address}/hello");
    let config = json!({"mode": "fetch", "method": "POST", "url": url, "body": "world", "header": "x-token: abc"});
    let report = run(&sandbox, "uses_all_one", config).await;
    let [said] = &results(&report)[..] else { panic!("{report:?}") };
    let expected = format!("hello world abc {address} MoRAG-Step/");
    assert!(said.starts_with("200 ") && said.contains(&expected), "{said}");
    assert!(report.resources.bytes_in > 30 && report.resources.host_calls > 10, "{:?}", report.resources);
    assert_eq!(report.resources.bytes_out, "world".len() as u64, "sent bytes count as output");
    let said = ask(&sandbox, json!({"mode": "fetch", "url": format!("http://{address}/large")})).await;
    assert!(said[0].starts_with("200  3145728 "), "{said:?}");
    // A redirect is a response and is not followed.
    let before = hits.load(Ordering::SeqCst);
    let said = ask(&sandbox, json!({"mode": "fetch", "url": format!("http://{address}/away")})).await;
    assert!(said[0].starts_with("302 /hello 0"), "{said:?}");
    assert_eq!(hits.load(Ordering::SeqCst), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rule_allows_is_not_sent() {
    let (address, hits) = server().await;
    let port = address.port();
    let mut grant = grant();
    grant.http = vec![rule("127.0.0.1", port, &[]), rule("allowed.example", port, &["GET"])];
    let sandbox = web(grant, &LOOPBACK).await;
    for (method, url) in [
        ("POST", format!("http://127.0.0.1:{port}/hello")),
        ("CONNECT", format!("http://127.0.0.1:{port}/hello")),
        ("GET", format!("http://127.0.0.1:{}/hello", port ^ 1)),
        ("GET", format!("http://localhost:{port}/hello")),
        ("GET", format!("http://127.0.0.2:{port}/hello")),
        ("GET", format!("http://[::1]:{port}/hello")),
        ("GET", format!("http://allowed.example.evil.example:{port}/")),
        ("GET", "http://127.0.0.1/hello".to_owned()),
    ] {
        let report = run(&sandbox, "uses_all_one", json!({"mode": "fetch", "method": method, "url": url})).await;
        assert!(results(&report)[0].contains("HttpRequestDenied"), "{method} {url}: {report:?}");
        let line = &report.log[0].message;
        assert!(line.contains("no rule") && !line.contains("/hello"), "{line}");
    }
    for header in ["host: evil.example", "connection: close", "proxy-authorization: x", "transfer-encoding: chunked"] {
        let config = json!({"mode": "fetch", "url": format!("http://127.0.0.1:{port}/hello"), "header": header});
        let said = ask(&sandbox, config).await;
        assert!(said[0].contains("Forbidden"), "{header}: {said:?}");
    }
    let with_password = format!("http://u:p@127.0.0.1:{port}/hello");
    let said = ask(&sandbox, json!({"mode": "fetch", "url": with_password})).await;
    assert!(said[0].starts_with("error"), "{said:?}");
    assert_eq!(hits.load(Ordering::SeqCst), 0, "a request was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_does_not_open_the_operators_network() {
    let (address, hits) = server().await;
    let port = address.port();
    let mut grant = grant();
    grant.http = vec![rule("127.0.0.1", port, &[]), rule("localhost", port, &[]), rule("::1", port, &[])];
    let sandbox = web(grant.clone(), &[]).await;
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let url = format!("http://{host}:{port}/hello");
        let report = run(&sandbox, "uses_all_one", json!({"mode": "fetch", "url": url})).await;
        assert!(results(&report)[0].contains("DestinationIpProhibited"), "{host}: {report:?}");
        assert!(report.log[0].message.contains("MORAG_PLUGIN_HTTP_ALLOW_NETWORKS"), "{:?}", report.log);
    }
    assert_eq!(hits.load(Ordering::SeqCst), 0);
    let sandbox = web(grant, &LOOPBACK).await;
    let said = ask(&sandbox, json!({"mode": "fetch", "url": format!("http://localhost:{port}/hello")})).await;
    assert!(said[0].starts_with("200"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_their_bytes_are_limited() {
    let (address, hits) = server().await;
    let mut grant = grant();
    grant.http = vec![rule("127.0.0.1", address.port(), &[])];
    grant.limits.http_requests_max = 2;
    let sandbox = web(grant.clone(), &LOOPBACK).await;
    let hello = json!({"mode": "fetch", "url": format!("http://{address}/hello"), "calls": 2});
    assert_eq!(ask(&sandbox, hello).await.len(), 2);
    let one_more = json!({"mode": "fetch", "url": format!("http://{address}/hello"), "calls": 3});
    let failure = run(&sandbox, "uses_all_one", one_more).await.result.unwrap_err();
    assert_eq!(failure.code, "PLUGIN_HTTP_LIMIT", "{failure:?}");
    assert!(failure.message.contains("its 2 requests"), "{failure:?}");
    assert_eq!(hits.load(Ordering::SeqCst), 4);

    grant.limits.host_bytes_max = 1 << 20;
    let sandbox = web(grant, &LOOPBACK).await;
    let endless = json!({"mode": "fetch", "url": format!("http://{address}/endless")});
    let failure = run(&sandbox, "uses_all_one", endless).await.result.unwrap_err();
    assert_eq!(failure.code, "PLUGIN_HOST_LIMIT", "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_temporary_files_are_converted() {
    let results = ask(&sandbox(grant()).await, json!({"mode": "convert"})).await;
    assert!(results[0].starts_with("invalid: only temporary files of the run"), "{results:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_file_is_read_again_and_has_a_name_of_its_own() {
    let results = ask(&sandbox(grant()).await, json!({"mode": "temporary", "text": "kept"})).await;
    assert_eq!(results, ["4 text/plain kept", "none", "refused", "refused"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_file_that_is_replaced_does_not_count_beside_the_new_one() {
    let mut grant = grant();
    grant.limits.output_bytes_max = 6;
    let results = ask(&sandbox(grant).await, json!({"mode": "temporary", "text": "kept", "calls": 3})).await;
    assert_eq!(results, ["4 text/plain kept", "none", "refused", "refused"]);
}
