//! FLAC (RFC 9639): its length and its tags.

use super::{Tags, vorbis_comment};
use crate::input::{Input, be64, millis};
use morag_step::Failure;

/// Blocks of metadata that are looked at; files have fewer than ten.
const BLOCKS_MAX: usize = 128;

/// Bytes of comments that are read; pictures have a block of their own.
const COMMENT_BYTES_MAX: usize = 1 << 20;

/// Reads the blocks before the sound, which begins at `start` with `fLaC`.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn tags(input: &Input, start: u64) -> Result<Tags, Failure> {
    let mut tags = Tags::default();
    let mut at = start.saturating_add(4);
    for _ in 0..BLOCKS_MAX {
        let Some([kind, a, b, c]) = input.array::<4>(at)? else { break };
        let len = u64::from(u32::from_be_bytes([0, a, b, c]));
        at = at.saturating_add(4);
        match kind & 0x7F {
            0 => {
                // 20 bits of the rate, 3 of channels, 5 of the sample's size, 36 of the number of samples.
                let packed = be64(&input.bytes(at.saturating_add(10), 8)?, 0);
                tags.duration_ms = millis(packed & 0xF_FFFF_FFFF, packed >> 44).filter(|millis| *millis > 0);
            }
            4 => vorbis_comment::read(&input.bytes(at, (len as usize).min(COMMENT_BYTES_MAX))?, &mut tags),
            _ => {}
        }
        if kind & 0x80 != 0 {
            break;
        }
        at = at.saturating_add(len);
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::super::vorbis_comment::tests::written;
    use super::*;
    use crate::input::tests::blob;

    #[test]
    fn length_and_tags_are_read() {
        let packed: u64 = 44_100 << 44 | 1 << 41 | 15 << 36 | 441_000;
        let info = [&[0u8; 10][..], &packed.to_be_bytes(), &[0; 16]].concat();
        let comments = written(&["TITLE=A talk"]);
        let mut bytes = [b"fLaC", &[0, 0, 0, 34][..], &info].concat();
        bytes.extend([0x84, 0, 0, comments.len() as u8]);
        bytes.extend(comments);
        let blob = blob(&bytes);
        let tags = tags(&Input::new(blob.as_ref()), 0).unwrap();
        assert_eq!((tags.duration_ms, tags.title.as_deref()), (Some(10_000), Some("A talk")));
    }
}
