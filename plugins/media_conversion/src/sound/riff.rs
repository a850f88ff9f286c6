//! Waveform audio: its length and its tags.

use super::Tags;
use crate::input::{Input, le32, le64, millis};
use morag_step::Failure;

/// Chunks that are looked at; files have a handful.
const CHUNKS_MAX: usize = 1000;

/// Bytes of a list of tags that are read.
const LIST_BYTES_MAX: usize = 1 << 20;

/// Reads the chunks of a file. A chunk that says it is longer than the file ends with it; recorders that were cut off write 0 or the
/// highest number as the length of the sound.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn tags(input: &Input) -> Result<Tags, Failure> {
    let mut tags = Tags::default();
    let (mut at, mut bytes_a_second, mut long) = (12u64, 0u64, None);
    for _ in 0..CHUNKS_MAX {
        let Some(header) = input.array::<8>(at)? else { break };
        let body = at + 8;
        let rest = input.size().saturating_sub(body);
        let len = u64::from(le32(&header, 4));
        match &header[..4] {
            b"fmt " => bytes_a_second = u64::from(le32(&input.bytes(body, 16)?, 8)),
            // Files beyond 4 GiB: the sound's length stands here, and the highest number at the sound.
            b"ds64" => long = Some(le64(&input.bytes(body, 28)?, 8)),
            b"data" => {
                let said = if len == u64::from(u32::MAX) { long.unwrap_or(len) } else { len };
                let bytes = if said == 0 { rest } else { said.min(rest) };
                tags.duration_ms = millis(bytes, bytes_a_second).filter(|millis| *millis > 0);
                at = body.saturating_add(bytes).saturating_add(bytes % 2);
                continue;
            }
            b"LIST" => {
                let list = input.bytes(body, usize::try_from(len.min(rest)).unwrap_or(0).min(LIST_BYTES_MAX))?;
                if let Some(items) = list.strip_prefix(b"INFO") {
                    info(items, &mut tags);
                }
            }
            _ => {}
        }
        at = body.saturating_add(len).saturating_add(len % 2);
    }
    Ok(tags)
}

fn info(items: &[u8], tags: &mut Tags) {
    let mut rest = items;
    while let Some((header, after)) = rest.split_at_checked(8) {
        let len = (le32(header, 4) as usize).min(after.len());
        let (value, after) = after.split_at(len);
        let name = match &header[..4] {
            b"INAM" => "title",
            b"IART" => "artist",
            b"IPRD" => "album",
            b"ICRD" => "date",
            b"ICMT" => "comment",
            b"ILNG" => "language",
            b"ISFT" => "encoder",
            _ => "",
        };
        let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
        tags.set(name, &morag_conversion::encoding::decode(value, None).0);
        rest = after.get(len % 2..).unwrap_or_default();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::input::tests::blob;

    fn chunk(name: &[u8], said: u32, body: &[u8]) -> Vec<u8> {
        [name, &said.to_le_bytes(), body, &vec![0; body.len() % 2]].concat()
    }

    /// A second of silence in 8 kHz, and a title.
    pub(crate) fn wav(said: u32) -> Vec<u8> {
        let format = [&[1, 0, 1, 0][..], &8000u32.to_le_bytes(), &16_000u32.to_le_bytes(), &[2, 0, 16, 0]].concat();
        let list = [&b"INFO"[..], &chunk(b"INAM", 7, b"A talk\0"), &chunk(b"IART", 4, b"Jane")].concat();
        let chunks =
            [chunk(b"fmt ", 16, &format), chunk(b"LIST", list.len() as u32, &list), chunk(b"data", said, &[0; 16_000])]
                .concat();
        [&b"RIFF"[..], &(chunks.len() as u32 + 4).to_le_bytes(), b"WAVE", &chunks].concat()
    }

    #[test]
    fn length_and_tags_are_read_whatever_the_length_of_the_sound_is_said_to_be() {
        for said in [16_000, 0, 1 << 31, u32::MAX] {
            let bytes = wav(said);
            let blob = blob(&bytes);
            let tags = tags(&Input::new(blob.as_ref())).unwrap();
            assert_eq!(tags.duration_ms, Some(1000), "{said}");
            assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("A talk"), Some("Jane")));
        }
    }
}
