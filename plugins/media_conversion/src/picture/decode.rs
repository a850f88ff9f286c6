//! Decoding of all pictures but TIFF.

use super::exif;
use crate::codes;
use crate::input::le32;
use image::error::LimitErrorKind;
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use morag_conversion::ocr::{Gray, Samples};
use morag_conversion::{Format, Properties, failures, formats};
use morag_step::{Failure, Task};
use std::io::{BufRead, Seek, SeekFrom};

/// Bytes of a decoded picture. A step has 512 MiB; beside it are its source and its gray pixels. 50 million pixels of three colours are
/// within.
pub(super) const DECODED_BYTES_MAX: u64 = 160 << 20;

/// Bytes of a decoded progressive JPEG, whose coefficients are held beside its pixels and take twice their memory.
const PROGRESSIVE_BYTES_MAX: u64 = 100 << 20;

/// Bytes of what a PNG says beside its picture: colour profiles, which are packed and have up to 4 MiB, and texts, of which those of image
/// programs have up to ten. A profile of more is not read; with texts of more the picture is refused.
const PNG_OTHER_BYTES_MAX: u64 = 32 << 20;

/// Longest side of a picture: a JPEG has no longer one.
pub(super) const SIDE_MAX: u32 = 65_535;

/// Decodes the source: the first picture of it where there are several.
///
/// # Errors
/// `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `UNSUPPORTED_CODEC`; what the host answers when the file cannot be read.
pub(super) fn picture(task: &dyn Task, format: &'static Format) -> Result<(Gray, Properties), Failure> {
    let mut reader = task.source_reader();
    let bytes_max = match format == &formats::JPG && is_progressive(&mut reader)? {
        true => PROGRESSIVE_BYTES_MAX,
        false => DECODED_BYTES_MAX,
    };
    if format == &formats::BMP {
        check_bmp(&mut reader)?;
    }
    reader.seek(SeekFrom::Start(0))?;
    let failed = |error| failure(format, error);
    let mut reader = ImageReader::with_format(reader, image_format(format));
    reader.limits(limits(format));
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    if decoder.total_bytes() > bytes_max {
        return Err(codes::too_many_pixels(width, height));
    }
    let exif = decoder.exif_metadata().ok().flatten().unwrap_or_default();
    // A picture whose EXIF is damaged is as it is.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    Ok((oriented(gray(image), orientation), exif::properties(&exif)))
}

fn limits(format: &Format) -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    // The decoder of PNG holds this against all but the pixels, those of the others against what they need to decode them.
    limits.max_alloc = Some(if format == &formats::PNG { PNG_OTHER_BYTES_MAX } else { 2 * DECODED_BYTES_MAX });
    limits
}

fn image_format(format: &Format) -> ImageFormat {
    match format.name {
        "png" => ImageFormat::Png,
        "gif" => ImageFormat::Gif,
        "bmp" => ImageFormat::Bmp,
        "webp" => ImageFormat::WebP,
        _ => ImageFormat::Jpeg,
    }
}

fn gray(image: DynamicImage) -> Gray {
    let (width, height, color) = (image.width(), image.height(), image.color());
    let samples = match color {
        ColorType::L8 => return Gray { width, height, pixels: image.into_bytes() },
        ColorType::L16 => Samples::Gray,
        ColorType::La8 | ColorType::La16 => Samples::GrayAlpha,
        ColorType::Rgb8 | ColorType::Rgb16 => Samples::Rgb,
        ColorType::Rgba8 | ColorType::Rgba16 => Samples::Rgba,
        // Of numbers with fractions: none of our formats has them.
        _ => return Gray { width, height, pixels: image.into_luma8().into_raw() },
    };
    let is_wide = usize::from(color.bytes_per_pixel()) == 2 * samples.count();
    Gray::of_samples(width, height, image.as_bytes(), samples, is_wide)
}

/// Turned and mirrored as it is to be seen.
fn oriented(picture: Gray, orientation: Orientation) -> Gray {
    let Some(image) = GrayImage::from_raw(picture.width, picture.height, picture.pixels) else {
        return Gray { width: 0, height: 0, pixels: Vec::new() };
    };
    let mut image = DynamicImage::ImageLuma8(image);
    image.apply_orientation(orientation);
    Gray { width: image.width(), height: image.height(), pixels: image.into_bytes() }
}

fn failure(format: &'static Format, error: ImageError) -> Failure {
    match error {
        ImageError::Limits(error)
            if matches!(error.kind(), LimitErrorKind::DimensionError | LimitErrorKind::InsufficientMemory) =>
        {
            failures::too_large("its picture has more pixels than can be decoded: save it smaller")
        }
        ImageError::Unsupported(error) => codes::unsupported_picture(format, &error),
        // The host's own failure, where the file could not be read.
        ImageError::IoError(error) if error.get_ref().is_some_and(|inner| inner.is::<Failure>()) => error.into(),
        error => failures::corrupt(format, error),
    }
}

/// Refuses a BMP by the sides that it claims. Its decoder does not say of one beyond its own limits that it is too large: it takes it for
/// damaged, or, where a number has 32 bits, for a kind that it does not know.
fn check_bmp(reader: &mut (impl BufRead + Seek)) -> Result<(), Failure> {
    // Every pixel is decoded to three bytes, or to four.
    const PIXEL_BYTES_MIN: u64 = 3;
    // Of the header of the first version, whose sides have two bytes and are within the limits of the decoder.
    const FIRST_HEADER_BYTES: u32 = 12;
    reader.seek(SeekFrom::Start(14))?;
    let mut head = [0; 12];
    if let Err(error) = reader.read_exact(&mut head) {
        // Too short: the decoder says so.
        return if error.kind() == std::io::ErrorKind::UnexpectedEof { Ok(()) } else { Err(error.into()) };
    }
    // A side below zero says from where the rows go.
    let (width, height) = (le32(&head, 4), le32(&head, 8).cast_signed().unsigned_abs());
    let bytes = u64::from(width) * u64::from(height) * PIXEL_BYTES_MIN;
    let is_too_large = width > SIDE_MAX || height > SIDE_MAX || bytes > DECODED_BYTES_MAX;
    // The decoder says of a width below zero that there is none such.
    if le32(&head, 0) == FIRST_HEADER_BYTES || width > i32::MAX as u32 || !is_too_large {
        return Ok(());
    }
    Err(codes::too_many_pixels(width, height))
}

/// Whether a JPEG is sent in several passes over the picture.
fn is_progressive(reader: &mut (impl BufRead + Seek)) -> Result<bool, Failure> {
    // Segments before the picture; those of a camera are fewer than a hundred.
    const SEGMENTS_MAX: usize = 1000;
    reader.seek(SeekFrom::Start(2))?;
    for _ in 0..SEGMENTS_MAX {
        let mut head = [0; 4];
        if let Err(error) = reader.read_exact(&mut head) {
            // Too short: the decoder says so.
            return if error.kind() == std::io::ErrorKind::UnexpectedEof { Ok(false) } else { Err(error.into()) };
        }
        let [0xFF, marker, high, low] = head else { return Ok(false) };
        match marker {
            // Progressive and lossless ones.
            0xC2 | 0xC3 | 0xC6 | 0xC7 | 0xCA | 0xCB | 0xCE | 0xCF => return Ok(true),
            0xC0 | 0xC1 | 0xDA => return Ok(false),
            // A byte that fills up before a marker.
            0xFF => reader.seek_relative(-3)?,
            _ => reader.seek_relative(i64::from(u16::from_be_bytes([high, low])).max(2) - 2)?,
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_on_its_side_is_turned() {
        let side = Gray { width: 3, height: 1, pixels: vec![1, 2, 3] };
        assert_eq!(oriented(side, Orientation::Rotate90), Gray { width: 1, height: 3, pixels: vec![1, 2, 3] });
    }
}
