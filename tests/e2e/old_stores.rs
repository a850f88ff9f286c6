//! Stores written by earlier commits, used by today's server: unfinished tasks run to their end.

use crate::bodies::history_types;
use crate::endpoints_support::{patch, signed_by};
use morag_adapters::store::redis::FORMAT;
use morag_tests::old_stores::{
    DOCUMENT, EMBEDDED_LAST, ENDPOINT_SECRET, SECRETS_KEY, fill_redis, make_data_folder, open_tasks, put_documents,
};
use morag_tests::receiver::Receiver;
use morag_tests::redis::{ACCEPT_LOSS, RedisServer};
use morag_tests::server::Server;
use serde_json::Value;

/// Nothing expires, and undeliverable events are given up at once: the receivers of that time are gone.
const SETTINGS: [(&str, &str); 5] = [
    ("MORAG_SECRETS_KEY", SECRETS_KEY),
    ("MORAG_HISTORY_RETENTION_DAYS", "30000"),
    ("MORAG_TEMP_RETENTION_HOURS", "720000"),
    ("MORAG_IDEMPOTENCY_RETENTION_HOURS", "720000"),
    ("WEBHOOK_MAX_RETRIES", "0"),
];

async fn is_worked_on(server: &Server, open: &[String]) {
    for task in open {
        assert_eq!(server.wait_for_end(task).await["status"], "completed", "{task}");
        assert_eq!(history_types(server, task).await.len(), 17, "a whole run, begun once");
        let files = server.get(&format!("/api/files/temp/{task}")).await;
        assert_eq!(files["files"].as_array().expect("a list").len(), 5, "{files}");
    }
    let list = server.get("/api/v1/status/?limit=10").await;
    let mut ends: Vec<_> =
        list["active_tasks"].as_array().expect("a list").iter().map(|task| &task["status"]).collect();
    ends.sort_by_key(ToString::to_string);
    assert_eq!(ends, ["completed", "completed", "completed", "failed"]);
    let recent = server.get("/api/v1/status/events/recent?hours=168&limit=1000").await;
    assert!(recent["count"].as_u64().expect("a number") >= 32, "{recent}");
    // The completed task still holds its document.
    let again = server.ingest("harbour.md", DOCUMENT.to_vec(), &[("document_id", "harbour-1")]).await;
    assert_eq!(again.status(), 409);
    let body: Value = again.json().await.expect("a JSON body");
    assert_eq!(body["error_code"].as_str().map(str::to_lowercase).as_deref(), Some("duplicate_document"), "{body}");
}

/// Only in a store that a server wrote: the response to its idempotency key, and an endpoint with a sealed secret.
async fn is_remembered(server: &Server, receiver: &Receiver) {
    let list = server.get("/api/v1/webhooks/endpoints").await;
    let endpoint = &list["endpoints"][0];
    assert_eq!(endpoint["credentials_readable"], true, "{list}");
    let id = endpoint["id"].as_str().expect("an id");
    let answer = patch(server, id, &serde_json::json!({"url": receiver.url})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    server.submit("note.md", DOCUMENT.to_vec(), &[]).await;
    let received = receiver.wait_for_end().await;
    assert!(received.iter().all(|one| signed_by(one, &[ENDPOINT_SECRET])), "not signed by the stored secret");
}

async fn an_embedded_store_is_worked_on(version: usize) {
    let server = Server::start_on(|data| make_data_folder(data, version), &SETTINGS).await;
    is_worked_on(&server, &open_tasks(version)).await;
    if version == EMBEDDED_LAST {
        is_remembered(&server, &Receiver::start().await).await;
    }
}

macro_rules! embedded {
    ($($name:ident: $version:literal;)+) => {
        $(#[tokio::test(flavor = "multi_thread")] async fn $name() { an_embedded_store_is_worked_on($version).await; })+
    };
}

embedded! {
    a_store_of_version_1_runs_on: 1;
    a_store_of_version_2_runs_on: 2;
    a_store_of_version_3_runs_on: 3;
    a_store_of_version_4_runs_on: 4;
    a_store_of_version_5_runs_on: 5;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_without_a_format_keeps_working() {
    let redis = RedisServer::start();
    fill_redis(redis.port(), "");
    let open = ["a1da15f8-6bd8-4ade-9218-e0056d3e7ee6", "e5716d79-aad5-4072-b879-0a46e1ef2f5f"].map(str::to_owned);
    let url = redis.url();
    let settings = [&SETTINGS[..], &[("REDIS_URL", url.as_str()), ACCEPT_LOSS]].concat();
    let server = Server::start_on(|data| put_documents(data, &open), &settings).await;
    is_worked_on(&server, &open).await;
    is_remembered(&server, &Receiver::start().await).await;
    assert_eq!(redis.ask(&["hget", "format:{format}", "format"]), format!("{FORMAT}\n"));
}
