//! Ogg (RFC 3533): its length and its tags.

use super::{Tags, vorbis_comment};
use crate::input::{Input, le16, le32, le64, millis};
use morag_step::Failure;

/// Pages at the beginning that are looked at for the headers.
const HEADER_PAGES_MAX: usize = 256;

/// Bytes of a header that are read; a cover is within the tags, after the texts as a rule.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// Bytes at the end in which the last page begins: a page has at most 65,307.
const TAIL_BYTES: usize = 128 << 10;

/// The header of a page.
struct Page {
    stream: u32,
    lacing: Vec<u8>,
    body_at: u64,
}

impl Page {
    fn read(input: &Input, at: u64) -> Result<Option<Self>, Failure> {
        let Some(header) = input.array::<27>(at)?.filter(|header| header.starts_with(b"OggS")) else { return Ok(None) };
        let count = usize::from(header[26]);
        let lacing = input.bytes(at.saturating_add(27), count)?;
        let body_at = at.saturating_add(27 + count as u64);
        Ok((lacing.len() == count).then_some(Self { stream: le32(&header, 14), lacing, body_at }))
    }
}

/// What the first header of a stream says of its times.
struct Sound {
    stream: u32,
    rate: u64,
    /// Samples at the beginning that are not played.
    skipped: u64,
    /// Bytes before the comments.
    mark: &'static [u8],
}

/// Reads the tags and the length.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn tags(input: &Input) -> Result<Tags, Failure> {
    let mut tags = Tags::default();
    let (mut at, mut sound, mut packet, mut is_first) = (0, None::<Sound>, Vec::new(), true);
    'pages: for _ in 0..HEADER_PAGES_MAX {
        let Some(page) = Page::read(input, at)? else { break };
        let mut from = page.body_at;
        at = page.lacing.iter().fold(page.body_at, |at, len| at.saturating_add(u64::from(*len)));
        if sound.is_none() {
            let head = input.bytes(page.body_at, 64)?;
            sound = first_header(&head, page.stream);
        }
        let Some(sound) = sound.as_ref().filter(|sound| sound.stream == page.stream) else { continue };
        for len in &page.lacing {
            packet.extend(input.bytes(from, usize::from(*len))?);
            from = from.saturating_add(u64::from(*len));
            let is_whole = *len < 255;
            if !is_first && (is_whole || packet.len() > HEADER_BYTES_MAX) {
                if let Some(comments) = packet.strip_prefix(sound.mark) {
                    vorbis_comment::read(comments, &mut tags);
                }
                break 'pages;
            }
            if is_whole {
                (is_first, packet) = (false, Vec::new());
            }
        }
    }
    tags.duration_ms = match sound {
        Some(sound) => duration_ms(input, &sound)?,
        None => None,
    };
    Ok(tags)
}

fn first_header(head: &[u8], stream: u32) -> Option<Sound> {
    if head.starts_with(b"OpusHead") {
        // Opus counts in 48 kHz, whatever was recorded.
        return Some(Sound { stream, rate: 48_000, skipped: u64::from(le16(head, 10)), mark: b"OpusTags" });
    }
    let rate = u64::from(le32(head, 12));
    head.starts_with(b"\x01vorbis").then_some(Sound { stream, rate, skipped: 0, mark: b"\x03vorbis" })
}

/// The time of the last page.
fn duration_ms(input: &Input, sound: &Sound) -> Result<Option<u64>, Failure> {
    let start = input.size().saturating_sub(TAIL_BYTES as u64);
    let tail = input.bytes(start, TAIL_BYTES)?;
    let granule = (0..tail.len()).rev().find_map(|at| {
        let page = &tail[at..];
        let is_page = page.len() >= 27 && page.starts_with(b"OggS") && le32(page, 14) == sound.stream;
        // Where no packet ends in a page it has no time.
        Some(le64(page, 6)).filter(|granule| is_page && *granule != u64::MAX)
    });
    let played = granule.and_then(|granule| granule.checked_sub(sound.skipped));
    Ok(played.and_then(|samples| millis(samples, sound.rate)).filter(|millis| *millis > 0))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::vorbis_comment::tests::written;
    use super::*;
    use crate::input::tests::blob;

    pub(crate) fn page(granule: u64, stream: u32, packet: &[u8]) -> Vec<u8> {
        let mut lacing = vec![255; packet.len() / 255];
        lacing.push((packet.len() % 255) as u8);
        [
            b"OggS\0\0",
            &granule.to_le_bytes()[..],
            &stream.to_le_bytes(),
            &[0; 8],
            &[lacing.len() as u8],
            &lacing,
            packet,
        ]
        .concat()
    }

    /// Ten seconds of Opus.
    pub(crate) fn opus() -> Vec<u8> {
        let head = [b"OpusHead\x01\x01", &312u16.to_le_bytes()[..], &[0; 7]].concat();
        let tags = [&b"OpusTags"[..], &written(&["TITLE=A talk", &format!("COVER={}", "x".repeat(600))])].concat();
        [page(0, 7, &head), page(0, 7, &tags), page(480_312, 7, &[0; 300]), page(u64::MAX, 7, &[0; 10])].concat()
    }

    #[test]
    fn length_and_tags_are_read() {
        let bytes = opus();
        let tags = tags(&Input::new(blob(&bytes).as_ref())).unwrap();
        assert_eq!((tags.duration_ms, tags.title.as_deref()), (Some(10_000), Some("A talk")));
    }

    #[test]
    fn a_file_that_ends_anywhere_is_read_as_far_as_it_goes() {
        let bytes = opus();
        for len in 0..bytes.len() {
            let tags = tags(&Input::new(blob(&bytes[..len]).as_ref())).unwrap();
            assert!(tags.duration_ms.is_none_or(|millis| millis == 10_000), "{len}");
        }
    }
}
