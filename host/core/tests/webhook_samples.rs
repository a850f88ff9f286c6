//! The samples that `morag trigger` and an endpoint's test send, against the guides' validator and their examples' keys.

#[path = "support/validator.rs"]
mod validator;

use morag_core::task::TaskId;
use morag_core::webhook::{BodyFormat, EVENT_TYPES, SampleInput, UnknownSample, sample, view};
use morag_core::{JsonObject, Timestamp};
use serde_json::Value;

const TASK: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// The standard steps, the percentage that each begins and ends at, and the keys of the guide's example of each.
const STEPS: [(&str, f64, f64, &[&str]); 6] = [
    ("markdown_conversion", 0.0, 25.0, &["markdown_file_url", "conversion_metadata"]),
    ("metadata_extraction", 25.0, 40.0, &["metadata_file_url", "metadata"]),
    (
        "content_processing",
        40.0,
        70.0,
        &["summary", "content_length", "language", "detected_topics", "processing_time_seconds"],
    ),
    (
        "chunking",
        70.0,
        80.0,
        &["chunks_created", "chunking_strategy", "average_chunk_size", "chunk_size_range", "chunks_file_url"],
    ),
    (
        "graph_extraction",
        80.0,
        90.0,
        &["entities_extracted", "relations_extracted", "facts_extracted", "top_entities", "extraction_time_seconds"],
    ),
    (
        "ingestion",
        90.0,
        100.0,
        &[
            "embeddings_stored",
            "chunks_ingested",
            "facts_stored",
            "entities_stored",
            "relations_stored",
            "database_collection",
            "processing_time_seconds",
            "storage_summary",
        ],
    ),
];

fn input<'a>(event_type: &'a str, step: Option<&'a str>) -> SampleInput<'a> {
    let task: TaskId = TASK.parse().expect("a UUID");
    SampleInput { event_type, step, task, now: Timestamp::from_millis(1_769_853_600_120) }
}

fn body(event_type: &str, step: Option<&str>) -> Value {
    let (record, event) = sample(input(event_type, step)).expect("a sample");
    view(BodyFormat::Dual, &record, &event)
}

#[test]
fn every_sample_passes_the_guides_validator() {
    let steps = STEPS.iter().map(|(step, ..)| Some(*step)).chain([None]);
    for (event_type, step) in steps.flat_map(|step| EVENT_TYPES.map(|event_type| (event_type, step))) {
        let body = body(event_type, step);
        assert_eq!(validator::validate(&body), [""; 0], "{body:#}");
        assert_eq!(body["event_type"], event_type);
        assert_eq!(body["data"]["task_id"], TASK);
    }
}

#[test]
fn a_completed_steps_sample_has_every_key_of_the_guide_nested_and_unnested() {
    for (step, start, end, keys) in STEPS {
        assert_eq!(body("step_started", Some(step))["progress_percent"], start, "{step}");
        let body = body("step_completed", Some(step));
        assert_eq!((&body["step"], &body["progress_percent"]), (&step.into(), &end.into()));
        let nested = body["data"]["data"].as_object().map(|data| data.keys().collect::<Vec<_>>());
        assert_eq!(nested.expect("an object"), keys.iter().collect::<Vec<_>>());
        for key in keys {
            assert_eq!(body["data"][key], body["data"]["data"][key], "{step} {key}");
        }
    }
}

#[test]
fn a_milestones_sample_lies_in_the_step_it_names() {
    for (step, milestone) in
        [("markdown_conversion", 25.0), ("content_processing", 50.0), ("chunking", 75.0), ("ingestion", 50.0)]
    {
        let body = body("task_progress", Some(step));
        assert_eq!(body["data"]["progress_percent"], milestone);
        let (_, start, end, _) = STEPS.iter().find(|(name, ..)| body["data"]["step"] == *name).expect("a step");
        assert!((*start..=*end).contains(&milestone), "{body}");
    }
}

#[test]
fn task_events_say_that_they_are_samples() {
    for event_type in EVENT_TYPES.into_iter().filter(|name| name.starts_with("task_")) {
        assert_eq!(body(event_type, None)["data"]["metadata"]["sample"], true);
    }
    let result = body("task_completed", None)["data"]["result"].clone();
    let numbers = ["chunks_created", "embeddings_stored", "facts_extracted", "processing_time_seconds"];
    assert!(numbers.iter().all(|key| result[key].is_number()), "{result}");
}

#[test]
fn what_is_unknown_is_named_with_what_there_is() {
    let unknown = |input| sample(input).expect_err("no sample");
    assert_eq!(unknown(input("task_done", None)), UnknownSample::Event("task_done".into()));
    let text = unknown(input("step_completed", Some("embedding"))).to_string();
    assert!(text.contains("embedding") && STEPS.iter().all(|(step, ..)| text.contains(step)), "{text}");
}

#[test]
fn a_sample_is_the_same_each_time_and_can_be_stored_and_read_again() {
    let once = sample(input("step_completed", None)).expect("a sample");
    assert_eq!(once, sample(input("step_completed", None)).expect("a sample"));
    let stored: JsonObject = serde_json::from_str(&serde_json::to_string(&once.1).expect("JSON")).expect("an object");
    assert_eq!(serde_json::from_value::<morag_core::task::Event>(Value::Object(stored)).expect("an event"), once.1);
}
