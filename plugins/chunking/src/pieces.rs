//! The smallest stretches that a chunk is put together from.

use crate::positions::{CharIndex, parts_here, trimmed};
use crate::structure::{Boundary, Kind, Unit};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

/// A stretch of text that is not cut further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Byte offset of its start.
    pub start: usize,
    /// Byte offset of its end, without blanks after it.
    pub end: usize,
    /// How strong the boundary before it is.
    pub boundary: Boundary,
}

/// How far text is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Units stay whole unless they are longer than a chunk.
    Unit,
    /// Text is always taken apart by sentences.
    Sentence,
}

/// Takes units apart so that no piece has more than `limit` characters, except what is never cut: code blocks, table
/// rows and graphemes.
pub fn pieces(text: &str, chars: &CharIndex<'_>, units: &[Unit], grain: Grain, limit: usize) -> Vec<Piece> {
    let mut cutter = Cutter { text, chars, limit, found: Vec::with_capacity(units.len()) };
    for (at, unit) in units.iter().enumerate() {
        let range = trimmed(text, unit.start..unit.end);
        if range.is_empty() {
            continue;
        }
        let fits = |from: usize| chars.len(from..range.end) <= limit;
        // A paragraph that does not fit beside its heading is cut, so that the heading does not stand alone.
        let fits_glued = at == 0 || unit.boundary != Boundary::Glue || fits(units[at - 1].start);
        let keep = match unit.kind {
            Kind::Whole => true,
            Kind::Heading(_) => fits(range.start),
            Kind::Text => grain == Grain::Unit && fits(range.start) && fits_glued,
        };
        if keep {
            cutter.push(range, unit.boundary);
        } else {
            cutter.sentences(range, unit.boundary);
        }
    }
    cutter.found
}

struct Cutter<'a> {
    text: &'a str,
    chars: &'a CharIndex<'a>,
    limit: usize,
    found: Vec<Piece>,
}

impl Cutter<'_> {
    fn push(&mut self, range: Range<usize>, boundary: Boundary) {
        self.found.push(Piece { start: range.start, end: range.end, boundary });
    }

    fn sentences(&mut self, range: Range<usize>, mut boundary: Boundary) {
        let mut start = range.start;
        let sentences = morag_text::sentences(&self.text[range.clone()]);
        for (at, sentence) in sentences.iter().enumerate() {
            let end = range.start + sentence.end;
            let next = sentences.get(at + 1).map(|next| range.start + next.start);
            if next.is_some_and(|next| !parts_here(self.text, next)) {
                continue;
            }
            if self.chars.len(start..end) <= self.limit {
                self.push(start..end, boundary);
            } else {
                self.words(start..end, boundary);
            }
            start = next.unwrap_or(end);
            boundary = Boundary::Sentence;
        }
    }

    fn words(&mut self, range: Range<usize>, mut boundary: Boundary) {
        let mut start = range.start;
        let mut end = range.start;
        for word in self.blank_separated(range) {
            if self.chars.len(start..word.end) > self.limit {
                if end > start {
                    self.push(start..end, boundary);
                    boundary = Boundary::Word;
                }
                start = word.start;
                if self.chars.len(word.clone()) > self.limit {
                    start = self.graphemes(word.clone(), &mut boundary);
                }
            }
            end = word.end;
        }
        if end > start {
            self.push(start..end, boundary);
        }
    }

    /// Cuts a word that is too long; returns where the rest that fits begins.
    fn graphemes(&mut self, word: Range<usize>, boundary: &mut Boundary) -> usize {
        let mut start = word.start;
        let mut count = 0;
        for (offset, grapheme) in self.text[word.clone()].grapheme_indices(true) {
            let here = word.start + offset;
            let more = grapheme.chars().count();
            if count + more > self.limit && here > start {
                self.push(start..here, *boundary);
                *boundary = Boundary::Grapheme;
                start = here;
                count = 0;
            }
            count += more;
        }
        start
    }

    /// Words between blanks; the first one keeps an indent before it.
    fn blank_separated(&self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut words: Vec<Range<usize>> = Vec::new();
        let mut open: Option<usize> = None;
        for (offset, c) in self.text[range.clone()].char_indices() {
            let here = range.start + offset;
            match (open, c.is_whitespace()) {
                (None, false) => {
                    open = Some(match words.last() {
                        None => range.start,
                        Some(_) if parts_here(self.text, here) => here,
                        Some(_) => words.pop().map_or(here, |last| last.start),
                    });
                }
                (Some(start), true) => {
                    words.push(start..here);
                    open = None;
                }
                _ => {}
            }
        }
        words.extend(open.map(|start| start..range.end));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::Structure;

    fn list(text: &str, grain: Grain, limit: usize) -> Vec<(&str, Boundary)> {
        let structure = Structure::of(text);
        let found = pieces(text, &CharIndex::new(text), &structure.units, grain, limit);
        found.into_iter().map(|piece| (&text[piece.start..piece.end], piece.boundary)).collect()
    }

    #[test]
    fn long_paragraphs_are_cut_by_sentences_then_words_then_graphemes() {
        let text = "One two. Three four five six. Abcdefghijklmnop.\n";
        let found = list(text, Grain::Unit, 12);
        let texts: Vec<_> = found.iter().map(|piece| piece.0).collect();
        assert_eq!(texts, ["One two.", "Three four", "five six.", "Abcdefghijkl", "mnop."]);
        assert_eq!(found[2].1, Boundary::Word);
        assert_eq!(found[4].1, Boundary::Grapheme);
    }

    #[test]
    fn a_heading_is_kept_with_the_first_sentence() {
        let found = list("# Title\n\nOne two three. Four five six.\n", Grain::Unit, 30);
        assert_eq!(
            found.iter().map(|piece| piece.0).collect::<Vec<_>>(),
            ["# Title", "One two three.", "Four five six."]
        );
    }

    #[test]
    fn graphemes_stay_whole() {
        let family = "👩‍👩‍👧‍👦".repeat(6);
        assert!(list(&family, Grain::Unit, 16).iter().all(|piece| piece.0.len() % "👩‍👩‍👧‍👦".len() == 0));
    }
}
