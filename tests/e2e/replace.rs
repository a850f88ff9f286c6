//! Submitting the same document again, and the same request again.

use morag_adapters::store::sqlite::SqliteKnowledge;
use morag_core::ports::Knowledge as _;
use morag_tests::server::Server;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use serde_json::Value;

async fn body(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, response.json().await.expect("a JSON body"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_ingested_once_unless_it_is_to_be_replaced() {
    let server = Server::start().await;
    let first = server.submit("notes.md", morag_fixtures::markdown(), &[("document_id", "doc-1")]).await;
    assert_eq!(server.wait_for_end(&first).await["status"], "completed");
    let (status, refused) =
        body(server.ingest("notes.md", morag_fixtures::markdown(), &[("document_id", "doc-1")]).await).await;
    assert_eq!((status, &refused["error_code"]), (409, &"duplicate_document".into()), "{refused}");
    assert!(refused.to_string().contains(&first), "it names the task: {refused}");

    let fields = [("document_id", "doc-1"), ("replace_existing", "true")];
    let second = server.submit("notes.md", morag_fixtures::one_page_markdown(3), &fields).await;
    let ended = server.wait_for_end(&second).await;
    assert_eq!(ended["status"], "completed");
    // The collection contains the second document's chunks, and none of the first's.
    let knowledge = SqliteKnowledge::open(&server.data_dir().join("knowledge.db"), None).expect("the server's store");
    let counts = knowledge.counts("documents", None).await.expect("counts");
    assert_eq!(Some(counts.points), ended["result"]["embeddings_stored"].as_u64());
    assert_eq!(Some(counts.nodes), ended["result"]["storage_summary"]["neo4j_nodes"].as_u64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_document_can_be_sent_again() {
    let server = Server::start().await;
    let first = server.submit("empty.pdf", Vec::new(), &[("document_id", "doc-1")]).await;
    assert_eq!(server.wait_for_end(&first).await["status"], "failed");
    let second = server.submit("notes.md", morag_fixtures::markdown(), &[("document_id", "doc-1")]).await;
    assert_eq!(server.wait_for_end(&second).await["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_gives_the_first_answer_again() {
    let server = Server::start().await;
    let send = |bytes: Vec<u8>| {
        let form = Form::new().part("file", Part::bytes(bytes).file_name("notes.md"));
        let request = server.request(Method::POST, "/api/v1/ingest/file").header("Idempotency-Key", "key-1");
        async move { body(request.multipart(form).send().await.expect("an answer")).await }
    };
    let (status, first) = send(morag_fixtures::markdown()).await;
    assert_eq!(status, 200);
    let (status, again) = send(morag_fixtures::markdown()).await;
    assert_eq!((status, &again), (200, &first));
    let (status, other) = send(morag_fixtures::one_page_markdown(1)).await;
    assert_eq!(status, 409, "{other}");
    let listed = server.get("/api/v1/status/?limit=10").await;
    assert_eq!(listed["total_count"], 1, "{listed}");
}
