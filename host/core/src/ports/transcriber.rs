//! Speech to text by a service behind the host.

use super::{BlobPath, CapabilityError};
use async_trait::async_trait;

/// A recording to be transcribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Where its bytes are.
    pub path: BlobPath,
    /// Size in bytes.
    pub size: u64,
    /// File name: services tell the format by its ending.
    pub file_name: String,
    /// Media type: a hint.
    pub media_type: String,
    /// Language that is spoken (ISO 639-1), where it is known.
    pub language: Option<String>,
}

/// A part of a transcript with its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// From the recording's begin, milliseconds.
    pub start_ms: u64,
    /// To there, milliseconds.
    pub end_ms: u64,
    /// What is said.
    pub text: String,
}

/// What was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// All of it.
    pub text: String,
    /// Language, where the service says it.
    pub language: Option<String>,
    /// Length of the recording in milliseconds, where the service says it.
    pub duration_ms: Option<u64>,
    /// In order of time; empty where the service gives none.
    pub segments: Vec<Segment>,
}

/// A service that transcribes.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// Transcribes a recording, sent from its blob without being held in memory. Bounded in time by the adapter.
    ///
    /// # Errors
    /// `Unavailable` where no service is set up, or it is away or slow; `Invalid` where it refuses the recording.
    async fn transcribe(&self, recording: Recording) -> Result<Transcript, CapabilityError>;
}
