//! Every event in every format against JSON written by hand from `docs/http-api.md#webhook-bodies` and the guides.

#[path = "support/task.rs"]
mod task;

use morag_core::Timestamp;
use morag_core::task::{Event, EventKind, StepFailure, TaskRecord};
use morag_core::webhook::{BodyFormat, EndpointId, WebhookUrl, render, view};
use serde_json::{Value, json};
use task::{TASK, endpoint, every_event, object, record};

const AT: &str = "2026-01-31T10:00:00.120Z";
const FORMATS: [BodyFormat; 4] = [BodyFormat::Dual, BodyFormat::Envelope, BodyFormat::Flat, BodyFormat::MoragUi];

fn body(format: BodyFormat, record: &TaskRecord, event: &Event) -> Value {
    let bytes = render(&endpoint(format), record, event);
    let body: Value = serde_json::from_slice(&bytes).expect("JSON");
    assert_eq!(body, view(format, record, event), "what is sent is what is shown");
    body
}

fn is_enveloped(format: BodyFormat, event: &Event) -> bool {
    matches!(format, BodyFormat::Dual | BodyFormat::Envelope) || !event.kind.is_step_event()
}

#[track_caller]
fn same_in_all_formats(event: &Event, expected: &Value) {
    for format in FORMATS {
        assert_eq!(&body(format, &record(), event), expected, "{format:?}");
    }
}

#[track_caller]
fn step_bodies(event: &Event, dual: &Value, envelope: &Value, flat: &Value) {
    for (format, expected) in FORMATS.into_iter().zip([dual, envelope, flat, flat]) {
        assert_eq!(&body(format, &record(), event), expected, "{format:?}");
    }
}

/// `metadata` of every task event of the test's task.
fn metadata() -> Value {
    json!({
        "source_type": "document",
        "webhook_url": "https://your-app.com/webhook?redacted",
        "document_id": "my-document-456",
        "collection_name": "documents_en",
        "language": "en",
        "project": "alpha", "tags": ["a", "b"], "score": 0.30000000000000004
    })
}

#[test]
fn task_started() {
    let expected = json!({
        "event_type": "task_started",
        "timestamp": AT,
        "data": {
            "task_id": TASK,
            "document_id": "my-document-456",
            "status": "started",
            "progress": 0.0,
            "progress_percent": 0.0,
            "message": "Task processing started",
            "metadata": metadata(),
        }
    });
    same_in_all_formats(&task::task_started(), &expected);
}

#[test]
fn task_progress() {
    let mut metadata = object(metadata());
    metadata.extend(object(json!({"stage": "content_processing", "current_step": "content_processing"})));
    let expected = json!({
        "event_type": "task_progress",
        "timestamp": AT,
        "data": {
            "task_id": TASK,
            "document_id": "my-document-456",
            "status": "progress",
            "progress": 0.5,
            "progress_percent": 50.0,
            "step": "content_processing",
            "message": "Processing: 50% reached in content_processing",
            "metadata": metadata,
        }
    });
    same_in_all_formats(&task::task_progress(), &expected);
}

#[test]
fn task_completed() {
    let expected = json!({
        "event_type": "task_completed",
        "timestamp": AT,
        "data": {
            "task_id": TASK,
            "document_id": "my-document-456",
            "status": "completed",
            "progress": 1.0,
            "progress_percent": 100.0,
            "message": "Task completed successfully",
            "result": {
                "embeddings_stored": 156,
                "chunks_created": 89,
                "facts_extracted": 312,
                "entities_extracted": 234,
                "relations_extracted": 156,
                "processing_time_seconds": 45.2,
                "processing_time": 45.2,
                "database_collection": "documents_en",
                "storage_summary": {"qdrant_points": 156}
            },
            "metadata": metadata(),
        }
    });
    same_in_all_formats(&task::task_completed(), &expected);
}

#[test]
fn task_failed() {
    let expected = json!({
        "event_type": "task_failed",
        "timestamp": AT,
        "data": {
            "task_id": TASK,
            "document_id": "my-document-456",
            "status": "failed",
            "progress": 0.1,
            "progress_percent": 10.0,
            "message": "Task failed during content processing",
            "error": "Unsupported file format: .xyz files cannot be converted to markdown",
            "error_details": {
                "stage": "content_processing",
                "step": "markdown_conversion",
                "error_code": "UNSUPPORTED_FORMAT",
                "retryable": false,
                "attempted_format": "xyz",
                "supported_formats": ["pdf", "docx"]
            },
            "metadata": metadata(),
        }
    });
    same_in_all_formats(&task::task_failed(), &expected);
}

#[test]
fn task_cancelled() {
    let expected = json!({
        "event_type": "task_cancelled",
        "timestamp": AT,
        "data": {
            "task_id": TASK,
            "document_id": "my-document-456",
            "status": "cancelled",
            "progress": 0.725,
            "progress_percent": 72.5,
            "message": "Task was cancelled",
            "metadata": metadata(),
        }
    });
    same_in_all_formats(&task::task_cancelled(), &expected);
}

#[test]
fn step_started() {
    let dual = json!({
        "event_type": "step_started",
        "timestamp": AT,
        "task_id": TASK,
        "document_id": "my-document-456",
        "step": "markdown_conversion",
        "status": "started",
        "progress_percent": 0.0,
        "data": {
            "task_id": TASK,
            "document_id": "my-document-456",
            "step": "markdown_conversion",
            "status": "started",
            "progress_percent": 0.0,
            "timestamp": AT
        }
    });
    let envelope = json!({
        "event_type": "step_started",
        "timestamp": AT,
        "data": {
            "task_id": TASK,
            "document_id": "my-document-456",
            "step": "markdown_conversion",
            "status": "started",
            "progress_percent": 0.0,
            "timestamp": AT
        }
    });
    let flat = json!({
        "task_id": TASK,
        "document_id": "my-document-456",
        "step": "markdown_conversion",
        "status": "started",
        "progress_percent": 0.0,
        "timestamp": AT
    });
    step_bodies(&task::step_started(), &dual, &envelope, &flat);
}

#[test]
fn step_completed() {
    let url = format!("/api/files/temp/{TASK}/markdown.md");
    let dual = json!({
        "event_type": "step_completed",
        "timestamp": AT,
        "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
        "status": "completed", "progress_percent": 25.0,
        "data": {
            "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
            "status": "completed", "progress_percent": 25.0, "timestamp": AT,
            "markdown_file_url": url,
            "conversion_metadata": {"original_format": "pdf", "page_count": null, "conversion_time_seconds": 12.3},
            "data": {
                "markdown_file_url": url,
                "conversion_metadata": {"original_format": "pdf", "page_count": null, "conversion_time_seconds": 12.3}
            }
        }
    });
    let envelope = json!({
        "event_type": "step_completed",
        "timestamp": AT,
        "data": {
            "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
            "status": "completed", "progress_percent": 25.0, "timestamp": AT,
            "markdown_file_url": url,
            "conversion_metadata": {"original_format": "pdf", "page_count": null, "conversion_time_seconds": 12.3},
            "data": {
                "markdown_file_url": url,
                "conversion_metadata": {"original_format": "pdf", "page_count": null, "conversion_time_seconds": 12.3}
            }
        }
    });
    let flat = json!({
        "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
        "status": "completed", "progress_percent": 25.0, "timestamp": AT,
        "data": {
            "markdown_file_url": url,
            "conversion_metadata": {"original_format": "pdf", "page_count": null, "conversion_time_seconds": 12.3}
        }
    });
    step_bodies(&task::step_completed(), &dual, &envelope, &flat);
}

#[test]
fn step_failed() {
    let message = "Unsupported file format: .xyz files cannot be converted to markdown";
    let dual = json!({
        "event_type": "step_failed",
        "timestamp": AT,
        "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
        "status": "failed", "progress_percent": 10.0, "error_message": message,
        "data": {
            "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
            "status": "failed", "progress_percent": 10.0, "timestamp": AT, "error_message": message,
            "error_code": "UNSUPPORTED_FORMAT", "attempted_format": "xyz", "supported_formats": ["pdf", "docx"],
            "data": {
                "error_code": "UNSUPPORTED_FORMAT", "attempted_format": "xyz", "supported_formats": ["pdf", "docx"]
            }
        }
    });
    let envelope = json!({
        "event_type": "step_failed",
        "timestamp": AT,
        "data": {
            "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
            "status": "failed", "progress_percent": 10.0, "timestamp": AT, "error_message": message,
            "error_code": "UNSUPPORTED_FORMAT", "attempted_format": "xyz", "supported_formats": ["pdf", "docx"],
            "data": {
                "error_code": "UNSUPPORTED_FORMAT", "attempted_format": "xyz", "supported_formats": ["pdf", "docx"]
            }
        }
    });
    let flat = json!({
        "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
        "status": "failed", "progress_percent": 10.0, "timestamp": AT, "error_message": message,
        "data": {
            "error_code": "UNSUPPORTED_FORMAT", "attempted_format": "xyz", "supported_formats": ["pdf", "docx"]
        }
    });
    step_bodies(&task::step_failed(), &dual, &envelope, &flat);
}

/// The body of a step event in each format, from the fields of the guide's StepWebhook and the step-specific keys.
#[track_caller]
fn assert_step_bodies(event: &Event, event_type: &str, fields: &Value, specific: &Value) {
    let with = |base: &Value, more: &Value| {
        let mut all = object(base.clone());
        all.extend(object(more.clone()));
        Value::Object(all)
    };
    let nested = with(&with(fields, &json!({"timestamp": AT, "data": specific})), specific);
    let envelope = json!({"event_type": event_type, "timestamp": AT, "data": nested});
    let flat = with(fields, &json!({"timestamp": AT, "data": specific}));
    step_bodies(event, &with(&envelope, fields), &envelope, &flat);
}

#[test]
fn step_retrying() {
    let fields = json!({
        "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
        "status": "retrying", "progress_percent": 10.0,
        "error_message": "Unsupported file format: .xyz files cannot be converted to markdown",
    });
    let specific = json!({
        "error_code": "UNSUPPORTED_FORMAT", "attempted_format": "xyz", "supported_formats": ["pdf", "docx"],
        "retry": 1, "retries_max": 3, "retry_delay_seconds": 1.5
    });
    assert_step_bodies(&task::step_retrying(), "step_retrying", &fields, &specific);
}

#[test]
fn step_skipped() {
    let fields = json!({
        "task_id": TASK, "document_id": "my-document-456", "step": "markdown_conversion",
        "status": "skipped", "progress_percent": 25.0
    });
    assert_step_bodies(&task::step_skipped(), "step_skipped", &fields, &json!({"skip_reason": "condition_not_met"}));
}

fn completed(step: &str, data: Value) -> Event {
    let (step, stage) = (step.to_owned(), "stage".to_owned());
    let kind =
        EventKind::StepCompleted { step, stage, data: object(data), artifacts: vec![], resources: task::resources() };
    task::event(3, 30.0, "done", kind)
}

#[test]
fn an_envelope_key_wins_unnested_and_the_steps_is_kept_nested() {
    let own = json!({
        "task_id": "mine", "document_id": 7, "step": [], "status": "odd", "progress_percent": 900, "timestamp": "never",
        "error_message": "none", "data": "text", "harmless": 1
    });
    let body = body(BodyFormat::Dual, &record(), &completed("chunking", own.clone()));
    let expected = json!({
        "task_id": TASK, "document_id": "my-document-456", "step": "chunking",
        "status": "completed", "progress_percent": 30.0, "timestamp": AT,
        "harmless": 1,
        "data": own
    });
    assert_eq!(body["data"], expected);
    assert_eq!(body["task_id"], TASK);
    assert_eq!(body.get("error_message"), None);
    assert_eq!(body.get("harmless"), None, "the top has the fields of the guide's StepWebhook only");
}

#[test]
fn a_key_that_the_guides_schema_types_is_unnested_only_with_that_type() {
    let odd = json!({"message": 5, "result": "x", "metadata": []});
    let body = body(BodyFormat::Envelope, &record(), &completed("custom", odd.clone()));
    assert_eq!(body["data"]["data"], odd);
    for key in ["message", "result", "metadata"] {
        assert_eq!(body["data"].get(key), None, "{key}");
    }
    let fit = json!({"message": "m", "result": {"r": 1}, "metadata": {"title": null}});
    let body = self::body(BodyFormat::Envelope, &record(), &completed("custom", fit.clone()));
    for key in ["message", "result", "metadata"] {
        assert_eq!(body["data"][key], fit[key], "{key}");
    }
}

#[test]
fn morag_ui_is_flat_takes_step_events_only_and_calls_ingestion_ingestor() {
    let mut endpoint = endpoint(BodyFormat::MoragUi);
    endpoint.events = Default::default();
    for event in every_event() {
        assert_eq!(endpoint.takes(&event), event.kind.event_type().starts_with("step_"), "{:?}", event.kind);
    }
    let event = completed("ingestion", json!({"chunks_ingested": 89}));
    let flat = json!({
        "task_id": TASK, "document_id": "my-document-456", "step": "ingestion",
        "status": "completed", "progress_percent": 30.0, "timestamp": AT, "data": {"chunks_ingested": 89}
    });
    assert_eq!(body(BodyFormat::Flat, &record(), &event), flat);
    let mut renamed = flat;
    renamed["step"] = json!("ingestor");
    assert_eq!(body(BodyFormat::MoragUi, &record(), &event), renamed);
}

#[test]
fn an_endpoint_takes_what_it_chose() {
    let endpoint = endpoint(BodyFormat::Dual);
    let taken: Vec<_> =
        every_event().iter().filter(|event| endpoint.takes(event)).map(|event| event.kind.event_type()).collect();
    assert_eq!(taken, ["step_completed", "task_failed"]);
}

#[test]
fn no_body_tells_a_secret() {
    for event in every_event() {
        for format in FORMATS {
            let text = String::from_utf8(render(&endpoint(format), &record(), &event)).unwrap();
            for secret in ["query-secret", "bearer-secret", "header-secret"] {
                assert!(!text.contains(secret), "{format:?} {text}");
            }
        }
    }
    assert!("https://user:pw@example.com/hook".parse::<WebhookUrl>().is_err(), "credentials never get this far");
}

#[test]
fn the_webhook_url_of_the_metadata_is_the_tasks_own_or_null() {
    let mut record = record();
    record.endpoints[0].id = EndpointId::from("operator".to_owned());
    assert_eq!(body(BodyFormat::Dual, &record, &task::task_started())["data"]["metadata"]["webhook_url"], Value::Null);
    record.endpoints.clear();
    assert_eq!(body(BodyFormat::Dual, &record, &task::task_started())["data"]["metadata"]["webhook_url"], Value::Null);
}

#[test]
fn the_callers_metadata_cannot_take_the_place_of_ours() {
    let mut record = record();
    record.language = None;
    record.metadata = object(json!({
        "source_type": "x", "webhook_url": "x", "document_id": "x", "collection_name": "x", "language": "x",
        "stage": "x", "current_step": "x", "own": "y"
    }))
    .into();
    let started = body(BodyFormat::Dual, &record, &task::task_started());
    let expected = json!({
        "source_type": "document", "webhook_url": "https://your-app.com/webhook?redacted",
        "document_id": "my-document-456", "collection_name": "documents_en", "language": null,
        "stage": "x", "current_step": "x", "own": "y"
    });
    assert_eq!(started["data"]["metadata"], expected);
    let progress = body(BodyFormat::Dual, &record, &task::task_progress());
    assert_eq!(progress["data"]["metadata"]["stage"], "content_processing");
    assert_eq!(progress["data"]["metadata"]["current_step"], "content_processing");
}

#[test]
fn a_step_cannot_take_the_place_of_the_error_details() {
    let failure = StepFailure {
        code: "REAL".into(),
        message: "why".into(),
        details: object(json!({"error_code": "FAKE", "stage": "s", "step": "t", "retryable": "r", "more": 1})),
        retryable: true,
    };
    let (step, stage) = ("chunking".to_owned(), "chunking".to_owned());
    let kind = EventKind::TaskFailed { step: step.clone(), stage: stage.clone(), failure: failure.clone() };
    let body = body(BodyFormat::Dual, &record(), &task::event(1, 10.0, "m", kind));
    let expected = json!({"stage": "chunking", "step": "chunking", "error_code": "REAL", "retryable": true, "more": 1});
    assert_eq!(body["data"]["error_details"], expected);

    let kind = EventKind::StepFailed { step, stage, failure, resources: task::resources() };
    let body = self::body(BodyFormat::Dual, &record(), &task::event(1, 10.0, "m", kind));
    assert_eq!(body["data"]["error_code"], "REAL");
    assert_eq!(
        body["data"]["data"],
        json!({"error_code": "REAL", "stage": "s", "step": "t", "retryable": "r", "more": 1})
    );
    assert_eq!((&body["step"], &body["data"]["step"]), (&json!("chunking"), &json!("chunking")));
}

#[test]
fn timestamps_have_three_fraction_digits() {
    for (millis, text) in [
        (1_769_853_600_000, "2026-01-31T10:00:00.000Z"),
        (1_769_853_600_001, "2026-01-31T10:00:00.001Z"),
        (1_769_853_600_100, "2026-01-31T10:00:00.100Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
    ] {
        for event in every_event() {
            let event = Event { timestamp: Timestamp::from_millis(millis), ..event };
            for format in FORMATS {
                let body = body(format, &record(), &event);
                assert_eq!(body["timestamp"], text);
                if is_enveloped(format, &event) && event.kind.is_step_event() {
                    assert_eq!(body["data"]["timestamp"], text);
                }
            }
        }
    }
}
