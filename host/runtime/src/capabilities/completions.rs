//! `morag:step/completions`.

use super::wit_error;
use crate::bindings::morag::step::capability::Error;
use crate::bindings::morag::step::completions::{Completion, Host, Message, Options, Role};
use crate::budget::{ANSWER_TOKENS_MAX, Answered};
use crate::guest::Guest;
use morag_core::ports::{self, CapabilityError, CompletionRequest};

/// Messages of a conversation; the WIT says so.
const MESSAGES_MAX: usize = 64;

/// Text of a conversation; the WIT says so.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a response schema; the WIT says so.
const SCHEMA_BYTES_MAX: usize = 64 << 10;

impl Host for Guest {
    async fn complete(
        &mut self,
        messages: Vec<Message>,
        options: Options,
    ) -> wasmtime::Result<Result<Completion, Error>> {
        let scope = self.scope()?;
        let completer = scope.services.completer.clone();
        let schema = options.response_schema.as_ref().map_or(0, String::len);
        let bytes = messages.iter().map(|message| message.content.len()).sum::<usize>() + schema;
        let request = request(messages, options).and_then(|mut request| {
            let reserved = scope.budget.complete(bytes as u64, request.tokens_max)?;
            request.tokens_max = reserved.tokens_max;
            Ok((request, reserved))
        });
        let (request, reserved) = match request {
            Ok(request) => request,
            Err(error) => return Ok(Err(wit_error(error))),
        };
        let answer = completer.complete(request).await;
        let said = answer.as_ref().map_or(0, |answer| answer.text.len() as u64);
        let used = answer.as_ref().ok().map(|answer| Answered {
            input_tokens: answer.input_tokens,
            output_tokens: answer.output_tokens,
            bytes: said,
        });
        // Not by `scope`, which refuses a guest that has called too often: the question was asked.
        if let Some(scope) = &mut self.scope {
            scope.budget.completed(reserved, used);
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(wit_error(error))),
        };
        if let Err(text) = self.meter.count_in(said) {
            return Ok(Err(Error::Limit(text)));
        }
        Ok(Ok(Completion {
            text: answer.text,
            model: answer.model,
            input_tokens: answer.input_tokens,
            output_tokens: answer.output_tokens,
            truncated: answer.truncated,
        }))
    }
}

/// Checks a request against what the WIT says.
fn request(messages: Vec<Message>, options: Options) -> Result<CompletionRequest, CapabilityError> {
    let limit = |text: String| Err(CapabilityError::Limit(text));
    let invalid = |text: &str| Err(CapabilityError::Invalid(text.to_owned()));
    if messages.is_empty() {
        return invalid("a conversation has at least one message");
    }
    if messages.len() > MESSAGES_MAX {
        return limit(format!("at most {MESSAGES_MAX} messages a call"));
    }
    if messages.iter().map(|message| message.content.len()).sum::<usize>() > TEXT_BYTES_MAX {
        return limit(format!("at most {TEXT_BYTES_MAX} bytes of text a call"));
    }
    match options.max_tokens {
        Some(0) => return invalid("max-tokens must be at least 1"),
        Some(tokens) if tokens > ANSWER_TOKENS_MAX => {
            return limit(format!("max-tokens may be at most {ANSWER_TOKENS_MAX}"));
        }
        _ => {}
    }
    if options.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
        return invalid("temperature must be a number from 0 to 2");
    }
    let response_schema = match options.response_schema {
        None => None,
        Some(text) if text.len() > SCHEMA_BYTES_MAX => {
            return limit(format!("at most {SCHEMA_BYTES_MAX} bytes of response-schema"));
        }
        Some(text) => match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(schema) if schema.is_object() => Some(schema),
            _ => return invalid("response-schema is not a JSON object"),
        },
    };
    let message = |message: Message| ports::Message { role: role(message.role), content: message.content };
    Ok(CompletionRequest {
        messages: messages.into_iter().map(message).collect(),
        tokens_max: options.max_tokens,
        temperature: options.temperature,
        response_schema,
    })
}

fn role(role: Role) -> ports::Role {
    match role {
        Role::System => ports::Role::System,
        Role::User => ports::Role::User,
        Role::Assistant => ports::Role::Assistant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(content: &str) -> Message {
        Message { role: Role::User, content: content.to_owned() }
    }

    fn options() -> Options {
        Options { max_tokens: None, temperature: None, response_schema: None }
    }

    #[test]
    fn a_request_is_taken_up_to_its_limits() {
        let options =
            Options { max_tokens: Some(4_096), temperature: Some(2.0), response_schema: Some("{\"a\":1}".into()) };
        let taken = request(vec![said(&"x".repeat(16 << 10)); 64], options).unwrap();
        assert_eq!((taken.messages.len(), taken.tokens_max), (64, Some(4_096)));
        assert_eq!(taken.response_schema, Some(serde_json::json!({"a": 1})));
    }

    #[test]
    fn what_is_beyond_them_is_refused() {
        let limit = |messages, options| matches!(request(messages, options), Err(CapabilityError::Limit(_)));
        assert!(limit(vec![said(""); 65], options()));
        assert!(limit(vec![said(&"x".repeat((1 << 20) + 1))], options()));
        assert!(limit(vec![said("")], Options { max_tokens: Some(4_097), ..options() }));
        let schema = format!("{{\"a\":\"{}\"}}", "x".repeat(64 << 10));
        assert!(limit(vec![said("")], Options { response_schema: Some(schema), ..options() }));
    }

    #[test]
    fn what_makes_no_sense_is_invalid() {
        let invalid = |messages, options| matches!(request(messages, options), Err(CapabilityError::Invalid(_)));
        assert!(invalid(vec![], options()));
        assert!(invalid(vec![said("")], Options { max_tokens: Some(0), ..options() }));
        for temperature in [-0.1, 2.1, f32::NAN, f32::INFINITY] {
            assert!(invalid(vec![said("")], Options { temperature: Some(temperature), ..options() }));
        }
        for schema in ["", "[]", "{", "1"] {
            assert!(invalid(vec![said("")], Options { response_schema: Some(schema.into()), ..options() }));
        }
    }
}
