//! Splits a text into hashed words and pieces of words with their weights. Pure.
//!
//! This is a part of the definition of `hashed-ngram-1024-v1`: a change makes another model, which needs another name.
//!
//! - Case, width and ligatures are ignored (lower case, Unicode NFKD), and so are the diacritics of European scripts (U+0300 to U+036F),
//!   because people leave them out. `ß` becomes `ss`. Marks of other scripts are kept: there they are letters.
//! - A word is a run of letters and digits. Its pieces are all substrings of 3 to 5 characters of the word between two markers, so that its
//!   beginning and its end are pieces of their own.
//! - Scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) have pieces of 1 to 3 characters and no words.

use unicode_normalization::UnicodeNormalization;

/// Lengths of the pieces of a word, characters.
const PIECES: std::ops::RangeInclusive<usize> = 3..=5;

/// Lengths of the pieces of text without spaces, characters.
const DENSE_PIECES: std::ops::RangeInclusive<usize> = 1..=3;

/// Shortest word with pieces, characters: pieces of articles and pronouns are noise.
const PIECED_CHARS_MIN: usize = 4;

/// Longest word with pieces, characters. Longer runs are encoded data, and their pieces would dominate the vector.
const PIECED_CHARS_MAX: usize = 64;

/// Marker before and after a word; it occurs in no word.
const MARK: char = '\u{0}';

/// Weight of a piece relative to its word: a long word has a dozen pieces.
const PIECE_WEIGHT: f32 = 0.35;

/// One occurrence of a feature. Equal features have equal weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Feature {
    pub(super) hash: u64,
    pub(super) weight: f32,
}

/// Every occurrence of every feature.
pub(super) fn features(text: &str) -> Vec<Feature> {
    let mut found = Vec::with_capacity(text.len());
    let mut run: Vec<char> = Vec::new();
    let mut dense = false;
    for c in folded(text) {
        if c.is_alphanumeric() || (is_mark(c) && !run.is_empty()) {
            let c_dense = is_dense(c);
            if c_dense != dense {
                take(&mut run, dense, &mut found);
                dense = c_dense;
            }
            run.push(c);
        } else {
            take(&mut run, dense, &mut found);
        }
    }
    take(&mut run, dense, &mut found);
    found
}

fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    let plain = text.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).nfc();
    plain.flat_map(char::to_lowercase).flat_map(|c| match c {
        'ß' => ['s', 's'].into_iter().take(2),
        // Left by lower-casing `İ`.
        '\u{307}' => [c, c].into_iter().take(0),
        c => [c, c].into_iter().take(1),
    })
}

/// Combining marks that belong to the preceding letter and are not letters in Unicode, such as the Indic virama.
fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{94d}' | '\u{9cd}' | '\u{a4d}' | '\u{acd}' | '\u{b4d}' | '\u{bcd}' | '\u{c4d}' | '\u{ccd}' | '\u{d4d}'
    )
}

fn is_dense(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

fn take(run: &mut Vec<char>, dense: bool, found: &mut Vec<Feature>) {
    if dense {
        pieces(b'd', run, DENSE_PIECES, 1.0, found);
    } else if !run.is_empty() {
        found.push(Feature { hash: hash(b'w', run), weight: word_weight(run) });
        if (PIECED_CHARS_MIN..=PIECED_CHARS_MAX).contains(&run.len()) {
            run.insert(0, MARK);
            run.push(MARK);
            pieces(b'p', run, PIECES, PIECE_WEIGHT, found);
        }
    }
    run.clear();
}

fn pieces(kind: u8, run: &[char], lengths: std::ops::RangeInclusive<usize>, weight: f32, found: &mut Vec<Feature>) {
    for length in lengths {
        found.extend(run.windows(length).map(|piece| Feature { hash: hash(kind, piece), weight }));
    }
}

/// Short words carry little meaning in every language (articles, pronouns); numbers always carry meaning.
fn word_weight(word: &[char]) -> f32 {
    match word.len() {
        _ if word.iter().any(|c| c.is_numeric()) => 1.0,
        1 => 0.2,
        2 => 0.3,
        3 => 0.5,
        _ => 1.0,
    }
}

/// FNV-1a over the code points, then the finalizer of SplitMix64: FNV alone mixes its high bits badly.
fn hash(kind: u8, piece: &[char]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in std::iter::once(u32::from(kind)).chain(piece.iter().map(|c| u32::from(*c))) {
        hash = (hash ^ u64::from(part)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(text: &str) -> Vec<u64> {
        features(text).into_iter().map(|feature| feature.hash).collect()
    }

    #[test]
    fn case_width_and_european_diacritics_do_not_matter() {
        for (one, other) in [
            ("Über", "UBER"),
            ("Straße", "STRASSE"),
            ("ﬁne", "fine"),
            ("Ａ１", "a1"),
            ("İstanbul", "istanbul"),
            ("é", "e\u{301}"),
        ] {
            assert_eq!(hashes(one), hashes(other), "{one} {other}");
        }
    }

    #[test]
    fn a_word_is_itself_and_its_pieces() {
        // With the markers: 6 characters have 4 pieces of 3, 3 of 4, 2 of 5.
        assert_eq!(hashes("word").len(), 1 + 4 + 3 + 2);
        assert_eq!(hashes("the").len(), 1);
        assert_eq!(hashes("two, words!").len(), 1 + 1 + 5 + 4 + 3);
        assert_eq!(hashes(&"x".repeat(PIECED_CHARS_MAX + 1)).len(), 1);
        assert_eq!(hashes(" \n.,;-").len(), 0);
    }

    #[test]
    fn text_without_spaces_is_pieces() {
        assert_eq!(hashes("東京都").len(), 3 + 2 + 1);
        assert_eq!(hashes("東京tower").len(), 2 + 1 + (1 + 5 + 4 + 3));
    }

    #[test]
    fn a_word_and_an_equal_piece_are_two_features() {
        assert_ne!(hash(b'w', &['a']), hash(b'p', &['a']));
    }
}
