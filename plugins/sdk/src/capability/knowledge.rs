//! `embeddings`, `vectors` and `graph`: storing a document's knowledge.

use super::CapabilityError;

/// Text embeddings by the host's model. Capability `embeddings`.
pub trait Embeddings {
    /// Name and dimensions of the model in use.
    fn model(&self) -> (String, u32);
    /// One vector per text, in order; at most 256 texts and 1 MiB of text per call.
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, CapabilityError>;
}

/// A text with its vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Unique within the document.
    pub id: String,
    /// The text of the vector.
    pub text: String,
    /// The vector.
    pub vector: Vec<f32>,
    /// Data that is stored with the point.
    pub payload: crate::Data,
}

/// The vector store, staged until the step succeeds. Capability `vectors`.
pub trait Vectors {
    /// Stages at most 256 points, with vectors of the named model.
    fn put(&self, model: &str, points: Vec<Point>) -> Result<u32, CapabilityError>;
}

/// An entity of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Key, unique in the collection.
    pub key: String,
    /// Name as written.
    pub name: String,
    /// Type.
    pub kind: String,
    /// Mentions in this document.
    pub mentions: u32,
    /// Further properties.
    pub properties: crate::Data,
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
    /// Further properties, for example the evidence.
    pub properties: crate::Data,
}

/// A statement with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Subject.
    pub subject: String,
    /// Predicate.
    pub predicate: String,
    /// Object.
    pub object: String,
    /// Further properties, for example the evidence.
    pub properties: crate::Data,
}

/// The knowledge graph, staged until the step succeeds. Capability `graph`.
pub trait Graph {
    /// Stages at most 256 nodes.
    fn put_nodes(&self, nodes: Vec<Node>) -> Result<u32, CapabilityError>;
    /// Stages at most 256 edges.
    fn put_edges(&self, edges: Vec<Edge>) -> Result<u32, CapabilityError>;
    /// Stages at most 256 facts.
    fn put_facts(&self, facts: Vec<Fact>) -> Result<u32, CapabilityError>;
}
