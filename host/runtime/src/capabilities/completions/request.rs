//! What a request may have, as the WIT says.

use super::tokens::ANSWER_TOKENS_MAX;
use crate::bindings::morag::step::completions::{Message, Options, Role};
use morag_core::ports::{self, CapabilityError, CompletionRequest};

/// Messages of a conversation.
const MESSAGES_MAX: usize = 64;

/// Bytes of text of a conversation.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a response schema.
const SCHEMA_BYTES_MAX: usize = 64 << 10;

/// Bytes of text of a request, its response schema included.
pub(super) fn text_bytes(messages: &[Message], options: &Options) -> u64 {
    let schema = options.response_schema.as_ref().map_or(0, String::len);
    (messages.iter().map(|message| message.content.len()).sum::<usize>() + schema) as u64
}

/// Checks and converts a request.
///
/// # Errors
/// `Limit` or `Invalid`, with the text that the guest receives.
pub(super) fn request(messages: Vec<Message>, options: Options) -> Result<CompletionRequest, CapabilityError> {
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
