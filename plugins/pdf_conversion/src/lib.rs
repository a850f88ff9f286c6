//! Converts PDF to markdown, page by page: the converter `pdf_conversion`.
//!
//! A page with good text is converted from it. A scan is drawn here and read by the host's model. Damaged text, and the invisible text of a
//! scan that went through OCR before, are compared with what is read.

mod bookmarks;
mod catalog;
mod choice;
mod draw;
mod form;
mod guard;
mod images;
mod need;
mod outline;
mod pdf;
mod properties;
mod scans;
mod steps;
mod tables;
#[cfg(test)]
mod tests;
mod text;

use morag_conversion::images::{Kind, outputs};
use morag_conversion::{Converted, Images, Progress, Source, descriptor, failures, formats, formats_of};
use morag_step::{Converter, Data, Descriptor, Failure, Format, Ocr, Step, Task, host};

/// Converts a PDF without its pictures, calling `progress` after each page.
///
/// # Errors
/// One of [`failures`], or what the host answers where reading may succeed later; never a panic for any bytes that the parsers underneath
/// survive.
pub fn convert(source: &Source, ocr: &dyn Ocr, progress: Progress) -> Result<Converted, Failure> {
    convert_with_images(source, ocr, &Images::none(), progress)
}

/// Converts a PDF, with what its pages and figures become.
///
/// # Errors
/// Those of [`convert`].
pub fn convert_with_images(
    source: &Source,
    ocr: &dyn Ocr,
    images: &Images<'_>,
    progress: Progress,
) -> Result<Converted, Failure> {
    if source.bytes.is_empty() {
        return Err(failures::empty("the file has 0 bytes"));
    }
    if !guard::has_header(&source.bytes) {
        let extension = formats::extension(&source.file_name);
        return Err(match formats::PDF.has_extension(&extension) {
            true => failures::corrupt(&formats::PDF, "it does not begin as a pdf file does"),
            false => failures::unsupported(&extension),
        });
    }
    pdf::convert(source, ocr, images, progress)
}

/// Runs the converter over a task.
///
/// # Errors
/// One of [`failures`], or what the host answers when a file cannot be read or written.
pub fn run(task: &dyn Task, ocr: &dyn Ocr) -> Result<Data, Failure> {
    morag_conversion::run_with_images(task, |source, images| {
        convert_with_images(source, ocr, images, &mut |done, total| {
            task.report_progress(f64::from(done) / f64::from(total.max(1)), &format!("page {done} of {total}"));
        })
    })
}

/// The converter `pdf_conversion`.
#[derive(Debug)]
pub struct PdfConversion;

impl Step for PdfConversion {
    fn describe() -> Descriptor {
        let descriptor =
            descriptor("pdf_conversion", env!("CARGO_PKG_VERSION"), "Converts PDF to markdown").wants("ocr");
        outputs(descriptor, &[Kind::Png, Kind::Jpg], true)
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle, &host::OcrHandle)
    }
}

impl Converter for PdfConversion {
    fn formats() -> Vec<Format> {
        formats_of(&[&formats::PDF])
    }
}

morag_step::export_converter!(PdfConversion);
