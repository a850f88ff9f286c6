//! Reads a bounded part of a response.

use bytes::Bytes;

/// Most bytes of a response body that are read. A connection can be reused only if the body is read to its end; a receiver that sends more
/// than this loses that.
const READ_BYTES_MAX: usize = 64 * 1024;

/// Longest excerpt, bytes.
pub(super) const EXCERPT_BYTES_MAX: usize = 1024;

/// The kept part of a body.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The beginning of the body, as much as an excerpt needs.
    kept: Vec<u8>,
    read: usize,
}

impl Answer {
    /// Takes a chunk; `false`: stop reading.
    pub(super) fn take(&mut self, piece: &Bytes) -> bool {
        let room = EXCERPT_BYTES_MAX - self.kept.len();
        self.kept.extend_from_slice(&piece[..room.min(piece.len())]);
        self.read = self.read.saturating_add(piece.len());
        self.read < READ_BYTES_MAX
    }

    /// The beginning as text.
    pub(super) fn excerpt(&self) -> String {
        excerpt(&String::from_utf8_lossy(&self.kept))
    }
}

/// At most [`EXCERPT_BYTES_MAX`] bytes of a text, cut between characters, with control characters escaped: it is shown in terminals and
/// pages.
pub(super) fn excerpt(text: &str) -> String {
    let mut excerpt = String::new();
    for c in text.chars() {
        let before = excerpt.len();
        match c {
            c if c.is_control() || is_invisible(c) => excerpt.extend(c.escape_default()),
            c => excerpt.push(c),
        }
        if excerpt.len() > EXCERPT_BYTES_MAX {
            excerpt.truncate(before);
            break;
        }
    }
    excerpt
}

/// Line and paragraph separators and bidirectional controls: they can make a log line look like another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(excerpt("a\r\nb\t\u{1b}[31m\0\u{202e}ä\\"), "a\\r\\nb\\t\\u{1b}[31m\\u{0}\\u{202e}ä\\");
    }

    #[test]
    fn a_body_is_read_up_to_one_limit_and_kept_up_to_another() {
        let mut answer = Answer::default();
        let piece = Bytes::from(vec![b'x'; 1000]);
        let taken = (1..).take_while(|_| answer.take(&piece)).count() + 1;
        assert_eq!(taken, READ_BYTES_MAX.div_ceil(1000));
        assert_eq!(answer.excerpt().len(), EXCERPT_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn an_excerpt_is_short_and_plain(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let mut answer = Answer::default();
            answer.take(&Bytes::from(bytes));
            let excerpt = answer.excerpt();
            prop_assert!(excerpt.len() <= EXCERPT_BYTES_MAX);
            prop_assert!(!excerpt.chars().any(char::is_control));
        }
    }
}
