//! The step of every converter: it reads the source, converts it, and writes both artifacts.

use crate::document::Converted;
use crate::failures::{self, SOURCE_BYTES_MAX, too_large};
use crate::images::{Images, Include};
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
    /// Pictures of the document that are files beside its markdown.
    pub include_images: Include,
}

impl Options {
    /// Of a task's options. What is not as documented is not there: the API has refused it.
    pub fn of(options: &Data) -> Self {
        let number = |value: &serde_json::Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let range = options.get("page_range").and_then(serde_json::Value::as_array).and_then(|range| {
            let [first, last] = range.as_slice() else { return None };
            Some((number(first)?, number(last)?))
        });
        let include_images = options.get("include_images").and_then(serde_json::Value::as_str).unwrap_or_default();
        Self {
            page_range: range,
            max_pages: options.get("max_pages").and_then(number),
            include_images: Include::of(include_images),
        }
    }

    /// Whether a page, counted from 1, is to be converted.
    pub fn takes(&self, page: u32) -> bool {
        let (first, last) = self.page_range.unwrap_or((1, u32::MAX));
        let first = first.max(1);
        let max = self.max_pages.unwrap_or(u32::MAX);
        (first..=last).contains(&page) && page - first < max
    }

    /// Whether any of so many pages is to be converted; a document that has none says itself what it lacks.
    ///
    /// # Errors
    /// `EMPTY_DOCUMENT`.
    pub fn take_any(&self, pages: usize) -> Result<(), Failure> {
        let total = u32::try_from(pages).unwrap_or(u32::MAX);
        if total == 0 || (1..=total).any(|page| self.takes(page)) {
            return Ok(());
        }
        Err(failures::empty(&format!(
            "it has {pages} pages, and the options page_range and max_pages take none of them"
        )))
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

/// Runs a converter without pictures over a task.
///
/// # Errors
/// Those of `convert`; `DOCUMENT_TOO_LARGE` for a source of more than [`SOURCE_BYTES_MAX`]; what the host answers when a file
/// cannot be read or written.
pub fn run(task: &dyn Task, convert: impl FnOnce(&Source) -> Result<Converted, Failure>) -> Result<Data, Failure> {
    let (size, source) = read(task)?;
    write(task, size, &convert(&source)?)
}

/// Runs a converter that writes pictures where the task's options ask for them.
///
/// # Errors
/// Those of [`run`].
pub fn run_with_images(
    task: &dyn Task,
    convert: impl FnOnce(&Source, &Images<'_>) -> Result<Converted, Failure>,
) -> Result<Data, Failure> {
    let (size, source) = read(task)?;
    let images = Images::of(task, source.options.include_images);
    let mut converted = convert(&source, &images)?;
    let (listed, warnings) = images.finish()?;
    converted.images = listed;
    converted.warnings.extend(warnings);
    write(task, size, &converted)
}

/// The task's source, and its size in bytes.
fn read(task: &dyn Task) -> Result<(u64, Source), Failure> {
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
    Ok((info.size, source))
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
    let mut written = data(json!({
        "conversion_metadata": {
            "original_format": converted.format.name,
            "file_size_bytes": source_bytes,
            "content_length": converted.markdown.chars().count(),
            "page_count": converted.page_count(),
            "conversion_time_seconds": task.elapsed_seconds(),
        }
    }));
    if !converted.warnings.is_empty() {
        written.insert("warnings".into(), json!(shown(&converted.warnings)));
    }
    Ok(written)
}

/// Warnings that go into the data of the step, and so into events and webhooks. The log has all of them.
const WARNINGS_SHOWN_MAX: usize = 20;

/// Characters of such a warning.
const WARNING_CHARS_MAX: usize = 300;

/// The first warnings, each cut to a length; the last says how many more there are.
fn shown(warnings: &[String]) -> Vec<String> {
    let cut = |warning: &String| match warning.char_indices().nth(WARNING_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &warning[..end]),
        None => warning.clone(),
    };
    let mut shown: Vec<_> = warnings.iter().take(WARNINGS_SHOWN_MAX).map(cut).collect();
    let more = warnings.len() - shown.len();
    if more > 0 {
        shown.push(format!("{more} more: the step's log has them"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_step::mock::MockTask;

    #[test]
    fn warnings_are_in_the_data_and_bounded() {
        let data = |warnings: Vec<String>| {
            let converted = Converted { warnings, ..Converted::without_pages(&morag_formats::TXT, "text\n".into()) };
            write(&MockTask::new("a.txt", "text"), 4, &converted).unwrap().get("warnings").cloned()
        };
        assert_eq!(data(Vec::new()), None);
        assert_eq!(data(vec!["page 2 was not read".into()]), Some(json!(["page 2 was not read"])));
        let many = data(vec!["ä".repeat(1000); 25]).unwrap();
        let many = many.as_array().unwrap();
        assert_eq!(many[0].as_str().unwrap().chars().count(), WARNING_CHARS_MAX + 1);
        assert_eq!((many.len(), &many[20]), (21, &json!("5 more: the step's log has them")));
    }

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

    #[test]
    fn pictures_are_listed_only_where_they_are_asked_for() {
        let written = |option: Option<&str>| {
            let task = MockTask::new("a.txt", "text");
            let task = if let Some(option) = option { task.with_option("include_images", option) } else { task };
            run_with_images(&task, |_, images| {
                let png = || Ok(b"\x89PNG\r\n\x1a\n".to_vec());
                let markdown = images.figure(None, None, png).unwrap_or_else(|| "text".into()) + "\n";
                Ok(Converted::without_pages(&morag_formats::TXT, markdown))
            })
            .unwrap();
            (task.text("markdown.md"), task.text("document.json"))
        };
        let (markdown, document) = written(Some("figures"));
        assert_eq!(markdown, "![Image 1](image-1.png)\n");
        assert!(document.ends_with(r#""parts":[],"images":[{"file":"image-1.png"}]}"#), "{document}");
        for option in [None, Some("none")] {
            let (markdown, document) = written(option);
            assert!(markdown == "text\n" && document.ends_with(r#""parts":[]}"#), "{document}");
        }
        assert!(written(Some("pages")).1.ends_with(r#""images":[]}"#));
    }
}
