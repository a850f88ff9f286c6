//! Words of a text.

use std::ops::Range;

/// Characters of a folded word that decide whether two words are the same one: with seven, `network` and `networks`,
/// `Vertrag` and `Vertrages` agree, while `computer` and `compare` stay apart. A stemmer for each language would cost
/// more than it brings here.
const STEM_CHARS: usize = 7;

/// Letters after an apostrophe that belong to the word before it (`don't`, `we're`); a longer rest is a word of its own
/// (`l'homme`).
const SUFFIX_CHARS_MAX: usize = 2;

/// Whether a character counts as a word of its own: Chinese ones and Japanese hiragana, written without spaces.
/// Katakana spells words out, so a run of it is one word.
pub fn is_ideographic(c: char) -> bool {
    matches!(c,
        '\u{3040}'..='\u{309F}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{2FFFF}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{0610}'..='\u{061A}' | '\u{064B}'..='\u{065F}' | '\u{0900}'..='\u{0903}'
        | '\u{093A}'..='\u{094F}' | '\u{00AD}')
}

fn in_word(c: char) -> bool {
    (c.is_alphanumeric() || is_mark(c)) && !is_ideographic(c)
}

/// Byte ranges of the words of a text, in order: runs of letters and digits, joined by inner hyphens and by apostrophes
/// before a short ending. Each ideograph is a word. Linear in the text's length.
pub fn words(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let (offset, first) = rest.char_indices().find(|&(_, c)| c.is_alphanumeric())?;
        let start = at + offset;
        let mut end = start + first.len_utf8();
        if !is_ideographic(first) {
            end = word_end(text, end);
        }
        at = end;
        Some(start..end)
    })
}

fn run_end(text: &str, from: usize) -> usize {
    text[from..].char_indices().find(|&(_, c)| !in_word(c)).map_or(text.len(), |(offset, _)| from + offset)
}

fn word_end(text: &str, from: usize) -> usize {
    let mut end = run_end(text, from);
    loop {
        let mut rest = text[end..].chars();
        let Some(joint @ ('-' | '\'' | '\u{2019}')) = rest.next() else { return end };
        if !rest.next().is_some_and(|c| c.is_alphanumeric() && !is_ideographic(c)) {
            return end;
        }
        let next = end + joint.len_utf8();
        let next_end = run_end(text, next);
        if joint != '-' && text[next..next_end].chars().take(SUFFIX_CHARS_MAX + 1).count() > SUFFIX_CHARS_MAX {
            return end;
        }
        end = next_end;
    }
}

/// What words are compared by: lower case, cut to its first characters. Works for languages that inflect at the end.
pub fn stem(word: &str) -> String {
    word.chars().flat_map(char::to_lowercase).take(STEM_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<&str> {
        words(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn words_keep_hyphens_and_short_endings() {
        assert_eq!(list("It's a state-of-the-art test -- don't!"), ["It's", "a", "state-of-the-art", "test", "don't"]);
    }

    #[test]
    fn elided_articles_are_words_of_their_own() {
        assert_eq!(list("l'homme qu’elle aime"), ["l", "homme", "qu", "elle", "aime"]);
    }

    #[test]
    fn ideographs_stand_alone_beside_latin() {
        assert_eq!(list("日本のRust言語"), ["日", "本", "の", "Rust", "言", "語"]);
    }

    #[test]
    fn stems_unite_inflections() {
        assert_eq!(stem("Networks"), stem("network"));
        assert_ne!(stem("compare"), stem("computer"));
    }
}
