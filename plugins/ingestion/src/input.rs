//! What is read of the artifacts; see `docs/artifacts.md`. Keys this step has no use for are ignored.

use morag_step::{Data, Failure, Task, blob_bytes};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// `chunks.json`.
#[derive(Debug, Default, Deserialize)]
pub struct Chunks {
    /// In document order.
    pub chunks: Vec<Chunk>,
}

/// A chunk of `markdown.md`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Chunk {
    /// Place in the document, from 0; unique.
    pub index: u64,
    /// Exactly `markdown[start..end]`.
    pub text: String,
    /// How the boundaries were found.
    #[serde(default)]
    pub method: Option<String>,
    /// First byte in `markdown.md`.
    #[serde(default)]
    pub start: u64,
    /// Byte after the last one.
    #[serde(default)]
    pub end: u64,
    /// First Unicode code point.
    #[serde(default)]
    pub char_start: Option<u64>,
    /// Code point after the last one.
    #[serde(default)]
    pub char_end: Option<u64>,
    /// Page numbers, empty for a format without pages.
    #[serde(default)]
    pub pages: Vec<u64>,
    /// Headings above the chunk, outermost first.
    #[serde(default)]
    pub heading_path: Vec<String>,
}

/// `graph.json`.
#[derive(Debug, Default, Deserialize)]
pub struct Graph {
    /// Nodes.
    #[serde(default)]
    pub entities: Vec<Entity>,
    /// Edges.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// Statements.
    #[serde(default)]
    pub facts: Vec<Statement>,
}

/// An entity.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Entity {
    /// Unique within the graph.
    pub id: String,
    /// Name as written.
    pub name: String,
    /// `Person`, `Organization`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// How often the document names it.
    #[serde(default)]
    pub mentions: u32,
    /// Other ways it is written.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// A relation of two entities.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Relation {
    /// Id of an entity.
    pub source: String,
    /// Id of an entity.
    pub target: String,
    /// `WORKS_FOR`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `pattern` or `co_occurrence`.
    #[serde(default)]
    pub method: Option<String>,
    /// Sentences that say so.
    #[serde(default)]
    pub count: Option<u64>,
    /// One of them.
    #[serde(default)]
    pub evidence: Option<Evidence>,
}

/// A statement.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Statement {
    /// Who or what.
    pub subject: String,
    /// Does or is.
    pub predicate: String,
    /// Whom or what.
    pub object: String,
    /// How it was found.
    #[serde(default)]
    pub method: Option<String>,
    /// The sentence.
    #[serde(default)]
    pub evidence: Option<Evidence>,
}

/// A passage of `markdown.md`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Evidence {
    /// Exactly `markdown[start..end]`.
    pub text: String,
    /// First byte.
    pub start: u64,
    /// Byte after the last one.
    pub end: u64,
}

/// `metadata.json`, as far as it is stored with each point.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    /// `title`, `author`, `language`, …
    #[serde(default)]
    pub metadata: Data,
}

/// Reads an artifact that may be absent; then it is the empty one. Memory: the whole file twice.
pub fn optional<T: DeserializeOwned + Default>(task: &dyn Task, name: &str) -> Result<T, Failure> {
    let Some(blob) = task.artifact(name) else { return Ok(T::default()) };
    serde_json::from_slice(&blob_bytes(blob.as_ref())?)
        .map_err(|error| Failure::new("INPUT_INVALID", format!("{name} is not what this step reads: {error}")))
}
