//! `completions` and `transcription`: the host's models.

use super::CapabilityError;
use crate::Blob;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Whoever runs the conversation: what the answer is to be like.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

impl Message {
    /// What the answer is to be like.
    pub fn system(content: impl Into<String>) -> Self {
        Self { role: Role::System, content: content.into() }
    }

    /// What is asked.
    pub fn user(content: impl Into<String>) -> Self {
        Self { role: Role::User, content: content.into() }
    }

    /// What the model has answered before.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self { role: Role::Assistant, content: content.into() }
    }
}

/// What an answer should be like; the default leaves all of it to the host's model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CompletionOptions {
    /// Tokens the answer may have; at most 4,096.
    pub max_tokens: Option<u32>,
    /// 0 to 2; lower is steadier.
    pub temperature: Option<f32>,
    /// JSON Schema that the answer must fit, for models that can be held to one; at most 64 KiB as text.
    pub response_schema: Option<serde_json::Value>,
}

/// A model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What the model answered.
    pub text: String,
    /// Name of the model that answered.
    pub model: String,
    /// Tokens of the messages, as the service counts them; 0 where it does not say.
    pub input_tokens: u32,
    /// Tokens of the answer, likewise.
    pub output_tokens: u32,
    /// Whether the answer stopped at `max_tokens` instead of at its end.
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

/// What was said from one time to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Beginning, in milliseconds of the recording.
    pub start_ms: u64,
    /// End, likewise.
    pub end_ms: u64,
    /// What was said.
    pub text: String,
}

/// A recording as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transcript {
    /// All of it.
    pub text: String,
    /// Language that was spoken, where the service says it.
    pub language: Option<String>,
    /// Length of the recording, where the service says it.
    pub duration_ms: Option<u64>,
    /// In order of time; empty where the service gives none.
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
    /// Transcribes a whole file of the task: its source or an artifact. The host sends it: it does not pass through the
    /// step's memory. `language`: what is spoken (ISO 639-1), where it is known.
    fn transcribe(&self, audio: &dyn Blob, language: Option<&str>) -> Result<Transcript, CapabilityError>;
}
