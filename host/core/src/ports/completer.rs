//! Text completions by the host's model.

use super::CapabilityError;
use async_trait::async_trait;

/// Author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Role {
    System,
    User,
    Assistant,
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its author.
    pub role: Role,
    /// Its text.
    pub content: String,
}

/// A completion request. The caller has checked it against the limits of `wit/ai.wit`.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    /// The conversation, in order.
    pub messages: Vec<Message>,
    /// Maximum tokens of the answer.
    pub tokens_max: Option<u32>,
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f32>,
    /// JSON Schema that the answer must match.
    pub response_schema: Option<serde_json::Value>,
}

/// The model's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The answer.
    pub text: String,
    /// Name of the model.
    pub model: String,
    /// Tokens of the conversation as counted by the service; 0 if it does not report them.
    pub input_tokens: u32,
    /// Tokens of the answer, likewise.
    pub output_tokens: u32,
    /// Whether the answer was cut off at its token limit.
    pub truncated: bool,
}

/// A completion model.
#[async_trait]
pub trait Completer: Send + Sync {
    /// Completes a conversation. The adapter limits the time; dropping the future cancels the request.
    ///
    /// # Errors
    /// `NotUsable` if no service is configured, or it refuses the server's key, model or address; `Unavailable` if it is unreachable, slow
    /// or overloaded; `Invalid` if it rejects the request.
    async fn complete(&self, request: CompletionRequest) -> Result<Completion, CapabilityError>;
}
