//! The pages of a TIFF.

use super::decode::{DECODED_BYTES_MAX, SIDE_MAX};
use super::exif::date;
use crate::codes;
use morag_conversion::document::property;
use morag_conversion::ocr::{Gray, PageReader, Samples};
use morag_conversion::{Options, Properties, failures, formats};
use morag_step::{CapabilityError, Failure, Reader, Task};
use tiff::decoder::{Decoder, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

/// Pages that are read. The longest scans of offices have some hundred; each takes seconds.
const PAGES_MAX: u32 = 500;

/// Directories that are looked at: pages, and smaller pictures of them.
const DIRECTORIES_MAX: u32 = 2_000;

/// Bytes of a value of a directory: a place for each row of a very high picture.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// Reads the pages that the options take; a page that is damaged, or that the host refuses, is empty. When the budget is used up, the pages
/// that were read until then are kept.
///
/// # Errors
/// That of the first page where none could be read; `CORRUPT_DOCUMENT` where there is not even a directory; `EMPTY_DOCUMENT` where the
/// options take no page; what the host answers.
pub(super) fn read(
    task: &dyn Task,
    options: &Options,
    reader: &mut PageReader,
) -> Result<(Vec<String>, Properties), Failure> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = DECODED_BYTES_MAX as usize;
    limits.intermediate_buffer_size = DECODED_BYTES_MAX as usize;
    limits.ifd_value_size = VALUE_BYTES_MAX;
    let mut decoder = Decoder::new(task.source_reader()).map_err(failure)?.with_limits(limits);
    let properties = properties(&mut decoder);
    let (mut texts, mut first_failure, mut taken, mut is_any_read) = (Vec::new(), None, 0, false);
    for directory in 1..=DIRECTORIES_MAX {
        if !is_preview(&mut decoder) {
            let page = u32::try_from(texts.len()).map_or(u32::MAX, |pages| pages.saturating_add(1));
            if page > PAGES_MAX {
                reader.warnings.push(format!("the file has more than {PAGES_MAX} pages: the rest is missing"));
                break;
            }
            let mut text = String::new();
            if options.takes(page) {
                taken += 1;
                task.report_progress(f64::from(page) / f64::from(page + 10), &format!("page {page} is read"));
                let failure = match picture(&mut decoder) {
                    Ok(picture) => match reader.read(picture, page) {
                        Ok(read) => {
                            text = read.markdown;
                            is_any_read = true;
                            None
                        }
                        Err(CapabilityError::Limit(why)) if is_any_read => {
                            reader.warnings.push(format!("the pages from page {page} on were not read: {why}"));
                            break;
                        }
                        Err(error @ CapabilityError::Invalid(_)) => Some(failures::ocr(error, page)),
                        Err(error) => return Err(failures::ocr(error, page)),
                    },
                    // The host's storage failed: that is no damage.
                    Err(failure) if failure.retryable => return Err(failure),
                    Err(failure) => Some(failure),
                };
                if let Some(failure) = failure {
                    reader.warnings.push(format!("page {page} is missing: {}", failure.message));
                    first_failure.get_or_insert(failure);
                }
            }
            texts.push(text);
        }
        if !decoder.more_images() {
            break;
        }
        if directory == DIRECTORIES_MAX {
            reader.warnings.push(format!(
                "the file has more than {DIRECTORIES_MAX} pictures, pages and previews together: what comes after them is missing"
            ));
            break;
        }
        if let Err(error) = decoder.next_image() {
            reader.warnings.push(format!("the pages after page {} are missing: {error}", texts.len()));
            break;
        }
    }
    if texts.is_empty() {
        return Err(failures::empty(
            "all pictures in it are previews, smaller pictures of pages that it does not have",
        ));
    }
    if taken == 0 {
        let pages = texts.len();
        return Err(failures::empty(&format!(
            "it has {pages} pages, and the options page_range and max_pages take none of them"
        )));
    }
    match first_failure.filter(|_| !is_any_read) {
        Some(failure) => Err(failure),
        None => Ok((texts, properties)),
    }
}

/// Whether a directory is a smaller picture of another.
fn is_preview(decoder: &mut Decoder<Reader>) -> bool {
    let kind = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType);
    kind.is_ok_and(|kind| kind.is_some_and(|bits| bits & 1 == 1))
}

fn properties(decoder: &mut Decoder<Reader>) -> Properties {
    let mut text = |tag| decoder.get_tag_ascii_string(tag).ok().as_deref().and_then(property);
    Properties {
        title: text(Tag::Unknown(269)),
        author: text(Tag::Artist),
        creator: text(Tag::Software),
        creation_date: text(Tag::DateTime).as_deref().and_then(date),
        ..Properties::default()
    }
}

/// Decodes the picture of the current directory.
fn picture(decoder: &mut Decoder<Reader>) -> Result<Gray, Failure> {
    let (width, height) = decoder.dimensions().map_err(failure)?;
    if width > SIDE_MAX || height > SIDE_MAX {
        return Err(codes::too_many_pixels(width, height));
    }
    let color = decoder.colortype().map_err(failure)?;
    let (samples, bits) = match color {
        ColorType::Gray(bits) => (Samples::Gray, bits),
        ColorType::GrayA(bits) => (Samples::GrayAlpha, bits),
        ColorType::RGB(bits) => (Samples::Rgb, bits),
        ColorType::RGBA(bits) => (Samples::Rgba, bits),
        ColorType::CMYK(bits) => (Samples::Cmyk, bits),
        // Brightness comes first, and is read as gray.
        ColorType::YCbCr(8) => (Samples::Rgb, 8),
        other => return Err(codes::unsupported_picture(&formats::TIFF, format_args!("its colours are {other:?}"))),
    };
    let layout = decoder.image_buffer_layout().map_err(failure)?;
    // Pixels of less than a byte are unpacked to one each.
    let pixels = u64::from(width) * u64::from(height);
    if pixels.max(layout.len as u64) > DECODED_BYTES_MAX {
        return Err(codes::too_many_pixels(width, height));
    }
    if layout.planes > 1 || !matches!((samples, bits), (Samples::Gray, 1 | 2 | 4) | (_, 8 | 16)) {
        let why = format_args!("{bits} bits a colour, in {} planes", layout.planes);
        return Err(codes::unsupported_picture(&formats::TIFF, why));
    }
    let mut bytes = vec![0; layout.len];
    decoder.read_image_bytes(&mut bytes).map_err(failure)?;
    if bits < 8 {
        let row_bytes = layout.row_stride.map_or(0, std::num::NonZeroUsize::get);
        return Ok(unpacked(width, height, &bytes, bits, row_bytes));
    }
    if color == ColorType::YCbCr(8) {
        let pixels = bytes.chunks_exact(3).map(|pixel| pixel.first().copied().unwrap_or(255)).collect::<Vec<_>>();
        return Ok(Gray::of_samples(width, height, &pixels, Samples::Gray, false));
    }
    Ok(Gray::of_samples(width, height, &bytes, samples, bits == 16))
}

/// One byte a pixel of several pixels a byte; each row begins with a byte of its own.
fn unpacked(width: u32, height: u32, bytes: &[u8], bits: u8, row_bytes: usize) -> Gray {
    let per_byte = usize::from(8 / bits.max(1));
    let white = 0xFFu8 >> (8 - bits);
    let mut pixels = Vec::with_capacity(width as usize * height as usize);
    for row in 0..height as usize {
        let row = bytes.get(row * row_bytes..).unwrap_or_default();
        for x in 0..width as usize {
            let byte = row.get(x / per_byte).copied().unwrap_or(0xFF);
            let shift = 8 - usize::from(bits) * (x % per_byte + 1);
            pixels.push((u16::from(byte >> shift & white) * 255 / u16::from(white)) as u8);
        }
    }
    Gray { width, height, pixels }
}

fn failure(error: TiffError) -> Failure {
    match error {
        TiffError::LimitsExceeded => {
            failures::too_large("its picture has more pixels than can be decoded: save it smaller")
        }
        TiffError::UnsupportedError(error) => codes::unsupported_picture(&formats::TIFF, &error),
        TiffError::IoError(error) if error.get_ref().is_some_and(|inner| inner.is::<Failure>()) => error.into(),
        error => failures::corrupt(&formats::TIFF, error),
    }
}
