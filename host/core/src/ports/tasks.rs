//! Tasks and their logs.

use super::StoreError;
use crate::caller::OverQuota;
use crate::task::{DocumentId, Event, RecordSummary, StatusWord, TaskId, TaskRecord, TenantId};
use crate::{JsonObject, Timestamp};
use async_trait::async_trait;
use std::sync::Arc;

/// What one submission stores, in one durable commit.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// What was accepted.
    pub record: TaskRecord,
    /// The caller's `Idempotency-Key`, if any.
    pub idempotency: Option<Idempotency>,
    /// Whether the document's id is claimed: set for a pipeline that stores the document.
    pub claims_document: bool,
    /// Whose work it is: waiting tasks of different flows take turns.
    pub flow: Flow,
    /// What the task's own endpoint is sent with beside its URL, as a text that only the server reads. Kept apart from the record,
    /// because it goes with the last delivery and the record never changes. Neither empty nor `-`.
    pub credentials: Option<String>,
    /// How many tasks the flow may have.
    pub limits: TaskLimits,
}

/// How many tasks a flow may have; none: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskLimits {
    /// Tasks that wait.
    pub waiting_max: Option<u64>,
    /// Tasks that are accepted in a day of UTC, by the store's clock. Counted from the first that comes with this limit.
    pub per_day_max: Option<u64>,
}

/// One of the callers that share the workers. Tasks that wait are begun by start-time fair queueing (Goyal, Vin, Cheng:
/// "Start-time Fair Queuing", SIGCOMM 1996): within a flow in the order of acceptance, and of two flows with waiting tasks
/// each is served in proportion to its weight, however many tasks either has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Identifies the caller; no secret.
    pub id: String,
    /// Share of the workers in relation to other flows, 1 to [`Flow::WEIGHT_MAX`].
    pub weight: u32,
}

impl Flow {
    /// Largest weight: beyond it the others would hardly be served at all.
    pub const WEIGHT_MAX: u32 = 1000;

    /// A flow of weight 1.
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), weight: 1 }
    }
}

/// An `Idempotency-Key` with what was answered to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Idempotency {
    /// The key, made unique to the caller and the route.
    pub key: String,
    /// Digest of the request: the same key with another request is a conflict.
    pub request_digest: String,
    /// The answer, to be given again.
    pub response: JsonObject,
}

/// How a submission was taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Accepted {
    /// A new task.
    New,
    /// The same request was accepted before: this was the answer. Nothing was stored now.
    Replayed(JsonObject),
}

/// Why a submission was not taken. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The document is ingested, or being ingested, by this task, and is not to be replaced.
    #[error("the document belongs to task {0}")]
    DuplicateDocument(TaskId),
    /// The key was used with another request.
    #[error("the idempotency key was used with another request")]
    IdempotencyConflict,
    /// More tasks wait than the store was told to hold.
    #[error("the queue of tasks is full")]
    QueueFull,
    /// Other callers share the queue, and the flow has as many tasks waiting as it leaves room for theirs.
    #[error("the flow has as many tasks waiting as it leaves room for others")]
    QueueShare,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The flow has as many tasks as it may have.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
}

/// A task with its log.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskLog {
    /// What was accepted.
    pub record: Arc<TaskRecord>,
    /// Every event, in order.
    pub events: Vec<Event>,
    /// The running step's last saved report, overall percent.
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

/// Who may commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The holder of the task's lease with this fence.
    Lease(u64),
    /// Anybody who has seen the whole log: its last sequence. Progress belongs to it: a commit that ends the task
    /// below the stored `live_percent` has not seen what was shown, and is stale too.
    Sequence(u64),
}

/// What becomes of the task's place in the due-queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The lease goes on as it is.
    Keep,
    /// Due again then; the lease ends.
    At(Timestamp),
    /// Never due again: the task has ended.
    Done,
}

/// One step of a task's life: new events, live progress and queue place change together or not at all. Cursors of the
/// task's endpoints that wait for events become due with it.
#[derive(Debug, Clone)]
pub struct Commit {
    /// The task.
    pub task: TaskId,
    /// Who commits.
    pub guard: Guard,
    /// New events; the first continues the log's sequence.
    pub events: Vec<Event>,
    /// The running step's report, overall percent.
    pub live_percent: f64,
    /// The status word after the commit.
    pub status: StatusWord,
    /// What becomes of the queue place.
    pub next: Next,
}

/// Why a commit changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The lease is not the committer's any more, or the log has grown.
    #[error("somebody else has moved on: the lease or the log is not what the commit expects")]
    Stale,
    /// No such task.
    #[error("no such task")]
    Unknown,
    /// The task had ended and was to run again; its document is another task's by now, and is not to be replaced.
    #[error("the document belongs to task {0}")]
    DuplicateDocument(TaskId),
    /// The task had ended and was to run again; its files are deleted, or are about to be.
    #[error("the task's files are deleted")]
    FilesGone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a task does not run again. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunAgainError {
    /// The commit is refused.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// It may not join those that wait, as a new task might not.
    #[error(transparent)]
    Admission(#[from] AcceptError),
}

impl From<StoreError> for RunAgainError {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

/// Which tasks to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only tasks in one of these states; empty means all.
    pub statuses: Vec<StatusWord>,
    /// At most so many (at least 1).
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only this tenant's.
    pub tenant: TenantId,
}

/// A task in a list: a few KiB at most, whatever the caller's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSummary {
    /// The task.
    pub task: TaskId,
    /// What was accepted.
    pub accepted: RecordSummary,
    /// Its state.
    pub status: StatusWord,
    /// Overall progress, 0 to 100.
    pub progress_percent: f64,
}

/// How far a task is: what who waits for a change compares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskMark {
    /// Its state.
    pub status: StatusWord,
    /// Sequence of its last event; 0 before the first.
    pub last_sequence: u64,
    /// The running step's last saved report, overall percent.
    pub live_percent: f64,
}

/// A task as a log of its deliveries shows it: without its metadata, its options and what its events carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskOutline {
    /// What was accepted.
    pub accepted: RecordSummary,
    /// The contract's names of its events' types, in order: the first is that of sequence 1.
    pub event_types: Vec<String>,
}

/// One page of a list. It may hold fewer items than were asked for where they are large, and at least one where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; none at the end.
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

/// Tasks and their logs. Every method either does all it says or changes nothing.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Stores a task, its cursors, its idempotency key, its document claim and its place in the due-queue (due now), in
    /// one commit that survives power loss once it is answered, as far as the store is set up to.
    async fn accept(&self, new: NewTask) -> Result<Accepted, AcceptError>;

    /// What an idempotency key was answered with, if it was used: `Err(IdempotencyConflict)` for another request. Lets a
    /// submission be replayed before its upload is stored.
    async fn replay(&self, key: &str, request_digest: &str) -> Result<Option<JsonObject>, AcceptError>;

    /// The task that holds a document's id in its tenant.
    async fn document_holder(&self, tenant: &TenantId, document: &DocumentId) -> Result<Option<TaskId>, StoreError>;

    /// A task with its log.
    async fn load(&self, task: TaskId) -> Result<Option<TaskLog>, StoreError>;

    /// Whose a task is. Reads neither its record nor its log.
    async fn tenant_of(&self, task: TaskId) -> Result<Option<TenantId>, StoreError>;

    /// How far a task is. Reads neither its record nor its log.
    async fn mark(&self, task: TaskId) -> Result<Option<TaskMark>, StoreError>;

    /// A task as a log of its deliveries shows it. Holds no more of its log in memory than the types of its events.
    async fn outline(&self, task: TaskId) -> Result<Option<TaskOutline>, StoreError>;

    /// Takes a task one step on. On an ending status the document claim is settled: kept by a completed task, given up
    /// by any other unless another task holds it. A commit that takes an ended task to a status that is not ended claims the
    /// document again, as [`Self::accept`] does, or is refused with [`CommitError::DuplicateDocument`]. It is refused with
    /// [`CommitError::FilesGone`] after [`Self::files_deleted`].
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// The commit of a task that had ended and runs again. It waits anew: at the end of this flow, from now on its own, with a new
    /// rank, and within the queue's limit and the flow's as a new task; so it counts as one of the day. It waits until the next
    /// commit. One that begins a task again by [`Self::commit`] alone leaves it its old rank, and counts it nowhere.
    async fn run_again(&self, commit: Commit, flow: &Flow, limits: TaskLimits) -> Result<(), RunAgainError>;

    /// Whether a flow's next task would be taken in now, as far as the limit of the queue and the flow's are concerned. Nothing is
    /// counted, so that nothing need be prepared in vain for one that will be refused.
    async fn may_enter(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError>;

    /// Tasks, newest first. Reads no whole records.
    async fn list(&self, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError>;

    /// Number of tasks in each state, of all tenants.
    async fn counts(&self) -> Result<Vec<(StatusWord, u64)>, StoreError>;

    /// Number of a tenant's tasks in each state.
    async fn counts_of(&self, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError>;

    /// Events of a tenant since a time, newest first. `limit` at least 1. A page ends early where its events would take more
    /// memory than [`crate::PAGE_BYTES_MAX`].
    async fn recent(
        &self,
        tenant: &TenantId,
        since: Timestamp,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<RecentEvent>, StoreError>;

    /// Deletes up to `limit` ended tasks that ended before a time, with their events, cursors and attempts. Says which. A
    /// task with deliveries to come stays until they are made or given up.
    async fn expire(&self, ended_before: Timestamp, limit: usize) -> Result<Vec<TaskId>, StoreError>;

    /// Bytes of a tenant's files: of what was submitted with its tasks, and of what their steps have written, as the log says.
    /// What a task wrote again when it ran again counts again until its files are deleted. Tasks that were accepted before
    /// there was such a count count for nothing.
    async fn stored_bytes(&self, tenant: &TenantId) -> Result<u64, StoreError>;

    /// A task's files are about to be deleted: they count no more, and the task never runs again. To be asked before they are:
    /// `false` where the task has not ended, perhaps because it runs again since it was looked at; then nothing has changed, and
    /// the files must stay. Answered once that survives power loss, as far as the store is set up to. Doing it again, or for a
    /// task that is gone, changes nothing, and is `true`.
    async fn files_deleted(&self, task: TaskId) -> Result<bool, StoreError>;

    /// Answers when the store can serve.
    async fn ping(&self) -> Result<(), StoreError>;
}
