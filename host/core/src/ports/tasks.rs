//! Tasks and their logs.

use super::StoreError;
use crate::caller::OverQuota;
use crate::task::{DocumentId, Event, RecordSummary, StatusWord, TaskId, TaskRecord, TenantId};
use crate::{JsonObject, Timestamp};
use async_trait::async_trait;
use std::sync::Arc;

/// A submission, stored in one durable commit.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// The accepted task.
    pub record: TaskRecord,
    /// The caller's `Idempotency-Key`, if given.
    pub idempotency: Option<Idempotency>,
    /// Whether to claim the document id: set for pipelines that store the document.
    pub claims_document: bool,
    /// Flow of the task: waiting tasks of different flows take turns.
    pub flow: Flow,
    /// Credentials of the task's own endpoint, as a text that only the server can read. Stored apart from the record, because they
    /// are deleted with the last delivery and records never change. Neither empty nor `-`.
    pub credentials: Option<String>,
    /// Limits of the flow.
    pub limits: TaskLimits,
}

/// Task limits of a flow; `None`: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskLimits {
    /// Maximum waiting tasks.
    pub waiting_max: Option<u64>,
    /// Maximum tasks accepted per UTC day, by the store's clock. Counting starts with the first task that has this limit.
    pub per_day_max: Option<u64>,
}

/// A caller that shares the workers. Waiting tasks start by start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair
/// Queuing", SIGCOMM 1996): in order of acceptance within a flow, and across flows in proportion to their weights, regardless
/// of how many tasks each has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Identifies the caller; not secret.
    pub id: String,
    /// Relative share of the workers, 1 to [`Flow::WEIGHT_MAX`].
    pub weight: u32,
}

impl Flow {
    /// Maximum weight: with more, other flows would hardly be served.
    pub const WEIGHT_MAX: u32 = 1000;

    /// A flow of weight 1.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), weight: 1 }
    }
}

/// An `Idempotency-Key` and the response to its request.
#[derive(Debug, Clone, PartialEq)]
pub struct Idempotency {
    /// The key, prefixed to be unique per caller and route.
    pub key: String,
    /// Digest of the request: the same key with another digest is a conflict.
    pub request_digest: String,
    /// The response to replay.
    pub response: JsonObject,
}

/// Result of an accepted submission.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// A new task.
    New,
    /// The same request was accepted before; this was the response. Nothing was stored.
    Replayed(JsonObject),
}

/// Why a submission was not accepted. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// This task has ingested or is ingesting the document, and replacing it was not requested.
    #[error("the document belongs to task {0}")]
    DuplicateDocument(TaskId),
    /// The key was used for another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyConflict,
    /// The store's limit of waiting tasks is reached.
    #[error("the queue of tasks is full")]
    QueueFull,
    /// The flow has reached its share of the queue, which it must leave to other callers.
    #[error("the flow has reached its share of the queue of tasks")]
    QueueShare,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The flow has reached a quota.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
}

/// A task with its log.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLog {
    /// The accepted task.
    pub record: Arc<TaskRecord>,
    /// Every event, in order.
    pub events: Vec<Event>,
    /// Last saved progress report of the running step, as overall percent.
    pub live_percent: f64,
    /// How often the task has been claimed.
    pub claims: u64,
}

impl TaskLog {
    /// Sequence of the last event; 0 before the first.
    pub fn last_sequence(&self) -> u64 {
        self.events.last().map_or(0, |event| event.sequence)
    }
}

/// Precondition of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The committer holds the task's lease with this fence.
    Lease(u64),
    /// The committer has seen the whole log, up to this last sequence. Progress belongs to the log: a commit that ends the task
    /// below the stored `live_percent` is stale too.
    Sequence(u64),
}

/// What happens to the task's entry in the due-queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The lease continues unchanged.
    Keep,
    /// Due again at this time; the lease ends.
    At(Timestamp),
    /// Removed: the task has ended.
    Done,
}

/// A change of a task: new events, progress and due-queue entry change together or not at all. Waiting cursors of the task's
/// endpoints become due with it.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The task.
    pub task: TaskId,
    /// The precondition.
    pub guard: Guard,
    /// New events; the first continues the log's sequence.
    pub events: Vec<Event>,
    /// Progress report of the running step, as overall percent.
    pub live_percent: f64,
    /// The status word after the commit.
    pub status: StatusWord,
    /// What happens to the entry in the due-queue.
    pub next: Next,
}

/// Why a commit was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The lease was lost, or the log has grown.
    #[error("the commit is stale: the lease was lost or the log has grown")]
    Stale,
    /// No such task.
    #[error("no such task")]
    Unknown,
    /// The ended task was to run again, but its document now belongs to another task and is not to be replaced.
    #[error("the document belongs to task {0}")]
    DuplicateDocument(TaskId),
    /// The ended task was to run again, but its files are deleted or about to be.
    #[error("the task's files are deleted")]
    FilesGone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a task cannot run again. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunAgainError {
    /// The commit was refused.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The task may not join the queue, for a reason that would refuse a new task too.
    #[error(transparent)]
    Admission(#[from] AcceptError),
}

impl From<StoreError> for RunAgainError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

/// Filter of a task list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only tasks in one of these states; empty means all.
    pub statuses: Vec<StatusWord>,
    /// Maximum number of items (at least 1).
    pub limit: usize,
    /// Cursor returned by the previous page.
    pub cursor: Option<String>,
    /// Only tasks of this tenant.
    pub tenant: TenantId,
}

/// A task in a list: a few KiB at most, however large the caller's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSummary {
    /// The task.
    pub task: TaskId,
    /// Summary of the accepted task.
    pub accepted: RecordSummary,
    /// Its state.
    pub status: StatusWord,
    /// Overall progress, 0 to 100.
    pub progress_percent: f64,
}

/// Progress marker of a task, compared by callers that wait for a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskMark {
    /// Its state.
    pub status: StatusWord,
    /// Sequence of its last event; 0 before the first.
    pub last_sequence: u64,
    /// Last saved progress report of the running step, as overall percent.
    pub live_percent: f64,
}

/// A task as shown with its deliveries: without metadata, options and event data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOutline {
    /// Summary of the accepted task.
    pub accepted: RecordSummary,
    /// Event type names of the task's events in order, starting at sequence 1.
    pub event_types: Vec<String>,
}

/// A page of a list. May hold fewer items than requested if they are large, but at least one if there is any.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` at the end.
    pub next_cursor: Option<String>,
}

/// An event with its task.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentEvent {
    /// The task.
    pub task: TaskId,
    /// What happened.
    pub event: Event,
}

/// Tasks and their logs. Every method succeeds completely or changes nothing.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Stores a task with its cursors, idempotency key, document claim and due-queue entry (due now), in one commit that
    /// survives power loss as far as the store is configured to.
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError>;

    /// Stored response of an idempotency key, if it was used; `Err(IdempotencyConflict)` for another request. Allows a
    /// submission to be replayed before its upload is stored.
    async fn replay(&self, key: &str, request_digest: &str) -> Result<Option<JsonObject>, AcceptError>;

    /// The task that claims a document id in its tenant.
    async fn document_holder(&self, tenant: &TenantId, document: &DocumentId) -> Result<Option<TaskId>, StoreError>;

    /// A task and its log.
    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError>;

    /// Tenant of a task. Reads neither record nor log.
    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError>;

    /// Progress marker of a task. Reads neither record nor log.
    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError>;

    /// Outline of a task. Of the log, only the event types are held in memory.
    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError>;

    /// Commits a change of a task. An ending status settles the document claim: a completed task keeps it, any other gives it up
    /// unless another task holds it. A commit from an ended to a not ended status claims the document again, as
    /// [`Self::accept`] does, or is refused with [`CommitError::DuplicateDocument`]. After [`Self::files_deleted`] it is refused
    /// with [`CommitError::FilesGone`].
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// Commits that an ended task runs again. The task joins the end of this flow with a new rank, within the same limits as a
    /// new task, and counts as one of the day. It counts as waiting until the next commit. A task restarted through
    /// [`Self::commit`] alone keeps its old rank and is not counted.
    async fn run_again(&self, commit: Commit, flow: &Flow, limits: TaskLimits) -> Result<(), RunAgainError>;

    /// Whether a task of this flow would be accepted now, as far as queue and flow limits are concerned. Counts nothing; lets
    /// callers refuse a task before preparing it.
    async fn may_enter(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError>;

    /// Tasks, newest first, without reading whole records.
    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError>;

    /// Number of tasks per state, over all tenants.
    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError>;

    /// Number of a tenant's tasks per state.
    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError>;

    /// A tenant's events since a time, newest first; `limit` at least 1. A page ends early if its events would exceed
    /// [`crate::PAGE_BYTES_MAX`].
    async fn recent(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError>;

    /// Deletes up to `limit` tasks that ended before a time, with their events, cursors and attempts, and returns their ids. Tasks
    /// with pending deliveries stay until these are made or given up.
    async fn expire(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError>;

    /// Bytes of a tenant's files, submitted and written by steps, according to the logs. Files written again by a new run count
    /// again until the task's files are deleted. Tasks accepted before this was counted do not count.
    async fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, StoreError>;

    /// Records that a task's files are about to be deleted: they no longer count, and the task can never run again. Must be called
    /// before the deletion. `false`: the task has not ended (it may be running again), nothing was changed, and the files must
    /// stay. Survives power loss once it returns, as far as the store is configured to. Idempotent; `true` for a task that is gone.
    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError>;

    /// Returns once the store can serve requests.
    async fn ping(&self) -> Result<(), StoreError>;
}
