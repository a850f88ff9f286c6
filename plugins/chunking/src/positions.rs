//! Where characters and graphemes begin.

use std::ops::Range;
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Bytes between two stored counts: small enough that counting the rest costs nothing beside what a chunk costs, large
/// enough that the index is a fraction of the text.
const STRIDE: usize = 512;

/// Code points before any byte offset of a text.
#[derive(Debug)]
pub struct CharIndex<'a> {
    bytes: &'a [u8],
    before: Vec<usize>,
}

fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

impl<'a> CharIndex<'a> {
    /// Counts a text once.
    pub fn new(text: &'a str) -> Self {
        let mut total = 0;
        let mut before = vec![0];
        for block in text.as_bytes().chunks(STRIDE) {
            total += starts(block);
            before.push(total);
        }
        Self { bytes: text.as_bytes(), before }
    }

    /// Code points before a byte offset, which must be on a character's boundary.
    pub fn at(&self, byte: usize) -> usize {
        let block = byte / STRIDE;
        self.before[block] + starts(&self.bytes[block * STRIDE..byte])
    }

    /// Code points of a byte range.
    pub fn len(&self, range: Range<usize>) -> usize {
        self.at(range.end) - self.at(range.start)
    }
}

/// Whether a grapheme ends between the characters left and right of `at`, judged by those two alone. That is exact
/// where the left one is white space or punctuation, which is where text is cut.
pub fn parts_here(text: &str, at: usize) -> bool {
    let (Some(left), Some(right)) = (text[..at].chars().next_back(), text[at..].chars().next()) else { return true };
    if left.is_ascii() && right.is_ascii() {
        return !(left == '\r' && right == '\n');
    }
    text[at - left.len_utf8()..at + right.len_utf8()].graphemes(true).count() == 2
}

/// The first grapheme boundary at or after `at`, which need not even be on a character's boundary.
pub fn grapheme_at_or_after(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    match cursor.is_boundary(text, 0) {
        Ok(false) => cursor.next_boundary(text, 0).ok().flatten().unwrap_or(text.len()),
        _ => at,
    }
}

/// The range without blanks at its end, and without blanks at its start unless they indent a line.
pub fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let raw = &text[range.clone()];
    let mut end = range.start + raw.trim_end().len();
    if end < range.end && !parts_here(text, end) {
        end += text[end..].chars().next().map_or(0, char::len_utf8);
    }
    let mut start = range.end - raw.trim_start().len();
    if start >= end {
        return range.start..range.start;
    }
    if start > range.start && !parts_here(text, start) {
        start -= text[..start].chars().next_back().map_or(0, char::len_utf8);
    }
    let opens_line = range.start == 0 || text.as_bytes()[range.start - 1] == b'\n';
    let blank = &text[range.start..start];
    match blank.rfind('\n') {
        Some(newline) => start = range.start + newline + 1,
        None if opens_line && blank.trim().is_empty() => start = range.start,
        None => {}
    }
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_from_any_offset() {
        let text = "aé日😀\n".repeat(400);
        let index = CharIndex::new(&text);
        for (count, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(index.at(byte), count);
        }
        assert_eq!(index.at(text.len()), 2000);
    }

    #[test]
    fn a_combining_mark_stays_with_its_blank() {
        assert!(!parts_here("a \u{301}b", 2));
        assert!(parts_here("a b", 2));
        assert_eq!(trimmed("a \u{301}b  ", 1..6), 1..5);
        // Two flags of two letters each: between them no blank says where one ends.
        assert_eq!(trimmed("🇩🇪🇫🇷", 8..16), 8..16);
    }

    #[test]
    fn trimming_keeps_the_indent_of_a_line() {
        assert_eq!(trimmed("x\n\n  y \n", 1..8), 3..6);
        assert_eq!(trimmed(" \n ", 0..3), 0..0);
    }

    #[test]
    fn offsets_inside_a_grapheme_move_to_its_end() {
        let text = "👩‍👩‍👧x";
        assert_eq!(grapheme_at_or_after(text, 2), text.len() - 1);
        assert_eq!(grapheme_at_or_after(text, 99), text.len());
    }
}
