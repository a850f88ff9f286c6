//! What a file is, by its first bytes.

use crate::input::{Input, be16};
use crate::sound::{adts, id3, mpeg};
use morag_conversion::{Format, failures, formats};
use morag_step::{Failure, Info};

/// The formats that are taken.
pub const TAKEN: [&Format; 16] = [
    &formats::PNG,
    &formats::JPG,
    &formats::GIF,
    &formats::BMP,
    &formats::TIFF,
    &formats::WEBP,
    &formats::MP3,
    &formats::WAV,
    &formats::M4A,
    &formats::OGG,
    &formats::FLAC,
    &formats::AAC,
    &formats::MP4,
    &formats::MOV,
    &formats::MKV,
    &formats::WEBM,
];

/// Bytes at the beginning that are looked at: the type of an EBML document is among the first few dozen.
const HEAD_BYTES: usize = 256;

/// Says what a file is.
///
/// # Errors
/// `UNSUPPORTED_FORMAT` for what this converter does not take, `CORRUPT_DOCUMENT` where the name says that it is one of its formats and the
/// bytes do not, `EMPTY_DOCUMENT` for a file of nothing.
pub fn format(input: &Input, info: &Info) -> Result<&'static Format, Failure> {
    if input.size() == 0 {
        return Err(failures::empty("the file has 0 bytes"));
    }
    let extension = formats::extension(&info.file_name);
    let head = input.bytes(0, HEAD_BYTES)?;
    if let Some(format) = by_head(&head) {
        // An MPEG-4 file with sound alone seldom says so itself.
        let is_sound = format == &formats::MP4 && formats::M4A.has_extension(&extension);
        return Ok(if is_sound { &formats::M4A } else { format });
    }
    if let Some(format) = by_frames(input)? {
        return Ok(format);
    }
    Err(match TAKEN.into_iter().find(|format| format.has_extension(&extension)) {
        Some(format) => failures::corrupt(format, format_args!("it does not begin as a {} file does", format.name)),
        None => failures::unsupported(&extension),
    })
}

fn by_head(head: &[u8]) -> Option<&'static Format> {
    let at = |offset: usize, bytes: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    Some(match head {
        [0x89, b'P', b'N', b'G', ..] => &formats::PNG,
        [0xFF, 0xD8, 0xFF, ..] => &formats::JPG,
        [b'G', b'I', b'F', b'8', ..] => &formats::GIF,
        // The header's size follows the file's: 12 bytes for the oldest, else 40 to 124.
        [b'B', b'M', ..] if matches!(head.get(14..18), Some([12 | 40..=124, 0, 0, 0])) => &formats::BMP,
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => &formats::TIFF,
        [b'R', b'I', b'F', b'F', ..] if at(8, b"WEBP") => &formats::WEBP,
        [b'R', b'I', b'F', b'F', ..] | [b'R', b'F', b'6', b'4', ..] if at(8, b"WAVE") => &formats::WAV,
        [b'f', b'L', b'a', b'C', ..] => &formats::FLAC,
        [b'O', b'g', b'g', b'S', ..] => &formats::OGG,
        [0x1A, 0x45, 0xDF, 0xA3, ..] => {
            let is_webm = head.windows(4).any(|four| four == b"webm");
            if is_webm { &formats::WEBM } else { &formats::MKV }
        }
        _ if at(4, b"ftyp") => return by_brand(head.get(8..12)?),
        // Films of QuickTime before it had brands.
        _ if [b"moov", b"mdat", b"wide", b"pnot"].iter().any(|name| at(4, *name)) => &formats::MOV,
        _ => return None,
    })
}

fn by_brand(brand: &[u8]) -> Option<&'static Format> {
    Some(match brand {
        b"qt  " => &formats::MOV,
        b"M4A " | b"M4B " => &formats::M4A,
        // Pictures and books in the same container, which are not taken.
        b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" | b"avif" | b"avis" | b"crx " | b"jp2 " => return None,
        _ => &formats::MP4,
    })
}

/// Sound that is nothing but frames: one after a tag, or two in a row, for one alone is found in any file by chance.
fn by_frames(input: &Input) -> Result<Option<&'static Format>, Failure> {
    let start = id3::len(input)?;
    let first = input.bytes(start, 10)?;
    let next = |len: u64| Ok::<_, Failure>(be16(&input.bytes(start.saturating_add(len), 2)?, 0));
    if first.starts_with(b"fLaC") {
        return Ok(Some(&formats::FLAC));
    }
    if let Some(frame) = adts::frame(&first)
        && (start > 0 || next(frame.bytes)? == be16(&first, 0))
    {
        return Ok(Some(&formats::AAC));
    }
    if let Some(frame) = mpeg::frame(&first)
        && (start > 0 || next(frame.bytes)? & 0xFFFE == be16(&first, 0) & 0xFFFE)
    {
        return Ok(Some(&formats::MP3));
    }
    // Padding after a tag, or damage at the beginning: the tag says what it is.
    Ok((start > 0).then_some(&formats::MP3))
}
