//! Snapshots of the errors that callers read: one of each `type`, and of the texts that clients show to people.

use super::*;
use crate::testing::{Document, app_of};
use morag_core::ports::FetchError;
use morag_engine::config::digest_of;

/// A task that holds a document: its id is in the error.
const HOLDER: &str = "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11";

const JSON: (&str, &str) = ("content-type", "application/json");

/// Compares an error with its snapshot: its status, the headers that clients act on, and its body.
fn assert_error(name: &str, answer: &Answer) {
    answer.error();
    let mut body = answer.json();
    // Random in each request.
    body["request_id"] = json!("[request_id]");
    let mut text = format!("{}\n", answer.status);
    for header in ["allow", "content-range", "retry-after", "www-authenticate"] {
        if let Some(value) = answer.headers.get(header) {
            text += &format!("{header}: {}\n", value.to_str().unwrap());
        }
    }
    text += &serde_json::to_string_pretty(&body).unwrap();
    insta::assert_snapshot!(name, text);
}

#[tokio::test]
async fn requests_that_are_wrong() {
    let server = server(&[]);
    let fields = [
        ("chunk_size", "many"),
        ("document_id", "a<b"),
        ("language", "klingonese"),
        ("pipeline", "nonsense"),
        ("webhook_url", "http://127.0.0.1/hook"),
    ];
    assert_error("validation_error", &server.ingest(&fields, None).await);
    assert_error("validation_error_of_a_parameter", &server.get("/api/v1/status?limit=0").await);
    let broken = form(&[], FILE).replace("--XBOUNDARYX--", "");
    assert_error("invalid_request", &server.post("/api/v1/ingest/file", &[], broken).await);
    let no_webhook = form(&[("mode", "ingest")], FILE);
    assert_error("webhook_required", &server.post("/api/v1/process", &[], no_webhook).await);
    assert_error("method_not_allowed", &server.call("PUT", "/health", &[]).await);
    let large = Body::from("x".repeat(5 << 20));
    assert_error("too_large", &server.post("/api/v1/ingest/batch", &[JSON], large).await);
}

#[tokio::test]
async fn keys_that_do_not_fit() {
    let server = server(&[]);
    let no_key = server.send(Request::get("/api/v1/status").body(Body::empty()).unwrap()).await;
    assert_error("authentication_error", &no_key);
    let foreign = server.call("GET", "/health", &[("host", "rebound.example")]).await;
    assert_error("foreign_host", &foreign);
    let digest = hex::encode(digest_of(b"test-api-key"));
    let caller = format!("[[callers]]\nname = \"reader\"\nkey_sha256 = \"{digest}\"\nscopes = [\"read\"]\n");
    let memory = Arc::new(Memory::default());
    let server = Server { router: router(app_of(&memory, &[], &caller)), memory };
    assert_error("permission_error", &server.ingest(&[], FILE).await);
}

#[tokio::test]
async fn things_that_are_not_there_or_in_the_way() {
    let server = server(&[]);
    assert_error("not_found", &server.get("/api/v2/status").await);
    assert_error("task_not_found", &server.get(&format!("/api/v1/status/{HOLDER}")).await);
    let ended = server.memory.store.add(record(), failed());
    assert_error("conflict", &server.call("DELETE", &format!("/api/v1/status/{ended}"), &[]).await);
    *server.memory.store.accept_error.lock().unwrap() = Some(AcceptError::DuplicateDocument(HOLDER.parse().unwrap()));
    assert_error("duplicate_document", &server.ingest(&[], FILE).await);
    let key = [("idempotency-key", "k")];
    assert_eq!(server.post("/api/v1/ingest/file", &key, form(&[], FILE)).await.status, StatusCode::OK);
    let other = form(&[("language", "de")], FILE);
    assert_error("idempotency_conflict", &server.post("/api/v1/ingest/file", &key, other).await);
}

#[tokio::test]
async fn causes_in_the_server_or_beyond() {
    let server = server(&[]);
    *server.memory.store.accept_error.lock().unwrap() = Some(AcceptError::QueueFull);
    assert_error("rate_limited", &server.ingest(&[], FILE).await);
    *server.memory.store.accept_error.lock().unwrap() = Some(AcceptError::Store(StoreError::Full("secret".into())));
    assert_error("storage_full", &server.ingest(&[], FILE).await);
    *server.memory.disk_misses.lock().unwrap() = 5 << 20;
    assert_error("disk_full", &server.ingest(&[], FILE).await);
    *server.memory.disk_misses.lock().unwrap() = 0;
    let body = json!({"url": "https://docs.example/a"}).to_string();
    let fetched: [(&str, Result<Document, FetchError>); 3] = [
        ("source_refused", Err(FetchError::NotGiven(404))),
        ("source_unavailable", Err(FetchError::Unavailable("its server does not answer".into()))),
        ("source_timeout", Err(FetchError::Timeout(std::time::Duration::from_secs(60)))),
    ];
    for (name, document) in fetched {
        server.memory.network.web.lock().unwrap().insert("https://docs.example/a".into(), document);
        assert_error(name, &server.post("/api/v1/ingest/url", &[JSON], body.clone()).await);
    }
    *server.memory.store.down.lock().unwrap() = true;
    assert_error("unavailable", &server.get(&format!("/api/v1/status/{HOLDER}")).await);
    *server.memory.store.down.lock().unwrap() = false;
    *server.memory.store.panics.lock().unwrap() = true;
    assert_error("internal_error", &server.get("/api/v1/status").await);
}
