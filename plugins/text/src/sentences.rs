//! Sentences of a text, by rules.
//!
//! A full stop ends a sentence when white space follows, the next word does not start in lower case, and the word
//! before is no abbreviation. The lists of abbreviations hold English, German, French and Spanish ones together: the
//! caller does not know the language of every paragraph. When in doubt the text is not cut: a sentence that is too long
//! does less harm than half of one.

use std::ops::Range;

/// Abbreviations before a name or a noun: never the end of a sentence. Sorted.
const BEFORE_ANYTHING: &[&str] = &[
    "abg", "apdo", "approx", "bsp", "bspw", "bzgl", "bzw", "ca", "capt", "cf", "col", "dept", "dipl", "dr", "dra",
    "ed", "ee", "env", "evtl", "ex", "exkl", "fa", "fam", "fr", "frl", "gen", "ggf", "gov", "hon", "hr", "hrsg", "ing",
    "inkl", "insb", "lic", "lt", "maj", "max", "med", "messrs", "min", "mio", "mlle", "mme", "mr", "mrd", "mrs", "ms",
    "mt", "op", "phil", "pres", "prof", "resp", "rev", "sen", "sgt", "sog", "sr", "sra", "sres", "srta", "st", "ste",
    "str", "tel", "ud", "uds", "univ", "vgl", "viz", "vs", "zit",
];

/// Abbreviations before a number: not the end of a sentence when a digit follows. Sorted.
const BEFORE_NUMBER: &[&str] = &[
    "abb", "abs", "apr", "art", "aug", "bd", "cap", "ch", "chap", "dec", "eq", "feb", "fig", "figs", "jan", "jul",
    "jun", "kap", "mar", "no", "nos", "nov", "nr", "num", "núm", "oct", "pag", "pp", "pág", "rn", "sec", "sect", "sep",
    "sept", "tab", "tbl", "vol", "ziff",
];

/// Words that make a number with a full stop before them an ordinal (German). Sorted.
const AFTER_ORDINAL: &[&str] = &[
    "april",
    "auflage",
    "august",
    "dezember",
    "februar",
    "jahrhundert",
    "jahrhunderts",
    "januar",
    "juli",
    "juni",
    "kapitel",
    "klasse",
    "mai",
    "märz",
    "november",
    "oktober",
    "platz",
    "september",
    "stock",
];

/// Bytes before a full stop that are looked at: longer than any abbreviation.
const LOOK_BACK_BYTES: usize = 24;

/// Letters between the full stops of an abbreviation such as `z.B.`, `U.S.` or `Ph.D.`.
const INNER_LETTERS_MAX: usize = 3;

fn is_hard_end(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡')
}

fn is_end(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '؟' | '۔' | '।')
}

fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '}' | '»' | '«' | '”' | '“' | '’' | '*' | '_' | '」' | '』' | '）')
}

fn is_opener(c: char) -> bool {
    matches!(c, '"' | '\'' | '(' | '[' | '{' | '»' | '«' | '“' | '„' | '‘' | '‚' | '*' | '_' | '¿' | '¡' | '#' | '>')
}

/// Byte ranges of the sentences of a text: in order, without white space around them, together all of the text that is
/// not blank. A blank line always ends a sentence. Linear in the text's length.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        let end = if c == '\n' {
            blank_line_follows(text, next).then_some(next)
        } else if is_hard_end(c) {
            Some(skip(text, next, |c| is_hard_end(c) || is_closer(c)))
        } else if is_end(c) {
            let run = skip(text, next, is_end);
            let closed = skip(text, run, is_closer);
            if ends_sentence(text, start, at, run, closed) {
                Some(closed)
            } else {
                at = closed;
                continue;
            }
        } else {
            None
        };
        if let Some(end) = end {
            push(&mut found, text, start..end);
            start = end;
        }
        at = end.unwrap_or(next);
    }
    push(&mut found, text, start..text.len());
    found
}

fn push(found: &mut Vec<Range<usize>>, text: &str, range: Range<usize>) {
    let raw = &text[range.clone()];
    let trimmed = raw.trim_start();
    let start = range.start + raw.len() - trimmed.len();
    let end = start + trimmed.trim_end().len();
    if start < end {
        found.push(start..end);
    }
}

fn skip(text: &str, from: usize, what: impl Fn(char) -> bool) -> usize {
    text[from..].char_indices().find(|&(_, c)| !what(c)).map_or(text.len(), |(offset, _)| from + offset)
}

fn blank_line_follows(text: &str, from: usize) -> bool {
    text[from..].bytes().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) == Some(b'\n')
}

/// Whether the full stops at `stop..run`, with closing quotes up to `closed`, end the sentence that began at `start`.
fn ends_sentence(text: &str, start: usize, stop: usize, run: usize, closed: usize) -> bool {
    let after = &text[closed..];
    if !after.starts_with(char::is_whitespace) {
        return after.is_empty();
    }
    let next_word = after.trim_start_matches(|c: char| c.is_whitespace() || is_opener(c));
    let next = next_word.chars().next();
    if next.is_some_and(char::is_lowercase) {
        return false;
    }
    if &text[stop..run] != "." {
        return true;
    }
    let word = word_before(text, start, stop);
    if word.is_empty() {
        return true;
    }
    let digits = word.chars().all(|c| c.is_ascii_digit());
    if digits && word.len() <= 2 {
        return !(starts_line(text, start, stop - word.len()) || is_ordinal(next_word));
    }
    let lower = word.to_lowercase();
    let in_list = |list: &[&str]| list.binary_search(&lower.as_str()).is_ok();
    let single = word.chars().count() == 1 && word.chars().all(char::is_alphabetic);
    let dotted = word.contains('.')
        && word
            .split('.')
            .all(|part| part.chars().count() <= INNER_LETTERS_MAX && part.chars().all(char::is_alphabetic));
    let number_follows = next.is_some_and(|c| c.is_ascii_digit() || c == '§');
    !(single || dotted || in_list(BEFORE_ANYTHING) || number_follows && in_list(BEFORE_NUMBER))
}

/// The word that ends at `stop`, or nothing when it is longer than an abbreviation can be.
fn word_before(text: &str, start: usize, stop: usize) -> &str {
    let mut from = stop.saturating_sub(LOOK_BACK_BYTES).max(start);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let seen = &text[from..stop];
    match seen.char_indices().rev().find(|&(_, c)| c.is_whitespace() || is_opener(c) || matches!(c, '/' | '–' | '—'))
    {
        Some((offset, c)) => &seen[offset + c.len_utf8()..],
        None if from == start => seen,
        None => "",
    }
}

/// Whether only white space or quote marks of markdown stand before `at` on its line: then `1.` is a list's marker.
fn starts_line(text: &str, start: usize, at: usize) -> bool {
    let before = &text[start..at];
    let line = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]);
    line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '-' | '*' | '#')).is_empty()
}

fn is_ordinal(next_word: &str) -> bool {
    let end = next_word.char_indices().find(|&(_, c)| !c.is_alphabetic()).map_or(next_word.len(), |(offset, _)| offset);
    end <= LOOK_BACK_BYTES && AFTER_ORDINAL.binary_search(&next_word[..end].to_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn the_lists_are_sorted() {
        for list in [BEFORE_ANYTHING, BEFORE_NUMBER, AFTER_ORDINAL] {
            assert!(list.windows(2).all(|pair| pair[0] < pair[1]), "{list:?}");
        }
    }

    #[test]
    fn abbreviations_do_not_cut() {
        for whole in [
            "Dr. Smith met Prof. Jones at St. Mary's.",
            "Tiere, z.B. Hunde, und d. h. Katzen, sind erlaubt.",
            "Des fruits, p. ex. Pommes ou poires, sont permis.",
            "El Sr. García y la Sra. López viven en EE. UU., desde hace tiempo.",
            "See Fig. 3 and No. 7 of Vol. 2 for it.",
            "Am 3. Mai und im 21. Jahrhundert war es so.",
            "The U.S. Army came.",
            "Version 1.2.3 of e.g. Rust is out.",
            "\"Stop!\" he said.",
        ] {
            assert_eq!(list(whole).len(), 1, "{whole}: {:?}", list(whole));
        }
    }

    #[test]
    fn sentences_end_where_they_end() {
        assert_eq!(
            list("One. Two! Three? (Four.) “Five.” Six"),
            ["One.", "Two!", "Three?", "(Four.)", "“Five.”", "Six"]
        );
        assert_eq!(list("It was in 1999. Then came more."), ["It was in 1999.", "Then came more."]);
        assert_eq!(list("Cats, dogs etc. Then birds."), ["Cats, dogs etc.", "Then birds."]);
        assert_eq!(list("これは文です。次の文です。"), ["これは文です。", "次の文です。"]);
        assert_eq!(list("no stop\n\nnext"), ["no stop", "next"]);
    }

    #[test]
    fn list_markers_do_not_cut() {
        assert_eq!(list("1. First thing\n2. Second thing"), ["1. First thing\n2. Second thing"]);
    }

    proptest! {
        #[test]
        fn sentences_cover_everything_but_blanks(text in "([A-Za-zé日。.!?… \n\"\\)1]|z\\.B\\.|Dr\\. ){0,60}") {
            let found = sentences(&text);
            let mut at = 0;
            for range in &found {
                prop_assert!(text[at..range.start].trim().is_empty());
                prop_assert_eq!(text[range.clone()].trim(), &text[range.clone()]);
                prop_assert!(!range.is_empty());
                at = range.end;
            }
            prop_assert!(text[at..].trim().is_empty());
        }
    }
}
