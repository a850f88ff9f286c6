//! Text completions by a model behind the host.

use super::CapabilityError;
use async_trait::async_trait;

/// Who says a message.
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
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// What is asked of the model. The caller has checked it against the limits of `wit/ai.wit`.
#[derive(Debug, Clone, PartialEq)]
pub struct CompletionRequest {
    /// The conversation, in order.
    pub messages: Vec<Message>,
    /// Tokens the answer may have.
    pub tokens_max: Option<u32>,
    /// 0 to 2.
    pub temperature: Option<f32>,
    /// JSON Schema that the answer must fit.
    pub response_schema: Option<serde_json::Value>,
}

/// What the model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The answer.
    pub text: String,
    /// Name of the model.
    pub model: String,
    /// Tokens of the conversation, as the service counts them; 0 where it does not say.
    pub input_tokens: u32,
    /// Tokens of the answer, likewise.
    pub output_tokens: u32,
    /// Whether the answer stopped at its limit of tokens.
    pub truncated: bool,
}

/// A model that answers.
#[async_trait]
pub trait Completer: Send + Sync {
    /// Answers a conversation. Bounded in time by the adapter; dropping the future ends the request.
    ///
    /// # Errors
    /// `Unavailable` where no service is set up, or it is away, slow or overloaded; `Invalid` where it refuses the request.
    async fn complete(&self, request: CompletionRequest) -> Result<Completion, CapabilityError>;
}
