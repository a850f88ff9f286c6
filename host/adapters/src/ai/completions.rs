//! `chat/completions`.

use super::service::{OpenAiService, Use, unavailable};
use async_trait::async_trait;
use morag_core::plugin::FailureCode;
use morag_core::ports::{CapabilityError, Completer, Completion, CompletionRequest, Role};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Largest response body, bytes. 4,096 tokens take about 32 KiB; a model that also returns its reasoning needs more.
const ANSWER_BYTES_MAX: usize = 4 << 20;

const OF: Use = Use {
    name: "completions",
    model_variable: "MORAG_COMPLETIONS_MODEL",
    misconfigured: FailureCode::CompletionsMisconfigured,
};

/// Completions by a model of the service.
pub struct OpenAiCompleter {
    service: OpenAiService,
    model: String,
    timeout: Duration,
}

impl OpenAiCompleter {
    /// Completions by this model, each within the timeout.
    pub fn new(service: OpenAiService, model: String, timeout: Duration) -> Self {
        Self { service, model, timeout }
    }

    fn body(&self, request: &CompletionRequest) -> Value {
        let messages: Vec<_> = request
            .messages
            .iter()
            .map(|message| json!({ "role": role(message.role), "content": message.content }))
            .collect();
        let mut body = json!({ "model": self.model, "messages": messages });
        if let Some(tokens) = request.tokens_max {
            let name = if self.service.is_openai() { "max_completion_tokens" } else { "max_tokens" };
            body[name] = tokens.into();
        }
        if let Some(temperature) = request.temperature {
            body["temperature"] = temperature.into();
        }
        if let Some(schema) = &request.response_schema {
            let schema = json!({ "name": "answer", "strict": true, "schema": schema });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
        }
        body
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    model: Option<String>,
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Said,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize, Default)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

#[async_trait]
impl Completer for OpenAiCompleter {
    async fn complete(&self, request: CompletionRequest) -> Result<Completion, CapabilityError> {
        let asked = self.service.post("chat/completions").json(&self.body(&request));
        let answer: Answer = self.service.ask(&OF, asked, self.timeout, ANSWER_BYTES_MAX).await?;
        let choice = answer.choices.into_iter().next().ok_or_else(|| unavailable(OF.name, "returns no choice"))?;
        let text = match choice.message {
            Said { content: Some(text), .. } => text,
            Said { refusal: Some(_), .. } => {
                return Err(CapabilityError::Invalid("the model declines to answer this".into()));
            }
            Said { .. } => return Err(unavailable(OF.name, "returns a choice without text")),
        };
        let usage = answer.usage.unwrap_or_default();
        Ok(Completion {
            text,
            model: answer.model.unwrap_or_else(|| self.model.clone()),
            input_tokens: usage.prompt_tokens,
            output_tokens: usage.completion_tokens,
            truncated: choice.finish_reason.as_deref() == Some("length"),
        })
    }
}
