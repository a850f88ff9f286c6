//! What a track of AAC says of itself: `AudioSpecificConfig` (ISO 14496-3), and the descriptors around it (ISO 14496-1).

use crate::sound::adts::RATES;

/// Bytes of a configuration; those of surround sound have some twenty.
const CONFIG_BYTES_MAX: usize = 64;

/// Rate, channels and samples of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Samples a second.
    pub rate: u32,
    /// Channels; 2 where they are said elsewhere.
    pub channels: u16,
    /// Samples of each channel in a frame.
    pub samples: u32,
}

/// Reads a configuration; none where it makes no sense.
pub fn facts(config: &[u8]) -> Option<Facts> {
    if config.len() > CONFIG_BYTES_MAX {
        return None;
    }
    let mut bits = Bits { bytes: config, at: 0 };
    if bits.take(5)? == 31 {
        bits.take(6)?;
    }
    let rate = match bits.take(4)? {
        15 => bits.take(24)?,
        index => *RATES.get(index as usize)?,
    };
    let channels = match bits.take(4)? {
        0 => 2,
        7 => 8,
        count => count as u16,
    };
    // Frames of 960 samples are for radio; they are marked in the configuration of the usual object types.
    let is_short = matches!(config.first().map(|first| first >> 3), Some(1..=4)) && bits.take(1) == Some(1);
    (rate > 0).then_some(Facts { rate, channels, samples: if is_short { 960 } else { 1024 } })
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut number = 0;
        for at in self.at..self.at + count {
            number = number << 1 | u32::from(self.bytes.get(at / 8)? >> (7 - at % 8) & 1);
        }
        self.at += count;
        Some(number)
    }
}

/// What the descriptors of an `esds` atom say: the kind of sound, and its configuration.
pub fn descriptors(bytes: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (tag, stream, _) = descriptor(bytes)?;
    let flags = *stream.get(2)?;
    let mut at = 3;
    at += if flags & 0x80 != 0 { 2 } else { 0 };
    at += if flags & 0x40 != 0 { usize::from(*stream.get(at)?) + 1 } else { 0 };
    at += if flags & 0x20 != 0 { 2 } else { 0 };
    let (inner, decoder, _) = descriptor(stream.get(at..)?)?;
    let kind = *decoder.first()?;
    let config = decoder.get(13..).and_then(descriptor).filter(|(tag, ..)| *tag == 5);
    let config = config.map(|(_, config, _)| config.to_vec()).unwrap_or_default();
    (tag == 3 && inner == 4).then_some((kind, config))
}

/// A descriptor: its tag, its content, and what follows it. Its length is written in up to four bytes of seven bits.
fn descriptor(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, mut rest) = bytes.split_first()?;
    let mut len = 0usize;
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        rest = after;
        len = len << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let (content, after) = rest.split_at(len.min(rest.len()));
    Some((*tag, content, after))
}

/// Descriptors as an `esds` atom has them, for a configuration.
pub fn written_descriptors(config: &[u8]) -> Vec<u8> {
    let descriptor = |tag: u8, content: &[u8]| {
        let len = content.len().min(0x0F_FFFF);
        [&[tag, 0x80, 0x80 | (len >> 14 & 0x7F) as u8, 0x80 | (len >> 7 & 0x7F) as u8, (len & 0x7F) as u8], content]
            .concat()
    };
    // AAC, a stream of sound; the size of its buffer and its rates are not said.
    let decoder = [&[0x40, 0x15][..], &[0; 11], &descriptor(5, config)].concat();
    descriptor(3, &[&[0, 1, 0][..], &descriptor(4, &decoder), &descriptor(6, &[2])].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_configuration_says_rate_and_channels() {
        assert_eq!(facts(&[0x12, 0x10]), Some(Facts { rate: 44_100, channels: 2, samples: 1024 }));
        assert_eq!(facts(&[0x14, 0x08]), Some(Facts { rate: 16_000, channels: 1, samples: 1024 }));
        assert_eq!((facts(&[]), facts(&[0x17]), facts(&[0xFF; 99])), (None, None, None));
    }

    #[test]
    fn descriptors_are_read_as_they_are_written() {
        assert_eq!(descriptors(&written_descriptors(&[0x12, 0x10])), Some((0x40, vec![0x12, 0x10])));
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = (facts(&bytes), descriptors(&bytes), descriptors(&[&[3, 20, 0, 0, 0xFF][..], &bytes].concat()));
        }
    }
}
