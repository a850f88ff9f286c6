//! Language, summary and topics of a document, from `markdown.md`.
//!
//! [`passages()`] takes the text out of the markdown (at most [`TEXT_BYTES_MAX`](morag_text::passages::TEXT_BYTES_MAX) bytes of
//! it, spread over the document), [`detect`] lets the passages vote for a language, [`summary`] quotes the central sentences, [`topics`] scores phrases. The
//! same input always gives the same result, apart from `processing_time_seconds`.

pub mod summary;
pub mod topics;

use morag_step::{Data, Descriptor, Failure, Level, Step, Task, blob_bytes, data, host, json};
use morag_text::language::{detect, iso_639_1};
use morag_text::passages::{Passage, passages};
use morag_text::{StopWords, has_stop_words};
use serde::Deserialize;

/// The step.
#[derive(Debug)]
pub struct ContentProcessing;

impl Step for ContentProcessing {
    fn describe() -> Descriptor {
        let name = "content_processing";
        Descriptor::new(name, env!("CARGO_PKG_VERSION"), "Finds a document's language, summary and topics")
            .reads("markdown.md")
            .reads_if_present("document.json")
            .configured_by(json!({ "type": "object", "additionalProperties": false }))
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

morag_step::export_step!(ContentProcessing);

#[derive(Default, Deserialize)]
struct Document {
    #[serde(default)]
    properties: Properties,
}

#[derive(Default, Deserialize)]
struct Properties {
    language: Option<String>,
}

/// Runs the step over a task.
///
/// # Errors
/// What reading the artifacts fails with.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    let markdown = task.artifact_text("markdown.md")?;
    task.report_progress(0.1, "Reading the text");
    let passages = passages(&markdown);
    task.report_progress(0.2, "Finding the language");
    let language = language(task, &passages)?;
    task.report_progress(0.34, "Summarising");
    // Without a list for the language every list is used: a function word of another language is seldom a topic.
    let known = language.as_deref().filter(|language| has_stop_words(language));
    let stop_words = StopWords::of(known);
    let summary = summary::summary(&passages, &stop_words);
    task.report_progress(0.67, "Finding topics");
    let topics = topics::topics(&passages, &stop_words);
    task.report_progress(1.0, "Done");
    Ok(data(json!({
        "summary": summary,
        "content_length": markdown.chars().count(),
        "language": language,
        "detected_topics": topics,
        "processing_time_seconds": task.elapsed_seconds(),
    })))
}

/// The caller's language, else the one the text is written in, else the one the source claims.
fn language(task: &dyn Task, passages: &[Passage]) -> Result<Option<String>, Failure> {
    if let Some(given) = task.info().language.filter(|given| !given.trim().is_empty()) {
        if let Some(code) = iso_639_1(&given) {
            return Ok(Some(code));
        }
        task.log(Level::Warn, &format!("language {given:?} is no ISO 639-1 code: found out from the text instead"));
    }
    if let Some(detected) = detect(passages) {
        return Ok(Some(detected));
    }
    let Some(blob) = task.artifact("document.json") else { return Ok(None) };
    let document: Document = serde_json::from_slice(&blob_bytes(blob.as_ref())?).map_err(|error| {
        Failure::new("INPUT_INVALID", format!("document.json is not what this step reads: {error}"))
    })?;
    Ok(document.properties.language.as_deref().and_then(iso_639_1))
}
