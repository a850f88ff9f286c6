//! Vector store and knowledge graph, replaced document by document.

use super::StoreError;
use crate::JsonObject;
use crate::plugin::FailureCode;
use crate::task::{DocumentId, TaskId};
use async_trait::async_trait;

/// Why a capability call failed (`wit/capabilities.wit`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// The arguments are invalid.
    #[error("{0}")]
    Invalid(String),
    /// A limit is reached.
    #[error("{0}")]
    Limit(String),
    /// The service behind it is unavailable. The text may be shown to callers.
    #[error("{0}")]
    Unavailable(String),
    /// The service cannot work as the operator has set it up: asking again helps only after a change. A guest is told `unavailable`; a step
    /// that fails because of it has this code, and is not run again.
    #[error("{text}")]
    NotUsable {
        /// Code of the failed step.
        code: FailureCode,
        /// What is wrong and what the operator must do. It may be shown to callers.
        text: String,
    },
}

/// The writes of one run for one document, invisible until published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Identifies the writes: a new id for every run of a step.
    pub id: uuid::Uuid,
    /// The writing task.
    pub task: TaskId,
    /// The collection.
    pub collection: String,
    /// The document.
    pub document: DocumentId,
}

/// A text with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Unique within the document.
    pub id: String,
    /// The text.
    pub text: String,
    /// Its vector.
    pub vector: Vec<f32>,
    /// Metadata stored with it.
    pub payload: JsonObject,
}

/// An entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Key, unique within the collection.
    pub key: String,
    /// Name as written in the document.
    pub name: String,
    /// Type.
    pub kind: String,
    /// Mentions in the document.
    pub mentions: u32,
    /// Further properties.
    pub properties: JsonObject,
}

/// A relation between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Key of the source node.
    pub source: String,
    /// Key of the target node.
    pub target: String,
    /// Type.
    pub kind: String,
    /// Further properties.
    pub properties: JsonObject,
}

/// A statement: subject, predicate, object.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Subject.
    pub subject: String,
    /// Predicate.
    pub predicate: String,
    /// Object.
    pub object: String,
    /// Further properties.
    pub properties: JsonObject,
}

/// Writes staged by one call.
#[derive(Debug, Clone, PartialEq)]
pub enum StagedBatch {
    /// Points, with vectors of the named model.
    Points {
        /// The model's name.
        model: String,
        /// The points.
        points: Vec<Point>,
    },
    /// Nodes; one with an already staged key replaces the earlier one.
    Nodes(Vec<Node>),
    /// Edges between staged nodes.
    Edges(Vec<Edge>),
    /// Facts.
    Facts(Vec<Fact>),
}

/// Contents of a document or a collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KnowledgeCounts {
    /// Points.
    pub points: u64,
    /// Nodes.
    pub nodes: u64,
    /// Edges.
    pub edges: u64,
    /// Facts.
    pub facts: u64,
}

/// A search result.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The document it belongs to.
    pub document: DocumentId,
    /// Its id within the document.
    pub id: String,
    /// Its text.
    pub text: String,
    /// Metadata stored with it.
    pub payload: JsonObject,
    /// Cosine similarity, -1 to 1.
    pub score: f32,
}

/// Vector store and knowledge graph. [`Self::counts`] and [`Self::search`] see only published writes.
#[async_trait]
pub trait Knowledge: Send + Sync {
    /// Stages writes of a revision and returns their number. All vectors of a collection must have the same model and length;
    /// others are `Invalid`, as is an edge whose ends are not staged.
    async fn stage(&self, revision: &Revision, batch: StagedBatch) -> Result<u32, CapabilityError>;

    /// Replaces the document's content in the collection by the staged writes, in one commit. Idempotent. A revision without
    /// staged writes empties the document.
    async fn publish(&self, revision: &Revision) -> Result<(), StoreError>;

    /// Drops the staged writes of a revision.
    async fn discard(&self, revision: &Revision) -> Result<(), StoreError>;

    /// Drops all staged writes that crashed runs left unpublished. For start-up, before any step runs.
    async fn discard_unpublished(&self) -> Result<u64, StoreError>;

    /// Contents of a collection, or of one document in it.
    async fn counts(&self, collection: &str, document: Option<&DocumentId>) -> Result<KnowledgeCounts, StoreError>;

    /// Points nearest to a vector, best first, at most `limit`.
    async fn search(&self, collection: &str, vector: &[f32], limit: usize) -> Result<Vec<Hit>, StoreError>;
}
