//! `audio/transcriptions`.

use super::service::{OpenAiService, Use, unavailable};
use async_trait::async_trait;
use futures::TryStreamExt as _;
use morag_core::plugin::FailureCode;
use morag_core::ports::{Blobs, CapabilityError, Recording, Segment, Transcriber, Transcript};
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Largest response body, bytes: a day of speech with its segments takes about 10 MiB.
const ANSWER_BYTES_MAX: usize = 16 << 20;

const OF: Use = Use {
    name: "transcription",
    model_variable: "MORAG_TRANSCRIPTION_MODEL",
    misconfigured: FailureCode::TranscriptionMisconfigured,
};

/// Transcripts by a model of the service.
pub struct OpenAiTranscriber {
    service: OpenAiService,
    blobs: Arc<dyn Blobs>,
    model: String,
    timeout: Duration,
}

impl OpenAiTranscriber {
    /// Transcripts by this model of files in `blobs`, each within the timeout.
    pub fn new(service: OpenAiService, blobs: Arc<dyn Blobs>, model: String, timeout: Duration) -> Self {
        Self { service, blobs, model, timeout }
    }

    /// The multipart form; its file is streamed from the storage.
    async fn form(&self, recording: &Recording) -> Result<Form, CapabilityError> {
        let stream = self.blobs.stream(&recording.path, 0..recording.size).await.map_err(|error| {
            tracing::warn!(%error, "a recording cannot be read");
            CapabilityError::Unavailable("the host's file storage failed".into())
        })?;
        let body = Body::wrap_stream(stream.map_err(std::io::Error::other));
        let part = |media_type: &str| {
            let part = Part::stream_with_length(body, recording.size).file_name(recording.file_name.clone());
            part.mime_str(media_type)
        };
        // The media type is only a hint by the submitter: an invalid one is left out.
        let known = mime(&recording.media_type).unwrap_or("application/octet-stream");
        let part = part(known).map_err(|_| CapabilityError::Invalid("the file has no valid media type".into()))?;
        let form = Form::new().text("model", self.model.clone()).text("response_format", "verbose_json");
        let form = match &recording.language {
            Some(language) => form.text("language", language.clone()),
            None => form,
        };
        Ok(form.part("file", part))
    }
}

/// A media type without parameters, if it is well-formed.
fn mime(text: &str) -> Option<&str> {
    let text = text.split(';').next()?.trim();
    let (kind, name) = text.split_once('/')?;
    let plain = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '+' | '_'))
    };
    (plain(kind) && plain(name)).then_some(text)
}

#[derive(Deserialize)]
struct Answer {
    text: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    duration: Option<Seconds>,
    #[serde(default)]
    segments: Option<Vec<Spoken>>,
}

#[derive(Deserialize)]
struct Spoken {
    start: Seconds,
    end: Seconds,
    text: String,
    #[serde(default)]
    speaker: Value,
}

/// Characters of a speaker's name that are kept: it is a name or a label such as `SPEAKER_00`.
const SPEAKER_CHARS_MAX: usize = 100;

/// The name of a speaker, in one line. Services without names of their own count speakers.
fn speaker(said: &Value) -> Option<String> {
    let name = match said {
        Value::String(name) => name.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::Number(number) => format!("Speaker {number}"),
        _ => return None,
    };
    (!name.is_empty()).then(|| name.chars().take(SPEAKER_CHARS_MAX).collect())
}

/// The segments in the order of their times. One of another speaker than the one before begins with a line end and the name
/// (`wit/ai.wit`).
fn segments(mut said: Vec<Spoken>) -> Vec<Segment> {
    said.sort_by_key(|spoken| spoken.start.millis());
    let mut before = None;
    let segment = |spoken: Spoken| {
        let (start_ms, end_ms) = (spoken.start.millis(), spoken.end.millis());
        let text = match speaker(&spoken.speaker).filter(|name| before.as_ref() != Some(name)) {
            Some(name) => {
                let text = format!("\n{name}: {}", spoken.text.trim_start());
                before = Some(name);
                text
            }
            None => spoken.text,
        };
        Segment { start_ms, end_ms, text }
    };
    said.into_iter().map(segment).collect()
}

/// Seconds: a number, or in some services a number in a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    /// Milliseconds; 0 where it cannot be parsed.
    fn millis(&self) -> u64 {
        let seconds = match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.parse().unwrap_or(0.0),
        };
        // The cast saturates: NaN and negative numbers become 0.
        (seconds * 1000.0).round() as u64
    }
}

#[async_trait]
impl Transcriber for OpenAiTranscriber {
    fn model(&self) -> Result<String, CapabilityError> {
        Ok(self.model.clone())
    }

    async fn transcribe(&self, recording: Recording) -> Result<Transcript, CapabilityError> {
        if recording.size == 0 {
            return Err(CapabilityError::Invalid("the recording is empty".into()));
        }
        let asked = self.service.post("audio/transcriptions").multipart(self.form(&recording).await?);
        let answer: Answer = self.service.ask(&OF, asked, self.timeout, ANSWER_BYTES_MAX).await?;
        let segments = segments(answer.segments.unwrap_or_default());
        if segments.iter().any(|segment| segment.end_ms < segment.start_ms) {
            return Err(unavailable(OF.name, "answers segments that end before they begin"));
        }
        Ok(Transcript {
            text: answer.text,
            language: answer.language.filter(|language| !language.is_empty()),
            duration_ms: answer.duration.map(|duration| duration.millis()),
            segments,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_of_another_speaker_begins_with_the_name() {
        let said = serde_json::json!([
            {"start": 4, "end": 5, "text": " I see.", "speaker": " Jane\nDoe "},
            {"start": 0, "end": 1, "text": " Hello.", "speaker": 1},
            {"start": 1, "end": 2, "text": " How are you?", "speaker": 1},
            {"start": 5, "end": 6, "text": " Well.", "speaker": "Jane Doe"},
            {"start": 6, "end": 7, "text": " Bye.", "speaker": null},
            {"start": 7, "end": 8, "text": " Yes.", "speaker": "x".repeat(1000)},
            {"start": 8, "end": 9, "text": " No.", "speaker": {"id": 7}},
            {"start": 9, "end": 10, "text": " Oh.", "speaker": "  "},
        ]);
        let texts = segments(serde_json::from_value(said).unwrap()).into_iter().map(|segment| segment.text);
        let long = format!("\n{}: Yes.", "x".repeat(SPEAKER_CHARS_MAX));
        let expected =
            ["\nSpeaker 1: Hello.", " How are you?", "\nJane Doe: I see.", " Well.", " Bye.", &long, " No.", " Oh."];
        assert_eq!(texts.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn invalid_media_types_are_ignored() {
        assert_eq!(mime("audio/mpeg"), Some("audio/mpeg"));
        assert_eq!(mime("audio/ogg; codecs=opus"), Some("audio/ogg"));
        for bad in ["", "audio", "audio/", "au dio/x", "audio/x\r\nX-Evil: 1"] {
            assert_eq!(mime(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn seconds_are_read_in_both_forms() {
        let millis = |json: &str| serde_json::from_str::<Seconds>(json).unwrap().millis();
        assert_eq!((millis("1.2345"), millis("\"8.47\""), millis("-3"), millis("\"x\"")), (1235, 8470, 0, 0));
    }
}
