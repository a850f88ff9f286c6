//! The option `include_images`, from each way of submitting to the steps.

use crate::ingest_url::{ALLOWED, Web, answer, post};
use crate::pipelines::components_and;
use morag_tests::server::Server;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A pipeline whose only step answers with the options that it was given.
const SEEN: &str = r#"
[[pipelines]]
name = "seen"
[[pipelines.steps]]
name = "seen"
plugin = "misbehave"
config = { mode = "options" }
"#;

async fn start() -> (Server, TempDir) {
    let folder = components_and(&["misbehave"]);
    let plugins = folder.path().to_str().expect("a path").to_owned();
    (Server::start_with_file(SEEN, &[("MORAG_PLUGINS_DIR", &plugins), ALLOWED[0]]).await, folder)
}

/// The options that the step of a task was given.
async fn seen(server: &Server, task: &str) -> Value {
    let status = server.wait_for_end(task).await;
    assert_eq!(status["status"], "completed", "{status}");
    let history = server.get(&format!("/api/v1/status/{task}/history?order=asc")).await;
    let events = history["history"].as_array().expect("a history");
    let completed = events.iter().find(|event| event["event_type"] == "step_completed").expect("it completed");
    completed["metadata"]["data"]["options"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_are_told_which_pictures_are_wanted() {
    let ((server, _plugins), web) = tokio::join!(start(), Web::start());
    for (field, told) in [
        (("include_images", "figures"), json!({"include_images": "figures"})),
        (("include_images", "true"), json!({"include_images": "all"})),
        (("include_images", "none"), json!({})),
        (("request_data", r#"{"include_images": true}"#), json!({"include_images": "all"})),
        (("request_data", r#"{"include_images": false}"#), json!({})),
        (("processing_options", r#"{"include_images": "pages"}"#), json!({"include_images": "pages"})),
    ] {
        let task = server.submit("note.md", b"# A".to_vec(), &[("pipeline", "seen"), field]).await;
        assert_eq!(seen(&server, &task).await, told, "{field:?}");
    }

    let document = json!({"url": web.at("/notes"), "pipeline": "seen", "include_images": true});
    let (status, task) = post(&server, "/api/v1/ingest/url", HeaderMap::new(), &document).await;
    assert_eq!(status, 200, "{task}");
    assert_eq!(seen(&server, task["task_id"].as_str().expect("a task")).await, json!({"include_images": "all"}));

    let items = json!([{"url": web.at("/notes"), "include_images": "figures"}, {"url": web.at("/notes")}]);
    let batch = json!({"items": items, "pipeline": "seen", "include_images": "pages"});
    let (status, tasks) = post(&server, "/api/v1/ingest/batch", HeaderMap::new(), &batch).await;
    assert_eq!(status, 200, "{tasks}");
    for (place, told) in [(0, "figures"), (1, "pages")] {
        let task = tasks["task_ids"][place].as_str().unwrap_or_else(|| panic!("a task: {tasks}"));
        assert_eq!(seen(&server, task).await, json!({"include_images": told}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_says_no_pictures_is_refused_with_its_path() {
    let server = Server::start().await;
    let said = "include_images must be none, figures, pages, all, true or false";
    for field in [
        ("include_images", "some"),
        ("include_images", "1"),
        ("request_data", r#"{"include_images": 1}"#),
        ("request_data", r#"{"include_images": ["pages"]}"#),
        ("processing_options", r#"{"include_images": {"pages": true}}"#),
    ] {
        let refused = server.ingest("note.md", b"# A".to_vec(), &[field]).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{field:?}");
        let (_, body) = answer(refused).await;
        assert_eq!(body["detail"][0]["loc"], json!(["body", "include_images"]), "{body}");
        assert_eq!(body["detail"][0]["msg"], said, "{body}");
    }
    let document = json!({"url": "https://docs.example.com/a.pdf", "include_images": "thumbnails"});
    let (status, body) = post(&server, "/api/v1/ingest/url", HeaderMap::new(), &document).await;
    assert_eq!((status, &body["detail"][0]["msg"]), (422, &json!(said)), "{body}");
    assert_eq!(server.get("/api/v1/status/").await["total_count"], 0);
}
