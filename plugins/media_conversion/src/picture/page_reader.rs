//! Reads pages by the host's model.

use super::gray::Gray;
use crate::codes;
use morag_conversion::ocr_layout::picture_text;
use morag_step::{Failure, Ocr, OcrModel, Picture, PixelFormat};

/// Reads pages one after the other.
pub(super) struct PageReader<'a> {
    pub(super) ocr: &'a dyn Ocr,
    pub(super) model: OcrModel,
    /// Lines that were left out, of all pages.
    pub(super) unknown_lines: usize,
    pub(super) warnings: Vec<String>,
}

impl PageReader<'_> {
    /// The markdown of a page.
    pub(super) fn read(&mut self, picture: Gray, page: u32) -> Result<String, Failure> {
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
