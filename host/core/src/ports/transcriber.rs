//! Speech to text by the host's service.

use super::{BlobPath, CapabilityError};
use async_trait::async_trait;

/// A recording to be transcribed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Path of the recording.
    pub path: BlobPath,
    /// Size in bytes.
    pub size: u64,
    /// File name: services detect the format by its extension.
    pub file_name: String,
    /// Media type, as a hint.
    pub media_type: String,
    /// Spoken language (ISO 639-1), if known.
    pub language: Option<String>,
}

/// A timed part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Start, milliseconds from the beginning of the recording.
    pub start_ms: u64,
    /// End, milliseconds from the beginning of the recording.
    pub end_ms: u64,
    /// The spoken text.
    pub text: String,
}

/// The result of a transcription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// The whole text.
    pub text: String,
    /// Language, if reported by the service.
    pub language: Option<String>,
    /// Length of the recording in milliseconds, if reported by the service.
    pub duration_ms: Option<u64>,
    /// Segments in order of time; empty if the service reports none.
    pub segments: Vec<Segment>,
}

/// A transcription service.
#[async_trait]
pub trait Transcriber: Send + Sync {
    /// Name of the model. Does not contact the service.
    ///
    /// # Errors
    /// `NotUsable` if no service is configured, with the settings to set.
    fn model(&self) -> Result<String, CapabilityError>;

    /// Transcribes a recording, which is streamed from its blob. The adapter limits the time.
    ///
    /// # Errors
    /// `NotUsable` if no service is configured, or it refuses the server's key, model or address; `Unavailable` if it is unreachable or
    /// slow; `Invalid` if it rejects the recording.
    async fn transcribe(&self, recording: Recording) -> Result<Transcript, CapabilityError>;
}
