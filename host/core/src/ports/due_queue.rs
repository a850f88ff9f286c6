//! Everything that must happen later: keys that come due, taken under a lease with a fence.

use super::StoreError;
use crate::Timestamp;
use async_trait::async_trait;
use std::collections::HashMap;
use std::time::Duration;

/// Which queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Tasks to run; the key is the task's id.
    Tasks,
    /// Webhook cursors to advance; the key is a [`crate::webhook::CursorName::key`].
    Deliveries,
}

/// The right to work on a key until the lease runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Which queue.
    pub queue: Queue,
    /// Which key.
    pub key: String,
    /// Another one with every claim of the key, any number: a commit with an earlier one is refused.
    pub fence: u64,
}

/// What a claim brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Keys that were due: tasks in the order of their flows' turns ([`super::Flow`]), deliveries oldest first.
    pub leases: Vec<Lease>,
    /// When to ask again: no key that waits now comes due before, except by a change that ends [`DueQueue::wait`]. None where
    /// none waits.
    pub next_due: Option<Timestamp>,
}

/// What of each lane ([`crate::webhook::CursorName`]) a claim of deliveries may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLimits {
    /// Keys of a lane that is not listed.
    pub share: usize,
    /// Lanes of which the claimer knows something.
    pub lanes: HashMap<String, LaneLimit>,
}

/// What a claim may take of one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimit {
    /// Keys at most. None of one that is closed or full.
    pub keys: usize,
    /// For how long nothing of the lane should be asked for again; zero where it is only full.
    pub closed_for: Duration,
    /// When the lane had its last turn, by a count: of several lanes with due keys, those with the lowest go first. One that
    /// is not listed has had none.
    pub turn: u64,
}

impl Default for LaneLimits {
    /// No limit.
    fn default() -> Self {
        Self { share: usize::MAX, lanes: HashMap::new() }
    }
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Keys that are due and not leased.
    pub due: u64,
    /// Keys under a lease.
    pub leased: u64,
    /// Keys that come due later.
    pub later: u64,
    /// How long the key that has been due for longest has waited; zero where none is due.
    pub oldest_due: Duration,
}

/// The due-queue. Keys enter it by commits of [`super::Tasks`] and [`super::Deliveries`].
#[async_trait]
pub trait DueQueue: Send + Sync {
    /// Takes up to `max` due keys. Each comes due again when its lease runs out, unless it is renewed, released or
    /// committed away before.
    async fn claim(&self, queue: Queue, max: usize, lease: Duration) -> Result<Claim, StoreError>;

    /// [`Self::claim`] of [`Queue::Deliveries`], within limits a lane. Lanes with due keys take turns, whatever the number of
    /// keys of each: a lane with a long backlog, or one that is closed, holds up no other. `next_due` leaves out lanes of which
    /// nothing may be taken.
    async fn claim_deliveries(&self, max: usize, lease: Duration, limits: &LaneLimits) -> Result<Claim, StoreError>;

    /// Makes the lease last `lease` from now. `false`: it is held no more.
    async fn renew(&self, held: &Lease, lease: Duration) -> Result<bool, StoreError>;

    /// Gives the key back, due then. `false`: it was held no more, and nothing changed.
    async fn release(&self, held: &Lease, due: Timestamp) -> Result<bool, StoreError>;

    /// Makes a key that waits, and is not leased, due now. `false`: it does not wait, or is leased.
    async fn hasten(&self, queue: Queue, key: &str) -> Result<bool, StoreError>;

    /// How full the queue is.
    async fn queue_counts(&self, queue: Queue) -> Result<QueueCounts, StoreError>;

    /// Returns when a key may have come due that was not before, or after `at_most`. Spurious returns are allowed,
    /// missed wake-ups are not: a key that enters between a claim and this call ends it.
    async fn wait(&self, queue: Queue, at_most: Duration);

    /// A count that grows whenever a key of the queue may have come due that was not before, by any change this process
    /// hears of.
    fn changes(&self, queue: Queue) -> u64;

    /// Returns once [`Self::changes`] is not `seen`, or after `at_most`: for one who must not be woken by keys that it may not
    /// take now.
    async fn wait_for_change(&self, queue: Queue, seen: u64, at_most: Duration);
}
