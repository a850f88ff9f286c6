//! Traits of what the operator may grant in addition to the task: one for each WIT interface, and `http`.
//!
//! Each has a handle in [`crate::host`] and a mock in [`crate::mock`] for unit tests. Write a step's logic with the traits, and name the
//! handles only in `run`: the component imports the interfaces of the handles that it names, and no others.

mod ai;
mod conversion;
mod http;
mod knowledge;
mod kv;
mod ocr;

pub use ai::{Completion, CompletionOptions, Completions, Message, Role, Segment, Transcript, Transcription};
pub use conversion::{Conversion, ConvertedDocument, Refused};
pub use http::{Http, Request, Response};
#[cfg(feature = "http")]
pub(crate) use http::{Scheme, UrlParts};
pub use knowledge::{Edge, Embeddings, Fact, Graph, Node, Point, Vectors};
pub use kv::{KeyValues, Secrets};
pub use ocr::{Corner, Ocr, OcrModel, Picture, PixelFormat, Reading, TextLine};

use crate::Failure;

/// Why a capability call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapabilityError {
    /// Invalid arguments.
    Invalid(String),
    /// A limit was reached.
    Limit(String),
    /// The service behind the capability is unavailable; a retry may succeed.
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
