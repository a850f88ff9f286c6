//! MPEG audio: its length.

use crate::input::{Input, be32, millis};
use morag_step::Failure;

/// Bytes after the tag in which the first frame must begin: some programs leave padding.
const GAP_BYTES_MAX: usize = 16 << 10;

/// Kilobits a second by layer and index, of version 1 and of versions 2 and 2.5.
const RATES_1: [[u32; 15]; 3] = [
    [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];
const RATES_2: [[u32; 15]; 2] = [
    [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its length with its header.
    pub bytes: u64,
    /// Samples a second.
    pub rate: u32,
    /// Samples of each channel.
    pub samples: u64,
    /// Bits a second.
    pub bits: u64,
    /// Bytes between its header and a table of the whole file, where it has one.
    table_at: usize,
}

/// The frame that begins here, if one does.
pub fn frame(bytes: &[u8]) -> Option<Frame> {
    let &[0xFF, second, third, fourth, ..] = bytes else { return None };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
    if second & 0xE0 != 0xE0 || version == 1 || layer == 0 {
        return None;
    }
    let is_first = version == 3;
    let layer = 4 - usize::from(layer);
    let index = usize::from(third >> 4);
    let kilobits = if is_first { RATES_1.get(layer - 1)? } else { RATES_2.get(usize::from(layer > 1))? }.get(index)?;
    let rate = [44_100u32, 48_000, 32_000].get(usize::from(third >> 2 & 3))? >> [2, 0, 1, 0][usize::from(version)];
    let samples = match (layer, is_first) {
        (1, _) => 384,
        (3, false) => 576,
        _ => 1152,
    };
    let bits = u64::from(*kilobits) * 1000;
    let padding = u64::from(third >> 1 & 1) * if layer == 1 { 4 } else { 1 };
    let len = samples / 8 * bits / u64::from(rate) + padding;
    let is_mono = fourth >> 6 == 3;
    let table_at = match (is_first, is_mono) {
        (true, false) => 32,
        (true, true) | (false, false) => 17,
        (false, true) => 9,
    };
    (*kilobits > 0 && len > 4).then_some(Frame { bytes: len, rate, samples, bits, table_at })
}

/// The length of the sound that begins about `start`: by the number of frames where the first one says it, else by the rate of the first.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn duration_ms(input: &Input, start: u64) -> Result<Option<u64>, Failure> {
    let bytes = input.bytes(start, GAP_BYTES_MAX)?;
    let Some((at, first)) = (0..bytes.len()).find_map(|at| frame(&bytes[at..]).map(|frame| (at, frame))) else {
        return Ok(None);
    };
    let table = bytes.get(at + 4 + first.table_at..).unwrap_or_default();
    let has_frames =
        (table.starts_with(b"Xing") || table.starts_with(b"Info")) && table.get(7).is_some_and(|f| f & 1 == 1);
    // The other kind of table stands at one place always.
    let other = bytes.get(at + 36..).filter(|table| table.starts_with(b"VBRI")).map(|table| be32(table, 14));
    let frames = if has_frames { Some(be32(table, 8)) } else { other }.filter(|frames| *frames > 0);
    if let Some(frames) = frames {
        return Ok(millis(u64::from(frames) * first.samples, u64::from(first.rate)));
    }
    let rest = input.size().saturating_sub(start.saturating_add(at as u64));
    Ok(millis(rest.saturating_mul(8), first.bits).filter(|millis| *millis > 0))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::input::tests::blob;

    /// Frames of 128 kbit/s and 44.1 kHz, each of 417 bytes and 1152 samples.
    pub(crate) fn frames(count: usize) -> Vec<u8> {
        [&[0xFF, 0xFB, 0x90, 0x00][..], &[0; 413]].concat().repeat(count)
    }

    #[test]
    fn the_length_is_that_of_the_table_or_of_the_rate() {
        let mut bytes = frames(100);
        let length = |bytes: &[u8]| duration_ms(&Input::new(blob(bytes).as_ref()), 0).unwrap();
        assert_eq!(frame(&bytes).unwrap().bytes, 417);
        assert_eq!(length(&bytes), Some(2606));
        bytes[36..48].copy_from_slice(b"Xing\0\0\0\x01\0\0\x03\xE8");
        assert_eq!(length(&bytes), Some(26_122));
        assert_eq!(length(&[0; 100]), None);
    }

    #[test]
    fn what_is_no_frame_is_none() {
        for bytes in [[0xFF, 0xFB, 0xF0, 0], [0xFF, 0xFB, 0x00, 0], [0xFF, 0xFB, 0x9C, 0], [0xFF, 0xEB, 0x90, 0]] {
            assert_eq!(frame(&bytes), None, "{bytes:?}");
        }
    }
}
