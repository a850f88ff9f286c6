//! Converts texts, pages and tables to markdown: the converter `text_conversion`.
//!
//! [`detect::detect`] says what a text is, by its content first. One module a format turns its bytes into a [`Converted`]. Same input,
//! same output: nothing here reads a clock or a random number, but for the seconds in `conversion_metadata`.

mod csv_table;
pub mod detect;
mod html;
mod html_tree;
#[cfg(test)]
mod tests;
mod text;

use detect::Kind;
use morag_conversion::{Converted, Source, descriptor, formats, formats_of};
use morag_step::{Converter, Data, Descriptor, Failure, Format, Step, Task, host};

/// Converts a text's bytes to markdown.
///
/// # Errors
/// One of [`failures`](morag_conversion::failures); never a panic for any bytes that the parsers underneath survive.
pub fn convert(source: &Source) -> Result<Converted, Failure> {
    let bytes = &source.bytes;
    match detect::detect(bytes, &source.file_name, &source.media_type)? {
        Kind::Txt => text::convert_plain(bytes),
        Kind::Md => text::convert_markdown(bytes),
        Kind::Html => html::convert(bytes),
        Kind::Csv => csv_table::convert(bytes),
    }
}

/// Runs the converter over a task.
///
/// # Errors
/// One of [`failures`](morag_conversion::failures), or what the host answers when a file cannot be read or written.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    morag_conversion::run(task, convert)
}

/// The converter `text_conversion`.
#[derive(Debug)]
pub struct TextConversion;

impl Step for TextConversion {
    fn describe() -> Descriptor {
        descriptor("text_conversion", env!("CARGO_PKG_VERSION"), "Converts texts, pages and tables to markdown")
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

impl Converter for TextConversion {
    fn formats() -> Vec<Format> {
        formats_of(&[&formats::TXT, &formats::MD, &formats::HTML, &formats::CSV])
    }
}

morag_step::export_converter!(TextConversion);
