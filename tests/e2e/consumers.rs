//! The guides' own consumers with real deliveries, of a document that completes and of one that fails. Their code is in
//! `tests/clients/guide`, verbatim; the scripts beside that folder add what the guides leave to the reader.

use morag_tests::clients::{ForeignReceiver, node, node_folder, script};
use morag_tests::receiver::Receiver;
use morag_tests::server::{PATIENCE, Server, python};
use serde_json::{Map, Value, json};
use std::process::Command;
use std::time::Duration;

/// Number of deliveries of a task that completes the standard pipeline: the guide's 14 and the three milestones.
const COMPLETING: usize = 17;

/// Number of deliveries of a task whose first step fails: started, step started, step failed, failed.
const FAILING: usize = 4;

const STEPS: [(&str, f64, f64); 6] = [
    ("markdown_conversion", 0.0, 25.0),
    ("metadata_extraction", 25.0, 40.0),
    ("content_processing", 40.0, 70.0),
    ("chunking", 70.0, 80.0),
    ("graph_extraction", 80.0, 90.0),
    ("ingestion", 90.0, 100.0),
];

/// The submitted tasks and their results.
struct Tasks {
    completed: String,
    failed: String,
    /// `result` of the first one.
    result: Value,
    /// `error` of the second one.
    error: String,
}

/// Submits both documents with a webhook, one after the other has ended.
async fn submit(server: &Server, url: &str) -> Tasks {
    let completed = server.submit("notes.md", morag_fixtures::markdown(), &[("webhook_url", url)]).await;
    let status = server.wait_for_end(&completed).await;
    assert_eq!(status["status"], "completed", "{status}");
    // Tasks run concurrently otherwise; the consumer's lines are compared in order.
    all_delivered(server, &completed).await;
    let failed = server.submit("report.xyz", b"no such format".to_vec(), &[("webhook_url", url)]).await;
    let broken = server.wait_for_end(&failed).await;
    assert_eq!(broken["status"], "failed", "{broken}");
    let error = broken["error"].as_str().expect("an error").to_owned();
    Tasks { completed, failed, result: status["result"].clone(), error }
}

/// Waits until every delivery of a completed task is settled.
async fn all_delivered(server: &Server, task: &str) {
    let settled = async {
        loop {
            let log = server.get(&format!("/api/v1/tasks/{task}/deliveries")).await;
            let deliveries = log["deliveries"].as_array().expect("a list");
            if deliveries.iter().filter(|one| one["state"] != "pending").count() == COMPLETING {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("all is delivered");
}

/// The tasks, and the output of a consumer after it has answered every delivery with 200.
async fn run(command: Command) -> (Tasks, Value) {
    let (server, consumer) = tokio::join!(Server::start(), ForeignReceiver::with_printed_port(command));
    let tasks = submit(&server, &consumer.webhook()).await;
    let all = COMPLETING + FAILING;
    let seen = consumer.wait_until("/seen", |seen| seen["answers"].as_array().is_some_and(|a| a.len() >= all)).await;
    assert_eq!(seen["answers"], json!(vec![200; all]), "{seen:#}");
    (tasks, seen)
}

fn in_python(name: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(script("guide_consumers.py")).arg(name);
    command
}

fn lines(seen: &Value) -> Vec<&str> {
    seen["lines"].as_array().expect("lines").iter().map(|line| line.as_str().expect("a line")).collect()
}

/// The list `kept` of a consumer.
fn kept(seen: &Value) -> &Vec<Value> {
    seen["kept"].as_array().expect("a list")
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_1_custom_application() {
    let (tasks, seen) = run(in_python("custom_application")).await;
    let kept = kept(&seen);
    assert_eq!(kept.len(), 2, "{seen:#}");
    assert_eq!((&kept[0][0], &kept[0][1]["task_id"]), (&json!("completed"), &json!(tasks.completed)));
    assert_eq!(kept[0][1]["result"]["embeddings_stored"], tasks.result["embeddings_stored"]);
    assert!(kept[0][1]["result"]["processing_time"].is_number(), "the key in guide 1");
    assert_eq!((&kept[1][0], &kept[1][1]["task_id"]), (&json!("failed"), &json!(tasks.failed)));
    assert_eq!(kept[1][1]["error"], tasks.error);
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_simple_test_server() {
    let server = Server::start().await;
    let consumer = ForeignReceiver::with_printed_port(in_python("test_webhook_server")).await;
    let tasks = submit(&server, &consumer.webhook()).await;
    let all = COMPLETING + FAILING;
    let list = consumer.wait_until("/webhooks", |list| list.as_array().is_some_and(|list| list.len() >= all)).await;
    let list = list.as_array().expect("a list");
    let ids = |webhook: &Value| webhook["payload"]["data"]["task_id"].as_str().map(str::to_owned);
    assert!(list[..COMPLETING].iter().all(|webhook| ids(webhook).as_ref() == Some(&tasks.completed)));
    assert!(list[COMPLETING..].iter().all(|webhook| ids(webhook).as_ref() == Some(&tasks.failed)));
    assert!(list.iter().all(|webhook| webhook["headers"]["Content-Type"] == "application/json"));
    let seen = consumer.get("/seen").await;
    assert_eq!(lines(&seen)[0], format!("Received webhook: task_started for task {}", tasks.completed));
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_webhook_validator() {
    // It answers 500 to invalid webhooks, and lists why.
    let (_, seen) = run(in_python("webhook_validator")).await;
    assert_eq!(seen["kept"], json!([]));
}

/// The lines of the guide's consumers for the steps of both tasks, formatted by `line`.
fn step_lines(tasks: &Tasks, line: impl Fn(&str, &str, &str, f64) -> String) -> Vec<String> {
    let completing =
        STEPS.iter().flat_map(|(step, start, end)| [(*step, "started", *start), (*step, "completed", *end)]);
    let mut lines: Vec<_> =
        completing.map(|(step, status, percent)| line(&tasks.completed, step, status, percent)).collect();
    lines.push(line(&tasks.failed, "markdown_conversion", "started", 0.0));
    lines
}

/// Asserts that the lines contain `wanted` in this order.
#[track_caller]
fn assert_has_in_order(lines: &[&str], wanted: &[String]) {
    let mut rest = lines.iter();
    for one in wanted {
        assert!(rest.any(|line| line == one), "{one:?} is missing, or out of order, in {lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_typescript_consumer() {
    let mut command = node("guide_consumer_ts.mjs");
    command.arg(node_folder());
    let (tasks, seen) = run(command).await;
    let lines = lines(&seen);
    // Guide 2's default case handles every event with a step: milestones too. The percentage of failures is not fixed.
    assert_eq!(lines.len(), COMPLETING + FAILING, "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains("undefined") && !line.contains("NaN")), "{lines:#?}");
    let wanted = step_lines(&tasks, |_, step, status, percent| format!("Step {step} {status} - {percent}%"));
    assert_has_in_order(&lines, &wanted);
    assert_eq!(lines[0], format!("Task {} started", tasks.completed));
    let chunks = &tasks.result["chunks_created"];
    assert_eq!(lines[COMPLETING - 1], format!("Task {} completed with {chunks} chunks", tasks.completed));
    assert_eq!(lines[COMPLETING + FAILING - 1], format!("Task {} failed: {}", tasks.failed, tasks.error));
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_python_flask_consumer() {
    let (tasks, seen) = run(in_python("flask_consumer")).await;
    let lines = lines(&seen);
    let wanted =
        step_lines(&tasks, |task, step, status, percent| format!("INFO Task {task} - {step} {status} ({percent:.1}%)"));
    assert_has_in_order(&lines, &wanted);
    let result = &tasks.result;
    let (completed, failed) = (&tasks.completed, &tasks.failed);
    assert_has_in_order(
        &lines,
        &[
            format!("INFO Task {completed} started"),
            // A Markdown file has no pages, and none are made up.
            "INFO Markdown conversion complete: None pages".into(),
            format!(
                "INFO Ingestion complete: {} chunks, {} facts",
                result["chunks_created"], result["facts_extracted"]
            ),
            format!("INFO Task {completed} completed: {} chunks", result["chunks_created"]),
            format!("INFO Task {failed} started"),
            format!("ERROR Task {failed} failed: {}", tasks.error),
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_webhook_security_and_validation() {
    run(in_python("secure_webhook")).await;
    let consumer = ForeignReceiver::with_printed_port(in_python("secure_webhook")).await;
    let forged = morag_tests::server::client().post(consumer.webhook()).header("X-MoRAG-Signature", "sha256=00");
    assert_eq!(forged.body("{}").send().await.expect("an answer").status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_storing_webhook_events() {
    let (_, seen) = run(in_python("webhook_event_store")).await;
    let rows = kept(&seen);
    assert_eq!(rows.len(), COMPLETING + FAILING);
    assert!(rows.iter().all(|row| row[3].is_number()), "every row has a percentage: {seen:#}");
    for (step, start, end) in STEPS {
        for row in [json!(["step_started", step, "started", start]), json!(["step_completed", step, "completed", end])]
        {
            assert!(rows.contains(&row), "{row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_webhook_processor() {
    // The surrounding script answers 500 where the processor reports a failure.
    let (tasks, seen) = run(in_python("webhook_processor")).await;
    let kept = kept(&seen);
    assert_eq!(kept.len(), COMPLETING + FAILING);
    assert_eq!(kept[0], json!(["started", tasks.completed]));
    assert_eq!(kept[COMPLETING - 1], json!(["completed", tasks.result["chunks_created"]]));
    assert_eq!(kept[COMPLETING + FAILING - 1], json!(["failed", tasks.error]));
    assert!(lines(&seen).iter().all(|line| line.starts_with("INFO Successfully processed webhook: ")));
}

/// Guide 2's Go consumer (`tests/clients/guide/consumer.go`) in Rust, line by line, because there is no Go toolchain here. An error is a
/// 400 of the Go code, or a panic of it by a failed type assertion.
mod go {
    use super::*;

    /// `json.Decode` into `WebhookPayload`: an absent key leaves the zero value, another type is an error.
    struct Payload {
        event_type: String,
        data: Map<String, Value>,
    }

    fn decode(body: &[u8]) -> Result<Payload, String> {
        let Value::Object(body) = serde_json::from_slice(body).map_err(|error| error.to_string())? else {
            return Err("cannot unmarshal into WebhookPayload".into());
        };
        let text = |key: &str| match body.get(key) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(format!("cannot unmarshal {other} into a string")),
        };
        let data = match body.get("data") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(data)) => data.clone(),
            Some(other) => return Err(format!("cannot unmarshal {other} into a map")),
        };
        text("timestamp")?;
        Ok(Payload { event_type: text("event_type")?, data })
    }

    fn string<'a>(data: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
        data.get(key).and_then(Value::as_str).ok_or_else(|| format!("panic: data[{key:?}].(string)"))
    }

    fn float(data: &Map<String, Value>, key: &str) -> Result<f64, String> {
        data.get(key).and_then(Value::as_f64).ok_or_else(|| format!("panic: data[{key:?}].(float64)"))
    }

    /// `webhookHandler`. Returns the line that it logs; the guide does not show its `handleTaskFailed`.
    pub fn webhook_handler(body: &[u8]) -> Result<String, String> {
        let payload = decode(body)?;
        let data = &payload.data;
        match payload.event_type.as_str() {
            "task_started" => Ok(format!("Task {} started", string(data, "task_id")?)),
            "task_completed" => {
                let task = string(data, "task_id")?;
                let result = data.get("result").and_then(Value::as_object).ok_or("panic: data[\"result\"].(map)")?;
                Ok(format!("Task {task} completed with {:.0} chunks", float(result, "chunks_created")?))
            }
            "task_failed" => Ok(format!("Task {} failed", string(data, "task_id")?)),
            _ => match data.get("step") {
                Some(step) => {
                    let step = step.as_str().ok_or("panic: step.(string)")?;
                    let (task, status) = (string(data, "task_id")?, string(data, "status")?);
                    Ok(format!("Task {task} - {step} {status} ({:.1}%)", float(data, "progress_percent")?))
                }
                None => Ok(String::new()),
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_2_go_consumers_logic() {
    let (server, receiver) = tokio::join!(Server::start(), Receiver::start());
    let tasks = submit(&server, &receiver.url).await;
    let received = receiver.wait_until(|received| received.len() >= COMPLETING + FAILING).await;
    let logged: Vec<String> =
        received.iter().map(|one| go::webhook_handler(&one.body).expect("the consumer takes it")).collect();
    let logged: Vec<_> = logged.iter().map(String::as_str).collect();
    let wanted =
        step_lines(&tasks, |task, step, status, percent| format!("Task {task} - {step} {status} ({percent:.1}%)"));
    assert_has_in_order(&logged, &wanted);
    assert_eq!(logged[0], format!("Task {} started", tasks.completed));
    let chunks = &tasks.result["chunks_created"];
    assert_eq!(logged[COMPLETING - 1], format!("Task {} completed with {chunks} chunks", tasks.completed));
    assert_eq!(logged[COMPLETING + FAILING - 1], format!("Task {} failed", tasks.failed));
}

#[test]
fn the_go_logic_here_fails_where_gos_would() {
    let cases = [
        r#"[]"#,
        r#"{"event_type": 1, "data": {}}"#,
        r#"{"event_type": "task_started", "data": {}}"#,
        r#"{"event_type": "task_completed", "data": {"task_id": "t", "result": {"chunks_created": "1"}}}"#,
        r#"{"event_type": "step_started", "data": {"task_id": "t", "step": "s", "status": "started"}}"#,
    ];
    for case in cases {
        assert!(go::webhook_handler(case.as_bytes()).is_err(), "{case}");
    }
}
