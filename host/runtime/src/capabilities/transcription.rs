//! Capability `transcription`: `morag:step/transcription`.

use super::capability::{CallContext, CapabilityHost};
use crate::bindings::morag::step::transcription::{Host, Segment, Transcript, add_to_linker};
use crate::budget::{Allowance, take_both};
use crate::call_error::CallError;
use crate::call_spans::traced;
use crate::files::GuestBlob;
use crate::guest::{Guest, Instance};
use crate::state::State;
use morag_core::plugin::{Budget, Capability};
use morag_core::ports::{self, Transcriber};
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker, Resource};

/// The host's side.
pub(super) struct Transcription;

struct TranscriptionState {
    transcriber: Arc<dyn Transcriber>,
    calls: Allowance,
    bytes: Allowance,
}

impl State for TranscriptionState {}

impl CapabilityHost for Transcription {
    fn capability(&self) -> Capability {
        Capability::Transcription
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        add_to_linker::<_, HasSelf<Guest>>(linker, Instance::called)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(TranscriptionState {
            transcriber: call.services.transcriber.clone(),
            calls: call.allowance(Budget::TranscriptionCalls),
            bytes: call.allowance(Budget::TranscriptionBytes),
        })
    }
}

impl Host for Guest {
    async fn model(&mut self) -> Result<String, CallError> {
        traced(self.calls.begin("transcription.model"), async {
            self.state::<TranscriptionState>()?.transcriber.model().map_err(CallError::of_model)
        })
        .await
    }

    async fn transcribe(
        &mut self,
        audio: Resource<GuestBlob>,
        language: Option<String>,
    ) -> Result<Transcript, CallError> {
        traced(self.calls.begin("transcription.transcribe"), async {
            let mut recording = self.table.get(&audio)?.as_recording();
            let state = self.state::<TranscriptionState>()?;
            if let Some(language) = language {
                if !is_language(&language) {
                    return Err(CallError::invalid("language is a code of ISO 639-1, for example en"));
                }
                recording.language = Some(language);
            }
            take_both(&mut state.calls, &mut state.bytes, recording.size)?;
            let transcriber = state.transcriber.clone();
            let transcript = transcriber.transcribe(recording).await?;
            self.meter.count_in(text_bytes(&transcript)).map_err(CallError::limit)?;
            Ok(converted(transcript))
        })
        .await
    }
}

fn text_bytes(transcript: &ports::Transcript) -> u64 {
    let segments = transcript.segments.iter().map(|segment| segment.text.len() as u64).sum::<u64>();
    transcript.text.len() as u64 + segments
}

fn converted(transcript: ports::Transcript) -> Transcript {
    let segment =
        |segment: ports::Segment| Segment { start_ms: segment.start_ms, end_ms: segment.end_ms, text: segment.text };
    Transcript {
        text: transcript.text,
        language: transcript.language,
        duration_ms: transcript.duration_ms,
        segments: transcript.segments.into_iter().map(segment).collect(),
    }
}

/// Two or three letters: what services take.
fn is_language(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase())
}
