//! Files that are not what was written.

use super::*;
use crate::testing::SOURCE;
use morag_core::pipeline::Pipeline;
use morag_core::task::{Artifact, StepFailure};
use sha2::{Digest as _, Sha256};

/// An answer whose body may break off: its status, its code, and the body where it is whole.
async fn get(server: &Server, path: &str) -> (StatusCode, String, Option<Bytes>) {
    let request = Request::get(path).header("authorization", format!("Bearer {}", "test-api-key"));
    let response = server.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.ok();
    let json: Value = body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    (status, json["error_code"].as_str().unwrap_or_default().to_owned(), body)
}

#[tokio::test]
async fn a_damaged_artifact_is_an_error_of_its_own_and_never_its_bytes() {
    for (content, said) in [
        (Some(""), "has 0 bytes instead of 10"),
        (Some("012345678"), "has 9 bytes instead of 10"),
        (Some("012345678X"), "has different content than was written"),
        (None, "is missing"),
    ] {
        let server = server(&[]);
        let task = server.completed_task();
        put(&server, task, "original.md", SOURCE);
        if let Some(content) = content {
            put(&server, task, "markdown.md", content);
        }
        let path = format!("/api/files/temp/{task}/markdown.md");
        let (status, code, body) = get(&server, &path).await;
        assert_eq!((status, code.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "artifact_damaged"), "{said}");
        let body: Value = serde_json::from_slice(&body.unwrap()).unwrap();
        let text = body["error"].as_str().unwrap();
        assert!(text.contains(said) && text.contains("replace_existing=true"), "{text}");
        let part = server.call("GET", &path, &[("range", "bytes=2-4")]).await;
        assert_eq!(part.error(), "artifact_damaged", "of a part too");
    }
}

#[tokio::test]
async fn a_damaged_upload_is_not_served() {
    let server = server(&[]);
    let task = server.completed_task();
    put(&server, task, "original.md", "abX");
    let (status, code, _) = get(&server, &format!("/api/files/temp/{task}/original.md")).await;
    assert_eq!((status, code.as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "source_damaged"));
}

#[tokio::test]
async fn files_that_were_deleted_are_not_damaged() {
    let server = server(&[]);
    let task = server.completed_task();
    let (status, code, _) = get(&server, &format!("/api/files/temp/{task}/markdown.md")).await;
    assert_eq!((status, code.as_str()), (StatusCode::NOT_FOUND, "file_not_found"));
}

#[tokio::test]
async fn of_a_task_that_runs_still_the_caller_tries_again_later() {
    let server = server(&[]);
    let record = record();
    let mut events = completed(record.id);
    events.pop();
    let task = server.memory.store.add(record, events);
    put(&server, task, "markdown.md", "");
    let answer = server.get(&format!("/api/files/temp/{task}/markdown.md")).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "artifact_damaged"));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn a_large_download_breaks_off_before_the_last_byte_of_a_damaged_file() {
    let content = "x".repeat(9 << 20);
    for (stored, is_whole) in [(content.clone(), true), (content.replacen('x', "y", 1), false)] {
        let server = server(&[]);
        let record = record();
        let events = completed_with(record.id, &content);
        let task = server.memory.store.add(record, events);
        put(&server, task, "markdown.md", &stored);
        let (status, _, body) = get(&server, &format!("/api/files/temp/{task}/markdown.md")).await;
        assert_eq!((status, body.is_some()), (StatusCode::OK, is_whole));
    }
}

#[tokio::test]
async fn the_markdown_of_process_is_never_a_damaged_one() {
    let server = server(&[]);
    let files = server.memory.blobs.files.clone();
    *server.memory.store.on_accept.lock().unwrap() = Some(Box::new(move |record: &TaskRecord| {
        files.lock().unwrap().insert(format!("tasks/{}/files/markdown.md", record.id), "".into());
        completed(record.id)
    }));
    let data = r#"{"mode": "convert", "source_type": "file"}"#;
    let answer = server.post("/api/v1/process", &[], form(&[("request_data", data)], FILE)).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "artifact_damaged"));
}

/// A task that failed in its third step; the first two wrote a file each.
fn failed_in_the_third_step(server: &Server) -> TaskId {
    let record = record();
    let steps = Pipeline::standard().steps()[..3].to_vec();
    let mut events = vec![event(1, 0.0, EventKind::TaskStarted { retry: None })];
    for (step, name) in steps.iter().zip(["markdown.md", "metadata.json"]) {
        let (size, sha256) = (MARKDOWN.len() as u64, hex::encode(Sha256::digest(MARKDOWN)));
        let artifact =
            Artifact { name: name.parse().unwrap(), media_type: "text/plain".into(), size, sha256, listed: false };
        events.push(event(
            events.len() as u64 + 1,
            10.0,
            EventKind::StepCompleted {
                step: step.name.clone(),
                stage: step.stage.clone(),
                data: JsonObject::new(),
                artifacts: vec![artifact],
                resources: Default::default(),
            },
        ));
    }
    let failure =
        StepFailure { code: "AWAY".into(), message: "away".into(), details: JsonObject::new(), retryable: true };
    let (step, stage) = (steps[2].name.clone(), steps[2].stage.clone());
    events.push(event(4, 40.0, EventKind::TaskFailed { step, stage, failure }));
    server.memory.store.add(record, events)
}

#[tokio::test]
async fn a_retry_begins_with_the_step_whose_file_is_damaged() {
    for (markdown, metadata, from) in [
        (MARKDOWN, Some(MARKDOWN), "content_processing"),
        (MARKDOWN, Some("012345678X"), "metadata_extraction"),
        (MARKDOWN, None, "metadata_extraction"),
        ("", None, "markdown_conversion"),
    ] {
        let server = server(&[]);
        let task = failed_in_the_third_step(&server);
        put(&server, task, "original.md", SOURCE);
        put(&server, task, "markdown.md", markdown);
        if let Some(metadata) = metadata {
            put(&server, task, "metadata.json", metadata);
        }
        let answer = server.call("POST", &format!("/api/v1/tasks/{task}/retry"), &[]).await;
        assert_eq!((answer.status, &answer.json()["from_step"]), (StatusCode::OK, &json!(from)));
    }
}

#[tokio::test]
async fn a_retry_does_not_begin_with_a_damaged_upload() {
    let server = server(&[]);
    let task = failed_in_the_third_step(&server);
    put(&server, task, "original.md", "abX");
    let answer = server.call("POST", &format!("/api/v1/tasks/{task}/retry"), &[]).await;
    assert_eq!((answer.status, answer.error().as_str()), (StatusCode::CONFLICT, "source_damaged"));
}
