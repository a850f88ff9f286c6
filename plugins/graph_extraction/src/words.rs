//! The first reading: how each word is written in the document, and which acronyms it explains.

use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::tokens::{Shape, Token, TokenKind};
use std::collections::BTreeMap;

/// Different words counted at most: 5 MB of prose has about 100,000, what has more is not prose, and each takes about 100 bytes.
const DIFFERENT_WORDS_MAX: usize = 300_000;

/// Acronyms explained at most: a long report has some hundred.
const ACRONYMS_MAX: usize = 2_000;

/// How a word is written.
#[derive(Debug, Default, Clone, Copy)]
pub struct Written {
    /// In lower case.
    pub lower: u32,
    /// With a capital, inside a sentence.
    pub capital_inside: u32,
    /// With a capital, right behind an article or another determiner.
    pub after_article: u32,
}

/// What a document writes out behind or before an acronym.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// The words as written.
    pub name: String,
    /// In lower case.
    pub key: String,
}

/// What the first reading has found.
#[derive(Debug, Default)]
pub struct Words {
    written: BTreeMap<String, Written>,
    /// Acronym to what it stands for; the first explanation counts.
    pub acronyms: BTreeMap<String, Expansion>,
    /// First word of an expansion, in lower case, to the keys of all expansions that start with it.
    pub expansions: BTreeMap<String, Vec<String>>,
}

/// Lower-cases into a buffer, so that counting does not allocate for each word.
fn lower_into(text: &str, buffer: &mut String) {
    buffer.clear();
    buffer.extend(text.chars().flat_map(char::to_lowercase));
}

impl Words {
    /// How a word, given in lower case, is written.
    pub fn written(&self, lower: &str) -> Written {
        self.written.get(lower).copied().unwrap_or_default()
    }

    /// Reads a sentence.
    pub fn read(
        &mut self,
        document: &str,
        sentence: &[Token],
        title_like: bool,
        lexicon: &Lexicon,
        language: Language,
    ) {
        let mut lower = String::new();
        let mut after_article = false;
        for (at, token) in sentence.iter().enumerate() {
            let TokenKind::Word(shape) = token.kind else {
                after_article = false;
                continue;
            };
            lower_into(token.text(document), &mut lower);
            let inside = !title_like && !is_initial(sentence, at);
            let was_after_article = std::mem::replace(&mut after_article, is_article(&lower));
            if shape == Shape::Capital && !inside || (title_like && shape != Shape::Lower) {
                continue;
            }
            if !self.written.contains_key(lower.as_str()) {
                if self.written.len() >= DIFFERENT_WORDS_MAX {
                    continue;
                }
                self.written.insert(lower.clone(), Written::default());
            }
            let Some(written) = self.written.get_mut(lower.as_str()) else { continue };
            match shape {
                Shape::Lower => written.lower += 1,
                _ => written.capital_inside += 1,
            }
            written.after_article += u32::from(shape != Shape::Lower && was_after_article);
        }
        for at in 1..sentence.len().saturating_sub(1) {
            if sentence[at].is('(') {
                self.explain(document, sentence, at, lexicon, language);
            }
        }
    }

    /// `machine learning (ML)` and `ML (machine learning)`.
    fn explain(&mut self, document: &str, sentence: &[Token], open: usize, lexicon: &Lexicon, language: Language) {
        // Eight words: longer names of organisations are rare.
        const WORDS_IN_EXPANSION_MAX: usize = 8;
        let inside = &sentence[open + 1..];
        let Some(close) = inside.iter().position(|token| token.is(')') || token.is(',') || token.is(';')) else {
            return;
        };
        let text = |token: &Token| token.text(document);
        let (acronym, words) = match close {
            0 => return,
            1 if is_acronym(&inside[0], document) => {
                let from = open.saturating_sub(WORDS_IN_EXPANSION_MAX);
                (text(&inside[0]), &sentence[from..open])
            }
            _ if is_acronym(&sentence[open - 1], document) && close <= WORDS_IN_EXPANSION_MAX => {
                (text(&sentence[open - 1]), &inside[..close])
            }
            _ => return,
        };
        let inner = close > 1;
        // Only the words that stand together.
        let from = words.iter().rposition(|token| !matches!(token.kind, TokenKind::Word(_))).map_or(0, |at| at + 1);
        if inner && from > 0 {
            return;
        }
        let words: Vec<&str> = words[from..].iter().map(text).collect();
        let Some(first) = expansion(acronym, &words, inner, lexicon, language) else { return };
        let acronym = singular(acronym);
        if self.acronyms.len() >= ACRONYMS_MAX || self.acronyms.contains_key(acronym) {
            return;
        }
        let name = words[first..].join(" ");
        let key = name.to_lowercase();
        let first_word = key.split(' ').next().unwrap_or_default().to_owned();
        self.expansions.entry(first_word).or_default().push(key.clone());
        self.acronyms.insert(acronym.to_owned(), Expansion { name, key });
    }
}

/// An acronym without the plural's s.
pub fn singular(acronym: &str) -> &str {
    acronym.strip_suffix('s').filter(|rest| rest.len() > 1).unwrap_or(acronym)
}

fn is_acronym(token: &Token, document: &str) -> bool {
    let letters = singular(token.text(document));
    token.is_capital()
        && (2..=8).contains(&letters.len())
        && letters.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// The first of the words that spell the acronym by their first letters, up to the last word (and, `whole`, from the first).
/// Small words may be passed over.
fn expansion(acronym: &str, words: &[&str], whole: bool, lexicon: &Lexicon, language: Language) -> Option<usize> {
    let letters: Vec<char> =
        singular(acronym).chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect();
    let parts = |word: &str| -> Vec<char> {
        let parts = word.split(['-', '\u{2010}']).filter_map(|part| part.chars().next());
        parts.flat_map(char::to_lowercase).collect()
    };
    let mut left = letters.len();
    let mut at = words.len();
    while left > 0 {
        at = at.checked_sub(1)?;
        let initials = parts(words[at]);
        let lower = words[at].to_lowercase();
        if initials.len() <= left && letters[left - initials.len()..left] == initials[..] {
            left -= initials.len();
        } else if initials.first() == letters.get(left - 1) {
            left -= 1;
        } else if at + 1 == words.len() || !lexicon.is_stop(language, &lower) {
            return None;
        }
    }
    let enough = words.len() - at >= 2;
    (enough && (!whole || at == 0) && !lexicon.is_stop(language, &words[at].to_lowercase())).then_some(at)
}

fn is_article(lower: &str) -> bool {
    matches!(
        lower,
        "the"
            | "a"
            | "an"
            | "der"
            | "die"
            | "das"
            | "den"
            | "dem"
            | "des"
            | "ein"
            | "eine"
            | "einen"
            | "einem"
            | "einer"
            | "eines"
            | "kein"
            | "keine"
            | "keinen"
            | "im"
            | "am"
            | "zum"
            | "zur"
            | "beim"
            | "vom"
            | "ins"
            | "seine"
            | "seinen"
            | "seiner"
            | "ihre"
            | "ihren"
            | "ihrer"
            | "diese"
            | "dieser"
            | "dieses"
            | "diesem"
            | "diesen"
            | "jede"
            | "jeder"
            | "jedes"
            | "viele"
            | "alle"
    )
}

/// Whether a word stands where any word would have a capital.
pub fn is_initial(sentence: &[Token], at: usize) -> bool {
    let before = sentence[..at].iter().rev().find(|token| !token.is('('));
    match before {
        None => true,
        Some(before) => match before.kind {
            TokenKind::Sign(sign) => matches!(
                sign,
                ':' | '"'
                    | '“'
                    | '„'
                    | '«'
                    | '‘'
                    | '•'
                    | '–'
                    | '—'
                    | '.'
                    | '!'
                    | '?'
                    | '¿'
                    | '¡'
                    | '['
                    | '|'
                    | '/'
                    | '='
            ),
            // Behind the number of a heading or item.
            TokenKind::Number => sentence[..at].iter().all(|token| !matches!(token.kind, TokenKind::Word(_))),
            _ => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn read(text: &str) -> Words {
        let mut words = Words::default();
        words.read(text, &tokens(text, 0, text.len()), false, &Lexicon::new(), Language::English);
        words
    }

    #[test]
    fn acronyms_are_explained_before_and_behind() {
        let words = read(
            "We use machine learning (ML), the OCR (optical character recognition) and National Institute of Standards and Technology (NIST)",
        );
        let found: Vec<(&str, &str)> =
            words.acronyms.iter().map(|(acronym, e)| (acronym.as_str(), e.name.as_str())).collect();
        assert_eq!(
            found,
            [
                ("ML", "machine learning"),
                ("NIST", "National Institute of Standards and Technology"),
                ("OCR", "optical character recognition"),
            ]
        );
    }

    #[test]
    fn other_brackets_explain_nothing() {
        assert!(read("The new file (PDF) and Berlin (DE), the table (TBD), see section two (ABC)").acronyms.is_empty());
    }

    #[test]
    fn capitals_inside_a_sentence_count() {
        let words = read("Water is wet. the Acme likes Water");
        assert_eq!(words.written("acme").capital_inside, 1);
        assert_eq!(words.written("acme").after_article, 1);
        assert_eq!(words.written("wet").lower, 1);
        assert_eq!(words.written("water").capital_inside, 1);
    }
}
