//! Pictures: decoded here, read by the host's model, and put into reading order.

mod decode;
mod exif;
mod tiff_pages;

use morag_conversion::document::join_pages;
use morag_conversion::failures::{self, SOURCE_BYTES_MAX, too_large};
use morag_conversion::ocr::PageReader;
use morag_conversion::{Converted, Format, Options, Properties, formats};
use morag_step::{Failure, Info, Ocr, Task};

/// Converts a picture, or all pages of a TIFF.
///
/// # Errors
/// `OCR_NOT_CONFIGURED`, `OCR_LIMIT` and `OCR_FAILED` by what the host answers; `NO_TEXT` and `UNSUPPORTED_SCRIPT` by what is read; `CORRUPT_DOCUMENT`,
/// `EMPTY_DOCUMENT`, `DOCUMENT_TOO_LARGE` and `UNSUPPORTED_CODEC` for what cannot be decoded; what the host answers when the file cannot be read.
pub fn convert(task: &dyn Task, info: &Info, format: &'static Format, ocr: &dyn Ocr) -> Result<Converted, Failure> {
    if info.size > SOURCE_BYTES_MAX {
        return Err(too_large(format_args!("it has {} bytes, and pictures at most {SOURCE_BYTES_MAX}", info.size)));
    }
    let mut reader = PageReader::new(ocr).map_err(failures::no_ocr)?;
    let (texts, properties) = if format == &formats::TIFF {
        tiff_pages::read(task, &Options::of(&info.options), &mut reader)?
    } else {
        let (picture, properties) = decode::picture(task, format)?;
        task.report_progress(0.2, "the picture is read");
        let text = reader.read(picture, 1).map_err(|error| failures::ocr(error, 1))?;
        (vec![text.markdown], properties)
    };
    document(format, texts, properties, reader)
}

fn document(
    format: &'static Format,
    texts: Vec<String>,
    properties: Properties,
    reader: PageReader,
) -> Result<Converted, Failure> {
    let has_text = texts.iter().any(|text| !text.is_empty());
    if !has_text && reader.unknown_lines > 0 {
        return Err(failures::unsupported_script(format, &reader.model.name, &reader.model.scripts));
    }
    if !has_text {
        return Err(failures::no_text(format));
    }
    let (markdown, pages) = join_pages(&texts);
    // One picture has no pages; a file that can have several has.
    let pages = if format == &formats::TIFF { pages } else { Vec::new() };
    Ok(Converted { pages, properties, warnings: reader.warnings, ..Converted::without_pages(format, markdown) })
}

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) use super::exif::tests::exif;
}
