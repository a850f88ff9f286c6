//! What stores keep must be read again: by this version exactly as it was written, by this version when a later one has
//! added fields, and by later versions, which is what the golden texts are for. Where one of them fails, either the
//! change was not meant, or it needs a default and an example of the old text beside the new.

#[path = "support/task.rs"]
mod task;

use morag_core::pipeline::{Condition, OnFailure, Pipeline, Retries, StepDefinition};
use morag_core::ports::{AttemptRecord, DeliveryState};
use morag_core::task::{Artifact, Event, EventKind, Resources, Retry, StatusWord, TaskRecord};
use morag_core::webhook::{AttemptOutcome, BodyFormat, Endpoint, ErrorClass, view};
use morag_core::{JSON_DEPTH_MAX, JsonObject, Timestamp, is_depth_allowed};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;
use task::{TASK, endpoint, every_event, record};

/// Writes and reads it as stores do: as text.
fn again<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let text = serde_json::to_string(value).expect("it can be written");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// The value is written as `golden`, and `golden` is read as the value, with fields of a later version in every object
/// of ours (those under `theirs` are the callers' and steps' own).
#[track_caller]
fn golden<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, golden: Value, theirs: &[&str]) {
    assert_eq!(serde_json::to_value(value).expect("it can be written"), golden);
    assert_eq!(&again(value), value);
    let mut later = golden;
    add_fields(&mut later, theirs);
    let read: T = serde_json::from_str(&later.to_string()).unwrap_or_else(|error| panic!("{error} in {later}"));
    assert_eq!(&read, value, "read from {later}");
}

fn add_fields(value: &mut Value, theirs: &[&str]) {
    match value {
        Value::Object(object) => {
            for (_, inner) in object.iter_mut().filter(|(key, _)| !theirs.contains(&key.as_str())) {
                add_fields(inner, theirs);
            }
            object.insert("added_later".into(), json!({"a": [1, null, "x"]}));
            object.insert("added_too".into(), json!(1.5));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| add_fields(item, theirs)),
        _ => {}
    }
}

/// Fields whose keys are not ours.
const THEIRS: [&str; 9] = ["config", "options", "metadata", "headers", "data", "details", "result", "tags", "replaces"];

#[test]
fn a_task_record() {
    let expected = json!({
        "id": TASK,
        "document_id": "my-document-456",
        "pipeline": {
            "name": "two",
            "steps": [
                {
                    "name": "markdown_conversion", "component": "markdown_conversion", "stage": "content_processing",
                    "weight": 25, "config": {}
                },
                {
                    "name": "metadata_extraction", "component": "metadata_extraction", "stage": "content_processing",
                    "weight": 15, "config": {}
                }
            ]
        },
        "source": {
            "stored_as": "original.pdf",
            "file_name": "Report 2026.pdf",
            "media_type": "application/pdf",
            "size": 1048576,
            "sha256": "abababababababababababababababababababababababababababababababab",
            "source_type": "document"
        },
        "collection": "documents_en",
        "language": "en",
        "replace_existing": true,
        "options": {"chunk_size": 512, "chunking_strategy": "semantic"},
        "metadata": {"project": "alpha", "tags": ["a", "b"], "score": 0.30000000000000004},
        "endpoints": [{
            "id": "task",
            "url": "https://your-app.com/webhook?token=query-secret",
            "auth_token": "bearer-secret",
            "format": "dual",
            "events": ["step_completed", "task_failed"],
            "headers": {"X-Tenant": "header-secret"}
        }],
        "created_at": "2026-01-31T09:59:59.500Z"
    });
    golden(&record(), expected.clone(), &THEIRS);
    let traced = TaskRecord { trace: Some(TRACE.parse().expect("a traceparent")), ..record() };
    let mut with_trace = expected;
    with_trace["trace"] = json!(TRACE);
    golden(&traced, with_trace, &THEIRS);
}

/// A span as it is stored: what the header `traceparent` has.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_pipeline_of_an_operators_own() {
    let globs = ["application/pdf", "text/*"].map(|glob| glob.parse().expect("a media type")).to_vec();
    let when = Condition::new(globs, task::object(json!({"confidential": true}))).expect("a condition");
    let retries = Retries::new(3, Duration::from_millis(1_500)).expect("few enough");
    let steps = vec![
        StepDefinition { on_failure: OnFailure::Retry(retries), ..StepDefinition::plain("convert", "c", "s", 1) },
        StepDefinition {
            config: task::object(json!({"kinds": ["email"]})),
            when,
            on_failure: OnFailure::Skip,
            optional: true,
            replaces: [("markdown.md".parse().expect("a name"), "redacted.md".parse().expect("a name"))].into(),
            ..StepDefinition::plain("redact", "redact", "content_processing", 5)
        },
        StepDefinition { alternatives: vec!["b".into(), "c".into()], ..StepDefinition::plain("several", "a", "s", 1) },
    ];
    let expected = json!({
        "name": "redacted",
        "steps": [
            {
                "name": "convert", "component": "c", "stage": "s", "weight": 1, "config": {},
                "on_failure": {"action": "retry", "times": 3, "delay_ms": 1500}
            },
            {
                "name": "redact", "component": "redact", "stage": "content_processing", "weight": 5,
                "config": {"kinds": ["email"]},
                "when": {"media_type": ["application/pdf", "text/*"], "metadata": {"confidential": true}},
                "on_failure": {"action": "skip"}, "optional": true, "replaces": {"markdown.md": "redacted.md"}
            },
            {
                "name": "several", "component": "a", "alternatives": ["b", "c"], "stage": "s", "weight": 1, "config": {}
            }
        ]
    });
    golden(&Pipeline::new("redacted", steps).expect("a pipeline"), expected, &THEIRS);
}

const AT: &str = "2026-01-31T10:00:00.120Z";

fn stored_resources() -> Value {
    json!({
        "wall_ms": 12, "cpu_ms": 9, "peak_memory_bytes": 4194304, "host_calls": 3, "bytes_in": 100, "bytes_out": 50,
        "http_requests": 0, "log_lines": 0, "log_bytes": 0
    })
}

#[test]
fn resources_of_a_log_of_before() {
    let old = json!({
        "wall_ms": 12, "cpu_ms": 9, "peak_memory_bytes": 4194304, "host_calls": 3, "bytes_in": 100, "bytes_out": 50
    });
    assert_eq!(serde_json::from_value::<Resources>(old).unwrap(), task::resources());
}

fn stored_failure() -> Value {
    json!({
        "code": "UNSUPPORTED_FORMAT",
        "message": "Unsupported file format: .xyz files cannot be converted to markdown",
        "details": {"attempted_format": "xyz", "supported_formats": ["pdf", "docx"]},
        "retryable": false
    })
}

#[test]
fn an_event_of_each_kind() {
    let expected = [
        json!({
            "sequence": 1, "timestamp": AT, "progress_percent": 0.0, "message": "Task processing started",
            "event_type": "task_started"
        }),
        json!({
            "sequence": 2, "timestamp": AT, "progress_percent": 0.0, "message": "Step markdown_conversion started",
            "event_type": "step_started", "step": "markdown_conversion", "stage": "content_processing"
        }),
        json!({
            "sequence": 3, "timestamp": AT, "progress_percent": 25.0, "message": "Step markdown_conversion completed",
            "event_type": "step_completed", "step": "markdown_conversion", "stage": "content_processing",
            "data": {
                "markdown_file_url": "/api/files/temp/0f8fad5b-d9cb-469f-a165-70867728950e/markdown.md",
                "conversion_metadata": {"original_format": "pdf", "page_count": null, "conversion_time_seconds": 12.3}
            },
            "artifacts": [{
                "name": "markdown.md", "media_type": "text/markdown", "size": 50,
                "sha256": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
            }],
            "resources": stored_resources()
        }),
        json!({
            "sequence": 4, "timestamp": AT, "progress_percent": 50.0,
            "message": "Processing: 50% reached in content_processing",
            "event_type": "task_progress", "milestone": 50, "step": "content_processing", "stage": "content_processing"
        }),
        json!({
            "sequence": 5, "timestamp": AT, "progress_percent": 10.0, "message": "Step markdown_conversion failed",
            "event_type": "step_failed", "step": "markdown_conversion", "stage": "content_processing",
            "failure": stored_failure(), "resources": stored_resources()
        }),
        json!({
            "sequence": 6, "timestamp": AT, "progress_percent": 10.0,
            "message": "Task failed during content processing",
            "event_type": "task_failed", "step": "markdown_conversion", "stage": "content_processing",
            "failure": stored_failure()
        }),
        json!({
            "sequence": 7, "timestamp": AT, "progress_percent": 100.0, "message": "Task completed successfully",
            "event_type": "task_completed",
            "result": {
                "chunks_created": 89, "embeddings_stored": 156, "facts_extracted": 312, "entities_extracted": 234,
                "relations_extracted": 156, "database_collection": "documents_en",
                "storage_summary": {"qdrant_points": 156},
                "processing_time_seconds": 45.2, "processing_time": 45.2
            }
        }),
        json!({
            "sequence": 8, "timestamp": AT, "progress_percent": 72.5, "message": "Task was cancelled",
            "event_type": "task_cancelled", "step": "chunking", "stage": "chunking"
        }),
        json!({
            "sequence": 9, "timestamp": AT, "progress_percent": 10.0,
            "message": "Step markdown_conversion failed and is run again in 1.5 s (retry 1 of 3)",
            "event_type": "step_retrying", "step": "markdown_conversion", "stage": "content_processing",
            "failure": stored_failure(), "resources": stored_resources(),
            "retry_number": 1, "retries_max": 3, "delay_ms": 1500
        }),
        json!({
            "sequence": 10, "timestamp": AT, "progress_percent": 25.0,
            "message": "Step markdown_conversion skipped: it is not for this document",
            "event_type": "step_skipped", "step": "markdown_conversion", "stage": "content_processing",
            "reason": "condition_not_met"
        }),
    ];
    assert_eq!(expected.len(), every_event().len());
    for (event, expected) in every_event().iter().zip(expected) {
        golden(event, expected, &THEIRS);
    }
    let retry = Retry { from_step: "chunking".into(), claims_before: 3, damaged: None };
    let again = task::event(9, 72.5, "Again", EventKind::TaskStarted { retry: Some(retry) });
    let expected = json!({
        "sequence": 9, "timestamp": AT, "progress_percent": 72.5, "message": "Again", "event_type": "task_started",
        "retry": {"from_step": "chunking", "claims_before": 3}
    });
    golden(&again, expected, &THEIRS);
    let idle = task::event(2, 0.0, "Task was cancelled", EventKind::TaskCancelled { step: None, stage: None });
    let expected = json!({
        "sequence": 2, "timestamp": AT, "progress_percent": 0.0, "message": "Task was cancelled",
        "event_type": "task_cancelled", "step": null, "stage": null
    });
    golden(&idle, expected.clone(), &THEIRS);
    let traced = Event { span: Some(TRACE.parse().expect("a traceparent")), ..idle };
    let mut with_span = expected;
    with_span["span"] = json!(TRACE);
    golden(&traced, with_span, &THEIRS);
}

#[test]
fn a_file_of_a_pattern() {
    let page = Artifact {
        name: "page-1.png".parse().expect("a name"),
        media_type: "image/png".into(),
        size: 7,
        sha256: "ab".repeat(32),
        listed: true,
    };
    let expected = json!({
        "name": "page-1.png", "media_type": "image/png", "size": 7, "sha256": "ab".repeat(32), "listed": true
    });
    golden(&page, expected, &[]);
}

#[test]
fn an_event_of_an_unknown_kind_is_refused_not_guessed() {
    let text = json!({
        "sequence": 1, "timestamp": AT, "progress_percent": 0.0, "message": "m", "event_type": "task_paused"
    });
    assert!(serde_json::from_value::<Event>(text).is_err());
}

#[test]
fn an_endpoint() {
    for (format, word) in [
        (BodyFormat::Dual, "dual"),
        (BodyFormat::Envelope, "envelope"),
        (BodyFormat::Flat, "flat"),
        (BodyFormat::MoragUi, "morag-ui"),
    ] {
        let expected = json!({
            "id": "task",
            "url": "https://your-app.com/webhook?token=query-secret",
            "auth_token": "bearer-secret",
            "format": word,
            "events": ["step_completed", "task_failed"],
            "headers": {"X-Tenant": "header-secret"}
        });
        golden(&endpoint(format), expected, &THEIRS);
    }
    // The shortest text that was ever valid.
    let least: Endpoint = serde_json::from_value(json!({"id": "task", "url": "http://a.example/"})).unwrap();
    assert_eq!((least.format, least.events.patterns().len(), least.headers.len()), (BodyFormat::Dual, 0, 0));
    assert_eq!(least.auth_token, None);
}

#[test]
fn an_attempt() {
    let answered = AttemptOutcome {
        status: Some(503),
        error: None,
        retry_after_ms: Some(2000),
        excerpt: "later".into(),
        duration_ms: 41,
    };
    let expected = json!({"status": 503, "error": null, "retry_after_ms": 2000, "excerpt": "later", "duration_ms": 41});
    golden(&answered, expected.clone(), &[]);
    let record = AttemptRecord { attempt: 2, at: Timestamp::from_millis(1_769_853_600_120), outcome: answered };
    golden(&record, json!({"attempt": 2, "at": AT, "outcome": expected}), &[]);
    for (error, word) in [
        (ErrorClass::Dns, "dns"),
        (ErrorClass::AddressRefused, "address_refused"),
        (ErrorClass::Connect, "connect"),
        (ErrorClass::Tls, "tls"),
        (ErrorClass::Timeout, "timeout"),
        (ErrorClass::Reset, "reset"),
        (ErrorClass::Protocol, "protocol"),
    ] {
        let outcome = AttemptOutcome {
            status: None,
            error: Some(error),
            retry_after_ms: None,
            excerpt: String::new(),
            duration_ms: 0,
        };
        let expected = json!({"status": null, "error": word, "retry_after_ms": null, "excerpt": "", "duration_ms": 0});
        golden(&outcome, expected, &[]);
    }
}

#[test]
fn words() {
    for (state, word) in
        [(DeliveryState::Pending, "pending"), (DeliveryState::Delivered, "delivered"), (DeliveryState::Dead, "dead")]
    {
        golden(&state, json!(word), &[]);
    }
    for word in ["pending", "in_progress", "completed", "failed", "cancelled"] {
        let status: StatusWord = serde_json::from_value(json!(word)).unwrap();
        assert_eq!((status.as_str(), word.parse()), (word, Ok(status)));
    }
}

#[test]
fn a_pipeline_that_breaks_its_rules_is_not_read() {
    let step = |name, weight| json!({"name": name, "component": "c", "stage": "s", "weight": weight});
    for steps in [json!([]), json!([step("a", 0)]), json!([step("a", 1), step("a", 1)])] {
        assert!(serde_json::from_value::<Pipeline>(json!({"name": "p", "steps": steps})).is_err(), "{steps}");
    }
    let read: Pipeline = serde_json::from_value(json!({"name": "p", "steps": [step("a", 1)]})).unwrap();
    assert_eq!(read.steps()[0].config, JsonObject::new(), "a step written before steps had a configuration");
}

/// Objects and arrays in each other, so many levels.
fn nested(levels: usize) -> JsonObject {
    let inner =
        (1..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!({"k": inner}) } else { json!([inner]) });
    task::object(json!({"k": inner}))
}

#[test]
fn the_deepest_json_that_is_allowed_is_read_again() {
    let deepest = nested(JSON_DEPTH_MAX);
    assert!(is_depth_allowed(&deepest));
    assert!(!is_depth_allowed(&nested(JSON_DEPTH_MAX + 1)));
    assert!(is_depth_allowed(&JsonObject::new()));
    let record = TaskRecord { metadata: deepest.clone().into(), options: deepest.clone(), ..record() };
    assert_eq!(again(&record), record);
    for mut event in every_event() {
        match &mut event.kind {
            EventKind::StepCompleted { data, .. } => *data = deepest.clone(),
            EventKind::StepFailed { failure, .. }
            | EventKind::StepRetrying { failure, .. }
            | EventKind::TaskFailed { failure, .. } => {
                failure.details = deepest.clone();
            }
            EventKind::TaskCompleted { result } => {
                result.insert("storage_summary".into(), deepest.clone().into());
            }
            _ => {}
        }
        assert_eq!(again(&event), event);
        for format in [BodyFormat::Dual, BodyFormat::Envelope, BodyFormat::Flat, BodyFormat::MoragUi] {
            let body = view(format, &record, &event);
            assert_eq!(again(&body), body, "a consumer with the same limit reads it");
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_object() -> impl Strategy<Value = JsonObject> {
    prop::collection::btree_map("\\PC{0,12}|event_type|step|data", any_json(), 0..5)
        .prop_map(|map| map.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_step_says_is_read_again(kind in 0..10usize, said in any_object(), sequence: u64, text in "\\PC{0,20}") {
        let mut event = every_event()[kind].clone();
        event.sequence = sequence;
        event.message = text;
        match &mut event.kind {
            EventKind::StepCompleted { data, .. } => *data = said,
            EventKind::StepFailed { failure, .. }
            | EventKind::StepRetrying { failure, .. }
            | EventKind::TaskFailed { failure, .. } => failure.details = said,
            EventKind::TaskCompleted { result } => *result = said,
            _ => {}
        }
        prop_assert_eq!(again(&event), event);
    }

    #[test]
    fn whatever_a_caller_says_is_read_again(metadata in any_object(), options in any_object(), name in "\\PC{0,30}") {
        let mut record = TaskRecord { metadata: metadata.into(), options, ..record() };
        record.source.file_name = name;
        prop_assert_eq!(again(&record), record);
    }

    /// To the last bit: a percentage that changes when it is read would let progress fall by a crash.
    #[test]
    fn progress_is_read_again_to_the_last_bit(weights in prop::collection::vec(1..100_000u32, 1..9), part in 0.0..1.0f64) {
        let step = |(index, weight): (usize, &u32)| StepDefinition::plain(index.to_string(), "c", "s", *weight);
        let pipeline = Pipeline::new("p", weights.iter().enumerate().map(step).collect()).unwrap();
        for index in 0..weights.len() {
            let range = pipeline.range(index);
            for percent in [range.start, range.end, range.start + (range.end - range.start) * part] {
                let event = task::event(1, percent, "m", EventKind::TaskStarted { retry: None });
                prop_assert_eq!(again(&event).progress_percent.to_bits(), percent.to_bits());
            }
        }
    }
}
