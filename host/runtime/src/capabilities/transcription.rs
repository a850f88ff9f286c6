//! `morag:step/transcription`.

use super::task::GuestBlob;
use super::wit_error;
use crate::bindings::morag::step::capability::Error;
use crate::bindings::morag::step::transcription::{Host, Segment, Transcript};
use crate::guest::Guest;
use morag_core::ports::CapabilityError;
use wasmtime::component::Resource;

impl Host for Guest {
    async fn transcribe(
        &mut self,
        audio: Resource<GuestBlob>,
        language: Option<String>,
    ) -> wasmtime::Result<Result<Transcript, Error>> {
        let mut recording = self.table.get(&audio)?.as_recording();
        let scope = self.scope()?;
        let transcriber = scope.services.transcriber.clone();
        if let Some(language) = language {
            if !is_language(&language) {
                let text = "language is a code of ISO 639-1, for example en".to_owned();
                return Ok(Err(Error::Invalid(text)));
            }
            recording.language = Some(language);
        }
        let transcript = match scope.budget.transcribe(recording.size) {
            Ok(()) => transcriber.transcribe(recording).await,
            Err(error) => Err(error),
        };
        Ok(transcript.and_then(|transcript| self.taken(transcript)).map_err(wit_error))
    }
}

impl Guest {
    /// Counts a transcript's bytes, and converts it.
    fn taken(&mut self, transcript: morag_core::ports::Transcript) -> Result<Transcript, CapabilityError> {
        let segments = transcript.segments.iter().map(|segment| segment.text.len() as u64).sum::<u64>();
        self.meter.count_in(transcript.text.len() as u64 + segments).map_err(CapabilityError::Limit)?;
        let segment = |segment: morag_core::ports::Segment| Segment {
            start_ms: segment.start_ms,
            end_ms: segment.end_ms,
            text: segment.text,
        };
        Ok(Transcript {
            text: transcript.text,
            language: transcript.language,
            duration_ms: transcript.duration_ms,
            segments: transcript.segments.into_iter().map(segment).collect(),
        })
    }
}

/// Two or three letters: what services take.
fn is_language(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.chars().all(|c| c.is_ascii_lowercase())
}
