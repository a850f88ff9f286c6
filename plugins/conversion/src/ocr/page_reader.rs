//! Reads pages by the host's model.

use super::gray::Gray;
use crate::ocr_layout::{PictureText, picture_text};
use morag_step::{CapabilityError, Ocr, OcrModel, Picture, PixelFormat};

/// Reads pages one after the other.
pub struct PageReader<'a> {
    ocr: &'a dyn Ocr,
    /// The model that reads.
    pub model: OcrModel,
    /// Lines that were left out, of all pages.
    pub unknown_lines: usize,
    /// What was not read, for the log.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for PageReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PageReader").field("model", &self.model).finish_non_exhaustive()
    }
}

impl<'a> PageReader<'a> {
    /// Of the model that the host has.
    ///
    /// # Errors
    /// `Unavailable` where it has none: the text says how to set one up.
    pub fn new(ocr: &'a dyn Ocr) -> Result<Self, CapabilityError> {
        Ok(Self { ocr, model: ocr.model()?, unknown_lines: 0, warnings: Vec::new() })
    }

    /// What a page says. Takes seconds.
    ///
    /// # Errors
    /// `Limit` where the budget of the run is used up; what else the host answers.
    pub fn read(&mut self, picture: Gray, page: u32) -> Result<PictureText, CapabilityError> {
        let Gray { width, height, pixels } = picture.fitted();
        let picture = Picture { width, height, format: PixelFormat::Gray8, pixels };
        let reading = self.ocr.read(&picture)?;
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
        Ok(text)
    }
}
