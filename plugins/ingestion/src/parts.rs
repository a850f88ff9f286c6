//! Chunks into texts to embed, and texts into batches.

use crate::input::Chunk;
use std::ops::Range;

/// Items a host call takes at most (`wit/capabilities.wit`).
pub const BATCH_ITEMS_MAX: usize = 256;

/// Bytes of text an `embed` call takes at most (`wit/capabilities.wit`).
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// A piece of a chunk that becomes one point: the whole chunk, unless it is longer than one call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// Place of the chunk in the list of chunks.
    pub chunk: usize,
    /// Place of the part in the chunk, from 0.
    pub part: usize,
    /// Where the part starts in the chunk's text, in bytes.
    pub offset: usize,
    /// The text to embed.
    pub text: &'a str,
}

/// The parts of all chunks, in order. A chunk of white space only has none: there is nothing in it to find.
/// A chunk longer than `limit` bytes (at least 4) is split at white space where there is some in the last quarter of a
/// part, else between code points.
pub fn parts(chunks: &[Chunk], limit: usize) -> Vec<Part<'_>> {
    let mut parts = Vec::with_capacity(chunks.len());
    for (chunk, entry) in chunks.iter().enumerate() {
        let mut offset = 0;
        let mut part = 0;
        while offset < entry.text.len() {
            let rest = &entry.text[offset..];
            let text = &rest[..cut(rest, limit)];
            if !text.trim().is_empty() {
                parts.push(Part { chunk, part, offset, text });
                part += 1;
            }
            offset += text.len();
        }
    }
    parts
}

fn cut(text: &str, limit: usize) -> usize {
    if text.len() <= limit {
        return text.len();
    }
    let end = text.floor_char_boundary(limit);
    let from = text.floor_char_boundary(limit - limit / 4);
    let space = text[from..end].char_indices().rfind(|(_, c)| c.is_whitespace());
    space.map_or(end, |(at, c)| from + at + c.len_utf8())
}

/// Cuts a list into ranges of at most `items_max` items and `bytes_max` bytes. An item larger than `bytes_max` stands alone.
pub fn batches(
    sizes: impl IntoIterator<Item = usize>,
    items_max: usize,
    bytes_max: usize,
) -> impl Iterator<Item = Range<usize>> {
    let mut ranges = Vec::new();
    let (mut start, mut end, mut bytes) = (0, 0, 0usize);
    for size in sizes {
        if end > start && (end - start == items_max || bytes.saturating_add(size) > bytes_max) {
            ranges.push(start..end);
            start = end;
            bytes = 0;
        }
        end += 1;
        bytes = bytes.saturating_add(size);
    }
    if end > start {
        ranges.push(start..end);
    }
    ranges.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(text: &str) -> Chunk {
        Chunk { text: text.into(), ..Chunk::default() }
    }

    #[test]
    fn white_space_is_not_embedded() {
        let chunks = [chunk("a"), chunk(" \n\u{a0}"), chunk(""), chunk("b")];
        let kept: Vec<usize> = parts(&chunks, 100).iter().map(|part| part.chunk).collect();
        assert_eq!(kept, [0, 3]);
    }

    #[test]
    fn a_long_chunk_is_split_at_a_space() {
        let chunks = [chunk("aaaa bbbb cccc")];
        let texts: Vec<&str> = parts(&chunks, 12).iter().map(|part| part.text).collect();
        assert_eq!(texts, ["aaaa bbbb ", "cccc"]);
    }

    proptest! {
        #[test]
        fn parts_are_short_and_lose_nothing_but_white_space(texts in prop::collection::vec("[a-zäß漢🦆 \n]{0,40}", 0..6), limit in 4usize..30) {
            let chunks: Vec<Chunk> = texts.iter().map(|text| chunk(text)).collect();
            let parts = parts(&chunks, limit);
            for part in &parts {
                prop_assert!(part.text.len() <= limit);
                prop_assert_eq!(&chunks[part.chunk].text[part.offset..part.offset + part.text.len()], part.text);
            }
            for (index, entry) in chunks.iter().enumerate() {
                let got: String = parts.iter().filter(|part| part.chunk == index).flat_map(|part| part.text.split_whitespace()).collect();
                let want: String = entry.text.split_whitespace().collect();
                prop_assert_eq!(got, want);
            }
        }

        #[test]
        fn batches_cover_the_list_in_order_within_the_limits(sizes in prop::collection::vec(0usize..50, 0..80), items in 1usize..9, bytes in 1usize..90) {
            let ranges: Vec<_> = batches(sizes.iter().copied(), items, bytes).collect();
            let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..sizes.len()).collect::<Vec<_>>());
            for range in ranges {
                let sum: usize = sizes[range.clone()].iter().sum();
                prop_assert!(range.len() <= items && (sum <= bytes || range.len() == 1));
            }
        }
    }
}
