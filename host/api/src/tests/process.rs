//! `POST /api/v1/process` with a file.

use super::*;

#[tokio::test]
async fn process_waits_and_answers_with_the_markdown() {
    let server = server(&[]);
    let files = server.memory.blobs.files.clone();
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(move |record: &TaskRecord| {
        assert_eq!(record.pipeline.name(), "convert");
        files.lock().unwrap().insert(format!("tasks/{}/files/markdown.md", record.id), "# Out".into());
        let mut events = completed_with(record.id, "# Out");
        if let EventKind::StepCompleted { data, .. } = &mut events[1].kind {
            data.insert("warnings".into(), json!(["page 2 was not read", 7]));
        }
        events
    }));
    let data = r#"{"mode": "convert", "source_type": "file"}"#;
    let body = server.post("/api/v1/process", &[], form(&[("request_data", data)], FILE)).await.json();
    assert_eq!((&body["success"], &body["mode"], &body["content"]), (&json!(true), &json!("convert"), &json!("# Out")));
    assert_eq!(body["metadata"]["page_count"], json!(3));
    assert!(body["error_message"].is_null());
    assert_eq!(body["warnings"], json!(["page 2 was not read"]));
    assert_eq!(body["metadata"]["warnings"], json!(["page 2 was not read", 7]), "what is no text is lost nowhere else");
}

#[tokio::test]
async fn process_says_why_it_failed_and_when_it_takes_too_long() {
    let server = server(&[("MORAG_PROCESS_WAIT_SECONDS", "0")]);
    let fields = [("mode", "process")];
    let body = server.post("/api/v1/process", &[], form(&fields, FILE)).await.json();
    assert_eq!(body["success"], json!(false));
    assert!(body["error_message"].as_str().unwrap().contains("has not ended"), "{body}");
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(|_| failed()));
    let answer = server.post("/api/v1/process", &[], form(&fields, FILE)).await;
    assert_eq!((answer.status, &answer.json()["error_message"]), (StatusCode::OK, &json!("broken")));
    assert_eq!((&answer.json()["success"], &answer.json()["content"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn process_refuses_what_it_cannot_do() {
    let server = server(&[]);
    for (fields, code) in [(&[("mode", "ingest")][..], "webhook_required")] {
        let answer = server.post("/api/v1/process", &[], form(fields, FILE)).await;
        assert_eq!((answer.status, answer.error().as_str()), (StatusCode::BAD_REQUEST, code));
    }
    assert_eq!(server.post("/api/v1/process", &[], form(&[], FILE)).await.fields(), ["mode"]);
    assert_eq!(server.post("/api/v1/process", &[], form(&[("mode", "eat")], FILE)).await.fields(), ["mode"]);
    assert_eq!(server.post("/api/v1/process", &[], form(&[("mode", "convert")], None)).await.fields(), ["file"]);
    let config = r#"{"url": "https://example.com/h", "format": "morag-ui"}"#;
    let fields = [("mode", "ingest"), ("webhook_config", config)];
    server.nothing_is_left().await;
    let body = server.post("/api/v1/process", &[], form(&fields, FILE)).await.json();
    assert_eq!((&body["success"], &body["content"]), (&json!(true), &Value::Null));
}
