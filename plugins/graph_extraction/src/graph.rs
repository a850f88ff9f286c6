//! The graph as `graph.json` has it; see `docs/artifacts.md`.

use serde::Serialize;

/// A range of bytes of `markdown.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Bytes {
    /// First byte.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
}

/// An entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entity {
    /// Unique within the graph: the type and the name, in lower case.
    pub id: String,
    /// The way it is written most often.
    pub name: String,
    /// What it is; see [`crate::kinds::Kind`].
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How often it was found.
    pub mentions: u32,
    /// Other ways it is written.
    pub aliases: Vec<String>,
    /// Where; the first ones, see [`crate::builder::SPANS_MAX`].
    pub spans: Vec<Bytes>,
}

/// A passage: `text` is exactly `markdown[start..end]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The sentence, or the part of it that counts.
    pub text: String,
    /// First byte.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
}

/// A relation of two entities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relation {
    /// Id of an entity.
    pub source: String,
    /// Id of an entity.
    pub target: String,
    /// `WORKS_FOR`, …; `CO_OCCURS_WITH` for what only stands in the same sentence.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `pattern` or `co_occurrence`.
    pub method: &'static str,
    /// Sentences that say so.
    pub count: u32,
    /// The first of them.
    pub evidence: Evidence,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Who or what.
    pub subject: String,
    /// Does or is.
    pub predicate: String,
    /// Whom or what.
    pub object: String,
    /// `pattern`.
    pub method: &'static str,
    /// The sentence.
    pub evidence: Evidence,
}

/// `graph.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// Most mentioned first.
    pub entities: Vec<Entity>,
    /// Patterns first, each most frequent first.
    pub relations: Vec<Relation>,
    /// In document order.
    pub facts: Vec<Fact>,
}
