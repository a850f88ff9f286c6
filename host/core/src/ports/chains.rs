//! Ordering of deliveries across tasks, for endpoints that want the tasks of a document in order.

use super::StoreError;
use crate::task::{DocumentId, TaskId};
use crate::webhook::EndpointId;
use async_trait::async_trait;

/// An endpoint's tasks of one document, in order of acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chain {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The document.
    pub document: DocumentId,
}

/// Whether a task may deliver now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Yes; its first delivery has the number `base + 1`.
    Yes {
        /// Number of deliveries of the tasks before it.
        base: u64,
    },
    /// Only after this task has finished.
    After(TaskId),
}

/// A task of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The task.
    pub task: TaskId,
    /// Number of deliveries of the tasks before it; `None` before its turn.
    pub base: Option<u64>,
    /// Number of its own deliveries, over all its entries in the chain; `None` until it has finished.
    pub delivered: Option<u64>,
}

/// Maximum tasks kept per chain; the oldest finished ones are dropped first.
pub const LINKS_MAX: usize = 1000;

/// The chains.
#[async_trait]
pub trait Chains: Send + Sync {
    /// Whether it is the task's turn. A task that asks for the first time, or again after it finished, is appended to the
    /// chain. `delivered`: number of its deliveries so far.
    async fn turn(&self, chain: &Chain, task: TaskId, delivered: u64) -> Result<Turn, StoreError>;

    /// Marks a task as finished with `delivered` deliveries in total, or as gone (`None`: number unknown). Returns the task
    /// whose turn it is now. Idempotent.
    async fn finish(&self, chain: &Chain, task: TaskId, delivered: Option<u64>) -> Result<Option<TaskId>, StoreError>;

    /// The tasks in order, at most [`LINKS_MAX`].
    async fn links(&self, chain: &Chain) -> Result<Vec<Link>, StoreError>;
}
