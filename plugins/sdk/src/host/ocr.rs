//! `ocr` of the real host.

use crate::bindings::morag::step::ocr;
use crate::{CapabilityError, Corner, Ocr, OcrModel, Picture, PixelFormat, Reading, TextLine};

/// The capability `ocr`.
#[derive(Debug, Clone, Copy)]
pub struct OcrHandle;

fn corner(point: ocr::Point) -> Corner {
    Corner { x: point.x, y: point.y }
}

fn line(line: ocr::Line) -> TextLine {
    TextLine {
        text: line.text,
        confidence: line.confidence,
        density: line.density,
        corners: [line.top_left, line.top_right, line.bottom_right, line.bottom_left].map(corner),
    }
}

impl Ocr for OcrHandle {
    fn model(&self) -> Result<OcrModel, CapabilityError> {
        let model = ocr::model()?;
        Ok(OcrModel { name: model.name, scripts: model.scripts })
    }

    fn read(&self, picture: &Picture) -> Result<Reading, CapabilityError> {
        let format = match picture.format {
            PixelFormat::Gray8 => ocr::PixelFormat::Gray8,
            PixelFormat::Rgb8 => ocr::PixelFormat::Rgb8,
        };
        // The bindings take it by reference: the pixels are copied once, by the host.
        let picture =
            ocr::Picture { width: picture.width, height: picture.height, format, pixels: picture.pixels.clone() };
        let reading = ocr::read(&picture)?;
        Ok(Reading {
            lines: reading.lines.into_iter().map(line).collect(),
            turned: reading.turned,
            truncated: reading.truncated,
        })
    }
}
