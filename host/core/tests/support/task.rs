//! A task with everything in it, and one event of every kind.

use morag_core::pipeline::Pipeline;
use morag_core::task::{
    Artifact, DocumentId, Event, EventKind, Resources, SkipReason, Source, SourceType, StepFailure, TaskRecord,
};
use morag_core::webhook::{BodyFormat, Endpoint, EndpointId};
use morag_core::{JsonObject, Secret, Timestamp};
use serde_json::{Value, json};

pub const TASK: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

pub fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

pub fn endpoint(format: BodyFormat) -> Endpoint {
    Endpoint {
        id: EndpointId::of_task(),
        url: "https://your-app.com/webhook?token=query-secret".parse().expect("a URL"),
        auth_token: Some(Secret::new("bearer-secret")),
        format,
        events: "step_completed,task_failed".parse().expect("names of events"),
        headers: [("X-Tenant".to_owned(), Secret::new("header-secret"))].into(),
    }
}

pub fn record() -> TaskRecord {
    TaskRecord {
        id: TASK.parse().expect("a UUID"),
        document_id: DocumentId::try_from("my-document-456".to_owned()).expect("an id"),
        pipeline: Pipeline::standard().first(2, "two"),
        source: Source {
            stored_as: "original.pdf".parse().expect("a name"),
            file_name: "Report 2026.pdf".into(),
            media_type: "application/pdf".into(),
            size: 1_048_576,
            sha256: "ab".repeat(32),
            source_type: SourceType::Document,
        },
        collection: "documents_en".into(),
        language: Some("en".into()),
        replace_existing: true,
        options: object(json!({"chunk_size": 512, "chunking_strategy": "semantic"})),
        metadata: object(json!({"project": "alpha", "tags": ["a", "b"], "score": 0.30000000000000004})).into(),
        endpoints: vec![endpoint(BodyFormat::Dual)],
        subscribers: vec![],
        created_at: Timestamp::from_millis(1_769_853_599_500),
        tenant: Default::default(),
        trace: None,
    }
}

/// An event at 10:00:00.120 on 31 January 2026.
pub fn event(sequence: u64, progress_percent: f64, message: &str, kind: EventKind) -> Event {
    let timestamp = Timestamp::from_millis(1_769_853_600_120);
    Event { sequence, timestamp, progress_percent, message: message.into(), span: None, kind }
}

pub fn resources() -> Resources {
    Resources {
        wall_ms: 12,
        cpu_ms: 9,
        peak_memory_bytes: 4_194_304,
        host_calls: 3,
        bytes_in: 100,
        bytes_out: 50,
        ..Resources::default()
    }
}

/// The guide's failed step.
pub fn unsupported() -> StepFailure {
    StepFailure {
        code: "UNSUPPORTED_FORMAT".into(),
        message: "Unsupported file format: .xyz files cannot be converted to markdown".into(),
        details: object(json!({"attempted_format": "xyz", "supported_formats": ["pdf", "docx"]})),
        retryable: false,
    }
}

pub fn task_started() -> Event {
    event(1, 0.0, "Task processing started", EventKind::TaskStarted { retry: None })
}

pub fn step_started() -> Event {
    let kind = EventKind::StepStarted { step: "markdown_conversion".into(), stage: "content_processing".into() };
    event(2, 0.0, "Step markdown_conversion started", kind)
}

pub fn step_completed() -> Event {
    let kind = EventKind::StepCompleted {
        step: "markdown_conversion".into(),
        stage: "content_processing".into(),
        data: object(json!({
            "markdown_file_url": format!("/api/files/temp/{TASK}/markdown.md"),
            "conversion_metadata": {"original_format": "pdf", "page_count": null, "conversion_time_seconds": 12.3}
        })),
        artifacts: vec![Artifact {
            name: "markdown.md".parse().expect("a name"),
            media_type: "text/markdown".into(),
            size: 50,
            sha256: "cd".repeat(32),
            listed: false,
        }],
        resources: resources(),
    };
    event(3, 25.0, "Step markdown_conversion completed", kind)
}

pub fn task_progress() -> Event {
    let kind = EventKind::TaskProgress {
        milestone: 50,
        step: "content_processing".into(),
        stage: "content_processing".into(),
    };
    event(4, 50.0, "Processing: 50% reached in content_processing", kind)
}

pub fn step_failed() -> Event {
    let kind = EventKind::StepFailed {
        step: "markdown_conversion".into(),
        stage: "content_processing".into(),
        failure: unsupported(),
        resources: resources(),
    };
    event(5, 10.0, "Step markdown_conversion failed", kind)
}

pub fn step_retrying() -> Event {
    let kind = EventKind::StepRetrying {
        step: "markdown_conversion".into(),
        stage: "content_processing".into(),
        failure: unsupported(),
        resources: resources(),
        retry_number: 1,
        retries_max: 3,
        delay_ms: 1_500,
    };
    event(9, 10.0, "Step markdown_conversion failed and is run again in 1.5 s (retry 1 of 3)", kind)
}

pub fn step_skipped() -> Event {
    let kind = EventKind::StepSkipped {
        step: "markdown_conversion".into(),
        stage: "content_processing".into(),
        reason: SkipReason::ConditionNotMet,
    };
    event(10, 25.0, "Step markdown_conversion skipped: it is not for this document", kind)
}

pub fn task_failed() -> Event {
    let kind = EventKind::TaskFailed {
        step: "markdown_conversion".into(),
        stage: "content_processing".into(),
        failure: unsupported(),
    };
    event(6, 10.0, "Task failed during content processing", kind)
}

pub fn task_completed() -> Event {
    let result = object(json!({
        "chunks_created": 89, "embeddings_stored": 156, "facts_extracted": 312,
        "entities_extracted": 234, "relations_extracted": 156,
        "database_collection": "documents_en", "storage_summary": {"qdrant_points": 156},
        "processing_time_seconds": 45.2, "processing_time": 45.2
    }));
    event(7, 100.0, "Task completed successfully", EventKind::TaskCompleted { result })
}

pub fn task_cancelled() -> Event {
    let kind = EventKind::TaskCancelled { step: Some("chunking".into()), stage: Some("chunking".into()) };
    event(8, 72.5, "Task was cancelled", kind)
}

/// One of every kind.
pub fn every_event() -> [Event; 10] {
    [
        task_started(),
        step_started(),
        step_completed(),
        task_progress(),
        step_failed(),
        task_failed(),
        task_completed(),
        task_cancelled(),
        step_retrying(),
        step_skipped(),
    ]
}
