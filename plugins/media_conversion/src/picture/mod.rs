//! Pictures: decoded here, read by the host's model, and put into reading order.

mod decode;
mod exif;
mod gray;
mod tiff_pages;

use crate::codes;
use gray::Gray;
use morag_conversion::document::join_pages;
use morag_conversion::failures::{SOURCE_BYTES_MAX, too_large};
use morag_conversion::ocr_layout::picture_text;
use morag_conversion::{Converted, Format, Options, Properties, formats};
use morag_step::{Failure, Info, Ocr, OcrModel, Picture, PixelFormat, Task};

/// Reads pages one after the other.
struct PageReader<'a> {
    ocr: &'a dyn Ocr,
    model: OcrModel,
    /// Lines that were left out, of all pages.
    unknown_lines: usize,
    warnings: Vec<String>,
}

impl PageReader<'_> {
    /// The markdown of a page.
    fn read(&mut self, picture: Gray, page: u32) -> Result<String, Failure> {
        let Gray { width, height, pixels } = picture.fitted();
        let picture = Picture { width, height, format: PixelFormat::Gray8, pixels };
        let reading = self.ocr.read(&picture).map_err(|error| codes::ocr(error, page))?;
        if reading.truncated {
            self.warnings.push(format!("page {page} has more lines than are read: the rest is missing"));
        }
        let text = picture_text(&reading, width, height);
        if text.unknown_lines > 0 {
            let (lines, model) = (text.unknown_lines, &self.model.name);
            self.warnings.push(format!(
                "{lines} lines of page {page} are left out: they are of a script that the model {model} does not read; \
                 `ocr = \"tesseract\"` reads others"
            ));
        }
        self.unknown_lines += text.unknown_lines;
        Ok(text.markdown)
    }
}

/// Converts a picture, or all pages of a TIFF.
///
/// # Errors
/// `OCR_NOT_CONFIGURED` and `OCR_LIMIT` by what the host answers; `NO_TEXT` and `UNSUPPORTED_SCRIPT` by what is read; `CORRUPT_DOCUMENT`,
/// `DOCUMENT_TOO_LARGE` and `UNSUPPORTED_CODEC` for what cannot be decoded; what the host answers when the file cannot be read.
pub fn convert(task: &dyn Task, info: &Info, format: &'static Format, ocr: &dyn Ocr) -> Result<Converted, Failure> {
    if info.size > SOURCE_BYTES_MAX {
        return Err(too_large(format_args!("it has {} bytes, and pictures at most {SOURCE_BYTES_MAX}", info.size)));
    }
    let model = ocr.model().map_err(codes::no_ocr)?;
    let mut reader = PageReader { ocr, model, unknown_lines: 0, warnings: Vec::new() };
    let (texts, properties) = if format == &formats::TIFF {
        tiff_pages::read(task, &Options::of(&info.options), &mut reader)?
    } else {
        let (picture, properties) = decode::picture(task, format)?;
        task.report_progress(0.2, "the picture is read");
        (vec![reader.read(picture, 1)?], properties)
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
        return Err(codes::unsupported_script(format, &reader.model.name, &reader.model.scripts));
    }
    if !has_text {
        return Err(codes::no_text(format));
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
