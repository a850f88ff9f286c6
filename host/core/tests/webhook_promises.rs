//! What holds of every body, whatever steps and callers say; every enveloped one is held to the rules of the guide's own
//! validator.

#[path = "support/driver.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod driver;
#[path = "support/task.rs"]
mod task;
#[path = "support/validator.rs"]
mod validator;

use morag_core::pipeline::Pipeline;
use morag_core::task::{Event, EventKind, TaskRecord};
use morag_core::webhook::{BodyFormat, render, view};
use morag_core::{JsonObject, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use task::{TASK, endpoint, every_event, record};

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

const KEYS: [&str; 21] = [
    "task_id",
    "document_id",
    "step",
    "status",
    "progress_percent",
    "timestamp",
    "data",
    "error_message",
    "error_code",
    "retry",
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
    (0..10usize, keys(), 0.0..=100.0f64, 0..4_000_000_000_000i64, ".{0,20}").prop_map(
        |(kind, keys, percent, millis, text)| {
            let mut event = every_event()[kind].clone();
            (event.progress_percent, event.timestamp) = (percent, Timestamp::from_millis(millis));
            match &mut event.kind {
                EventKind::StepCompleted { data, .. } => *data = keys,
                EventKind::StepFailed { failure, .. }
                | EventKind::StepRetrying { failure, .. }
                | EventKind::TaskFailed { failure, .. } => {
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
        let record = TaskRecord { metadata: metadata.into(), ..record() };
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
                EventKind::StepRetrying { failure, .. } => {
                    let mut said = failure.details.clone();
                    said.insert("error_code".into(), json!(failure.code));
                    let ours = [("retry", json!(1)), ("retries_max", json!(3)), ("retry_delay_seconds", json!(1.5))];
                    said.extend(ours.map(|(key, value)| (key.to_owned(), value)));
                    prop_assert_eq!(nested, Some(&Value::Object(said)));
                    prop_assert_eq!(&flat["error_message"], failure.message.as_str());
                }
                EventKind::StepSkipped { .. } => {
                    prop_assert_eq!(nested, Some(&json!({"skip_reason": "condition_not_met"})));
                    prop_assert_eq!(flat.get("error_message"), None);
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
