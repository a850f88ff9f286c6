//! A model that reads what the test says.

use crate::{CapabilityError, Corner, Ocr, OcrModel, Picture, PixelFormat, Reading, TextLine};
use std::cell::RefCell;

/// Shortest side of a picture, in pixels; as on the host.
const SIDE_MIN: u32 = 16;

/// Longest side of a picture, in pixels; as on the host.
const SIDE_MAX: u32 = 16_384;

/// Most pixels of a picture; as on the host.
const PIXELS_MAX: u64 = 16 << 20;

/// A model that reads the same in every picture.
#[derive(Debug)]
pub struct MockOcr {
    answer: Result<Reading, CapabilityError>,
    seen: RefCell<Vec<Picture>>,
}

impl MockOcr {
    /// A model that reads these lines, one below the other, each 20 pixels high.
    pub fn reading<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let line = |(row, text): (usize, &str)| {
            let (top, right) = (row as f32 * 30.0, text.chars().count() as f32 * 10.0);
            let corner = |x, y| Corner { x, y };
            let corners = [corner(0.0, top), corner(right, top), corner(right, top + 20.0), corner(0.0, top + 20.0)];
            TextLine { text: text.into(), confidence: 0.99, density: 2.0, corners }
        };
        let lines = lines.into_iter().enumerate().map(line).collect();
        Self::answering(Ok(Reading { lines, turned: 0, truncated: false }))
    }

    /// A model with this answer.
    pub fn answering(answer: Result<Reading, CapabilityError>) -> Self {
        Self { answer, seen: RefCell::default() }
    }

    /// The pictures that it got.
    pub fn seen(&self) -> Vec<Picture> {
        self.seen.borrow().clone()
    }
}

impl Ocr for MockOcr {
    fn model(&self) -> Result<OcrModel, CapabilityError> {
        match &self.answer {
            Err(error @ CapabilityError::Unavailable(_)) => Err(error.clone()),
            _ => Ok(OcrModel { name: "mock".into(), scripts: vec!["Latn".into()] }),
        }
    }

    fn read(&self, picture: &Picture) -> Result<Reading, CapabilityError> {
        let sides = SIDE_MIN..=SIDE_MAX;
        let area = u64::from(picture.width) * u64::from(picture.height);
        let bytes = area * if picture.format == PixelFormat::Rgb8 { 3 } else { 1 };
        if !sides.contains(&picture.width) || !sides.contains(&picture.height) || area > PIXELS_MAX {
            return Err(CapabilityError::Invalid(
                "a picture has sides of 16 to 16,384 pixels and at most 16 Mi".into(),
            ));
        }
        if picture.pixels.len() as u64 != bytes {
            return Err(CapabilityError::Invalid(format!("the picture has {bytes} bytes of pixels")));
        }
        self.seen.borrow_mut().push(picture.clone());
        self.answer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_must_be_as_large_as_it_says() {
        let ocr = MockOcr::reading(["x"]);
        let picture =
            |width, height, bytes| Picture { width, height, format: PixelFormat::Rgb8, pixels: vec![0; bytes] };
        assert!(ocr.read(&picture(16, 16, 768)).is_ok());
        for wrong in [picture(16, 16, 767), picture(15, 16, 720), picture(16_384, 16_384, 0)] {
            assert!(matches!(ocr.read(&wrong), Err(CapabilityError::Invalid(_))), "{} {}", wrong.width, wrong.height);
        }
        assert_eq!(ocr.seen().len(), 1);
    }
}
