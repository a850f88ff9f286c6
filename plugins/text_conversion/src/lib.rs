//! Converts texts, pages, tables, data, notebooks and subtitles to markdown: the converter `text_conversion`.
//!
//! [`detect::detect`] says what a text is, by its content first. One module a format turns its bytes into a [`Converted`]. Same input,
//! same output: nothing here reads a clock or a random number, but for the seconds in `conversion_metadata`.

mod adoc;
mod blocks;
mod csv_table;
mod data;
pub mod detect;
mod html;
mod html_marks;
mod html_tree;
mod markup;
mod notebook;
mod rst;
mod subtitles;
#[cfg(test)]
mod tests;
mod tex;
mod text;

use data::{json, xml, yaml};
use morag_conversion::images::{Kind, outputs};
use morag_conversion::{Converted, Images, Source, descriptor, formats, formats_of};
use morag_step::{Converter, Data, Descriptor, Failure, Format, Step, Task, host};

/// Converts a text's bytes to markdown, without the pictures within it.
///
/// # Errors
/// One of [`failures`](morag_conversion::failures); never a panic for any bytes that the parsers underneath survive.
pub fn convert(source: &Source) -> Result<Converted, Failure> {
    convert_with_images(source, &Images::none())
}

/// Converts a text's bytes to markdown, with what the pictures within it become.
///
/// # Errors
/// Those of [`convert`].
pub fn convert_with_images(source: &Source, images: &Images<'_>) -> Result<Converted, Failure> {
    let bytes = &source.bytes;
    let format = detect::detect(bytes, &source.file_name, &source.media_type)?;
    match format.name {
        "md" => text::convert_markdown(bytes),
        "html" => html::convert(bytes, images),
        "csv" => csv_table::convert(bytes),
        "json" => json::convert(bytes, by_lines(source)),
        "xml" => xml::convert(bytes),
        "yaml" => yaml::convert(bytes),
        "ipynb" => notebook::convert(bytes, images),
        "adoc" => adoc::convert(bytes),
        "rst" => rst::convert(bytes),
        "tex" => tex::convert(bytes),
        "vtt" | "srt" => subtitles::convert(bytes, format),
        _ => text::convert_plain(bytes),
    }
}

/// Whether JSON is a value a line.
fn by_lines(source: &Source) -> bool {
    let extension = formats::extension(&source.file_name);
    matches!(extension.as_str(), "jsonl" | "ndjson") || extension.is_empty() && source.media_type.contains("ndjson")
}

/// Runs the converter over a task.
///
/// # Errors
/// One of [`failures`](morag_conversion::failures), or what the host answers when a file cannot be read or written.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    morag_conversion::run_with_images(task, convert_with_images)
}

/// The converter `text_conversion`.
#[derive(Debug)]
pub struct TextConversion;

impl Step for TextConversion {
    fn describe() -> Descriptor {
        let descriptor =
            descriptor("text_conversion", env!("CARGO_PKG_VERSION"), "Converts texts, pages and data to markdown");
        outputs(descriptor, &Kind::ALL, false)
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

impl Converter for TextConversion {
    fn formats() -> Vec<Format> {
        formats_of(&detect::FORMATS)
    }
}

morag_step::export_converter!(TextConversion);
