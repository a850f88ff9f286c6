//! Every event in every format against JSON written by hand from section 3 of the contract and the guides, and every
//! enveloped body against the rules of the guide's own validator.

#[path = "support/driver.rs"]
mod driver;
#[path = "support/task.rs"]
mod task;
#[path = "support/validator.rs"]
mod validator;

use morag_core::pipeline::Pipeline;
use morag_core::task::{Event, EventKind, StepFailure, TaskRecord};
use morag_core::webhook::{BodyFormat, EndpointId, WebhookUrl, render, view};
use morag_core::{JsonObject, Timestamp};
use proptest::prelude::*;
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
    endpoint.events.clear();
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
    }));
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

/// Totals as a run really makes them, over pipelines that lack steps.
#[test]
fn the_result_of_a_completed_task_always_has_its_numbers() {
    for pipeline in [driver::pipeline(&[1]), Pipeline::standard(), Pipeline::standard().first(2, "convert")] {
        let mut driver = driver::Driver::new(pipeline);
        while !driver.ended() {
            if !driver.advance() {
                driver.report(0.5);
                driver.succeed();
            }
        }
        let last = driver.log.last().unwrap();
        let body = body(BodyFormat::Dual, &record(), last);
        let result = &body["data"]["result"];
        for key in [
            "chunks_created",
            "embeddings_stored",
            "facts_extracted",
            "processing_time_seconds",
            "processing_time",
            "entities_extracted",
            "relations_extracted",
        ] {
            assert!(result[key].is_number(), "{key} in {result}");
        }
        assert!(result["database_collection"].is_string() && result["storage_summary"].is_object(), "{result}");
        for event in &driver.log {
            assert_eq!(validator::validate(&self::body(BodyFormat::Dual, &record(), event)), Vec::<String>::new());
        }
    }
    // And one that fails, and one that is cancelled.
    for cancelled in [false, true] {
        let mut driver = driver::Driver::new(Pipeline::standard());
        while driver.advance() {}
        if cancelled {
            driver.cancel()
        } else {
            driver.fail()
        }
        for event in &driver.log {
            assert_eq!(validator::validate(&body(BodyFormat::Dual, &record(), event)), Vec::<String>::new());
        }
    }
}

#[test]
fn the_guides_validator_takes_every_event_and_can_refuse() {
    for event in every_event() {
        for format in FORMATS {
            let errors = validator::validate(&body(format, &record(), &event));
            assert_eq!(errors.is_empty(), is_enveloped(format, &event), "{format:?} {errors:?}");
        }
    }
    let good = body(BodyFormat::Dual, &record(), &task::task_completed());
    for (pointer, bad) in [
        ("/event_type", json!(1)),
        ("/timestamp", json!("yesterday")),
        ("/timestamp", json!("2026-01-31T10:00:00Z")),
        ("/data", json!([])),
        ("/data/task_id", json!(1)),
        ("/data/status", json!("failed")),
        ("/data/progress_percent", json!(100.5)),
        ("/data/message", Value::Null),
        ("/data/result", Value::Null),
        ("/data/metadata", json!("m")),
    ] {
        let mut body = good.clone();
        *body.pointer_mut(pointer).expect("the key is there") = bad;
        assert_ne!(validator::validate(&body), Vec::<String>::new(), "{pointer}");
    }
}

const KEYS: [&str; 20] = [
    "task_id",
    "document_id",
    "step",
    "status",
    "progress_percent",
    "timestamp",
    "data",
    "error_message",
    "error_code",
    "message",
    "result",
    "metadata",
    "progress",
    "event_type",
    "source_type",
    "webhook_url",
    "stage",
    "current_step",
    "chunks_created",
    "ä\u{0}\"",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300f64).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]{1,3}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn keys() -> impl Strategy<Value = JsonObject> {
    prop::collection::btree_map(prop::sample::select(&KEYS[..]), value(), 0..8)
        .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn any_event() -> impl Strategy<Value = Event> {
    (0..8usize, keys(), 0.0..=100.0f64, 0..4_000_000_000_000i64, ".{0,20}").prop_map(
        |(kind, keys, percent, millis, text)| {
            let mut event = every_event()[kind].clone();
            (event.progress_percent, event.timestamp) = (percent, Timestamp::from_millis(millis));
            match &mut event.kind {
                EventKind::StepCompleted { data, .. } => *data = keys,
                EventKind::StepFailed { failure, .. } | EventKind::TaskFailed { failure, .. } => {
                    failure.details = keys;
                    failure.message = text;
                }
                _ => event.message = text,
            }
            event
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a step or a caller says.
    #[test]
    fn every_body_keeps_the_promises(event in any_event(), metadata in keys()) {
        let record = TaskRecord { metadata, ..record() };
        for format in FORMATS {
            let body = body(format, &record, &event);
            if is_enveloped(format, &event) {
                prop_assert_eq!(validator::validate(&body), Vec::<String>::new(), "{}", body);
                prop_assert_eq!(&body["event_type"], event.kind.event_type());
                prop_assert_eq!(&body["data"]["document_id"], "my-document-456");
                prop_assert_eq!(&body["data"]["progress_percent"], event.progress_percent);
            }
            if !event.kind.is_step_event() {
                let progress = body["data"]["progress"].as_f64().unwrap_or(-1.0);
                prop_assert!((0.0..=1.0).contains(&progress));
                for key in ["source_type", "webhook_url", "document_id", "collection_name", "language"] {
                    prop_assert_ne!(body["data"]["metadata"].get(key), None);
                }
                continue;
            }
            let flat = match format {
                BodyFormat::Envelope => &body["data"],
                _ => &body,
            };
            prop_assert_eq!(&flat["task_id"], TASK);
            prop_assert_eq!(&flat["document_id"], "my-document-456");
            prop_assert_eq!(&flat["step"], "markdown_conversion");
            prop_assert_eq!(&flat["status"], event.kind.status());
            prop_assert_eq!(&flat["progress_percent"], event.progress_percent);
            let nested = match format {
                BodyFormat::Dual | BodyFormat::Envelope => body["data"].get("data"),
                BodyFormat::Flat | BodyFormat::MoragUi => body.get("data"),
            };
            match &event.kind {
                EventKind::StepCompleted { data, .. } => {
                    prop_assert_eq!(nested, Some(&Value::Object(data.clone())));
                    prop_assert_eq!(flat.get("error_message"), None);
                }
                EventKind::StepFailed { failure, .. } => {
                    let mut said = failure.details.clone();
                    said.insert("error_code".into(), json!(failure.code));
                    prop_assert_eq!(nested, Some(&Value::Object(said)));
                    prop_assert_eq!(&flat["error_message"], failure.message.as_str());
                }
                _ => prop_assert_eq!(nested, None),
            }
            if let (true, Some(nested)) = (is_enveloped(format, &event), nested.and_then(Value::as_object)) {
                for key in ["chunks_created", "progress", "event_type", "stage"].into_iter().filter(|k| nested.contains_key(*k)) {
                    prop_assert_eq!(&body["data"][key], &nested[key], "{} is unnested too", key);
                }
            }
        }
    }
}
