//! Sample events in the contract's format, sent by `morag trigger` and by endpoint tests, which need no task.

use super::EVENT_TYPES;
use crate::pipeline::Pipeline;
use crate::task::{
    DocumentId, Event, EventKind, Resources, SkipReason, Source, SourceType, StepFailure, TaskId, TaskRecord, file_url,
};
use crate::{JsonObject, Timestamp};
use serde_json::{Value, json};

/// Duration of the sample task, seconds; its completed step took a part of it.
const SECONDS: f64 = 45.2;

/// Announced milestones, percent (`docs/http-api.md#events`).
const MILESTONES: [u8; 3] = [25, 50, 75];

/// Size of the sample's document, bytes.
const DOCUMENT_BYTES: u64 = 1_048_576;

/// The event to create.
#[derive(Debug, Clone, Copy)]
pub struct SampleInput<'a> {
    /// One of the contract's event types ([`EVENT_TYPES`]).
    pub event_type: &'a str,
    /// One of the six standard steps, for events of a step; `None`: the first step. Ignored for other events.
    pub step: Option<&'a str>,
    /// Id of the sample task.
    pub task: TaskId,
    /// Time of the event.
    pub now: Timestamp,
}

/// Why there is no such sample.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSample {
    /// Not an event type.
    #[error("there is no event {given:?}: choose one of {names}", given = crate::shown(.0), names = EVENT_TYPES.join(", "))]
    Event(String),
    /// Not a standard step.
    #[error("there is no step {given:?}: choose one of {names}", given = crate::shown(.name), names = .names.join(", "))]
    Step {
        /// The given name.
        name: String,
        /// Names of the standard steps.
        names: Vec<String>,
    },
}

/// A task of the standard pipeline and one of its events, like a real one. Deterministic. The record has no endpoint: add the
/// receiver to its `endpoints`, so that `metadata.webhook_url` contains it.
pub fn sample(input: SampleInput<'_>) -> Result<(TaskRecord, Event), UnknownSample> {
    let SampleInput { event_type, step, task, now } = input;
    let pipeline = Pipeline::standard();
    let index = match step {
        Some(name) => pipeline.position(name).ok_or_else(|| UnknownSample::Step {
            name: name.to_owned(),
            names: pipeline.steps().iter().map(|step| step.name.clone()).collect(),
        })?,
        None => 0,
    };
    let (step, stage) = (pipeline.steps()[index].name.clone(), pipeline.steps()[index].stage.clone());
    let range = pipeline.range(index);
    // Failures and cancellations occur within the step.
    let within = range.start + (range.end - range.start) * 0.4;
    // Sequences of the standard pipeline's log without milestones: each step has two events after `task_started`.
    let (starts, ends) = (2 + 2 * index as u64, 3 + 2 * index as u64);
    let resources = Resources {
        wall_ms: 840,
        cpu_ms: 790,
        peak_memory_bytes: 8 << 20,
        host_calls: 12,
        bytes_in: DOCUMENT_BYTES,
        bytes_out: 52_428,
        ..Resources::default()
    };
    let (sequence, progress_percent, message, kind) = match event_type {
        "task_started" => (1, 0.0, "Task processing started".to_owned(), EventKind::TaskStarted { retry: None }),
        "step_started" => (starts, range.start, format!("Step {step} started"), EventKind::StepStarted { step, stage }),
        "step_completed" => {
            let message = format!("Step {step} completed");
            let data = step_data(&step, task);
            (ends, range.end, message, EventKind::StepCompleted { step, stage, data, artifacts: vec![], resources })
        }
        "step_failed" => {
            let message = format!("Step {step} failed");
            (ends, within, message, EventKind::StepFailed { step, stage, failure: failure(), resources })
        }
        "step_skipped" => {
            let message = format!("Step {step} skipped: its condition is not met");
            (starts, range.end, message, EventKind::StepSkipped { step, stage, reason: SkipReason::ConditionNotMet })
        }
        "step_retrying" => {
            let message = format!("Step {step} failed; retrying in 10 s (retry 1 of 3)");
            let failure = StepFailure { retryable: true, ..failure() };
            let (retry_number, retries_max, delay_ms) = (1, 3, 10_000);
            let kind = EventKind::StepRetrying { step, stage, failure, resources, retry_number, retries_max, delay_ms };
            (ends, within, message, kind)
        }
        "task_progress" => {
            // The milestone reached in this step, or the middle one.
            let reached = MILESTONES.into_iter().find(|at| range.start < f64::from(*at) && f64::from(*at) <= range.end);
            let (milestone, place) = match reached {
                Some(milestone) => (milestone, index),
                None => (50, pipeline.position("content_processing").unwrap_or(index)),
            };
            let step = pipeline.steps()[place].name.clone();
            let stage = pipeline.steps()[place].stage.clone();
            let message = format!("Processing: {milestone}% reached in {step}");
            (4 + 2 * place as u64, f64::from(milestone), message, EventKind::TaskProgress { milestone, step, stage })
        }
        "task_completed" => {
            let sequence = 2 + 2 * pipeline.steps().len() as u64;
            (sequence, 100.0, "Task completed successfully".to_owned(), EventKind::TaskCompleted { result: result() })
        }
        "task_failed" => {
            let message = format!("Task failed in step {step}");
            (ends + 1, within, message, EventKind::TaskFailed { step, stage, failure: failure() })
        }
        "task_cancelled" => {
            let kind = EventKind::TaskCancelled { step: Some(step), stage: Some(stage) };
            (ends, within, "Task was cancelled".to_owned(), kind)
        }
        other => return Err(UnknownSample::Event(other.to_owned())),
    };
    let event = Event { sequence, timestamp: now, progress_percent, message, span: None, kind };
    Ok((record(task, now, pipeline), event))
}

fn record(task: TaskId, now: Timestamp, pipeline: Pipeline) -> TaskRecord {
    #[expect(clippy::expect_used, reason = "both are names of ours, and a test makes them")]
    let (document_id, stored_as) = (
        DocumentId::try_from("sample-document".to_owned()).expect("an id"),
        "original.pdf".parse().expect("a file name"),
    );
    TaskRecord {
        id: task,
        document_id,
        pipeline,
        source: Source {
            stored_as,
            file_name: "sample.pdf".into(),
            media_type: "application/pdf".into(),
            size: DOCUMENT_BYTES,
            sha256: "5a".repeat(32),
            source_type: SourceType::Document,
        },
        collection: "documents_en".into(),
        language: Some("en".into()),
        replace_existing: false,
        options: JsonObject::new(),
        // Marks every task event as a sample.
        metadata: object(json!({ "sample": true })).into(),
        endpoints: vec![],
        subscribers: vec![],
        created_at: now,
        tenant: crate::task::TenantId::default(),
        trace: None,
    }
}

#[cfg(test)]
impl TaskRecord {
    /// A task of the standard pipeline, always the same, for unit tests of this crate: the test kit depends on it.
    pub(crate) fn sample() -> Self {
        let task = "0f8fad5b-d9cb-469f-a165-70867728950e".parse().unwrap();
        record(task, Timestamp::from_millis(7), Pipeline::standard())
    }
}

/// What a completed step says: every key of the guide's examples.
fn step_data(step: &str, task: TaskId) -> JsonObject {
    let file = |name: &str| file_url(task, name);
    object(match step {
        "markdown_conversion" => json!({
            "markdown_file_url": file("markdown.md"),
            "conversion_metadata": {
                "original_format": "pdf",
                "file_size_bytes": DOCUMENT_BYTES,
                "content_length": 52_428,
                "page_count": 15,
                "conversion_time_seconds": 12.3,
            },
        }),
        "metadata_extraction" => json!({
            "metadata_file_url": file("metadata.json"),
            "metadata": {
                "title": "A sample document",
                "author": "MoRAG",
                "creation_date": "2026-01-31",
                "format": "application/pdf",
                "language": "en",
                "page_count": 15,
                "file_size_bytes": DOCUMENT_BYTES,
            },
        }),
        "content_processing" => json!({
            "summary": "A sample of what a completed step says.",
            "content_length": 52_428,
            "language": "en",
            "detected_topics": ["webhooks", "signatures", "retries"],
            "processing_time_seconds": 8.7,
        }),
        "chunking" => json!({
            "chunks_created": 89,
            "chunking_strategy": "semantic",
            "average_chunk_size": 589,
            "chunk_size_range": { "min": 245, "max": 1024 },
            "chunks_file_url": file("chunks.json"),
        }),
        "graph_extraction" => json!({
            "entities_extracted": 234,
            "relations_extracted": 156,
            "facts_extracted": 312,
            "top_entities": [
                { "name": "webhook", "type": "Concept", "mentions": 23 },
                { "name": "receiver", "type": "Concept", "mentions": 18 },
            ],
            "extraction_time_seconds": 15.4,
        }),
        _ => json!({
            "embeddings_stored": 89,
            "chunks_ingested": 89,
            "facts_stored": 312,
            "entities_stored": 234,
            "relations_stored": 156,
            "database_collection": "documents_en",
            "processing_time_seconds": SECONDS,
            "storage_summary": storage_summary(),
        }),
    })
}

fn storage_summary() -> Value {
    json!({ "qdrant_points": 89, "neo4j_nodes": 234, "neo4j_relationships": 156 })
}

/// What a completed task says (`docs/http-api.md#events`).
fn result() -> JsonObject {
    object(json!({
        "chunks_created": 89,
        "embeddings_stored": 89,
        "facts_extracted": 312,
        "entities_extracted": 234,
        "relations_extracted": 156,
        "processing_time_seconds": SECONDS,
        "processing_time": SECONDS,
        "database_collection": "documents_en",
        "storage_summary": storage_summary(),
    }))
}

/// Why the sample's step failed.
fn failure() -> StepFailure {
    StepFailure {
        code: "UNSUPPORTED_FORMAT".into(),
        message: "The format .xyz is not supported: convert the file first".into(),
        details: object(json!({ "attempted_format": "xyz", "supported_formats": ["pdf", "docx", "txt", "md"] })),
        retryable: false,
    }
}

/// Converts a JSON object literal.
fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}
