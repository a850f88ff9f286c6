//! Turns a document into markdown: the step `markdown_conversion`.
//!
//! [`detect::detect`] says what a document is, by its content first. One module a format turns its bytes into a
//! [`Converted`]; [`run`] writes that as `markdown.md` and `document.json` (see `docs/artifacts.md`). Every way a
//! document can be refused is a function of [`failures`]. Same input, same output: nothing here reads a clock or a
//! random number, but for the seconds in `conversion_metadata`.

mod csv_table;
mod dates;
pub mod detect;
mod document;
mod docx;
mod encoding;
pub mod failures;
pub mod format;
mod html;
mod html_tree;
mod markdown;
mod pdf;
#[cfg(test)]
mod testdata;
mod text;

pub use document::{Converted, Page, Progress, Properties};
use failures::{SOURCE_BYTES_MAX, too_large};
use format::Format;
use morag_step::{Data, Descriptor, Failure, Level, Output, Step, Task, blob_bytes, data, host, json};

/// Turns a document's bytes into markdown. `file_name` and `media_type` are hints for what the content leaves open.
///
/// # Errors
/// One of [`failures`]; never a panic for any bytes that the parsers underneath survive.
pub fn convert(bytes: &[u8], file_name: &str, media_type: &str, progress: Progress) -> Result<Converted, Failure> {
    let converted = match detect::detect(bytes, file_name, media_type)? {
        Format::Pdf => pdf::convert(bytes, progress)?,
        Format::Docx => docx::convert(bytes)?,
        Format::Txt => text::convert_plain(bytes)?,
        Format::Md => text::convert_markdown(bytes)?,
        Format::Html => html::convert(bytes)?,
        Format::Csv => csv_table::convert(bytes)?,
    };
    debug_assert!(document::pages_cover(&converted.pages, converted.markdown.len()));
    Ok(converted)
}

/// Runs the step over a task.
///
/// # Errors
/// One of [`failures`], or what the host answers when a file cannot be read or written.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    let info = task.info();
    if info.size > SOURCE_BYTES_MAX {
        return Err(too_large(format!("it has {} bytes, and at most {SOURCE_BYTES_MAX} can be converted", info.size)));
    }
    let bytes = blob_bytes(task.source().as_ref())?;
    let converted = convert(&bytes, &info.file_name, &info.media_type, &mut |done, total| {
        task.report_progress(f64::from(done) / f64::from(total.max(1)), &format!("page {done} of {total}"));
    })?;
    converted.warnings.iter().for_each(|warning| task.log(Level::Warn, warning));
    task.write_artifact("markdown.md", converted.markdown.as_bytes())?;
    task.write_artifact("document.json", converted.document_json().to_string().as_bytes())?;
    Ok(data(json!({
        "conversion_metadata": {
            "original_format": converted.format.name(),
            "file_size_bytes": info.size,
            "content_length": converted.markdown.chars().count(),
            "page_count": converted.page_count(),
            "conversion_time_seconds": task.elapsed_seconds(),
        }
    })))
}

/// The step `markdown_conversion`.
#[derive(Debug)]
pub struct MarkdownConversion;

impl Step for MarkdownConversion {
    fn describe() -> Descriptor {
        Descriptor::new("markdown_conversion", env!("CARGO_PKG_VERSION"), "Turns a document into markdown")
            .writes(Output::new("markdown.md", "text/markdown").published_as("markdown_file_url"))
            .writes(Output::new("document.json", "application/json"))
            .configured_by(json!({ "type": "object", "additionalProperties": false }))
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

morag_step::export_step!(MarkdownConversion);

#[cfg(test)]
mod tests;
