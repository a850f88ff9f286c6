//! Webhook cursors and the log of attempts.

use super::{CommitError, Lease, StoreError};
use crate::Timestamp;
use crate::task::{Event, TaskId, TaskRecord};
use crate::webhook::{AttemptOutcome, Cursor, EndpointId};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a claimed cursor is to work on.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingDelivery {
    /// The task.
    pub record: Arc<TaskRecord>,
    /// Where the cursor stands.
    pub cursor: Cursor,
    /// The event it looks at; none where the log ends before it.
    pub event: Option<Event>,
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

/// Where the cursor goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorMove {
    /// The event is not for this endpoint: look at the next one. No delivery is recorded.
    Skip,
    /// Delivered: look at the next event.
    Delivered,
    /// Given up: recorded as dead; look at the next event.
    Dead,
    /// Try the same delivery again then.
    Retry(Timestamp),
    /// The endpoint is gone: the delivery is recorded as dead and the cursor ends for good.
    Disable,
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
}

/// One delivery with its attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// To whom.
    pub endpoint: EndpointId,
    /// `X-MoRAG-Sequence`.
    pub delivery: u64,
    /// Sequence of the event in the task's log.
    pub event: u64,
    /// Where it stands.
    pub state: DeliveryState,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptRecord>,
}

/// Webhook cursors. One holder of a cursor's lease at a time advances it.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// What the holder of a lease is to work on; none where the task or the cursor is gone.
    async fn pending(&self, held: &Lease) -> Result<Option<PendingDelivery>, StoreError>;

    /// Records an attempt, moves the cursor and settles its place in the due-queue, in one commit. `Stale` where the
    /// lease is held no more: nothing changed.
    async fn advance(
        &self,
        held: &Lease,
        movement: CursorMove,
        attempt: Option<AttemptRecord>,
    ) -> Result<Recorded, CommitError>;

    /// A task's deliveries in order, of all its endpoints.
    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError>;
}
