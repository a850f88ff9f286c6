//! Tasks whose deliveries go one after the other, because their endpoint wants those of a document in order.

use super::StoreError;
use crate::task::{DocumentId, TaskId};
use crate::webhook::EndpointId;
use async_trait::async_trait;

/// An endpoint's deliveries of one document: its tasks in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chain {
    /// Whose.
    pub endpoint: EndpointId,
    /// Of which document.
    pub document: DocumentId,
}

/// Whether a task may deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Yes. Its deliveries are numbered on from here: the first has this number and 1.
    Yes {
        /// Deliveries of the tasks before it.
        base: u64,
    },
    /// Not before this task has finished.
    After(TaskId),
}

/// A task of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The task.
    pub task: TaskId,
    /// Deliveries of the tasks before it; none where its turn has not come.
    pub base: Option<u64>,
    /// Its own deliveries, in all of its places; none where it has not finished.
    pub delivered: Option<u64>,
}

/// Tasks of a chain that are remembered: the oldest finished ones are forgotten.
pub const LINKS_MAX: usize = 1000;

/// The chains.
#[async_trait]
pub trait Chains: Send + Sync {
    /// Whether it is the task's turn. A task that is asked for the first time, or again after it finished, takes its place at the
    /// end. `delivered` is the number of its deliveries so far.
    async fn turn(&self, chain: &Chain, task: TaskId, delivered: u64) -> Result<Turn, StoreError>;

    /// The task has nothing more to deliver, of `delivered` in all, or is gone (then its number is not known: none). Says whose
    /// turn it is now. Doing it again changes nothing.
    async fn finish(&self, chain: &Chain, task: TaskId, delivered: Option<u64>) -> Result<Option<TaskId>, StoreError>;

    /// The tasks in order, [`LINKS_MAX`] at most.
    async fn links(&self, chain: &Chain) -> Result<Vec<Link>, StoreError>;
}
