//! Puts converted documents into one markdown.

use crate::demote::demote;
use crate::failures::{of_part, refused};
use morag_conversion::document::property;
use morag_conversion::escape::push_heading;
use morag_conversion::{Converted, Format, Part};
use morag_step::{Blob, CapabilityError, Conversion, ConvertedDocument, Failure, Refused, Task};

/// Bytes of the markdown. Every later step reads the whole of it, and it is held beside the source in a step of 512 MiB.
const MARKDOWN_BYTES_MAX: usize = 64 << 20;
/// Documents that the host refuses for its limits before the rest is not tried: what is nested too deep stays so.
const LIMITS_MAX: usize = 3;
/// Name of the one temporary file, which each document replaces.
const FILE: &str = "part";

/// What a document became.
pub type Outcome = Result<ConvertedDocument, Refused>;

/// One markdown of several documents, in the making.
pub struct Assembly<'a> {
    task: &'a dyn Task,
    converters: &'a dyn Conversion,
    /// The markdown so far.
    pub markdown: String,
    /// The documents so far.
    pub parts: Vec<Part>,
    /// Why documents were not converted, in the order of those in `parts`.
    pub refusals: Vec<Refused>,
    /// What is said in the log.
    pub warnings: Vec<String>,
    limits: usize,
}

impl<'a> Assembly<'a> {
    /// Nothing yet.
    pub fn new(task: &'a dyn Task, converters: &'a dyn Conversion) -> Self {
        let (parts, refusals, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { task, converters, markdown: String::new(), parts, refusals, warnings, limits: 0 }
    }

    /// Says that the document `index` of `total` is next, counted from 0.
    pub fn progress(&self, index: usize, total: usize, name: &str) {
        let fraction = index as f64 / total.max(1) as f64;
        self.task.report_progress(fraction, &format!("document {} of {total}: {name}", index + 1));
    }

    /// Converts bytes.
    ///
    /// # Errors
    /// What a retry may cure: the host's storage or its converters are away.
    pub fn convert_bytes(&mut self, bytes: &[u8], media_type: &str, name: &str) -> Result<Outcome, Failure> {
        self.convert(name, |task| task.write_temporary_file(FILE, media_type, bytes))
    }

    /// Converts the temporary file that `write` writes under the name it is given.
    ///
    /// # Errors
    /// As [`Self::convert_bytes`].
    pub fn convert_written(
        &mut self,
        media_type: &str,
        name: &str,
        write: impl FnOnce(&mut dyn morag_step::Writer) -> Result<(), Failure>,
    ) -> Result<Outcome, Failure> {
        self.convert(name, |task| {
            let mut writer = task.create_temporary_file(FILE, media_type)?;
            write(writer.as_mut())?;
            writer.finish()?;
            task.temporary_file(FILE)
                .ok_or_else(|| Failure::unavailable("a temporary file that was written is missing"))
        })
    }

    fn convert(
        &mut self,
        name: &str,
        write: impl FnOnce(&dyn Task) -> Result<Box<dyn Blob>, Failure>,
    ) -> Result<Outcome, Failure> {
        if self.limits >= LIMITS_MAX {
            return Ok(Err(refused(
                "CAPABILITY_LIMIT",
                "it was not tried, since the limits of conversions are reached",
            )));
        }
        let file = match write(self.task) {
            Ok(file) => file,
            Err(failure) => {
                self.limits += usize::from(failure.code == "PLUGIN_OUTPUT_LIMIT");
                return of_part(failure).map(Err);
            }
        };
        match self.converters.convert(file.as_ref(), name) {
            Ok(outcome) => Ok(outcome),
            Err(error) => {
                self.limits += usize::from(matches!(error, CapabilityError::Limit(_)));
                of_part(error.into()).map(Err)
            }
        }
    }

    /// Adds a document under a heading of this level, or notes why it was not converted. Says whether it was added.
    pub fn push(&mut self, outcome: Outcome, level: usize, heading: &str, name: &str) -> bool {
        let outcome = outcome.and_then(|document| {
            let fits = self.markdown.len() + document.markdown.len() <= MARKDOWN_BYTES_MAX;
            let why =
                || format!("the markdown of all documents together would have more than {MARKDOWN_BYTES_MAX} bytes");
            if fits { Ok(document) } else { Err(refused("DOCUMENT_TOO_LARGE", why())) }
        });
        match outcome {
            Ok(document) => {
                push_heading(&mut self.markdown, level, heading);
                self.push_document(&document, level, name);
                true
            }
            Err(reason) => {
                self.refuse(reason, name);
                false
            }
        }
    }

    /// Notes a document that was not converted.
    pub fn refuse(&mut self, reason: Refused, name: &str) {
        self.warnings.push(format!("{name} was not converted: {}: {}", reason.code, reason.message));
        self.parts.push(Part {
            name: name.into(),
            format: None,
            component: None,
            start: self.markdown.len(),
            end: self.markdown.len(),
            error_code: Some(reason.code.clone()),
        });
        self.refusals.push(reason);
    }

    fn push_document(&mut self, document: &ConvertedDocument, level: usize, name: &str) {
        let start = self.markdown.len();
        let demoted = demote(&document.markdown, level);
        let kept = demoted.markdown.trim_end().len();
        self.markdown.push_str(&demoted.markdown[..kept]);
        self.markdown.push('\n');
        let end = self.markdown.len();
        let text = |key: &str| document.document.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let component = (!document.component.is_empty()).then(|| document.component.clone());
        self.parts.push(Part { name: name.into(), format: text("format"), component, start, end, error_code: None });
        // Documents within the document: where they are in this markdown.
        for inner in document.document.get("parts").and_then(|parts| parts.as_array()).into_iter().flatten() {
            let text = |key: &str| inner.get(key).and_then(|value| value.as_str()).map(str::to_owned);
            let place = |key: &str| {
                let at = inner.get(key).and_then(|value| value.as_u64()).and_then(|at| usize::try_from(at).ok());
                at.map(|at| (start + demoted.position(at)).min(end))
            };
            let (Some(inner_name), Some(from), Some(to)) = (text("name"), place("start"), place("end")) else {
                continue;
            };
            self.parts.push(Part {
                name: format!("{name}/{inner_name}"),
                format: text("format"),
                component: text("component"),
                start: from,
                end: to.max(from),
                error_code: text("error_code"),
            });
        }
    }

    /// The whole.
    pub fn finish(self, format: &'static Format) -> Converted {
        let mut markdown = self.markdown;
        markdown.truncate(markdown.trim_end().len());
        markdown.push('\n');
        let mut parts = self.parts;
        for part in &mut parts {
            (part.start, part.end) = (part.start.min(markdown.len()), part.end.min(markdown.len()));
        }
        Converted { parts, warnings: self.warnings, ..Converted::without_pages(format, markdown) }
    }
}

/// A name as one line of at most 255 characters; `fallback` where nothing is left.
pub fn clean_name(name: &str, fallback: &str) -> String {
    // As long as file systems have them.
    const CHARS_MAX: usize = 255;
    property(name).map(|name| name.chars().take(CHARS_MAX).collect()).unwrap_or_else(|| fallback.to_owned())
}
