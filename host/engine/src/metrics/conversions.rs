//! Conversions of documents to markdown, by format.
//!
//! Operators ask for documents by format, and what a document is only this step finds out. Nothing else of the engine depends on it:
//! with another plugin in its place, nothing is counted.

use morag_core::pipeline::StepDefinition;
use morag_core::plugin::CONVERSION;
use morag_core::ports::StepSuccess;
use morag_core::task::{Source, StepFailure};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde_json::Value;

/// Its failure for a format that it does not convert.
const UNSUPPORTED_FORMAT: &str = "UNSUPPORTED_FORMAT";

/// Every other format.
const OTHER: &str = "other";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByFormat {
    format: &'static str,
    outcome: &'static str,
}

/// Counts conversions.
#[derive(Debug, Default)]
pub struct Conversions {
    ended: Family<ByFormat, Counter>,
}

impl Conversions {
    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Documents that the step markdown_conversion converted or not, each run of it; \
                    the format is what it found, or else what the name of the file says";
        registry.register("conversions", help, self.ended.clone());
    }

    /// A run of a step has ended; counted if it is a conversion.
    pub fn ended(&self, step: &StepDefinition, source: &Source, result: &Result<StepSuccess, StepFailure>) {
        if step.components().any(|name| name == CONVERSION) {
            let (format, outcome) = (format_of(source, result), outcome_of(result));
            self.ended.get_or_create(&ByFormat { format, outcome }).inc();
        }
    }
}

fn outcome_of(result: &Result<StepSuccess, StepFailure>) -> &'static str {
    match result {
        Ok(_) => "completed",
        Err(failure) if failure.code == UNSUPPORTED_FORMAT => "unsupported",
        Err(_) => "failed",
    }
}

/// What the step found the document to be; what the caller says that it is, where the step does not tell.
fn format_of(source: &Source, result: &Result<StepSuccess, StepFailure>) -> &'static str {
    let found = match result {
        Ok(success) => success.data.get("conversion_metadata").and_then(|data| data.get("original_format")),
        Err(failure) => failure.details.get("attempted_format"),
    };
    let format = match found.and_then(Value::as_str) {
        Some(found) => by_extension(found),
        None => by_name(&source.file_name).or_else(|| by_media_type(&source.media_type)),
    };
    format.unwrap_or(OTHER)
}

fn by_name(file_name: &str) -> Option<&'static str> {
    by_extension(file_name.rsplit_once('.')?.1)
}

/// A format of the one table has a series of its own; names of files are callers' texts.
fn by_extension(extension: &str) -> Option<&'static str> {
    morag_formats::by_extension(extension).map(|format| format.name)
}

fn by_media_type(media_type: &str) -> Option<&'static str> {
    morag_formats::by_media_type(media_type).map(|format| format.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::JsonObject;
    use serde_json::json;

    fn source(file_name: &str, media_type: &str) -> Source {
        Source { file_name: file_name.into(), media_type: media_type.into(), ..crate::testing::record().source }
    }

    fn object(value: Value) -> JsonObject {
        value.as_object().cloned().unwrap()
    }

    fn success(data: Value) -> Result<StepSuccess, StepFailure> {
        Ok(StepSuccess { data: object(data), artifacts: vec![], revision: None })
    }

    fn failure(code: &str, details: Value) -> Result<StepSuccess, StepFailure> {
        let details = object(details);
        Err(StepFailure { code: code.into(), message: "no".into(), details, retryable: false })
    }

    #[test]
    fn the_format_is_what_the_step_found_and_else_what_the_caller_says() {
        let plain = "application/octet-stream";
        for (file_name, media_type, result, format, outcome) in [
            ("a.txt", plain, success(json!({"conversion_metadata": {"original_format": "pdf"}})), "pdf", "completed"),
            ("a.txt", plain, success(json!({"conversion_metadata": {"original_format": "new"}})), "other", "completed"),
            ("a.MARKDOWN", plain, success(json!({})), "md", "completed"),
            ("a.docm", plain, failure("CORRUPT_DOCUMENT", json!({})), "docx", "failed"),
            ("a", "text/html; charset=utf-8", failure("PLUGIN_TIMEOUT", json!({})), "html", "failed"),
            ("a.pdf", plain, failure("UNSUPPORTED_FORMAT", json!({"attempted_format": "jpeg"})), "jpg", "unsupported"),
            ("a.pdf", plain, failure("UNSUPPORTED_FORMAT", json!({"attempted_format": "x"})), "other", "unsupported"),
            ("s3cret.s3cret", plain, failure("EMPTY_DOCUMENT", json!({})), "other", "failed"),
            ("pdf", plain, failure("EMPTY_DOCUMENT", json!({})), "other", "failed"),
        ] {
            let source = source(file_name, media_type);
            assert_eq!((format_of(&source, &result), outcome_of(&result)), (format, outcome), "{file_name} {result:?}");
        }
    }

    #[test]
    fn only_conversions_are_counted() {
        let (conversions, mut registry) = (Conversions::default(), Registry::with_prefix("morag"));
        conversions.register(&mut registry);
        let source = source("a.md", "text/markdown");
        for plugin in ["markdown_conversion", "chunking"] {
            let step = StepDefinition::plain(plugin, plugin, "s", 1);
            conversions.ended(&step, &source, &success(json!({})));
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let counted: Vec<_> = text.lines().filter(|line| line.starts_with("morag_")).collect();
        assert_eq!(counted, ["morag_conversions_total{format=\"md\",outcome=\"completed\"} 1"]);
    }
}
