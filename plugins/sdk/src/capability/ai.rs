//! `completions` and `transcription`: the host's models.

use super::CapabilityError;
use crate::Blob;

/// Author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The author of the instructions for the model.
    System,
    /// The asking person.
    User,
    /// The model.
    Assistant,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Author.
    pub role: Role,
    /// Text.
    pub content: String,
}

impl Message {
    /// Instructions for the model.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// A question.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// An earlier answer of the model.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// Options of a completion; by default the host's model decides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CompletionOptions {
    /// Largest number of tokens of the answer; at most 4,096.
    pub max_tokens: Option<u32>,
    /// 0 to 2; lower is steadier.
    pub temperature: Option<f32>,
    /// JSON Schema that the answer must match, for models that support it; at most 64 KiB as text.
    pub response_schema: Option<serde_json::Value>,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Text of the answer.
    pub text: String,
    /// Name of the model that answered.
    pub model: String,
    /// Tokens of the messages, as counted by the service; 0 if unknown.
    pub input_tokens: u32,
    /// Tokens of the answer, as counted by the service; 0 if unknown.
    pub output_tokens: u32,
    /// Whether the answer was cut at `max_tokens`.
    pub truncated: bool,
}

/// Text completions by the host's model. Capability `completions`.
///
/// ```
/// use morag_step::mock::MockCompletions;
/// use morag_step::{CompletionOptions, Completions, Failure, Message};
///
/// fn title(models: &dyn Completions, text: &str) -> Result<String, Failure> {
///     let messages = [Message::system("Answer with a title of at most five words."), Message::user(text)];
///     Ok(models.complete(&messages, &CompletionOptions::default())?.text)
/// }
///
/// let models = MockCompletions::answering(["A title"]);
/// assert_eq!(title(&models, "Long text").unwrap(), "A title");
/// assert_eq!(models.asked()[0].0[1], Message::user("Long text"));
/// ```
pub trait Completions {
    /// Answers a conversation of 1 to 64 messages and at most 1 MiB of text.
    fn complete(&self, messages: &[Message], options: &CompletionOptions) -> Result<Completion, CapabilityError>;
}

/// Part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Start, in milliseconds from the start of the recording.
    pub start_ms: u64,
    /// End, in milliseconds from the start of the recording.
    pub end_ms: u64,
    /// The spoken text.
    pub text: String,
}

/// A transcribed recording.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// The whole text.
    pub text: String,
    /// The spoken language, if the service detects it.
    pub language: Option<String>,
    /// Length of the recording, if the service returns it.
    pub duration_ms: Option<u64>,
    /// Segments in order of time; empty if the service returns none.
    pub segments: Vec<Segment>,
}

/// Speech to text by the host's service. Capability `transcription`.
///
/// ```
/// use morag_step::mock::{MockTask, MockTranscription};
/// use morag_step::{Failure, Task, Transcript, Transcription};
///
/// fn spoken(task: &dyn Task, service: &dyn Transcription) -> Result<String, Failure> {
///     Ok(service.transcribe(task.source().as_ref(), task.info().language.as_deref())?.text)
/// }
///
/// let service = MockTranscription::hearing(Transcript { text: "hello".into(), ..Transcript::default() });
/// assert_eq!(spoken(&MockTask::new("a.wav", "RIFF"), &service).unwrap(), "hello");
/// ```
pub trait Transcription {
    /// Name of the model that transcribes. `Unavailable` where the operator has set no service up; the service is not asked.
    fn model(&self) -> Result<String, CapabilityError>;
    /// Transcribes a whole file of the task: its source or an artifact. The host sends it: it does not pass through the step's memory.
    /// `language`: the spoken language (ISO 639-1), if known.
    fn transcribe(&self, audio: &dyn Blob, language: Option<&str>) -> Result<Transcript, CapabilityError>;
}
