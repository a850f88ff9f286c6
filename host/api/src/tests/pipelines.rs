//! `GET /api/v1/pipelines`, and requests that name a pipeline.

use super::*;
use crate::testing::app_of;

const OWN: &str = r#"
[[pipelines]]
name = "redacted"
[[pipelines.steps]]
name = "markdown_conversion"
[[pipelines.steps]]
name = "redact"
stage = "content_processing"
weight = 25
config = { kinds = ["email"], token = "s3cret" }
when = { media_type = "text/*", metadata = { confidential = true } }
on_failure = { retry = 3, delay = "1500ms" }
optional = true
replaces = { "markdown.md" = "redacted.md" }

[[pipelines]]
name = "convert"
stores = true
[[pipelines.steps]]
name = "other"
"#;

fn server_of(morag_toml: &str) -> Server {
    let memory = Arc::new(Memory::default());
    Server { router: router(app_of(&memory, &[], morag_toml)), memory }
}

#[tokio::test]
async fn the_standard_pipelines_are_listed_with_their_routes() {
    let answer = server(&[]).get("/api/v1/pipelines").await;
    assert_eq!(answer.status, StatusCode::OK);
    let body = answer.json();
    let pipelines = body["pipelines"].as_array().unwrap();
    let names: Vec<_> = pipelines.iter().map(|one| (one["name"].as_str().unwrap(), one["stores"] == true)).collect();
    assert_eq!(names, [("ingest", true), ("process", false), ("convert", false)]);
    let routes: Vec<_> = pipelines.iter().map(|one| one["default_of"].as_array().unwrap().len()).collect();
    assert_eq!(routes, [5, 1, 1]);
    let expected = json!({
        "name": "content_processing", "plugin": "content_processing", "alternatives": [], "stage": "content_processing", "weight": 30,
        "progress_start": 40.0, "progress_end": 70.0, "when": null, "on_failure": {"action": "fail"}, "optional": false,
        "replaces": {}, "config_keys": []
    });
    assert_eq!(pipelines[0]["steps"][2], expected);
}

#[tokio::test]
async fn an_operators_pipeline_is_listed_without_the_values_of_its_configuration() {
    let answer = server_of(OWN).get("/api/v1/pipelines").await;
    assert!(!String::from_utf8_lossy(&answer.body).contains("s3cret"));
    let body = answer.json();
    let names: Vec<_> = body["pipelines"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["ingest", "process", "convert", "redacted"]);
    assert_eq!(body["pipelines"][2]["steps"][0]["plugin"], "other");
    assert_eq!((&body["pipelines"][2]["stores"], &body["pipelines"][3]["default_of"]), (&json!(true), &json!([])));
    let expected = json!({
        "name": "redact", "plugin": "redact", "alternatives": [], "stage": "content_processing", "weight": 25,
        "progress_start": 50.0, "progress_end": 100.0,
        "when": {"media_type": ["text/*"], "metadata": {"confidential": true}},
        "on_failure": {"action": "retry", "retry": 3, "delay_seconds": 1.5}, "optional": true,
        "replaces": {"markdown.md": "redacted.md"}, "config_keys": ["kinds", "token"]
    });
    assert_eq!(body["pipelines"][3]["steps"][1], expected);
}

#[tokio::test]
async fn a_request_chooses_a_pipeline_by_its_name() {
    let server = server_of(OWN);
    let answer = server.ingest(&[("pipeline", "redacted")], Some(("a.md", "# A"))).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
    {
        let logs = server.memory.store.logs();
        assert_eq!((logs[0].record.pipeline.name(), logs[0].record.pipeline.steps().len()), ("redacted", 2));
    }
    let answer = server.ingest(&[("pipeline", "redact")], Some(("a.md", "# A"))).await;
    assert_eq!(answer.fields(), ["pipeline"]);
    assert!(answer.json()["error"].as_str().unwrap().contains("ingest, process, convert, redacted"));
}

#[tokio::test]
async fn the_list_needs_a_key() {
    let request = Request::builder().uri("/api/v1/pipelines").body(Body::empty()).unwrap();
    assert_eq!(server(&[]).send(request).await.status, StatusCode::UNAUTHORIZED);
}
