//! What documents become: vectors and a graph, replaced document by document.

use super::StoreError;
use crate::JsonObject;
use crate::task::{DocumentId, TaskId};
use async_trait::async_trait;

/// Why a capability could not do what a step asked (`wit/capabilities.wit`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapabilityError {
    /// The arguments are not acceptable.
    #[error("{0}")]
    Invalid(String),
    /// A limit is reached.
    #[error("{0}")]
    Limit(String),
    /// The service behind it is away. The text is safe to show.
    #[error("{0}")]
    Unavailable(String),
}

/// One run's writes for one document, invisible until published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Identifies the run's writes: a new one for every run of a step.
    pub id: uuid::Uuid,
    /// The task that writes.
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
    /// What is stored with it.
    pub payload: JsonObject,
}

/// An entity.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Key within the collection.
    pub key: String,
    /// Name as written.
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
    /// Key of a node.
    pub source: String,
    /// Key of a node.
    pub target: String,
    /// Type.
    pub kind: String,
    /// Further properties.
    pub properties: JsonObject,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Who or what.
    pub subject: String,
    /// Does or is.
    pub predicate: String,
    /// Whom or what.
    pub object: String,
    /// Further properties.
    pub properties: JsonObject,
}

/// What one call stages.
#[derive(Debug, Clone, PartialEq)]
pub enum StagedBatch {
    /// Points, made by the named model.
    Points {
        /// The model's name.
        model: String,
        /// The points.
        points: Vec<Point>,
    },
    /// Nodes; a key that is staged already is replaced.
    Nodes(Vec<Node>),
    /// Edges between nodes that are staged.
    Edges(Vec<Edge>),
    /// Facts.
    Facts(Vec<Fact>),
}

/// What a document, or a collection, holds.
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

/// A point found by its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The document it belongs to.
    pub document: DocumentId,
    /// Its id within the document.
    pub id: String,
    /// Its text.
    pub text: String,
    /// What is stored with it.
    pub payload: JsonObject,
    /// Cosine similarity, -1 to 1.
    pub score: f32,
}

/// The vector store and the knowledge graph. Only published writes are seen by [`Self::counts`] and [`Self::search`].
#[async_trait]
pub trait Knowledge: Send + Sync {
    /// Stages writes of a revision. Says how many. A collection takes vectors of one model and one length: another is
    /// `Invalid`, as is an edge whose ends are not staged.
    async fn stage(&self, revision: &Revision, batch: StagedBatch) -> Result<u32, CapabilityError>;

    /// Makes the revision the document's content, in one commit: what the collection held of the document is gone, what
    /// was staged is there. Publishing the same revision again changes nothing. A revision without any staged writes
    /// empties the document.
    async fn publish(&self, revision: &Revision) -> Result<(), StoreError>;

    /// Forgets what was staged.
    async fn discard(&self, revision: &Revision) -> Result<(), StoreError>;

    /// Forgets everything staged and not published: what crashed runs left. For start-up, before any step runs.
    async fn discard_unpublished(&self) -> Result<u64, StoreError>;

    /// What a collection holds, or one document in it.
    async fn counts(&self, collection: &str, document: Option<&DocumentId>) -> Result<KnowledgeCounts, StoreError>;

    /// The points nearest to a vector, best first, at most `limit`.
    async fn search(&self, collection: &str, vector: &[f32], limit: usize) -> Result<Vec<Hit>, StoreError>;
}
