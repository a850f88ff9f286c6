//! Reading text in pictures.

use super::CapabilityError;
use async_trait::async_trait;

/// Pixels that a side has at least: lower than that is no line of text.
pub const PICTURE_SIDE_MIN: u32 = 16;
/// Pixels that a side has at most: A3 at 600 dots an inch is 9,900 pixels long.
pub const PICTURE_SIDE_MAX: u32 = 16_384;
/// Pixels of a picture at most: A4 at 300 dots an inch has 8.7 million. It bounds the memory of a read.
pub const PICTURE_PIXELS_MAX: u64 = 1 << 24;

/// How pixels are laid out, row by row from the top, without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// One byte a pixel: 0 is black, 255 white.
    Gray8,
    /// Three bytes a pixel: red, green, blue.
    Rgb8,
}

impl PixelFormat {
    /// Bytes of a pixel.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Gray8 => 1,
            Self::Rgb8 => 3,
        }
    }
}

/// A decoded picture whose sides are within the limits, and which has all its pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    format: PixelFormat,
    pixels: Vec<u8>,
}

impl Picture {
    /// Checks sides and number of pixels.
    ///
    /// # Errors
    /// [`CapabilityError::Invalid`] says which limit is not kept.
    pub fn new(width: u32, height: u32, format: PixelFormat, pixels: Vec<u8>) -> Result<Self, CapabilityError> {
        let sides = PICTURE_SIDE_MIN..=PICTURE_SIDE_MAX;
        if !sides.contains(&width) || !sides.contains(&height) {
            return Err(CapabilityError::Invalid(format!(
                "the picture has {width} by {height} pixels; each side must have {PICTURE_SIDE_MIN} to \
                 {PICTURE_SIDE_MAX}"
            )));
        }
        let area = u64::from(width) * u64::from(height);
        if area > PICTURE_PIXELS_MAX {
            return Err(CapabilityError::Invalid(format!(
                "the picture has {area} pixels, more than {PICTURE_PIXELS_MAX}; scale it down"
            )));
        }
        let expected = area * format.bytes();
        if pixels.len() as u64 != expected {
            return Err(CapabilityError::Invalid(format!(
                "the picture has {} bytes of pixels; {width} by {height} pixels of this format are {expected}",
                pixels.len()
            )));
        }
        Ok(Self { width, height, format, pixels })
    }

    /// Pixels of a row.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Number of pixels.
    pub fn area(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Layout of the pixels.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// The pixels.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels, without a copy.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}

/// A place in a picture, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Corner {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// A line of text in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct TextLine {
    /// What it says; not empty.
    pub text: String,
    /// 0 to 1: how sure the model is of the characters that it found.
    pub confidence: f32,
    /// Characters for each length of a line's height. Below 0.5 the model has not read a script that it does not know.
    pub density: f32,
    /// Corners of the box around it, as it is read: upper left, upper right, lower right, lower left.
    pub corners: [Corner; 4],
}

/// What a picture says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The lines from top to bottom of the upright picture.
    pub lines: Vec<TextLine>,
    /// Degrees by which the picture must be turned clockwise to be upright: 0, 90, 180 or 270.
    pub turned: u32,
    /// Whether there were more lines than are read.
    pub truncated: bool,
}

/// What reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadingModel {
    /// Its name, for example `pp-ocrv6-small`.
    pub name: String,
    /// Scripts that it reads, as ISO 15924 codes.
    pub scripts: Vec<String>,
}

/// A model or program that reads text in pictures.
#[async_trait]
pub trait PictureReader: Send + Sync {
    /// What reads.
    ///
    /// # Errors
    /// `NotUsable` where the operator has set up none; the text says how. `Unavailable` where that cannot be found out now.
    fn model(&self) -> Result<ReadingModel, CapabilityError>;

    /// Reads a picture. Takes seconds of processor time, on threads of the adapter. Dropping the future ends the work at the next
    /// line.
    ///
    /// # Errors
    /// `NotUsable` where none is set up, or what is set up is damaged; `Unavailable` where too many pictures wait; `Invalid` where the
    /// reading failed.
    async fn read(&self, picture: Picture) -> Result<Reading, CapabilityError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(width: u32, height: u32, format: PixelFormat, bytes: usize) -> String {
        match Picture::new(width, height, format, vec![0; bytes]) {
            Err(CapabilityError::Invalid(text)) => text,
            other => panic!("{:?}", other.map(|picture| picture.area())),
        }
    }

    #[test]
    fn a_picture_has_all_its_pixels() {
        let picture = Picture::new(16, 20, PixelFormat::Rgb8, vec![7; 960]).unwrap();
        assert_eq!((picture.width(), picture.height(), picture.area(), picture.pixels().len()), (16, 20, 320, 960));
        assert!(Picture::new(4096, 4096, PixelFormat::Gray8, vec![0; 1 << 24]).is_ok());
    }

    #[test]
    fn a_picture_that_lies_is_refused_with_the_limit() {
        assert!(refused(15, 20, PixelFormat::Gray8, 300).contains("must have 16 to 16384"));
        assert!(refused(16, 16_385, PixelFormat::Gray8, 0).contains("16 by 16385"));
        assert!(refused(u32::MAX, u32::MAX, PixelFormat::Rgb8, 0).contains("16384"));
        assert!(refused(16_384, 1025, PixelFormat::Gray8, 0).contains("more than 16777216"));
        assert!(refused(16, 16, PixelFormat::Gray8, 255).contains("of this format are 256"));
        assert!(refused(16, 16, PixelFormat::Rgb8, 256).contains("of this format are 768"));
    }
}
