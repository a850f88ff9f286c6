//! Converts mail messages and archives to markdown, with the documents inside them: the converter `archive_conversion`.
//!
//! Documents inside go to the converters of the step by [`Conversion`]; [`assembly`] puts what comes back into one markdown, a heading for
//! each, and notes which bytes are which document's. A document that cannot be converted is in `parts` with its code, and stops nothing.

mod assembly;
mod demote;
mod detect;
mod eml;
mod failures;
mod mail;
#[cfg(test)]
mod mail_tests;
mod mime;
pub mod msg;
#[cfg(test)]
mod tests;
mod zip_file;
#[cfg(test)]
mod zip_tests;

use assembly::Assembly;
use detect::Kind;
use morag_conversion::{Converted, Source, descriptor, formats, formats_of};
use morag_step::{Conversion, Converter, Data, Descriptor, Failure, Format, Step, Task, host};

/// Converts a message or an archive.
///
/// # Errors
/// One of [`morag_conversion::failures`], `NO_CONVERTIBLE_DOCUMENT` where an archive holds no document that could be converted, or what the
/// host answers when its storage or its converters are away.
pub fn convert(task: &dyn Task, converters: &dyn Conversion, source: &Source) -> Result<Converted, Failure> {
    let assembly = Assembly::new(task, converters);
    match detect::detect(&source.bytes, &source.file_name, &source.media_type)? {
        Kind::Eml => eml::convert(&source.bytes, assembly),
        Kind::Msg => msg::convert(&source.bytes, assembly),
        Kind::Zip => zip_file::convert(&source.bytes, assembly),
    }
}

/// Runs the converter over a task.
///
/// # Errors
/// Those of [`convert`], or what the host answers when a file cannot be read or written.
pub fn run(task: &dyn Task, converters: &dyn Conversion) -> Result<Data, Failure> {
    morag_conversion::run(task, |source| convert(task, converters, source))
}

/// The converter `archive_conversion`.
#[derive(Debug)]
pub struct ArchiveConversion;

impl Step for ArchiveConversion {
    fn describe() -> Descriptor {
        let summary = "Converts mail messages and archives, with the documents inside them, to markdown";
        descriptor("archive_conversion", env!("CARGO_PKG_VERSION"), summary).wants("conversion")
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle, &host::ConversionHandle)
    }
}

impl Converter for ArchiveConversion {
    fn formats() -> Vec<Format> {
        formats_of(&[&formats::EML, &formats::MSG, &formats::ZIP])
    }
}

morag_step::export_converter!(ArchiveConversion);
