//! `completions` and `transcription` of the real host.

use crate::bindings::morag::step::{completions, transcription};
use crate::{
    Blob, CapabilityError, Completion, CompletionOptions, Completions, Message, Role, Segment, Transcript,
    Transcription,
};

/// The capability `completions`.
#[derive(Debug, Clone, Copy)]
pub struct CompletionsHandle;

/// The capability `transcription`.
#[derive(Debug, Clone, Copy)]
pub struct TranscriptionHandle;

fn message(message: &Message) -> completions::Message {
    let role = match message.role {
        Role::System => completions::Role::System,
        Role::User => completions::Role::User,
        Role::Assistant => completions::Role::Assistant,
    };
    completions::Message { role, content: message.content.clone() }
}

impl Completions for CompletionsHandle {
    fn complete(&self, messages: &[Message], options: &CompletionOptions) -> Result<Completion, CapabilityError> {
        let messages: Vec<_> = messages.iter().map(message).collect();
        let options = completions::Options {
            max_tokens: options.max_tokens,
            temperature: options.temperature,
            response_schema: options.response_schema.as_ref().map(ToString::to_string),
        };
        let answer = completions::complete(&messages, &options)?;
        Ok(Completion {
            text: answer.text,
            model: answer.model,
            input_tokens: answer.input_tokens,
            output_tokens: answer.output_tokens,
            truncated: answer.truncated,
        })
    }
}

impl Transcription for TranscriptionHandle {
    fn model(&self) -> Result<String, CapabilityError> {
        Ok(transcription::model()?)
    }

    fn transcribe(&self, audio: &dyn Blob, language: Option<&str>) -> Result<Transcript, CapabilityError> {
        let Some(audio) = audio.host_blob() else {
            let why = "only the task's source and artifacts can be transcribed: write the audio as an artifact first";
            return Err(CapabilityError::Invalid(why.into()));
        };
        let answer = transcription::transcribe(audio, language)?;
        let segments = answer.segments.into_iter();
        Ok(Transcript {
            text: answer.text,
            language: answer.language,
            duration_ms: answer.duration_ms,
            segments: segments
                .map(|segment| Segment { start_ms: segment.start_ms, end_ms: segment.end_ms, text: segment.text })
                .collect(),
        })
    }
}
