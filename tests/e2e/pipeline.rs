//! A document of each kind: the whole event sequence, and every key in the guides.

use crate::bodies::{consume, history_types, is_subset};
use morag_fixtures as fixtures;
use morag_tests::receiver::Receiver;
use morag_tests::server::Server;
use serde_json::{Value, json};

/// The contract's sequence for a document with the standard pipeline: type, step, percent.
const SEQUENCE: [(&str, &str, f64); 17] = [
    ("task_started", "", 0.0),
    ("step_started", "markdown_conversion", 0.0),
    ("step_completed", "markdown_conversion", 25.0),
    ("task_progress", "markdown_conversion", 25.0),
    ("step_started", "metadata_extraction", 25.0),
    ("step_completed", "metadata_extraction", 40.0),
    ("step_started", "content_processing", 40.0),
    ("task_progress", "content_processing", 50.0),
    ("step_completed", "content_processing", 70.0),
    ("step_started", "chunking", 70.0),
    ("task_progress", "chunking", 75.0),
    ("step_completed", "chunking", 80.0),
    ("step_started", "graph_extraction", 80.0),
    ("step_completed", "graph_extraction", 90.0),
    ("step_started", "ingestion", 90.0),
    ("step_completed", "ingestion", 100.0),
    ("task_completed", "", 100.0),
];

/// The keys of each step's data in the guide's examples.
fn guide_keys(step: &str) -> &'static [&'static str] {
    match step {
        "markdown_conversion" => &["markdown_file_url", "conversion_metadata"],
        "metadata_extraction" => &["metadata_file_url", "metadata", "file_properties"],
        "content_processing" => {
            &["summary", "content_length", "language", "detected_topics", "processing_time_seconds"]
        }
        "chunking" => {
            &["chunks_created", "chunking_strategy", "average_chunk_size", "chunk_size_range", "chunks_file_url"]
        }
        "graph_extraction" => {
            &["entities_extracted", "relations_extracted", "facts_extracted", "top_entities", "extraction_time_seconds"]
        }
        "ingestion" => &[
            "embeddings_stored",
            "chunks_ingested",
            "facts_stored",
            "entities_stored",
            "relations_stored",
            "database_collection",
            "processing_time_seconds",
            "storage_summary",
        ],
        _ => &[],
    }
}

/// Submits a document, and checks everything that its events must have. Returns the bodies.
async fn run(file_name: &str, bytes: Vec<u8>, format: &str) -> Vec<Value> {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let fields = [
        ("webhook_url", receiver.url.as_str()),
        ("document_id", "my-document-456"),
        ("collection_name", "documents_en"),
        ("metadata", r#"{"caller": "mine", "source_type": "forged"}"#),
    ];
    let task = server.submit(file_name, bytes, &fields).await;
    let status = server.wait_for_end(&task).await;
    assert_eq!(status["status"], "completed", "{status}");
    let received = receiver.wait_for_end().await;
    let bodies: Vec<_> = received.iter().map(morag_tests::receiver::Received::json).collect();

    let seen: Vec<_> = bodies
        .iter()
        .map(|body| {
            let step = body["data"]["step"].as_str().unwrap_or_default().to_owned();
            (
                body["event_type"].as_str().unwrap_or_default().to_owned(),
                step,
                body["data"]["progress_percent"].as_f64(),
            )
        })
        .collect();
    let expected: Vec<_> =
        SEQUENCE.iter().map(|(kind, step, at)| ((*kind).into(), (*step).into(), Some(*at))).collect();
    assert_eq!(seen, expected);
    assert_eq!(history_types(&server, &task).await, SEQUENCE.map(|(kind, ..)| kind));

    for (body, (kind, step, percent)) in bodies.iter().zip(SEQUENCE) {
        let data = &body["data"];
        assert_eq!((&data["task_id"], &data["document_id"]), (&json!(task), &json!("my-document-456")));
        if !kind.starts_with("step") {
            assert_eq!(data["progress"], json!(percent / 100.0));
            let metadata = &data["metadata"];
            assert_eq!((&metadata["caller"], &metadata["source_type"]), (&json!("mine"), &json!("document")));
            assert_eq!(metadata["collection_name"], "documents_en");
        } else {
            let top = ["task_id", "document_id", "step", "status", "progress_percent"];
            assert!(top.iter().all(|key| body[key] == data[key]), "{body}");
        }
        if kind == "step_completed" {
            for key in guide_keys(step) {
                assert!(data["data"].get(key).is_some(), "{step} lacks {key}: {data}");
                assert_eq!(data[key], data["data"][key], "{step} {key} nested and unnested");
            }
        }
    }
    let conversion = &bodies[2]["data"]["conversion_metadata"];
    assert_eq!(conversion["original_format"], format);
    assert!(conversion["content_length"].as_u64() > Some(0), "{conversion}");
    let result = &bodies[16]["data"]["result"];
    for key in ["chunks_created", "embeddings_stored", "facts_extracted", "processing_time_seconds"] {
        assert!(result[key].is_number(), "{result}");
    }
    assert_eq!(result["database_collection"], "documents_en");
    assert_eq!(result["chunks_created"], bodies[11]["data"]["chunks_created"]);
    assert!(result["embeddings_stored"].as_u64() > Some(0), "{result}");
    assert!(is_subset(result, &status["result"]), "{result} {status}");

    check_chunks(&server, &task).await;
    consume(&bodies);
    bodies
}

/// `markdown[start..end]` is the chunk, for every chunk.
async fn check_chunks(server: &Server, task: &str) {
    let get = |name: &str| {
        let path = format!("/api/files/temp/{task}/{name}");
        let request = server.request(reqwest::Method::GET, &path);
        async move { request.send().await.expect("an answer").text().await.expect("a body") }
    };
    let (markdown, chunks) = tokio::join!(get("markdown.md"), get("chunks.json"));
    let chunks: Value = serde_json::from_str(&chunks).expect("JSON");
    let chunks = chunks["chunks"].as_array().expect("chunks");
    assert!(!chunks.is_empty());
    for chunk in chunks {
        let at = |key: &str| usize::try_from(chunk[key].as_u64().expect("an offset")).expect("an offset");
        assert_eq!(chunk["text"], markdown[at("start")..at("end")]);
        let characters: String =
            markdown.chars().skip(at("char_start")).take(at("char_end") - at("char_start")).collect();
        assert_eq!(chunk["text"], characters);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pdf_of_several_pages_with_outline_and_tables() {
    let bodies = run("report.pdf", fixtures::sample_pdf(), "pdf").await;
    let metadata = &bodies[5]["data"]["metadata"];
    assert_eq!(metadata["format"], "application/pdf");
    assert!(metadata["title"].is_string() && metadata["author"].is_string(), "{metadata}");
    assert!(metadata["page_count"].as_u64() >= Some(3), "{metadata}");
    assert_eq!(metadata["page_count"], bodies[2]["data"]["conversion_metadata"]["page_count"]);
    assert_eq!(metadata["language"], "en");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_docx() {
    run("letter.docx", fixtures::docx(), "docx").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_markdown() {
    run("notes.md", fixtures::markdown(), "md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_in_german() {
    let bodies = run("bericht.txt", fixtures::german_txt_windows_1252(), "txt").await;
    assert_eq!(bodies[8]["data"]["language"], "de");
    assert_eq!(bodies[2]["data"]["conversion_metadata"]["page_count"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_html_page() {
    run("page.html", fixtures::html(), "html").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv() {
    run("table.csv", fixtures::csv(), "csv").await;
}
