//! The pieces of which the text is put together.

use morag_conversion::ole::bytes::{part, place_at, u8_at, u16_at, u32_at};

/// Pieces of a document: one that was saved quickly for years has thousands.
const PIECES_MAX: usize = 1_000_000;

/// A piece of text.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Its first character, counted over all of the text.
    pub start: usize,
    /// One past its last character.
    pub end: usize,
    /// Where it is in the main stream.
    pub at: usize,
    /// Whether a character is one byte.
    pub narrow: bool,
}

/// The pieces in order; none where they cannot be read.
pub fn read(main: &[u8], table: &[u8]) -> Option<Vec<Piece>> {
    let (at, len) = (place_at(main, 0x01a2)?, place_at(main, 0x01a6)?);
    let mut list = part(table, at, len.min(table.len().saturating_sub(at)))?;
    // Properties of pieces come first.
    while u8_at(list, 0)? == 1 {
        list = list.get(3 + usize::from(u16_at(list, 1)?)..)?;
    }
    if u8_at(list, 0)? != 2 {
        return None;
    }
    let plex = list.get(5..)?;
    let plex = &plex[..plex.len().min(place_at(list, 1)?)];
    let count = (plex.len().checked_sub(4)? / 12).min(PIECES_MAX);
    let piece = |index: usize| {
        let (start, end) = (place_at(plex, index * 4)?, place_at(plex, index * 4 + 4)?);
        let address = u32_at(plex, (count + 1) * 4 + index * 8 + 2)?;
        let narrow = address & 0x4000_0000 != 0;
        let address = usize::try_from(address & 0x3fff_ffff).ok()?;
        Some(Piece { start, end, at: if narrow { address / 2 } else { address }, narrow })
    };
    (count > 0).then(|| (0..count).map_while(piece).filter(|piece| piece.start < piece.end).collect())
}
