//! Bodies of deliveries (`docs/http-api.md#webhook-bodies`). Rendered when sent, so that nothing is stored twice.

use super::{BodyFormat, Endpoint, redact};
use crate::JsonObject;
use crate::task::{Event, EventKind, StepFailure, TaskRecord};
use serde_json::{Value, json};

/// The body of an event for an endpoint, as the bytes that are signed and sent.
pub fn render(endpoint: &Endpoint, record: &TaskRecord, event: &Event) -> Vec<u8> {
    view(endpoint.format, record, event).to_string().into_bytes()
}

/// The body of an event in a format, as JSON.
pub fn view(format: BodyFormat, record: &TaskRecord, event: &Event) -> Value {
    match (event.kind.is_step_event(), format) {
        (false, _) => envelope(event, task_data(record, event)),
        (true, BodyFormat::Envelope) => envelope(event, nested_step_data(record, event)),
        (true, BodyFormat::Dual) => {
            let mut body = JsonObject::new();
            body.insert("event_type".into(), json!(event.kind.event_type()));
            body.insert("timestamp".into(), json!(event.timestamp));
            for (key, value) in step_fields(record, event) {
                body.entry(key).or_insert(value);
            }
            body.insert("data".into(), Value::Object(nested_step_data(record, event)));
            Value::Object(body)
        }
        (true, BodyFormat::Flat | BodyFormat::MoragUi) => Value::Object(flat_step(format, record, event)),
    }
}

fn envelope(event: &Event, data: JsonObject) -> Value {
    json!({ "event_type": event.kind.event_type(), "timestamp": event.timestamp, "data": data })
}

/// Fields of the guide's StepWebhook except `data`.
fn step_fields(record: &TaskRecord, event: &Event) -> JsonObject {
    let mut fields = JsonObject::new();
    fields.insert("task_id".into(), json!(record.id));
    fields.insert("document_id".into(), json!(record.document_id));
    fields.insert("step".into(), json!(event.kind.place().map(|(step, _)| step)));
    fields.insert("status".into(), json!(event.kind.status()));
    fields.insert("progress_percent".into(), json!(event.progress_percent));
    fields.insert("timestamp".into(), json!(event.timestamp));
    if let EventKind::StepFailed { failure, .. } | EventKind::StepRetrying { failure, .. } = &event.kind {
        fields.insert("error_message".into(), json!(failure.message));
    }
    fields
}

/// The step-specific keys, if the event has any.
fn step_specific(event: &Event) -> Option<JsonObject> {
    match &event.kind {
        EventKind::StepCompleted { data, .. } => Some(data.clone()),
        EventKind::StepFailed { failure, .. } => Some(with_details(failure, JsonObject::new())),
        EventKind::StepRetrying { failure, retry_number, retries_max, delay_ms, .. } => {
            let mut data = JsonObject::new();
            data.insert("retry".into(), json!(retry_number));
            data.insert("retries_max".into(), json!(retries_max));
            data.insert("retry_delay_seconds".into(), json!(*delay_ms as f64 / 1000.0));
            Some(with_details(failure, data))
        }
        EventKind::StepSkipped { reason, .. } => {
            let mut data = JsonObject::new();
            data.insert("skip_reason".into(), json!(reason));
            Some(data)
        }
        _ => None,
    }
}

/// Adds our keys of a failure, then those of the step with other names.
fn with_details(failure: &StepFailure, mut data: JsonObject) -> JsonObject {
    data.insert("error_code".into(), json!(failure.code));
    for (key, value) in &failure.details {
        data.entry(key.clone()).or_insert_with(|| value.clone());
    }
    data
}

/// The envelope's `data` of a step event: its fields, the step-specific keys unnested unless they collide, and all of them
/// nested under `data`.
fn nested_step_data(record: &TaskRecord, event: &Event) -> JsonObject {
    let mut data = step_fields(record, event);
    if let Some(specific) = step_specific(event) {
        for (key, value) in &specific {
            if may_unnest(key, value) && !data.contains_key(key) {
                data.insert(key.clone(), value.clone());
            }
        }
        data.insert("data".into(), Value::Object(specific));
    }
    data
}

/// Whether a step-specific key may be placed beside the envelope's. Two keys are reserved for the envelope even in events
/// without them; three have a type in the guide's JSON Schema, which validating consumers enforce.
fn may_unnest(key: &str, value: &Value) -> bool {
    match key {
        "data" | "error_message" => false,
        "message" => value.is_string(),
        "result" | "metadata" => value.is_object(),
        _ => true,
    }
}

fn flat_step(format: BodyFormat, record: &TaskRecord, event: &Event) -> JsonObject {
    let mut body = step_fields(record, event);
    if format == BodyFormat::MoragUi && body.get("step").and_then(Value::as_str) == Some("ingestion") {
        body.insert("step".into(), json!("ingestor"));
    }
    if let Some(specific) = step_specific(event) {
        body.insert("data".into(), Value::Object(specific));
    }
    body
}

fn task_data(record: &TaskRecord, event: &Event) -> JsonObject {
    let mut data = JsonObject::new();
    data.insert("task_id".into(), json!(record.id));
    data.insert("document_id".into(), json!(record.document_id));
    data.insert("status".into(), json!(event.kind.status()));
    data.insert("progress".into(), json!(event.progress_percent / 100.0));
    data.insert("progress_percent".into(), json!(event.progress_percent));
    data.insert("message".into(), json!(event.message));
    let mut metadata = task_metadata(record);
    match &event.kind {
        EventKind::TaskProgress { step, stage, .. } => {
            data.insert("step".into(), json!(step));
            metadata.insert("stage".into(), json!(stage));
            metadata.insert("current_step".into(), json!(step));
        }
        EventKind::TaskCompleted { result } => {
            data.insert("result".into(), json!(result));
        }
        EventKind::TaskFailed { step, stage, failure } => {
            data.insert("error".into(), json!(failure.message));
            data.insert("error_details".into(), error_details(step, stage, failure));
        }
        _ => {}
    }
    data.insert("metadata".into(), Value::Object(metadata));
    data
}

/// `error_details` of a failed task, in webhooks and in the status body.
pub fn error_details(step: &str, stage: &str, failure: &StepFailure) -> Value {
    let mut details = JsonObject::new();
    details.insert("stage".into(), json!(stage));
    details.insert("step".into(), json!(step));
    details.insert("error_code".into(), json!(failure.code));
    details.insert("retryable".into(), json!(failure.retryable));
    for (key, value) in &failure.details {
        details.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(details)
}

/// `metadata` of task events: our keys, then the caller's keys with other names.
fn task_metadata(record: &TaskRecord) -> JsonObject {
    let mut metadata = JsonObject::new();
    metadata.insert("source_type".into(), json!(record.source.source_type));
    let own = record.endpoints.iter().find(|endpoint| endpoint.id == super::EndpointId::of_task());
    metadata.insert("webhook_url".into(), json!(own.map(|endpoint| redact(endpoint.url.as_url()))));
    metadata.insert("document_id".into(), json!(record.document_id));
    metadata.insert("collection_name".into(), json!(record.collection));
    metadata.insert("language".into(), json!(record.language));
    for (key, value) in record.metadata.to_object() {
        metadata.entry(key).or_insert(value);
    }
    metadata
}
