//! Log lines about tasks and deliveries, as an operator's tools read them.

use morag_tests::fleet::{Fleet, wait_for};
use morag_tests::redis::free_port;
use morag_tests::server::{API_KEY, client};
use reqwest::multipart;
use serde_json::Value;

/// The log line with a message.
fn line(fleet: &Fleet, message: &str) -> Option<Value> {
    let lines = fleet.log_lines_with(message);
    lines
        .iter()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|line: &Value| line["fields"]["message"] == message)
}

/// A field of a span around a line.
fn of_span<'a>(line: &'a Value, span: &str, field: &str) -> &'a Value {
    let spans = line["spans"].as_array().expect("spans");
    &spans.iter().find(|one| one["name"] == span).unwrap_or_else(|| panic!("no span {span}: {line}"))[field]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_task_durations_and_webhook_errors() {
    // The spans exist at any log level.
    let settings = [
        ("MORAG_LOG_FORMAT", "json"),
        ("RUST_LOG", "warn,morag_engine::tasks=info"),
        ("WEBHOOK_MAX_RETRIES", "1"),
        ("WEBHOOK_RETRY_DELAY", "10ms"),
    ];
    let mut fleet = Fleet::new(&settings);
    fleet.start("api,worker,dispatcher").await;
    let part = multipart::Part::bytes(morag_fixtures::one_page_markdown(1)).file_name("note.md");
    let nobody = format!("http://127.0.0.1:{}/hook", free_port());
    let form = multipart::Form::new().part("file", part).text("webhook_url", nobody);
    let url = format!("{}/api/v1/ingest/file", fleet.api_urls().swap_remove(0));
    let answer = client().post(url).bearer_auth(API_KEY).multipart(form).send().await.expect("an answer");
    let body: Value = answer.json().await.expect("a JSON body");
    let task = body["task_id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned();

    let completed = wait_for(|| line(&fleet, "task completed")).await.expect("the task completes");
    let fields = &completed["fields"];
    assert_eq!(fields["file"], "note.md");
    assert!(fields["total_ms"].is_u64(), "{completed}");
    let steps: Vec<_> = fields["steps"].as_str().expect("a text").split(' ').collect();
    assert_eq!(steps.len(), 6, "{completed}");
    let is_time = |step: &str| {
        let (name, time) = step.split_once('=')?;
        time.strip_suffix("ms")?.parse::<u64>().ok().filter(|_| !name.is_empty())
    };
    assert!(steps.iter().all(|step| is_time(step).is_some()), "{completed}");
    assert_eq!(of_span(&completed, "task", "task"), task.as_str());

    for message in ["webhook failed", "webhook given up"] {
        let failed = wait_for(|| line(&fleet, message)).await.unwrap_or_else(|| panic!("no line {message:?}"));
        assert_eq!(failed["fields"]["error"], "connect", "{failed}");
        assert_eq!(failed["fields"]["event"], "task_started", "{failed}");
        assert!(failed["fields"].get("status").is_none(), "{failed}");
        assert_eq!(of_span(&failed, "delivery", "task"), task.as_str());
        assert_eq!(of_span(&failed, "delivery", "endpoint"), "task");
        assert_eq!(of_span(&failed, "attempt", "delivery"), 1);
    }
    let text = fleet.log_lines_with("").join("\n");
    assert!(!text.contains("Some("), "no debug text of Rust: {text}");
}
