//! What the operator may grant beyond the task, as traits: one a WIT interface, and `http`.
//!
//! Each has a handle of its own in [`crate::host`] and stands in [`crate::mock`] for unit tests. Write a step's logic over the
//! traits, and name the handles where `run` begins: the component imports the interfaces of the handles it names, no other.

mod ai;
mod http;
mod knowledge;
mod kv;

pub use ai::{Completion, CompletionOptions, Completions, Message, Role, Segment, Transcript, Transcription};
pub use http::{Http, Request, Response};
#[cfg(feature = "http")]
pub(crate) use http::{Place, Scheme};
pub use knowledge::{Edge, Embeddings, Fact, Graph, Node, Point, Vectors};
pub use kv::{KeyValues, Secrets};

use crate::Failure;

/// Why a capability could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapabilityError {
    /// The arguments are not acceptable.
    Invalid(String),
    /// A limit is reached.
    Limit(String),
    /// The service behind the capability is away; it may work later.
    Unavailable(String),
}

impl std::fmt::Display for CapabilityError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Invalid(message) | Self::Limit(message) | Self::Unavailable(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for CapabilityError {}

impl From<CapabilityError> for Failure {
    fn from(error: CapabilityError) -> Self {
        match error {
            CapabilityError::Invalid(message) => Failure::new("CAPABILITY_INVALID", message),
            CapabilityError::Limit(message) => Failure::new("CAPABILITY_LIMIT", message),
            CapabilityError::Unavailable(message) => Failure::unavailable(message),
        }
    }
}
