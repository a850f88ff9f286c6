//! The due-queue: keys with a due time, claimed under a lease with a fence.

use super::StoreError;
use crate::Timestamp;
use async_trait::async_trait;
use std::collections::HashMap;
use std::time::Duration;

/// A queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Tasks to run; the key is the task's id.
    Tasks,
    /// Webhook cursors to advance; the key is a [`crate::webhook::CursorName::key`].
    Deliveries,
}

/// The right to work on a key until the lease expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The queue.
    pub queue: Queue,
    /// The key.
    pub key: String,
    /// Differs for every claim of the key, in no particular order: a commit with an earlier fence is refused.
    pub fence: u64,
}

/// Result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Claimed keys: tasks in the order of their flows' turns ([`super::Flow`]), deliveries oldest first.
    pub leases: Vec<Lease>,
    /// When to claim again: no waiting key comes due earlier, except through a change that ends [`DueQueue::wait`]. `None` if no
    /// key is waiting.
    pub next_due: Option<Timestamp>,
}

/// Per-lane limits ([`crate::webhook::CursorName`]) for a claim of deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneLimits {
    /// Maximum keys of a lane that is not listed.
    pub share: usize,
    /// Lanes with limits of their own.
    pub lanes: HashMap<String, LaneLimit>,
}

/// Limit of one lane for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimit {
    /// Maximum keys; 0 for a lane that is closed or full.
    pub keys: usize,
    /// Time for which the lane should not be asked for again; zero if it is only full.
    pub closed_for: Duration,
    /// Counter value of the lane's last turn: among lanes with due keys, the lowest goes first. Lanes that are not listed count as
    /// having had none.
    pub turn: u64,
}

impl Default for LaneLimits {
    /// No limit.
    fn default() -> Self {
        Self { share: usize::MAX, lanes: HashMap::new() }
    }
}

/// Sizes of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Keys that are due and not leased.
    pub due: u64,
    /// Keys under a lease.
    pub leased: u64,
    /// Keys that come due later.
    pub later: u64,
    /// How long the oldest due key has been due; zero if none is due.
    pub oldest_due: Duration,
}

/// The due-queue. Keys enter it through commits of [`super::Tasks`] and [`super::Deliveries`].
#[async_trait]
pub trait DueQueue: Send + Sync {
    /// Claims up to `max` due keys. Each comes due again when its lease expires, unless it is renewed, released or settled by a
    /// commit first.
    async fn claim(&self, queue: Queue, max: usize, lease: Duration) -> Result<Claim, StoreError>;

    /// [`Self::claim`] of [`Queue::Deliveries`] with limits per lane. Lanes with due keys take turns, regardless of how many keys
    /// each has: a lane that has a long backlog or is closed does not delay others. `next_due` ignores lanes from which nothing
    /// may be claimed.
    async fn claim_deliveries(&self, max: usize, lease: Duration, limits: &LaneLimits) -> Result<Claim, StoreError>;

    /// Extends the lease to `lease` from now. `false`: it is no longer held.
    async fn renew(&self, held: &Lease, lease: Duration) -> Result<bool, StoreError>;

    /// Returns the key to the queue, due at `due`. `false`: it was no longer held, and nothing was changed.
    async fn release(&self, held: &Lease, due: Timestamp) -> Result<bool, StoreError>;

    /// Makes a waiting key due now. `false`: it is not waiting, or is leased.
    async fn hasten(&self, queue: Queue, key: &str) -> Result<bool, StoreError>;

    /// Sizes of the queue.
    async fn queue_counts(&self, queue: Queue) -> Result<QueueCounts, StoreError>;

    /// Returns when a key may have come due, or after `at_most`. Spurious returns are allowed, missed wake-ups are not: a key
    /// that enters between a claim and this call ends the wait.
    async fn wait(&self, queue: Queue, at_most: Duration);

    /// Counter that increases whenever a key of the queue may have come due through a change this process is notified of.
    fn changes(&self, queue: Queue) -> u64;

    /// Returns once [`Self::changes`] differs from `seen`, or after `at_most`: for callers that must not be woken by keys they
    /// cannot claim now.
    async fn wait_for_change(&self, queue: Queue, seen: u64, at_most: Duration);
}
