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
    /// More of something than a descriptor may have.
    #[error("it has {measured} {what}; a descriptor has at most {allowed}")]
    TooLarge {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// How much there is.
        measured: usize,
        /// How much there may be.
        allowed: usize,
    },
}

/// Artifacts a descriptor may name as inputs, and as outputs: a pipeline is a dozen steps that write a few files each.
const ARTIFACTS_MAX: usize = 64;

/// Capabilities it may name: more than there are.
const CAPABILITIES_MAX: usize = 64;

/// Bytes of its version.
const VERSION_BYTES_MAX: usize = 64;

/// Bytes of its summary: one line.
const SUMMARY_BYTES_MAX: usize = 1 << 10;

/// Bytes of its configuration schema. Every descriptor is held in memory, and shown by the API.
const SCHEMA_BYTES_MAX: usize = 256 << 10;

/// Lengths of a descriptor's parts as a component gave them: lists in items, texts in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct DescriptorSize {
    /// Version.
    pub version: usize,
    /// Summary.
    pub summary: usize,
    /// Inputs.
    pub inputs: usize,
    /// Outputs.
    pub outputs: usize,
    /// Capabilities.
    pub capabilities: usize,
    /// Configuration schema.
    pub config_schema: usize,
}

impl DescriptorSize {
    /// Refuses what is too large to be held, before anything is made of it.
    pub fn check(self) -> Result<(), InvalidDescriptor> {
        let parts = [
            ("bytes of version", self.version, VERSION_BYTES_MAX),
            ("bytes of summary", self.summary, SUMMARY_BYTES_MAX),
            ("inputs", self.inputs, ARTIFACTS_MAX),
            ("outputs", self.outputs, ARTIFACTS_MAX),
            ("capabilities", self.capabilities, CAPABILITIES_MAX),
            ("bytes of configuration schema", self.config_schema, SCHEMA_BYTES_MAX),
        ];
        match parts.into_iter().find(|(_, measured, allowed)| measured > allowed) {
            Some((what, measured, allowed)) => Err(InvalidDescriptor::TooLarge { what, measured, allowed }),
            None => Ok(()),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_own_limit() {
        assert_eq!(DescriptorSize { inputs: ARTIFACTS_MAX, version: 5, ..Default::default() }.check(), Ok(()));
        for (size, what) in [
            (DescriptorSize { version: 65, ..Default::default() }, "bytes of version"),
            (DescriptorSize { summary: 1025, ..Default::default() }, "bytes of summary"),
            (DescriptorSize { inputs: 65, ..Default::default() }, "inputs"),
            (DescriptorSize { outputs: 65, ..Default::default() }, "outputs"),
            (DescriptorSize { capabilities: 65, ..Default::default() }, "capabilities"),
            (DescriptorSize { config_schema: (256 << 10) + 1, ..Default::default() }, "bytes of configuration schema"),
        ] {
            assert!(
                matches!(size.check(), Err(InvalidDescriptor::TooLarge { what: found, .. }) if found == what),
                "{size:?}"
            );
        }
    }
}
