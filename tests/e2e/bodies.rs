//! Shared checks: the guides' own consumer, and the history.

use morag_tests::server::{Server, python};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Feeds bodies to the guides' consumer, which must accept each of them. Returns its output.
pub fn consume(bodies: &[Value]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/guide_consumer.py");
    let mut command = Command::new(python());
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python starts");
    let mut input = child.stdin.take().expect("a pipe");
    for body in bodies {
        writeln!(input, "{body}").expect("Python reads");
    }
    drop(input);
    let output = child.wait_with_output().expect("Python ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    let said: Value = serde_json::from_str(&said).expect("one JSON object");
    assert_eq!(said["bodies"], bodies.len());
    said
}

/// Event types of a task's history, oldest first; both orders must agree.
pub async fn history_types(server: &Server, task: &str) -> Vec<String> {
    let types = |history: &Value| -> Vec<String> {
        let events = history["history"].as_array().expect("a list");
        events.iter().map(|event| event["event_type"].as_str().expect("a type").to_owned()).collect()
    };
    let newest_first = server.get(&format!("/api/v1/status/{task}/history")).await;
    let oldest_first = types(&server.get(&format!("/api/v1/status/{task}/history?order=asc")).await);
    let mut reversed = types(&newest_first);
    reversed.reverse();
    assert_eq!(reversed, oldest_first);
    assert_eq!(newest_first["event_count"], oldest_first.len());
    oldest_first
}

/// Whether every key of `part` is in `whole` with the same value.
pub fn is_subset(part: &Value, whole: &Value) -> bool {
    part.as_object().is_some_and(|part| part.iter().all(|(key, value)| whole[key] == *value))
}
