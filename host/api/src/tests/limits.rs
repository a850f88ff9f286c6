//! What a request may have at most, and how little of it an error repeats.

use super::*;
use futures::StreamExt as _;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const URL: &str = "https://docs.example/notes";

/// A JSON object of so many bytes.
fn object_of(bytes: usize) -> Value {
    json!({ "a": "x".repeat(bytes - r#"{"a":""}"#.len()) })
}

const MOST: usize = 65_536;
const TOO_LONG: &str = "metadata has 65537 bytes, and may have 65536 at most";

impl Server {
    async fn json(&self, path: &str, body: &Value) -> Answer {
        self.post(path, &JSON, body.to_string()).await
    }
}

/// A form of a file and these fields, with the webhook that some routes want.
fn with_file(fields: &[(&str, &str)]) -> String {
    let all: Vec<_> = fields.iter().copied().chain([("webhook_url", "https://hook.example/")]).collect();
    form(&all, Some(("a.md", "# A")))
}

#[tokio::test]
async fn metadata_of_64_kib_is_taken_and_a_byte_more_is_refused_on_every_route() {
    let server = server(&[]);
    *server.memory.store.on_accept.lock().unwrap() = None;
    for (bytes, fits) in [(MOST, true), (MOST + 1, false)] {
        let (object, text) = (object_of(bytes), object_of(bytes).to_string());
        let fields = [("metadata", text.as_str()), ("mode", "ingest")];
        let mut answers = Vec::new();
        for path in ["/api/v1/ingest/file", "/api/convert/process-ingest", "/api/v1/process"] {
            answers.push((path, server.post(path, &[], with_file(&fields)).await));
        }
        for metadata in [object.clone(), json!(text)] {
            let body = json!({"url": URL, "metadata": metadata});
            answers.push(("ingest/url", server.json("/api/v1/ingest/url", &body).await));
            let body = json!({"items": [{"url": URL}], "metadata": metadata});
            answers.push(("ingest/batch, shared", server.json("/api/v1/ingest/batch", &body).await));
        }
        for (what, answer) in answers {
            let body = answer.json().to_string();
            assert_eq!(!body.contains("may have 65536 at most"), fits, "{what}: {body:.300}");
            if !fits {
                assert_eq!((answer.fields(), body.contains(TOO_LONG)), (vec!["metadata".to_owned()], true), "{what}");
            }
        }
        let body = json!({"items": [{"url": URL, "metadata": object}]});
        let answer = server.json("/api/v1/ingest/batch", &body).await;
        let rejected = answer.json()["rejected"][0].clone();
        assert_eq!((answer.status, rejected["error"] == TOO_LONG), (StatusCode::OK, !fits), "{rejected:.300}");
    }
}

#[tokio::test]
async fn a_form_has_few_texts_and_says_how_long_one_is() {
    let server = server(&[]);
    let long = "x".repeat(MOST);
    let many: Vec<_> = (0..70).map(|n| (format!("batch_metadata_{n}"), long.as_str())).collect();
    let fields: Vec<_> = many.iter().map(|(name, text)| (name.as_str(), *text)).collect();
    let answer = server.post("/api/v1/process", &[], form(&fields, None)).await;
    assert_eq!(answer.fields(), ["form"]);
    for (bytes, said) in [(MOST + 7, "language has 65543 bytes"), (3 << 20, "language has more than 1048576 bytes")] {
        let text = "x".repeat(bytes);
        let answer = server.ingest(&[("language", &text)], None).await;
        assert_eq!(answer.fields(), ["language"]);
        assert!(answer.json()["error"].as_str().unwrap().starts_with(said), "{}", answer.json());
    }
}

#[tokio::test]
async fn no_error_repeats_much_of_a_request() {
    let server = server(&[]);
    let long = "y".repeat(60_000);
    let mut answers = Vec::new();
    for name in [
        "document_id",
        "source_type",
        "collection_name",
        "language",
        "chunking_strategy",
        "chunk_size",
        "metadata",
        "webhook_url",
        "webhook_auth_token",
        "webhook_events",
        "webhook_format",
        "webhook_headers",
        "pipeline",
        "replace_existing",
        "processing_options",
        "webhook_config",
        "request_data",
    ] {
        answers.push((name, server.ingest(&[(name, &long)], Some(("a.md", "# A"))).await));
        answers.push((name, server.json("/api/v1/ingest/url", &json!({"url": URL, name: &long})).await));
        answers.push((name, server.json("/api/v1/ingest/url", &json!({"url": URL, name: {&long: 1}})).await));
    }
    answers
        .push(("url", server.json("/api/v1/ingest/url", &json!({"url": format!("https://e.com/{long}\u{0}")})).await));
    answers.push(("a name", server.ingest(&[(&long[..5_000], "x")], None).await));
    answers.push(("a header", server.post("/api/v1/ingest/file", &[("idempotency-key", &long[..5_000])], "").await));
    answers.push(("a path", server.get(&format!("/{}", &long[..5_000])).await));
    for path in
        ["/api/v1/status?status=", "/api/v1/events?events=", "/api/v1/events?last_event_id=", "/api/v1/status?limit="]
    {
        answers.push((path, server.get(&format!("{path}{}", &long[..5_000])).await));
    }
    let unknown: Value = (0..5_000).map(|n| (format!("{n}{}", &long[..20]), json!(1))).collect::<JsonObject>().into();
    answers.push(("unknown names", server.json("/api/v1/webhooks/endpoints", &unknown).await));
    answers.push(("a long name", server.json("/api/v1/webhooks/endpoints", &json!({&long: 1})).await));
    for (what, answer) in answers {
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(answer.status.is_client_error(), "{what}: {} {body:.300}", answer.status);
        assert!(body.len() < 16 << 10, "{what}: {} bytes", body.len());
        assert!(!body.contains(&long[..300]), "{what}: {body:.1000}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused_while_it_comes() {
    let server = server(&[]);
    let begin = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"");
    for (what, first) in [("a preamble", String::new()), ("a name", begin)] {
        let pieces = stream::iter([first]).chain(stream::repeat("x".repeat(1000)));
        // Endless: it would never be answered otherwise.
        let body = Body::from_stream(pieces.map(Ok::<_, std::io::Error>));
        // A client that waits for `100 Continue` has sent nothing that is drained afterwards.
        let answer = server.post("/api/v1/ingest/file", &[("expect", "100-continue")], body).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, "invalid_multipart"), "{what}");
    }
}
