//! Documents of many formats, and documents inside documents, through the whole pipeline.

use morag_fixtures as fixtures;
use morag_tests::receiver::{Received, Receiver};
use morag_tests::server::Server;
use reqwest::Method;
use serde_json::Value;

/// Submits a document, and returns the data of its conversion with its markdown.
async fn converted(name: &str, bytes: Vec<u8>) -> (Value, String) {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let task = server.submit(name, bytes, &[("webhook_url", &receiver.url)]).await;
    let status = server.wait_for_end(&task).await;
    assert_eq!(status["status"], "completed", "{name}: {status}");
    let is_conversion = |body: &Value| {
        body["event_type"] == "step_completed" && body["data"]["step"] == "markdown_conversion"
    };
    let received = receiver.wait_until(|received| received.iter().map(Received::json).any(|body| is_conversion(&body))).await;
    let event = received.iter().map(Received::json).find(is_conversion).expect("it was waited for");
    let markdown = server.request(Method::GET, &format!("/api/files/temp/{task}/markdown.md")).send().await;
    let markdown = markdown.expect("an answer").text().await.expect("text");
    (event["data"].clone(), markdown)
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_in_an_archive_are_one_document_with_parts() {
    let (data, markdown) = converted("documents.zip", fixtures::documents_zip()).await;
    assert_eq!(data["component"], "archive_conversion", "{data}");
    assert_eq!(data["conversion_metadata"]["original_format"], "zip", "{data}");
    assert!(markdown.contains("handbook.md") && markdown.contains("loans.csv"), "{markdown}");
    assert!(markdown.contains("| --- |"), "the table of the inner document: {markdown}");
    assert!(!markdown.contains(fixtures::ZIP_UNSUPPORTED), "{markdown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_converted_with_its_attachment() {
    let (data, markdown) = converted("loans.eml", fixtures::mail()).await;
    assert_eq!(data["component"], "archive_conversion", "{data}");
    for part in ["Loans of May", "ada@library.example", "as the reading room asked", "loans.csv", "| --- |"] {
        assert!(markdown.contains(part), "{part}: {markdown}");
    }
}
