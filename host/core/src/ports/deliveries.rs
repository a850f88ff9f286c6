//! Webhook cursors and the log of attempts.

use super::{CommitError, Lease, Page, StoreError};
use crate::Timestamp;
use crate::task::{Event, TaskId, TaskRecord};
use crate::webhook::{AttemptOutcome, Cursor, CursorMove, EndpointId, WebhookUrl};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the events that a cursor looks at may take of memory together, bytes, as [`crate::tree_bytes`] reckons: sixteen of usual
/// size, and a hundred deliveries under way take a hundred times as much.
pub const PENDING_BYTES_MAX: usize = 1 << 20;

/// What a claimed cursor is to work on.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingDelivery {
    /// The task.
    pub record: Arc<TaskRecord>,
    /// Where the cursor stands.
    pub cursor: Cursor,
    /// The event it looks at and those after it, in order, as many as were asked for; none where the log ends before it.
    pub events: Vec<Event>,
    /// Whether the task has ended and these are the last events of its log.
    pub is_end: bool,
    /// What the task's own endpoint is sent with.
    pub credentials: KeptCredentials,
    /// Of a delivery that is made again: when it was asked for, or attempted last. None of others, and where it is not known.
    pub resent_at: Option<Timestamp>,
}

/// What there is of [`super::NewTask::credentials`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptCredentials {
    /// None were given.
    None,
    /// These.
    Kept(String),
    /// They went with the last delivery: the task has ended, or its own endpoint has (410), and none of that endpoint's cursors had
    /// anything left to deliver to its own URL. They do not come back when the task runs again.
    Gone,
}

impl KeptCredentials {
    /// From what a store has: nothing, a text, or an empty one once it is gone.
    pub fn of(stored: Option<String>) -> Self {
        match stored {
            None => Self::None,
            Some(text) if text.is_empty() => Self::Gone,
            Some(text) => Self::Kept(text),
        }
    }
}

/// One attempt, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// From 1 within the delivery.
    pub attempt: u32,
    /// When it began.
    pub at: Timestamp,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// One move of a cursor, with the attempt behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryMove {
    /// Where it goes.
    pub movement: CursorMove,
    /// What was tried; none for what is skipped, and for a cursor that only waits.
    pub attempt: Option<AttemptRecord>,
}

/// What a recorded move leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The next event is in the log: the lease goes on, with the same fence.
    More,
    /// Nothing to do now: the lease has ended.
    Idle,
}

/// State of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not delivered yet.
    Pending,
    /// Delivered.
    Delivered,
    /// Given up.
    Dead,
    /// Given up, and made again since: what became of that is a record of its own.
    Resent,
}

/// One delivery with its attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// To whom.
    pub endpoint: EndpointId,
    /// Number of the delivery within the task and endpoint.
    pub delivery: u64,
    /// 0 for the one that the cursor made; from 1 for those that somebody asked for.
    pub resend: u32,
    /// Sequence of the event in the task's log.
    pub event: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// When it was moved last.
    pub at: Timestamp,
    /// Where to, where it was replayed elsewhere than to the endpoint's URL.
    pub url: Option<WebhookUrl>,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptRecord>,
}

/// A delivery of a named endpoint, with its task.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointDelivery {
    /// The task.
    pub task: TaskId,
    /// The delivery.
    pub record: DeliveryRecord,
}

/// Which deliveries of an endpoint to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Whose.
    pub endpoint: EndpointId,
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only those moved at this time or later.
    pub since: Option<Timestamp>,
    /// At most so many (at least 1).
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// A delivery that is to be made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResend {
    /// The task.
    pub task: TaskId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Number of the delivery.
    pub delivery: u64,
    /// Where to instead of to the endpoint's URL.
    pub url: Option<WebhookUrl>,
    /// Not before.
    pub due: Timestamp,
}

/// Why a delivery is not made again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResendError {
    /// No such task, or it has no such delivery.
    #[error("there is no such delivery")]
    Unknown,
    /// It is being made now, or waits for its turn: nothing is to be made again yet.
    #[error("the delivery is not settled yet")]
    Pending,
    /// It was made again too often.
    #[error("the delivery was made again {RESENDS_MAX} times already")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Times one delivery can be made again: each is kept with its attempts.
pub const RESENDS_MAX: u32 = 100;

/// Webhook cursors. One holder of a cursor's lease at a time advances it.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// What the holder of a lease is to work on: `events_max` (at least 1) events at most, fewer where they would take more memory
    /// than [`PENDING_BYTES_MAX`]. None where the task or the cursor is gone.
    async fn pending(&self, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError>;

    /// Records attempts, moves the cursor and settles its place in the due-queue, in one commit. At least one move; all but the
    /// last go on to the next event. `Stale` where the lease is held no more: nothing changed. With the last delivery to the
    /// task's own endpoint the task's credentials go ([`KeptCredentials::Gone`]).
    async fn advance_all(&self, held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError>;

    /// [`Self::advance_all`] with one move.
    async fn advance(
        &self,
        held: &Lease,
        movement: CursorMove,
        attempt: Option<AttemptRecord>,
    ) -> Result<Recorded, CommitError> {
        self.advance_all(held, vec![DeliveryMove { movement, attempt }]).await
    }

    /// What there is of a task's credentials; none too where the task is not there.
    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError>;

    /// A task's deliveries in order of their events, then of endpoints, of all its endpoints.
    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// A named endpoint's deliveries, those moved last first. Without their attempts: those are in [`Self::deliveries`].
    async fn endpoint_deliveries(&self, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError>;

    /// Makes a settled delivery again, as one of its own with its own attempts. Says which number it has, from 1.
    async fn resend(&self, new: &NewResend) -> Result<u32, ResendError>;

    /// Makes the parked cursors of an endpoint due. Says how many there were.
    async fn unpark(&self, endpoint: &EndpointId) -> Result<u64, StoreError>;
}
