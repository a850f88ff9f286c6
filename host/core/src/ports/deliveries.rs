//! Webhook cursors and the log of delivery attempts.

use super::{CommitError, Lease, Page, StoreError};
use crate::Timestamp;
use crate::task::{Event, TaskId, TaskRecord};
use crate::webhook::{AttemptOutcome, Cursor, CursorMove, EndpointId, WebhookUrl};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Maximum memory of the events loaded for a cursor, bytes, as estimated by [`crate::tree_bytes`]: sixteen events of usual size.
/// A hundred concurrent deliveries take a hundred times as much.
pub const PENDING_BYTES_MAX: usize = 1 << 20;

/// The work of a claimed cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingDelivery {
    /// The task.
    pub record: Arc<TaskRecord>,
    /// State of the cursor.
    pub cursor: Cursor,
    /// The cursor's next event and those after it, up to the requested number; empty if the log ends before it.
    pub events: Vec<Event>,
    /// Whether the task has ended and `events` includes the last event of its log.
    pub is_end: bool,
    /// Credentials of the task's own endpoint.
    pub credentials: KeptCredentials,
    /// For a resent delivery: when the resend was requested or last attempted. `None` for others, and if unknown.
    pub resent_at: Option<Timestamp>,
}

/// Stored state of [`super::NewTask::credentials`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptCredentials {
    /// None were given.
    None,
    /// The stored credentials.
    Kept(String),
    /// Deleted with the last delivery: the task has ended, or its own endpoint has (410), and none of the endpoint's cursors had
    /// anything left to deliver to its own URL. They are not restored when the task runs again.
    Gone,
}

impl KeptCredentials {
    /// From the stored value: absent, a text, or empty once deleted.
    pub fn of(stored: Option<String>) -> Self {
        match stored {
            None => Self::None,
            Some(text) if text.is_empty() => Self::Gone,
            Some(text) => Self::Kept(text),
        }
    }
}

/// A recorded delivery attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// From 1 within the delivery.
    pub attempt: u32,
    /// When it began.
    pub at: Timestamp,
    /// Its outcome.
    pub outcome: AttemptOutcome,
}

/// One move of a cursor, with the attempt behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryMove {
    /// The move.
    pub movement: CursorMove,
    /// The attempt; `None` for skipped events and for a cursor that only waits.
    pub attempt: Option<AttemptRecord>,
}

/// Result of recorded moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The log has another event: the lease continues, with the same fence.
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
    /// Given up, and resent since; the resend has a record of its own.
    Resent,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Dead, Self::Resent];
}

/// One delivery with its attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Number of the delivery within the task and endpoint.
    pub delivery: u64,
    /// 0 for the original delivery; from 1 for resends.
    pub resend: u32,
    /// Sequence of the event in the task's log.
    pub event: u64,
    /// Its state.
    pub state: DeliveryState,
    /// Time of its last change.
    pub at: Timestamp,
    /// Target URL, if it was replayed to another one than the endpoint's.
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
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Only deliveries in this state.
    pub state: Option<DeliveryState>,
    /// Only deliveries changed at this time or later.
    pub since: Option<Timestamp>,
    /// Maximum number of items (at least 1).
    pub limit: usize,
    /// Cursor returned by the previous page.
    pub cursor: Option<String>,
}

/// A delivery to resend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResend {
    /// The task.
    pub task: TaskId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Number of the delivery.
    pub delivery: u64,
    /// Target URL instead of the endpoint's.
    pub url: Option<WebhookUrl>,
    /// Earliest time.
    pub due: Timestamp,
}

/// Why a delivery cannot be resent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResendError {
    /// The task or the delivery does not exist.
    #[error("there is no such delivery")]
    Unknown,
    /// It is in progress or still waiting.
    #[error("the delivery is not settled yet")]
    Pending,
    /// It was resent [`RESENDS_MAX`] times.
    #[error("the delivery was already resent {RESENDS_MAX} times")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Maximum resends of one delivery: each is stored with its attempts.
pub const RESENDS_MAX: u32 = 100;

/// Webhook cursors. Only the holder of a cursor's lease advances it.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Work of a leased cursor: at most `events_max` (at least 1) events, fewer if they would exceed [`PENDING_BYTES_MAX`]. `None`
    /// if the task or the cursor is gone.
    async fn pending(&self, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError>;

    /// Records attempts, moves the cursor and updates its entry in the due-queue, in one commit. At least one move; every move
    /// but the last must go on to the next event. `Stale` if the lease is no longer held: nothing is changed. The last delivery
    /// to the task's own endpoint deletes the task's credentials ([`KeptCredentials::Gone`]).
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

    /// A task's stored credentials; `None` as well if the task does not exist.
    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError>;

    /// Deliveries of a task to all its endpoints, ordered by event, then endpoint.
    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError>;

    /// Deliveries of a named endpoint, last changed first, without their attempts (see [`Self::deliveries`]).
    async fn endpoint_deliveries(&self, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError>;

    /// Resends a settled delivery, recorded separately with its own attempts. Returns the number of the resend, from 1.
    async fn resend(&self, new: &NewResend) -> Result<u32, ResendError>;

    /// Makes the parked cursors of an endpoint due. Returns their number.
    async fn unpark(&self, endpoint: &EndpointId) -> Result<u64, StoreError>;
}
