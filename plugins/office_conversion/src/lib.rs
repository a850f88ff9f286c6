//! Converts office documents to markdown: the converter `office_conversion`.

mod docx;
mod package;
#[cfg(test)]
mod tests;

use morag_conversion::{Converted, Source, descriptor, failures, formats, formats_of};
use morag_step::{Converter, Data, Descriptor, Failure, Format, Step, Task, host};

/// Formats that it takes.
static FORMATS: [&morag_conversion::Format; 1] = [&formats::DOCX];

/// Converts a document.
///
/// # Errors
/// One of [`failures`]; never a panic for any bytes that the parsers underneath survive.
pub fn convert(source: &Source) -> Result<Converted, Failure> {
    let (bytes, extension) = (&source.bytes, formats::extension(&source.file_name));
    if bytes.is_empty() {
        return Err(failures::empty("the file has 0 bytes"));
    }
    let named = FORMATS.into_iter().find(|format| format.has_extension(&extension));
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") && package::is_encrypted(bytes) {
        return Err(failures::encrypted("Office document"));
    }
    if !bytes.starts_with(b"PK\x03\x04") && !bytes.starts_with(b"PK\x05\x06") {
        return Err(match named {
            Some(format) => failures::corrupt(format, format_args!("it does not begin as a {} file does", format.name)),
            None => failures::unsupported(&extension),
        });
    }
    match package::kind(bytes) {
        Ok(package::Kind::Docx) => docx::convert(bytes),
        Ok(package::Kind::Other(kind)) => Err(failures::unsupported(kind)),
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
    morag_conversion::run(task, convert)
}

/// The converter `office_conversion`.
#[derive(Debug)]
pub struct OfficeConversion;

impl Step for OfficeConversion {
    fn describe() -> Descriptor {
        descriptor("office_conversion", env!("CARGO_PKG_VERSION"), "Converts office documents to markdown")
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
