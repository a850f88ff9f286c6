//! Reads pages by the host's model.

use super::gray::Gray;
use crate::failures;
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
            let remedy = failures::other_script(model);
            // The model leaves out other lines in such a script, so their number is not known.
            let lines = if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
            self.warnings.push(format!(
                "at least {lines} of page {page} left out, which is of a script that the model {model} does not read: the operator can \
                 {remedy}"
            ));
        }
        self.unknown_lines += text.unknown_lines;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_step::mock::MockOcr;
    use morag_step::{Reading, TextLine};

    #[test]
    fn what_is_left_out_of_a_page_is_said() {
        let line = |text: &str, density| TextLine { text: text.into(), density, ..TextLine::default() };
        let lines = vec![line("Hello", 2.0), line("xx", 0.2)];
        let ocr = MockOcr::answering(Ok(Reading { lines, turned: 0, truncated: true }));
        let mut reader = PageReader::new(&ocr).unwrap();
        let text = reader.read(Gray { width: 3, height: 3, pixels: vec![0; 9] }, 7).unwrap();
        assert_eq!((text.markdown.as_str(), text.lines, reader.unknown_lines), ("Hello\n", 1, 1));
        assert_eq!((ocr.seen()[0].width, ocr.seen()[0].height), (16, 16));
        assert!(
            reader.warnings[0].contains("page 7 has more lines")
                && reader.warnings[1].contains("at least 1 line of page 7 left out")
        );
    }

    #[test]
    fn the_answer_of_the_host_is_passed_on() {
        let absent = CapabilityError::Unavailable("none".into());
        assert_eq!(PageReader::new(&MockOcr::answering(Err(absent.clone()))).err(), Some(absent));
        let limit = CapabilityError::Limit("used up".into());
        let ocr = MockOcr::answering(Err(limit.clone()));
        let picture = Gray { width: 16, height: 16, pixels: vec![0; 256] };
        assert_eq!(PageReader::new(&ocr).unwrap().read(picture, 1).err(), Some(limit));
    }
}
