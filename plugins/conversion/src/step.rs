//! The step of every converter: it reads the source, converts it, and writes both artifacts.

use crate::document::Converted;
use crate::failures::{SOURCE_BYTES_MAX, too_large};
use morag_formats::Format;
use morag_step::{Data, Descriptor, Failure, Level, Output, Task, blob_bytes, data, json};

/// A document to be converted.
#[derive(Debug)]
pub struct Source {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// File name: its extension is a hint.
    pub file_name: String,
    /// Media type: a hint.
    pub media_type: String,
    /// Language that the caller gave (ISO 639-1).
    pub language: Option<String>,
    /// What the caller asks of the conversion.
    pub options: Options,
}

/// Options of a task that concern its conversion (`docs/formats.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// First and last page that are converted, from 1; of slides, sheets, pictures of a file and minutes of a recording likewise.
    pub page_range: Option<(u32, u32)>,
    /// Most pages that are converted, from the first of the range.
    pub max_pages: Option<u32>,
}

impl Options {
    /// Of a task's options. What is not as documented is not there: the API has refused it.
    pub fn of(options: &Data) -> Self {
        let number = |value: &serde_json::Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let range = options.get("page_range").and_then(serde_json::Value::as_array).and_then(|range| {
            let [first, last] = range.as_slice() else { return None };
            Some((number(first)?, number(last)?))
        });
        Self { page_range: range, max_pages: options.get("max_pages").and_then(number) }
    }

    /// Whether a page, counted from 1, is to be converted.
    pub fn takes(&self, page: u32) -> bool {
        let (first, last) = self.page_range.unwrap_or((1, u32::MAX));
        let first = first.max(1);
        let max = self.max_pages.unwrap_or(u32::MAX);
        (first..=last).contains(&page) && page - first < max
    }
}

/// The descriptor that every converter has, but for its name and what it does.
pub fn descriptor(name: &str, version: &str, summary: &str) -> Descriptor {
    Descriptor::new(name, version, summary)
        .writes(Output::new("markdown.md", "text/markdown").published_as("markdown_file_url"))
        .writes(Output::new("document.json", "application/json"))
        .configured_by(json!({ "type": "object", "additionalProperties": false }))
}

/// The formats as the interface says them.
pub fn formats_of(formats: &[&'static Format]) -> Vec<morag_step::Format> {
    let format = |format: &&'static Format| {
        morag_step::Format::new(format.name, format.media_types.iter().copied(), format.extensions.iter().copied())
    };
    formats.iter().map(format).collect()
}

/// Runs a converter over a task.
///
/// # Errors
/// Those of `convert`; `DOCUMENT_TOO_LARGE` for a source of more than [`SOURCE_BYTES_MAX`]; what the host answers when a file
/// cannot be read or written.
pub fn run(task: &dyn Task, convert: impl FnOnce(&Source) -> Result<Converted, Failure>) -> Result<Data, Failure> {
    let info = task.info();
    if info.size > SOURCE_BYTES_MAX {
        return Err(too_large(format!("it has {} bytes, and at most {SOURCE_BYTES_MAX} can be converted", info.size)));
    }
    let source = Source {
        bytes: blob_bytes(task.source().as_ref())?,
        file_name: info.file_name,
        media_type: info.media_type,
        language: info.language,
        options: Options::of(&info.options),
    };
    write(task, info.size, &convert(&source)?)
}

/// Writes what a conversion made, and gives the data of the step.
///
/// # Errors
/// What the host answers when a file cannot be written.
pub fn write(task: &dyn Task, source_bytes: u64, converted: &Converted) -> Result<Data, Failure> {
    debug_assert!(crate::document::pages_cover(&converted.pages, converted.markdown.len()));
    converted.warnings.iter().for_each(|warning| task.log(Level::Warn, warning));
    task.write_artifact("markdown.md", converted.markdown.as_bytes())?;
    task.write_artifact("document.json", converted.document_json().to_string().as_bytes())?;
    Ok(data(json!({
        "conversion_metadata": {
            "original_format": converted.format.name,
            "file_size_bytes": source_bytes,
            "content_length": converted.markdown.chars().count(),
            "page_count": converted.page_count(),
            "conversion_time_seconds": task.elapsed_seconds(),
        }
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_a_range_are_taken_and_no_more_than_asked_for() {
        let options = |value: serde_json::Value| Options::of(value.as_object().unwrap());
        let taken = |options: &Options| (0..9).filter(|page| *page > 0 && options.takes(*page)).collect::<Vec<_>>();
        assert_eq!(taken(&Options::default()), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(taken(&options(json!({ "page_range": [3, 5] }))), [3, 4, 5]);
        assert_eq!(taken(&options(json!({ "page_range": [3, 8], "max_pages": 2 }))), [3, 4]);
        assert_eq!(taken(&options(json!({ "max_pages": 1 }))), [1]);
        assert_eq!(taken(&options(json!({ "page_range": "3-5", "max_pages": -1 }))).len(), 8);
    }
}
