//! The guide's `WEBHOOK_SCHEMA` and `validate_webhook`, and what its `WebhookProcessor` refuses, as rules of our own.

use morag_core::Timestamp;
use serde_json::Value;

/// What is wrong with a body; nothing, when a consumer of the guide takes it.
pub fn validate(body: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let mut check = |holds: bool, rule: &str| {
        if !holds {
            errors.push(rule.to_owned());
        }
    };
    check(body.is_object(), "a body is an object");
    check(body["event_type"].is_string(), "event_type is a string");
    check(body["timestamp"].as_str().is_some_and(is_time), "timestamp is RFC 3339 with three fraction digits and Z");
    let data = &body["data"];
    check(data.is_object(), "data is an object");
    check(data["task_id"].is_string(), "data.task_id is a string");
    check(data["status"].is_string(), "data.status is a string");
    type Fits = fn(&Value) -> bool;
    let typed: [(&str, Fits); 7] = [
        ("step", Value::is_string),
        ("progress_percent", |value| value.as_f64().is_some_and(|percent| (0.0..=100.0).contains(&percent))),
        ("message", Value::is_string),
        ("error_message", Value::is_string),
        ("data", Value::is_object),
        ("result", Value::is_object),
        ("metadata", Value::is_object),
    ];
    for (key, fits) in typed {
        check(data.get(key).is_none_or(fits), &format!("data.{key}, where there is one, has the schema's type"));
    }
    let is = |event_type| body["event_type"] == event_type;
    check(!is("task_completed") || data["status"] == "completed", "a completed task's status says so");
    // What the guide's consumers read without asking: by the kind of event.
    let known = is("task_started") || is("task_completed") || is("task_failed");
    // `WebhookProcessor` raises for an event that is none of these and has no step; of ours, only task_cancelled.
    check(known || is("task_cancelled") || data["step"].is_string(), "an event of no other kind has a step");
    if data.get("step").is_some() && !known {
        check(data["progress_percent"].is_number(), "a step's progress_percent is a number");
    }
    if is("task_completed") {
        check(data["result"]["chunks_created"].is_number(), "the Go consumer needs a number of chunks");
    }
    errors
}

fn is_time(text: &str) -> bool {
    text.len() == 24 && text.parse::<Timestamp>().is_ok_and(|time| time.to_string() == text)
}
