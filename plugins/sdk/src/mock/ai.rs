//! Models with prepared answers.

use crate::{
    Blob, CapabilityError, Completion, CompletionOptions, Completions, Message, Transcript, Transcription, blob_bytes,
};
use std::cell::RefCell;
use std::collections::VecDeque;

/// A model that gives prepared answers in order; then its budget is used up, as on the host.
#[derive(Debug, Default)]
pub struct MockCompletions {
    answers: RefCell<VecDeque<Result<Completion, CapabilityError>>>,
    asked: RefCell<Vec<(Vec<Message>, CompletionOptions)>>,
}

impl MockCompletions {
    /// A model with these answers, each complete.
    pub fn answering<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        texts.into_iter().fold(Self::default(), |model, text| {
            model.then(Ok(Completion {
                text: text.into(),
                model: "mock".into(),
                input_tokens: 0,
                output_tokens: 0,
                truncated: false,
            }))
        })
    }

    /// Adds an answer or an error.
    #[must_use]
    pub fn then(self, answer: Result<Completion, CapabilityError>) -> Self {
        self.answers.borrow_mut().push_back(answer);
        self
    }

    /// The conversations that it got, with their options.
    pub fn asked(&self) -> Vec<(Vec<Message>, CompletionOptions)> {
        self.asked.borrow().clone()
    }
}

impl Completions for MockCompletions {
    fn complete(&self, messages: &[Message], options: &CompletionOptions) -> Result<Completion, CapabilityError> {
        if messages.is_empty() || messages.len() > 64 {
            return Err(CapabilityError::Invalid("a conversation has 1 to 64 messages".into()));
        }
        self.asked.borrow_mut().push((messages.to_vec(), options.clone()));
        let next = self.answers.borrow_mut().pop_front();
        next.unwrap_or_else(|| Err(CapabilityError::Limit("the mock has no further answer".into())))
    }
}

/// A service that returns the same transcript for every recording.
#[derive(Debug)]
pub struct MockTranscription {
    model: Result<String, CapabilityError>,
    answer: Result<Transcript, CapabilityError>,
    heard: RefCell<Vec<(Vec<u8>, Option<String>)>>,
}

impl MockTranscription {
    /// A service with this transcript.
    pub fn hearing(transcript: Transcript) -> Self {
        Self { model: Ok("mock".into()), answer: Ok(transcript), heard: RefCell::default() }
    }

    /// A service that fails.
    pub fn failing(error: CapabilityError) -> Self {
        Self { model: Ok("mock".into()), answer: Err(error), heard: RefCell::default() }
    }

    /// No service: what a step gets where the operator has set none up.
    pub fn absent() -> Self {
        let error = CapabilityError::Unavailable("the mock has no service for transcription".into());
        Self { model: Err(error.clone()), answer: Err(error), heard: RefCell::default() }
    }

    /// The recordings that it got, with their languages.
    pub fn heard(&self) -> Vec<(Vec<u8>, Option<String>)> {
        self.heard.borrow().clone()
    }
}

impl Transcription for MockTranscription {
    fn model(&self) -> Result<String, CapabilityError> {
        self.model.clone()
    }

    fn transcribe(&self, audio: &dyn Blob, language: Option<&str>) -> Result<Transcript, CapabilityError> {
        let bytes = blob_bytes(audio).map_err(|failure| CapabilityError::Unavailable(failure.message))?;
        self.heard.borrow_mut().push((bytes, language.map(Into::into)));
        self.answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Task as _;
    use crate::mock::MockTask;

    #[test]
    fn answers_come_in_order_and_then_the_budget_is_used_up() {
        let away = CapabilityError::Unavailable("away".into());
        let model = MockCompletions::answering(["one"]).then(Err(away.clone()));
        let ask = || model.complete(&[Message::user("?")], &CompletionOptions::default());
        assert_eq!(ask().unwrap().text, "one");
        assert_eq!(ask().unwrap_err(), away);
        assert!(matches!(ask(), Err(CapabilityError::Limit(_))));
        assert_eq!(model.asked().len(), 3);
        let nothing = model.complete(&[], &CompletionOptions::default());
        assert!(matches!(nothing, Err(CapabilityError::Invalid(_))));
    }

    #[test]
    fn a_recording_is_heard_whole() {
        let service = MockTranscription::failing(CapabilityError::Invalid("no audio".into()));
        let task = MockTask::new("a.wav", "RIFF");
        assert!(service.transcribe(task.source().as_ref(), Some("en")).is_err());
        assert_eq!(service.heard(), [(b"RIFF".to_vec(), Some("en".to_owned()))]);
        assert_eq!(service.model().unwrap(), "mock", "a service that fails is there");
        assert!(matches!(MockTranscription::absent().model(), Err(CapabilityError::Unavailable(_))));
    }
}
