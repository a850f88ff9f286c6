//! Random access to the document, which may be of hundreds of megabytes: only small parts of it are in memory.

use morag_step::{Blob, Failure};
use std::cell::RefCell;

/// Bytes that one call to the host reads ahead: headers stand close to each other, and between them is what is skipped.
const WINDOW_BYTES: usize = 16 << 10;

/// The same of a large file, a film of many pixels, whose pictures are larger than the window: it must be less than what is skipped, or
/// the step's limit of bytes from the host is soon reached.
const WINDOW_BYTES_OF_LARGE: usize = 4 << 10;

/// Bytes from which a file is large.
const LARGE_BYTES: u64 = 1 << 30;

/// Most bytes of one call to the host.
const CALL_BYTES_MAX: u32 = 1 << 20;

/// A file, and the part of it that was read last.
pub struct Input<'a> {
    blob: &'a dyn Blob,
    size: u64,
    window: RefCell<(u64, Vec<u8>)>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input").field("size", &self.size).finish_non_exhaustive()
    }
}

impl<'a> Input<'a> {
    /// Of a file.
    pub fn new(blob: &'a dyn Blob) -> Self {
        Self { blob, size: blob.size(), window: RefCell::default() }
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes from `offset`: `len` of them, or as many as there are before the end.
    ///
    /// # Errors
    /// What the host answers when the file cannot be read.
    pub fn bytes(&self, offset: u64, len: usize) -> Result<Vec<u8>, Failure> {
        let there = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(there);
        let ahead = if self.size > LARGE_BYTES { WINDOW_BYTES_OF_LARGE } else { WINDOW_BYTES };
        if len > ahead {
            return self.read(offset, len);
        }
        let mut window = self.window.borrow_mut();
        if let Some(held) = within(&window, offset, len) {
            return Ok(held.to_vec());
        }
        *window = (offset, self.read(offset, ahead.min(there))?);
        Ok(within(&window, offset, len).map(<[u8]>::to_vec).unwrap_or_default())
    }

    /// Exactly `N` bytes from `offset`; none where the file ends before.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn array<const N: usize>(&self, offset: u64) -> Result<Option<[u8; N]>, Failure> {
        Ok(self.bytes(offset, N)?.try_into().ok())
    }

    /// As [`Self::bytes`], and reads no more than that: for what is copied, of which there is nothing more to read nearby.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn exact(&self, offset: u64, len: usize) -> Result<Vec<u8>, Failure> {
        let there = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        self.read(offset, len.min(there))
    }

    fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::with_capacity(len);
        while bytes.len() < len {
            let rest = u32::try_from(len - bytes.len()).unwrap_or(u32::MAX).min(CALL_BYTES_MAX);
            let piece = self.blob.read(offset.saturating_add(bytes.len() as u64), rest)?;
            if piece.is_empty() {
                break;
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }
}

fn within(window: &(u64, Vec<u8>), offset: u64, len: usize) -> Option<&[u8]> {
    let start = usize::try_from(offset.checked_sub(window.0)?).ok()?;
    window.1.get(start..start.checked_add(len)?)
}

/// A number of two bytes, the higher first, at a place; 0 beyond the end.
pub fn be16(bytes: &[u8], at: usize) -> u16 {
    number(bytes, at).map_or(0, u16::from_be_bytes)
}

/// A number of four bytes, the highest first.
pub fn be32(bytes: &[u8], at: usize) -> u32 {
    number(bytes, at).map_or(0, u32::from_be_bytes)
}

/// A number of eight bytes, the highest first.
pub fn be64(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at).map_or(0, u64::from_be_bytes)
}

/// A number of two bytes, the lower first.
pub fn le16(bytes: &[u8], at: usize) -> u16 {
    number(bytes, at).map_or(0, u16::from_le_bytes)
}

/// A number of four bytes, the lowest first.
pub fn le32(bytes: &[u8], at: usize) -> u32 {
    number(bytes, at).map_or(0, u32::from_le_bytes)
}

/// A number of eight bytes, the lowest first.
pub fn le64(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at).map_or(0, u64::from_le_bytes)
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// How many units of time there are in milliseconds: `units` of `rate` a second. None for a rate of nothing.
pub fn millis(units: u64, rate: u64) -> Option<u64> {
    let millis = u128::from(units) * 1000 / u128::from(rate).max(1);
    (rate > 0).then(|| u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use morag_step::Task as _;
    use morag_step::mock::MockTask;

    /// A file of these bytes.
    pub(crate) fn blob(bytes: &[u8]) -> Box<dyn Blob> {
        MockTask::new("a", bytes).source()
    }

    #[test]
    fn any_place_of_a_file_is_read() {
        let bytes: Vec<u8> = (0..100_000u32).map(|at| (at % 251) as u8).collect();
        let blob = blob(&bytes);
        let input = Input::new(blob.as_ref());
        for (offset, len) in [(0, 4), (70_000, 20), (10, 30_000), (16_380, 10), (99_995, 5)] {
            assert_eq!(input.bytes(offset as u64, len).unwrap(), bytes[offset..offset + len], "{offset} {len}");
        }
        assert_eq!(input.bytes(99_998, 10).unwrap(), bytes[99_998..]);
        assert!(input.bytes(u64::MAX, 10).unwrap().is_empty());
        assert_eq!(input.array::<3>(99_998).unwrap(), None);
    }

    #[test]
    fn numbers_beyond_the_end_are_nothing() {
        assert_eq!((be32(&[0, 0, 1, 2], 0), be32(&[0, 0, 1, 2], 1), le16(&[1, 2], usize::MAX)), (258, 0, 0));
        assert_eq!((millis(96_000, 48_000), millis(1, 0), millis(u64::MAX, 1)), (Some(2000), None, Some(u64::MAX)));
    }
}
