//! ID3 tags, at the beginning of a file (version 2) and at its end (version 1).

use super::Tags;
use crate::input::{Input, be32};
use morag_conversion::encoding::decode;
use morag_step::Failure;

/// Bytes of a tag that are read. Texts come before pictures, which may have megabytes.
const TAG_BYTES_MAX: usize = 1 << 20;

/// Frames that are looked at; files have a few dozen.
const FRAMES_MAX: usize = 1000;

const HEADER_BYTES: u64 = 10;

/// Bytes of the tag at the beginning with its header; 0 where there is none. It may be more than the file has.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn len(input: &Input) -> Result<u64, Failure> {
    Ok(match input.array::<10>(0)? {
        Some([b'I', b'D', b'3', _, _, flags, a, b, c, d]) => {
            let footer = if flags & 0x10 != 0 { HEADER_BYTES } else { 0 };
            HEADER_BYTES + u64::from(seven_bits([a, b, c, d])) + footer
        }
        _ => 0,
    })
}

/// Reads both tags. What the one at the beginning says counts.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn tags(input: &Input) -> Result<Tags, Failure> {
    let mut tags = Tags::default();
    let body = usize::try_from(len(input)?.saturating_sub(HEADER_BYTES)).unwrap_or(usize::MAX);
    if body > 0
        && let Some(header) = input.array::<10>(0)?
    {
        let (version, flags) = (header[3], header[5]);
        let mut bytes = input.bytes(HEADER_BYTES, body.min(TAG_BYTES_MAX))?;
        if flags & 0x80 != 0 && version < 4 {
            bytes = resynchronised(&bytes);
        }
        frames(version, flags, &bytes, &mut tags);
    }
    let end = input.bytes(input.size().saturating_sub(128), 128)?;
    if let Some(old) = end.strip_prefix(b"TAG") {
        let mut field = |name: &str, from: usize, to: usize| {
            let value = old.get(from..to).unwrap_or_default();
            tags.set(name, &text(0, value));
        };
        field("title", 0, 30);
        field("artist", 30, 60);
        field("album", 60, 90);
        field("date", 90, 94);
    }
    Ok(tags)
}

fn frames(version: u8, flags: u8, bytes: &[u8], tags: &mut Tags) {
    let (name_bytes, header_bytes) = if version == 2 { (3, 6) } else { (4, 10) };
    let mut rest = bytes;
    // A header of its own, which says its length.
    if version > 2 && flags & 0x40 != 0 {
        let len = rest.first_chunk::<4>().map_or(0, |four| match version {
            4 => seven_bits(*four) as usize,
            _ => (u32::from_be_bytes(*four) as usize).saturating_add(4),
        });
        rest = rest.get(len..).unwrap_or_default();
    }
    for _ in 0..FRAMES_MAX {
        let Some((header, after)) = rest.split_at_checked(header_bytes) else { return };
        let len = match (version, header) {
            (2, [_, _, _, a, b, c]) => u32::from_be_bytes([0, *a, *b, *c]),
            (4, [_, _, _, _, a, b, c, d, ..]) => seven_bits([*a, *b, *c, *d]),
            _ => be32(header, 4),
        };
        // Padding follows the last frame.
        if header[0] == 0 {
            return;
        }
        let (value, after) = after.split_at(after.len().min(len as usize));
        let is_stuffed = version == 4 && header.get(9).is_some_and(|flags| flags & 2 != 0);
        let value = if is_stuffed { resynchronised(value) } else { value.to_vec() };
        frame(&header[..name_bytes], &value, tags);
        rest = after;
    }
}

fn frame(name: &[u8], value: &[u8], tags: &mut Tags) {
    let name = match name {
        b"TIT2" | b"TT2" => "title",
        b"TPE1" | b"TP1" => "artist",
        b"TALB" | b"TAL" => "album",
        b"TDRC" | b"TYER" | b"TYE" | b"TDRL" => "date",
        b"TLAN" | b"TLA" => "language",
        b"TSSE" | b"TSS" => "encoder",
        _ => return,
    };
    if let Some((encoding, value)) = value.split_first() {
        tags.set(name, &text(*encoding, value));
    }
}

/// The first of the texts that a frame has, which are separated by zeros.
fn text(encoding: u8, bytes: &[u8]) -> String {
    let text = match encoding {
        1 => decode(bytes, Some("utf-16le")).0,
        // The order of its bytes is fixed, so there is no mark of it.
        2 => decode(&[&[0xFE, 0xFF], bytes].concat(), None).0,
        3 => String::from_utf8_lossy(bytes).into_owned(),
        // One byte a character: in Latin-1 by the book, in whatever the writer's computer had in fact.
        _ => decode(bytes.split(|byte| *byte == 0).next().unwrap_or_default(), None).0,
    };
    text.split('\0').next().unwrap_or_default().to_owned()
}

/// Without the zeros that keep tags from looking like sound.
fn resynchronised(bytes: &[u8]) -> Vec<u8> {
    let mut before = 0;
    let mut kept = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if !(before == 0xFF && *byte == 0) {
            kept.push(*byte);
        }
        before = *byte;
    }
    kept
}

/// A number of four bytes of which each holds seven bits.
fn seven_bits(bytes: [u8; 4]) -> u32 {
    bytes.into_iter().fold(0, |number, byte| number << 7 | u32::from(byte & 0x7F))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::input::tests::blob;

    fn of_seven(number: u32) -> [u8; 4] {
        [21, 14, 7, 0].map(|bits| (number >> bits & 0x7F) as u8)
    }

    fn written_frame(version: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
        let len = if version == 4 { of_seven(value.len() as u32) } else { (value.len() as u32).to_be_bytes() };
        [name, &len, &[0, 0], value].concat()
    }

    /// A tag with these frames.
    pub(crate) fn tag(version: u8, values: &[(&[u8], &[u8])]) -> Vec<u8> {
        let body: Vec<u8> = values.iter().flat_map(|(name, value)| written_frame(version, name, value)).collect();
        [b"ID3", &[version, 0, 0][..], &of_seven(body.len() as u32), &body].concat()
    }

    #[test]
    fn texts_of_every_encoding_are_read() {
        let utf_16 = [1, 0xFF, 0xFE, b'A', 0, 0xE4, 0, 0, 0];
        for version in [3, 4] {
            let bytes = tag(
                version,
                &[
                    (b"TIT2", &utf_16),
                    (b"TPE1", b"\x03J\xC3\xBCrgen\0second"),
                    (b"TALB", b"\x02\0S"),
                    (b"TYER", b"\x002024"),
                ],
            );
            let tags = tags(&Input::new(blob(&bytes).as_ref())).unwrap();
            assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Aä"), Some("Jürgen")));
            assert_eq!((tags.album.as_deref(), tags.date.as_deref()), (Some("S"), Some("2024")));
        }
    }

    #[test]
    fn the_old_tag_fills_what_is_missing() {
        let mut old = [&b"TAG"[..], &[0; 125]].concat();
        old[3..8].copy_from_slice(b"Title");
        old[33..37].copy_from_slice(b"Jane");
        let bytes = [tag(3, &[(b"TIT2", b"\0Another")]), vec![0; 200], old].concat();
        let tags = tags(&Input::new(blob(&bytes).as_ref())).unwrap();
        assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Another"), Some("Jane")));
    }

    #[test]
    fn a_tag_larger_than_the_file_is_read_as_far_as_it_goes() {
        let mut bytes = tag(3, &[(b"TIT2", b"\0A talk"), (b"APIC", &[1; 50])]);
        bytes[6..10].copy_from_slice(&[0x7F; 4]);
        let at = bytes.len() - 56;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        let blob = blob(&bytes);
        let input = Input::new(blob.as_ref());
        assert_eq!(tags(&input).unwrap().title.as_deref(), Some("A talk"));
        assert_eq!(len(&input).unwrap(), (256 << 20) + 9);
    }
}
