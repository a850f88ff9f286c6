//! Sample tasks, events and commits.

use crate::backends::{Backend, Store};
use morag_core::ports::{Accepted, Commit, CommitError, Flow, Guard, Idempotency, Lease, NewTask, Next, Queue};
use morag_core::task::{DocumentId, Event, EventKind, Source, StatusWord, TaskId, TaskRecord};
use morag_core::{JsonObject, Timestamp};
pub use morag_testkit::{attempt, endpoint};
use morag_testkit::{new_task, record};
use std::time::Duration;

/// Lease duration for tests that do not depend on it.
pub const LEASE: Duration = Duration::from_secs(30);

/// A span: stores keep it as it is.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A JSON object.
pub fn object(value: serde_json::Value) -> JsonObject {
    value.as_object().cloned().unwrap()
}

/// A document id.
pub fn document(id: &str) -> DocumentId {
    id.to_owned().try_into().unwrap()
}

/// A task with a random document id and endpoints with these names.
pub fn task(backend: &impl Backend, endpoints: &[&str]) -> NewTask {
    let sample = record();
    let record = TaskRecord {
        document_id: DocumentId::random(),
        source: Source { file_name: "straße \"1\".md".into(), size: 42, ..sample.source.clone() },
        collection: "default".into(),
        language: Some("de".into()),
        options: object(serde_json::json!({"chunk_size": 1000, "z": [1, null], "a": "b"})),
        metadata: object(serde_json::json!({"who": "\u{1f600}"})).into(),
        endpoints: endpoints.iter().map(|id| endpoint(id)).collect(),
        created_at: backend.now(),
        trace: TRACE.parse().ok(),
        ..sample
    };
    NewTask { flow: Flow::of("someone"), ..new_task(record) }
}

/// A task that claims a document.
pub fn claiming(backend: &impl Backend, id: &str, replace_existing: bool) -> NewTask {
    let mut new = task(backend, &[]);
    new.record.document_id = document(id);
    new.record.replace_existing = replace_existing;
    new.claims_document = true;
    new
}

/// A task with an idempotency key.
pub fn with_key(backend: &impl Backend, key: &str, request_digest: &str) -> NewTask {
    let mut new = task(backend, &[]);
    let response = object(serde_json::json!({"task_id": new.record.id.to_string(), "z": 1, "a": 2}));
    new.idempotency = Some(Idempotency { key: key.into(), request_digest: request_digest.into(), response });
    new
}

/// Stores a task that must be accepted as new.
pub async fn accept(store: &dyn Store, new: NewTask) -> TaskId {
    let id = new.record.id;
    assert_eq!(store.accept(new).await, Ok(Accepted::New));
    id
}

/// An event.
pub fn event(sequence: u64, at: Timestamp) -> Event {
    let kind = match sequence {
        1 => EventKind::TaskStarted { retry: None },
        _ => EventKind::TaskProgress { milestone: 25, step: "chunking".into(), stage: "chunking".into() },
    };
    let span = (sequence == 1).then(|| TRACE.parse().ok()).flatten();
    let progress_percent = (sequence as f64 * 0.5).min(100.0);
    Event { sequence, timestamp: at, progress_percent, message: format!("event {sequence}"), span, kind }
}

/// A commit of the events with these sequences that leaves the task running and leased.
pub fn commit(backend: &impl Backend, task: TaskId, guard: Guard, sequences: std::ops::RangeInclusive<u64>) -> Commit {
    Commit {
        task,
        guard,
        events: sequences.map(|sequence| event(sequence, backend.now())).collect(),
        live_percent: 0.0,
        status: StatusWord::InProgress,
        next: Next::Keep,
    }
}

/// Ends a task with one more event, regardless of its lease.
pub async fn end(backend: &impl Backend, task: TaskId, status: StatusWord) {
    let store = backend.store();
    let last = store.load(task).await.unwrap().unwrap().last_sequence();
    let ending =
        Commit { status, next: Next::Done, ..commit(backend, task, Guard::Sequence(last), last + 1..=last + 1) };
    assert_eq!(store.commit(ending).await, Ok(()));
}

/// Adds events to a task, regardless of its lease.
pub async fn append(backend: &impl Backend, task: TaskId, count: u64) -> Result<(), CommitError> {
    let store = backend.store();
    let last = store.load(task).await.unwrap().unwrap().last_sequence();
    store.commit(commit(backend, task, Guard::Sequence(last), last + 1..=last + count)).await
}

/// Claims the only due key.
pub async fn claim_one(store: &dyn Store, queue: Queue) -> Lease {
    let mut leases = store.claim(queue, 10, LEASE).await.unwrap().leases;
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases.remove(0)
}

/// Claims all keys that are due now.
pub async fn claim_keys(store: &dyn Store, queue: Queue) -> Vec<String> {
    store.claim(queue, 1000, LEASE).await.unwrap().leases.into_iter().map(|lease| lease.key).collect()
}
