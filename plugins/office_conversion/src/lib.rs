//! Converts office documents and books to markdown: the converter `office_conversion`.
//!
//! What a document is, its first bytes and its parts tell; one folder a family of formats reads it. All of them write by [`write`], and
//! those that are zips of XML read by [`package`] and [`xml`], which hold the limits.

mod docx;
mod epub;
mod legacy;
mod math;
mod odf;
mod package;
mod rtf;
mod sheets;
mod slides;
#[cfg(test)]
mod testdata;
#[cfg(test)]
mod tests;
mod write;
mod xml;

use morag_conversion::images::{self, Images};
use morag_conversion::{Converted, Source, descriptor, failures, formats, formats_of, ole};
use morag_step::{Converter, Data, Descriptor, Failure, Format, Step, Task, host};
use package::Kind;

/// Formats that it takes.
static FORMATS: [&morag_conversion::Format; 11] = [
    &formats::DOCX,
    &formats::DOC,
    &formats::ODT,
    &formats::RTF,
    &formats::XLSX,
    &formats::XLS,
    &formats::ODS,
    &formats::PPTX,
    &formats::PPT,
    &formats::ODP,
    &formats::EPUB,
];

/// Converts a document without its pictures.
///
/// # Errors
/// One of [`failures`]; never a panic for any bytes that the parsers underneath survive.
pub fn convert(source: &Source) -> Result<Converted, Failure> {
    convert_with_images(source, &Images::none())
}

/// Converts a document, with what its pictures become.
///
/// # Errors
/// Those of [`convert`].
pub fn convert_with_images(source: &Source, images: &Images<'_>) -> Result<Converted, Failure> {
    let (bytes, extension) = (&source.bytes, formats::extension(&source.file_name));
    if bytes.is_empty() {
        return Err(failures::empty("the file has 0 bytes"));
    }
    let named = FORMATS.into_iter().find(|format| format.has_extension(&extension));
    if bytes.starts_with(ole::SIGNATURE) {
        return legacy::convert(bytes, named, &extension, &source.options);
    }
    if rtf::is_rtf(bytes) {
        return rtf::convert(bytes, images);
    }
    if !bytes.starts_with(b"PK\x03\x04") && !bytes.starts_with(b"PK\x05\x06") {
        return Err(match named {
            Some(format) => failures::corrupt(format, format_args!("it does not begin as a {} file does", format.name)),
            None => failures::unsupported(&extension),
        });
    }
    let options = &source.options;
    match package::kind(bytes) {
        Ok(Kind::Xlsx(main)) => sheets::convert(bytes, &main, options, images),
        Ok(Kind::Pptx(main)) => slides::convert(bytes, &main, options, images),
        Ok(Kind::Docx(main)) => docx::convert(bytes, &main, images),
        Ok(Kind::Odt) => odf::convert(bytes, &formats::ODT, options, images),
        Ok(Kind::Ods) => odf::convert(bytes, &formats::ODS, options, images),
        Ok(Kind::Odp) => odf::convert(bytes, &formats::ODP, options, images),
        Ok(Kind::Epub) => epub::convert(bytes, options, images),
        Ok(Kind::Other(kind)) => Err(failures::unsupported(kind)),
        Err(reason) => Err(match named {
            Some(format) => failures::corrupt(format, reason),
            None => failures::unsupported(&extension),
        }),
    }
}

/// Runs the converter over a task.
///
/// # Errors
/// One of [`failures`], or what the host answers when a file cannot be read or written.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    morag_conversion::run_with_images(task, convert_with_images)
}

/// The converter `office_conversion`.
#[derive(Debug)]
pub struct OfficeConversion;

impl Step for OfficeConversion {
    fn describe() -> Descriptor {
        let descriptor =
            descriptor("office_conversion", env!("CARGO_PKG_VERSION"), "Converts office documents to markdown");
        images::outputs(descriptor, &images::Kind::ALL, false)
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

impl Converter for OfficeConversion {
    fn formats() -> Vec<Format> {
        formats_of(&FORMATS)
    }
}

morag_step::export_converter!(OfficeConversion);
