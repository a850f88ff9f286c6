//! Sample records. A test that needs another value changes that field: `TaskRecord { language: None, ..record() }`.

use morag_core::pipeline::Pipeline;
use morag_core::ports::{AttemptRecord, Flow, NewTask};
use morag_core::task::{Artifact, DocumentId, Event, EventKind, Resources, Source, SourceType, TaskId, TaskRecord};
use morag_core::webhook::{AttemptOutcome, BodyFormat, Endpoint, EndpointId};
use morag_core::{JsonObject, Secret, Timestamp};
use sha2::{Digest as _, Sha256};

/// Start time of tests: 2026-01-31T10:00:00Z.
pub const NOW: Timestamp = Timestamp::from_millis(1_769_853_600_000);

/// Content of the submitted file of [`record`].
pub const SOURCE: &str = "abc";

/// A task with a random id and the standard pipeline, accepted at [`NOW`], without webhooks.
pub fn record() -> TaskRecord {
    TaskRecord {
        id: TaskId::random(),
        document_id: DocumentId::try_from("doc-1".to_owned()).unwrap(),
        pipeline: Pipeline::standard(),
        source: Source {
            stored_as: "original.md".parse().unwrap(),
            file_name: "a.md".into(),
            media_type: "text/markdown".into(),
            size: SOURCE.len() as u64,
            sha256: hex::encode(Sha256::digest(SOURCE)),
            source_type: SourceType::Document,
        },
        collection: "documents".into(),
        language: None,
        replace_existing: false,
        options: JsonObject::new(),
        metadata: Default::default(),
        endpoints: vec![],
        subscribers: vec![],
        created_at: NOW,
        tenant: Default::default(),
        trace: None,
    }
}

/// [`record`] for a PDF of 1 MiB with a random document id, for benches.
pub fn pdf_record() -> TaskRecord {
    let sample = record();
    let source = Source {
        stored_as: "original.pdf".parse().unwrap(),
        file_name: "report.pdf".into(),
        media_type: "application/pdf".into(),
        size: 1 << 20,
        ..sample.source.clone()
    };
    TaskRecord { document_id: DocumentId::random(), source, ..sample }
}

/// A webhook of a task, with a token and a custom header.
pub fn endpoint(id: &str) -> Endpoint {
    Endpoint {
        id: EndpointId::from(id.to_owned()),
        url: "http://127.0.0.1:8009/webhook".parse().unwrap(),
        auth_token: Some(Secret::new("s3cret")),
        format: BodyFormat::default(),
        events: Default::default(),
        headers: [("X-Extra".to_owned(), Secret::new("h1dden"))].into(),
    }
}

/// The submission of a task, in the flow `test`. It claims no document and has no limits.
pub fn new_task(record: TaskRecord) -> NewTask {
    NewTask {
        record,
        idempotency: None,
        claims_document: false,
        flow: Flow::of("test"),
        credentials: None,
        limits: Default::default(),
    }
}

/// An event at [`NOW`], at 0 percent.
pub fn event(sequence: u64, kind: EventKind) -> Event {
    Event { sequence, timestamp: NOW, progress_percent: 0.0, message: format!("event {sequence}"), span: None, kind }
}

/// The end of a step of the standard pipeline whose stage has the step's name, such as `chunking`.
pub fn step_completed(step: &str, artifacts: Vec<Artifact>) -> EventKind {
    EventKind::StepCompleted {
        step: step.into(),
        stage: step.into(),
        data: JsonObject::new(),
        artifacts,
        resources: Resources::default(),
    }
}

/// A delivery attempt with this response status.
pub fn attempt(number: u32, at: Timestamp, status: u16) -> AttemptRecord {
    let outcome = AttemptOutcome {
        status: Some(status),
        error: None,
        retry_after_ms: None,
        excerpt: "answer\n\"quoted\"".into(),
        duration_ms: 7,
    };
    AttemptRecord { attempt: number, at, outcome }
}
