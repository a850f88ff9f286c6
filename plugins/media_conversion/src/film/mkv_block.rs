//! Blocks of Matroska: frames of a track, one or several with their lengths before them ("lacing").

use super::ebml::number;

/// Bytes of a block's beginning in which its lengths are: of 256 frames, of which long ones take some bytes each.
pub(super) const HEAD_BYTES: usize = 2048;

/// A block's frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Number of the track.
    pub track: u64,
    /// Time from that of its cluster, in the file's units.
    pub time: i16,
    /// Bytes before the first frame.
    pub head_bytes: u64,
    /// Lengths of the frames.
    pub frames: Vec<u64>,
}

/// The number of the track that a block is of.
pub(super) fn track(head: &[u8]) -> Option<u64> {
    number(head).map(|(track, _)| track)
}

/// Reads the beginning of a block that has so many bytes; none where it makes no sense.
pub(super) fn read(head: &[u8], block_bytes: u64) -> Option<Block> {
    let (track, mut at) = number(head)?;
    let &[high, low, flags] = head.get(at..at + 3)? else { return None };
    at += 3;
    let lacing = flags >> 1 & 3;
    if lacing == 0 {
        let frames = vec![block_bytes.checked_sub(at as u64)?];
        return Some(Block { track, time: i16::from_be_bytes([high, low]), head_bytes: at as u64, frames });
    }
    let count = usize::from(*head.get(at)?) + 1;
    at += 1;
    let mut frames: Vec<u64> = Vec::with_capacity(count);
    match lacing {
        1 => {
            for _ in 1..count {
                let mut len = 0;
                loop {
                    let byte = *head.get(at)?;
                    at += 1;
                    len += u64::from(byte);
                    if byte < 255 {
                        break;
                    }
                }
                frames.push(len);
            }
        }
        3 => {
            // The first is said, of the others what they are longer or shorter than the one before.
            for index in 1..count {
                let (value, bytes) = number(head.get(at..)?)?;
                at += bytes;
                let len = match frames.last() {
                    Some(before) if index > 1 => {
                        let bias = (1i64 << (7 * bytes - 1)) - 1;
                        before.checked_add_signed(i64::try_from(value).ok()? - bias)?
                    }
                    _ => value,
                };
                frames.push(len);
            }
        }
        _ => {
            let body = block_bytes.checked_sub(at as u64)?;
            frames = vec![body / count as u64; count - 1];
        }
    }
    let said = frames.iter().try_fold(at as u64, |sum, len| sum.checked_add(*len))?;
    frames.push(block_bytes.checked_sub(said)?);
    Some(Block { track, time: i16::from_be_bytes([high, low]), head_bytes: at as u64, frames })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_of_every_lacing_are_read() {
        let lengths = |head: &[u8], bytes| read(head, bytes).map(|block| block.frames);
        assert_eq!(lengths(&[0x81, 0, 5, 0x80], 104), Some(vec![100]));
        assert_eq!(lengths(&[0x81, 0, 5, 0x02, 2, 255, 45, 10], 408), Some(vec![300, 10, 90]));
        assert_eq!(lengths(&[0x81, 0, 5, 0x04, 2], 35), Some(vec![10, 10, 10]));
        // 800, then 500 less 300, then the rest: the example of RFC 9559.
        assert_eq!(lengths(&[0x81, 0, 5, 0x06, 2, 0x43, 0x20, 0x5E, 0xD3], 2309), Some(vec![800, 500, 1000]));
        assert_eq!((lengths(&[0x81, 0, 5, 0x02, 2, 255, 45, 10], 300), lengths(&[0x81, 0], 9)), (None, None));
    }

    proptest! {
        #[test]
        fn frames_are_never_more_than_their_block(head in proptest::collection::vec(any::<u8>(), 0..300), bytes in any::<u64>()) {
            if let Some(block) = read(&head, bytes) {
                let sum: u128 = block.frames.iter().map(|len| u128::from(*len)).sum::<u128>() + u128::from(block.head_bytes);
                prop_assert!(sum <= u128::from(bytes));
            }
        }
    }
}
