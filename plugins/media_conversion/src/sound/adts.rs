//! Advanced Audio Coding in frames of ADTS: its length.

use crate::input::{Input, millis};
use morag_step::Failure;

/// Frames that are measured: the length of a file is estimated by their mean size.
const FRAMES_MEASURED: u64 = 500;

/// Sampling rates by their index.
pub const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its length with its header.
    pub bytes: u64,
    /// Samples a second.
    pub rate: u32,
    /// Samples of each channel.
    pub samples: u64,
}

/// The frame that begins here, if one does.
pub fn frame(bytes: &[u8]) -> Option<Frame> {
    let &[0xFF, second, third, fourth, fifth, sixth, seventh, ..] = bytes else { return None };
    // Twelve bits of ones, and two of zeros where MPEG audio has its layer.
    if second & 0xF6 != 0xF0 {
        return None;
    }
    let rate = *RATES.get(usize::from(third >> 2 & 0x0F))?;
    let len = u64::from(fourth & 3) << 11 | u64::from(fifth) << 3 | u64::from(sixth >> 5);
    let samples = 1024 * (u64::from(seventh & 3) + 1);
    (len >= 7).then_some(Frame { bytes: len, rate, samples })
}

/// The length of the sound that begins at `start`, estimated by its first frames.
///
/// # Errors
/// What the host answers when the file cannot be read.
pub fn duration_ms(input: &Input, start: u64) -> Result<Option<u64>, Failure> {
    let (mut at, mut samples, mut rate) = (start, 0u64, 0);
    for _ in 0..FRAMES_MEASURED {
        let Some(frame) = frame(&input.bytes(at, 7)?) else { break };
        at = at.saturating_add(frame.bytes);
        samples += frame.samples;
        rate = frame.rate;
    }
    let measured = at.min(input.size()).saturating_sub(start);
    let Some(of_measured) = millis(samples, u64::from(rate)).filter(|_| measured > 0) else { return Ok(None) };
    let whole = u128::from(of_measured) * u128::from(input.size().saturating_sub(start)) / u128::from(measured);
    Ok(u64::try_from(whole).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::tests::blob;

    #[test]
    fn the_length_is_that_of_its_frames() {
        // 64 bytes a frame, 1024 samples of 16 kHz: 64 ms each.
        let one = [&[0xFF, 0xF1, 0x60, 0x40, 8, 0x1F, 0xFC][..], &[0; 57]].concat();
        assert_eq!(frame(&one), Some(Frame { bytes: 64, rate: 16_000, samples: 1024 }));
        let bytes = one.repeat(1000);
        let blob = blob(&bytes);
        assert_eq!(duration_ms(&Input::new(blob.as_ref()), 0).unwrap(), Some(64_000));
        assert_eq!(frame(&[0xFF, 0xF1, 0x60, 0, 0, 0, 0]), None, "a frame of no length would be found for ever");
    }
}
