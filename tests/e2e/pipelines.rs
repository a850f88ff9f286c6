//! Pipelines of `morag.toml`: selected by request, with conditions, retries and replacements, and refused if they cannot run.

use morag_tests::receiver::Receiver;
use morag_tests::sandbox::guest;
use morag_tests::server::{Server, plugins_dir, serve};
use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

/// The standard components and two guests: `misbehave` does what its configuration's mode says, `noop` does nothing.
fn components() -> TempDir {
    components_and(&["misbehave", "noop"])
}

/// The standard components and some guests.
pub(crate) fn components_and(guests: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let link = |from: &Path| {
        let to = folder.path().join(from.file_name().expect("a file name"));
        let from = std::path::absolute(from).expect("a path");
        std::os::unix::fs::symlink(from, to).expect("a link");
    };
    for entry in std::fs::read_dir(plugins_dir()).expect("the plugins") {
        link(&entry.expect("a plugin").path());
    }
    guests.iter().for_each(|name| link(&guest(name)));
    folder
}

async fn start(morag_toml: &str) -> (Server, TempDir) {
    let folder = components();
    let plugins = folder.path().to_str().expect("a path").to_owned();
    (Server::start_with_file(morag_toml, &[("MORAG_PLUGINS_DIR", &plugins)]).await, folder)
}

/// The error of a server that does not start.
fn refusal(morag_toml: &str) -> String {
    let (plugins, folder) = (components(), tempfile::tempdir().expect("a folder"));
    std::fs::write(folder.path().join("morag.toml"), morag_toml).expect("a file");
    let mut command = serve(&folder.path().join("data"));
    command.env("MORAG_PLUGINS_DIR", plugins.path()).current_dir(folder.path()).stdin(Stdio::null());
    let output = command.output().expect("the binary runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(!output.status.success(), "it started: {said}");
    said
}

/// Type and step of each event except milestones, and its metadata.
async fn history(server: &Server, task: &str) -> (Vec<String>, Vec<Value>) {
    let history = server.get(&format!("/api/v1/status/{task}/history?order=asc")).await;
    let events = history["history"].as_array().expect("a history").iter();
    let events: Vec<_> = events.filter(|event| event["event_type"] != "task_progress").cloned().collect();
    let line = |event: &Value| {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("event_type"), text("step")).trim().to_owned()
    };
    (events.iter().map(line).collect(), events.iter().map(|event| event["metadata"].clone()).collect())
}

const CAREFUL: &str = r#"
[[pipelines]]
name = "careful"
[[pipelines.steps]]
name = "markdown_conversion"
[[pipelines.steps]]
name = "pictures"
plugin = "noop"
when = { media_type = "image/*" }
[[pipelines.steps]]
name = "confidential"
plugin = "noop"
when = { media_type = ["text/*"], metadata = { level = 3 } }
[[pipelines.steps]]
name = "broken"
plugin = "misbehave"
config = { mode = "fail" }
on_failure = "skip"
[[pipelines.steps]]
name = "elsewhere"
optional = true
[[pipelines.steps]]
name = "metadata_extraction"

[[pipelines]]
name = "patient"
[[pipelines.steps]]
name = "first"
plugin = "noop"
[[pipelines.steps]]
name = "broken"
plugin = "misbehave"
config = { mode = "fail" }
on_failure = { retry = 2, delay = "50ms" }

[[pipelines]]
name = "raw"
[[pipelines.steps]]
name = "markdown_conversion"
[[pipelines.steps]]
name = "raw"
plugin = "misbehave"
config = { mode = "echo" }
replaces = { "markdown.md" = "out.txt" }
[[pipelines.steps]]
name = "content_processing"

[[pipelines]]
name = "pages"
[[pipelines.steps]]
name = "markdown_conversion"
[[pipelines.steps]]
name = "pages"
plugin = "misbehave"
config = { mode = "pages", counts = [3, 1] }
[[pipelines.steps]]
name = "chunking"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_chooses_a_pipeline_whose_steps_have_conditions_and_policies() {
    let ((server, _plugins), receiver) = tokio::join!(start(CAREFUL), Receiver::start());
    let listed = server.get("/api/v1/pipelines").await;
    let names: Vec<_> = listed["pipelines"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["ingest", "process", "convert", "careful", "patient", "raw", "pages"]);
    assert_eq!(listed["pipelines"][3]["steps"][3]["config_keys"], json!(["mode"]));

    let fields = [("pipeline", "careful"), ("webhook_url", &receiver.url), ("metadata", r#"{"level": 3}"#)];
    let task = server.submit("note.md", b"# Title\n\nSome text of a note.\n".to_vec(), &fields).await;
    let status = server.wait_for_end(&task).await;
    assert_eq!(status["status"], "completed", "{status}");
    let states: Vec<_> = status["steps"].as_array().expect("steps").iter().map(|step| &step["status"]).collect();
    assert_eq!(states, ["completed", "skipped", "completed", "failed", "skipped", "completed"]);
    let (events, metadata) = history(&server, &task).await;
    let expected = [
        "task_started",
        "step_started markdown_conversion",
        "step_completed markdown_conversion",
        "step_skipped pictures",
        "step_started confidential",
        "step_completed confidential",
        "step_started broken",
        "step_failed broken",
        "step_skipped elsewhere",
        "step_started metadata_extraction",
        "step_completed metadata_extraction",
        "task_completed",
    ];
    assert_eq!(events, expected);
    assert_eq!(metadata[3]["skip_reason"], "condition_not_met");
    assert_eq!(metadata[7]["error_details"]["error_code"], "CUSTOM_CODE");
    assert_eq!(metadata[8]["skip_reason"], "component_not_loaded");
    // A receiver of all events gets these too, in the same order and without a gap.
    let received = receiver.wait_for_end().await;
    let told = received.iter().filter(|one| one.event_type() != "task_progress");
    let told: Vec<_> = told.map(|one| one.event_type().to_owned()).collect();
    assert_eq!(told, expected.map(|line| line.split(' ').next().expect("a type").to_owned()));
    let skipped = received.iter().find(|one| one.event_type() == "step_skipped").expect("it was told").json();
    assert_eq!((&skipped["status"], &skipped["step"]), (&json!("skipped"), &json!("pictures")));
    assert_eq!(skipped["data"]["skip_reason"], "condition_not_met");

    let unknown = server.ingest("note.md", b"# A".to_vec(), &[("pipeline", "carefull")]).await;
    assert_eq!(unknown.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.text().await.expect("a text").contains("careful, patient, raw, pages"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_retried_and_then_fails_its_task_which_can_be_run_again_from_it() {
    let (server, _plugins) = start(CAREFUL).await;
    let task = server.submit("note.md", b"# A".to_vec(), &[("pipeline", "patient")]).await;
    let status = server.wait_for_end(&task).await;
    assert_eq!((&status["status"], &status["error_details"]["step"]), (&json!("failed"), &json!("broken")), "{status}");
    let retried = [
        "step_started broken",
        "step_retrying broken",
        "step_retrying broken",
        "step_failed broken",
        "task_failed broken",
    ];
    let (events, metadata) = history(&server, &task).await;
    assert_eq!(events[..3], ["task_started", "step_started first", "step_completed first"]);
    assert_eq!(events[3..], retried);
    assert_eq!((&metadata[5]["retry"], &metadata[5]["retries_max"]), (&json!(2), &json!(2)));
    assert_eq!((&metadata[5]["retry_delay_seconds"], &metadata[4]["retry"]), (&json!(0.05), &json!(1)));
    assert!(metadata[4]["resources"]["wall_ms"].is_number(), "{}", metadata[4]);

    let again = server.request(Method::POST, &format!("/api/v1/tasks/{task}/retry")).send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::OK);
    let status = server.wait_for_end(&task).await;
    assert_eq!((&status["attempt"], &status["status"]), (&json!(2), &json!("failed")));
    let (events, _) = history(&server, &task).await;
    assert_eq!((events[8].as_str(), &events[9..]), ("task_started", retried.map(str::to_owned).as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn later_steps_and_the_answer_have_the_replacement() {
    let (server, _plugins) = start(CAREFUL).await;
    let html = "<html><body><h1>A title</h1><p>Some text of a page.</p></body></html>";
    let part = multipart::Part::bytes(html.as_bytes().to_vec()).file_name("page.html");
    let form = multipart::Form::new().part("file", part).text("mode", "process").text("pipeline", "raw");
    let answer = server.request(Method::POST, "/api/v1/process").multipart(form).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!((&answer["success"], &answer["content"]), (&json!(true), &json!(html)), "{answer}");
    assert_eq!(answer["metadata"]["content_length"], html.len(), "what content_processing has read: {answer}");
    let task = answer["task_id"].as_str().expect("a task");
    let files = server.get(&format!("/api/files/temp/{task}")).await.to_string();
    assert!(files.contains("markdown.md") && files.contains("out.txt"), "{files}");
}

/// The second run of the step writes one page where the first wrote three. The step behind it fails, so that it is run again.
#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_pattern_are_those_of_the_steps_last_run() {
    let (server, _plugins) = start(CAREFUL).await;
    let fields = [("pipeline", "pages"), ("chunk_overlap", "19999")];
    let task = server.submit("note.md", b"# A".to_vec(), &fields).await;
    let status = server.wait_for_end(&task).await;
    assert_eq!(status["error_details"]["error_code"], "INVALID_OPTION", "{status}");
    let files = format!("/api/files/temp/{task}");
    let names = async || {
        let list = server.get(&files).await;
        let files = list["files"].as_array().expect("a list").iter();
        files.map(|file| format!("{} {}", file["filename"], file["content_type"]).replace('"', "")).collect::<Vec<_>>()
    };
    let get = async |name: &str| {
        let answer = server.request(Method::GET, &format!("{files}/{name}")).send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("a text"))
    };
    let pages = [1, 2, 3].map(|page| format!("sheet-{page}.png image/png"));
    let others = ["markdown.md text/markdown", "original.md text/markdown"].map(str::to_owned);
    assert_eq!(names().await, [&others[..], &pages].concat());
    assert_eq!(get("sheet-3.png").await, (StatusCode::OK, "page 3 of attempt 1".into()));
    let (_, metadata) = history(&server, &task).await;
    assert_eq!(metadata[4]["artifacts"][0]["listed"], true, "{}", metadata[4]);

    let path = format!("/api/v1/tasks/{task}/retry?from_step=pages");
    let again = server.request(Method::POST, &path).send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::OK);
    let status = server.wait_for_end(&task).await;
    assert_eq!((&status["attempt"], &status["status"]), (&json!(2), &json!("failed")));
    assert_eq!(names().await, [&others[..], &pages[..1]].concat());
    assert_eq!(get("sheet-1.png").await, (StatusCode::OK, "page 1 of attempt 2".into()));
    for former in ["sheet-2.png", "sheet-3.png"] {
        assert_eq!(get(former).await.0, StatusCode::NOT_FOUND, "{former}");
    }

    let folder = server.data_dir().join("files/tasks").join(&task);
    let deleted = server.request(Method::DELETE, &files).send().await.expect("an answer");
    assert_eq!(deleted.status(), StatusCode::OK);
    assert!(!folder.join("files/sheet-3.png").exists() && !folder.join("files/sheet-1.png").exists());
    assert!(names().await.is_empty());
}

#[test]
fn a_pipeline_that_cannot_run_is_refused_at_start() {
    let step = |name: &str, more: &str| format!("[[pipelines.steps]]\nname = \"{name}\"\n{more}");
    let own = |steps: &[String]| format!("[[pipelines]]\nname = \"own\"\n{}", steps.concat());
    let conversion = || step("markdown_conversion", "");
    for (file, said) in [
        (
            own(&[conversion(), step("chunking", "on_failure = { retry = 99 }\n")]),
            vec!["pipelines[0].steps[1].on_failure.retry: ", "1 to 20"],
        ),
        (
            own(&[conversion(), step("chunking", "config = { chunk_size = 1 }\n")]),
            vec!["pipeline own, step chunking: config.chunk_size: "],
        ),
        (
            own(&[conversion(), step("chunking", "config = { colour = \"red\" }\n")]),
            vec!["pipeline own, step chunking: config.colour: ", "its settings are ", "chunk_overlap"],
        ),
        (
            own(&[conversion(), step("chunking", "config = { chunk_sise = 1000 }\n")]),
            vec!["pipeline own, step chunking: config.chunk_sise: ", "did you mean chunk_size?"],
        ),
        (own(&[step("chunking", "")]), vec!["step chunking reads markdown.md", "no step before it writes"]),
        (
            own(&[step("chunking", ""), conversion()]),
            vec!["step chunking reads markdown.md", "step markdown_conversion writes after it"],
        ),
        (
            own(&[step("one", "plugin = \"misbehave\"\n"), step("two", "plugin = \"misbehave\"\n")]),
            vec!["steps one and two both write o*.txt"],
        ),
        (
            own(&[step("markdown_conversion", "on_failure = \"skip\"\n"), step("chunking", "")]),
            vec!["step chunking reads markdown.md", "step markdown_conversion that writes it may fail"],
        ),
        (
            own(&[conversion(), step("noop", "replaces = { \"markdown.md\" = \"b.md\" }\n")]),
            vec!["step noop replaces markdown.md with b.md, which noop does not write"],
        ),
        (own(&[step("elsewhere", "")]), vec!["pipeline own, step elsewhere: no component elsewhere is loaded"]),
    ] {
        let text = refusal(&file);
        for said in said {
            assert!(text.contains(said), "{said:?} is not in {text} for {file}");
        }
    }
}
