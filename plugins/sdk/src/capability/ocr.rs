//! `ocr`: text in pictures.

use super::CapabilityError;

/// How pixels are laid out, row by row from the top, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// One byte a pixel: 0 is black, 255 white.
    Gray8,
    /// Three bytes a pixel: red, green, blue.
    Rgb8,
}

/// A decoded picture: each side 16 to 16,384 pixels, at most 16,777,216 pixels in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Layout of `pixels`.
    pub format: PixelFormat,
    /// The pixels, exactly as many as width, height and format say.
    pub pixels: Vec<u8>,
}

/// A place in a picture: `x` and `y` in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Corner {
    /// From the left.
    pub x: f32,
    /// From the top.
    pub y: f32,
}

/// A line of text in a picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TextLine {
    /// What it says.
    pub text: String,
    /// 0 to 1: how sure the model is of the characters that it found.
    pub confidence: f32,
    /// Characters for each length of a line's height; well below 0.5 it is a script that the model does not know.
    pub density: f32,
    /// Corners of the box around it as it is read: upper left, upper right, lower right, lower left.
    pub corners: [Corner; 4],
}

/// What a picture says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The lines from top to bottom, as they were found.
    pub lines: Vec<TextLine>,
    /// Degrees by which the picture must be turned clockwise to be upright: 0, 90, 180 or 270.
    pub turned: u32,
    /// Whether there were more lines than are read.
    pub truncated: bool,
}

/// The model that reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OcrModel {
    /// Its name, for example `pp-ocrv6-small`.
    pub name: String,
    /// Scripts that it reads, as ISO 15924 codes, for example `Latn`.
    pub scripts: Vec<String>,
}

/// Reads text in pictures by the host's model. Capability `ocr`.
///
/// ```
/// use morag_step::mock::MockOcr;
/// use morag_step::{Failure, Ocr, Picture, PixelFormat};
///
/// fn said(ocr: &dyn Ocr, picture: &Picture) -> Result<String, Failure> {
///     let reading = ocr.read(picture)?;
///     Ok(reading.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("\n"))
/// }
///
/// let ocr = MockOcr::reading(["Total", "12.50"]);
/// let picture = Picture { width: 16, height: 16, format: PixelFormat::Gray8, pixels: vec![255; 256] };
/// assert_eq!(said(&ocr, &picture).unwrap(), "Total\n12.50");
/// assert_eq!(ocr.seen(), [picture]);
/// ```
pub trait Ocr {
    /// The model in use.
    fn model(&self) -> Result<OcrModel, CapabilityError>;
    /// Reads a picture. Takes seconds of processor time on the host's own threads.
    fn read(&self, picture: &Picture) -> Result<Reading, CapabilityError>;
}
