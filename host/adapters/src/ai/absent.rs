//! Stands in where no service is configured.

use async_trait::async_trait;
use morag_core::plugin::FailureCode;
use morag_core::ports::{
    CapabilityError, Completer, Completion, CompletionRequest, Recording, Transcriber, Transcript,
};

/// Fails every call with an error that names the settings to set.
#[derive(Debug, Clone, Copy)]
pub struct NoService;

fn no_completions() -> CapabilityError {
    absent(FailureCode::CompletionsNotConfigured, "completions")
}

/// What an operator is told who has set no service up.
pub fn no_transcription() -> CapabilityError {
    absent(FailureCode::TranscriptionNotConfigured, "transcription")
}

fn absent(code: FailureCode, what: &str) -> CapabilityError {
    let text = format!(
        "this server has no service for {what}: its operator must set OPENAI_BASE_URL, and OPENAI_API_KEY where the \
         service wants one"
    );
    CapabilityError::NotUsable { code, text }
}

#[async_trait]
impl Completer for NoService {
    async fn complete(&self, _: CompletionRequest) -> Result<Completion, CapabilityError> {
        Err(no_completions())
    }
}

#[async_trait]
impl Transcriber for NoService {
    fn model(&self) -> Result<String, CapabilityError> {
        Err(no_transcription())
    }

    async fn transcribe(&self, _: Recording) -> Result<Transcript, CapabilityError> {
        Err(no_transcription())
    }
}
