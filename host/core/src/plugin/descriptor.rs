//! What a component says it is.

use crate::task::ArtifactName;
use serde::Serialize;

/// Something of the host's that a step may use when the operator grants it. Each is one WIT interface of `morag:step`, but
/// [`Capability::Http`], which is `wasi:http`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Text embeddings by the host's model.
    Embeddings,
    /// The vector store.
    Vectors,
    /// The knowledge graph.
    Graph,
    /// Text completions by the host's model.
    Completions,
    /// Speech to text by the host's service.
    Transcription,
    /// A small store of the plugin's own.
    Kv,
    /// Secrets that the operator gave to the plugin by name.
    Secrets,
    /// Requests to hosts that the operator lists (`wasi:http`).
    Http,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 8] = [
        Self::Embeddings,
        Self::Vectors,
        Self::Graph,
        Self::Completions,
        Self::Transcription,
        Self::Kv,
        Self::Secrets,
        Self::Http,
    ];

    /// Its name in a descriptor and in the configuration; but for `http`, that of its WIT interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Vectors => "vectors",
            Self::Graph => "graph",
            Self::Completions => "completions",
            Self::Transcription => "transcription",
            Self::Kv => "kv",
            Self::Secrets => "secrets",
            Self::Http => "http",
        }
    }
}

impl std::str::FromStr for Capability {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|capability| capability.as_str() == text).ok_or(())
    }
}

/// An artifact a step reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name.
    pub name: ArtifactName,
    /// Whether an earlier step must write it.
    pub required: bool,
}

/// An artifact a step writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Its name.
    pub name: ArtifactName,
    /// Its media type.
    pub media_type: String,
    /// Key of the step's data under which its URL is published.
    pub data_key: Option<String>,
}

/// What a component says it is, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Descriptor {
    /// Step name in lower snake case.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line for people.
    pub summary: String,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// What it writes.
    pub outputs: Vec<Output>,
    /// What it wants.
    pub capabilities: Vec<Capability>,
    /// JSON Schema of its configuration.
    pub config_schema: serde_json::Value,
}

/// A descriptor that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDescriptor {
    /// Not lower snake case, or too long.
    #[error("step name {0:?} is not 1 to 64 characters of lower snake case")]
    Name(String),
    /// Not an artifact name.
    #[error("artifact name {0:?} is not a file name of a task")]
    Artifact(String),
    /// Not a capability of this host.
    #[error("capability {0:?} is not one this host has; it has {known}", known = Capability::ALL.map(Capability::as_str).join(", "))]
    Capability(String),
    /// Not JSON.
    #[error("the configuration schema is not a JSON object")]
    Schema,
}

impl Descriptor {
    /// Checks a step's name.
    pub fn check_name(name: &str) -> Result<(), InvalidDescriptor> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let fits = (1..=64).contains(&name.len())
            && name.chars().all(plain)
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        if fits { Ok(()) } else { Err(InvalidDescriptor::Name(name.chars().take(64).collect())) }
    }
}
