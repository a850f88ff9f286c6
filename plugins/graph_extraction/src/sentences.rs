//! A block's tokens into sentences.

use crate::lexicon::Lexicon;
use crate::tokens::{LEFT_OUT, Shape, Token, TokenKind};
use std::ops::Range;

/// Tokens of a sentence at most: what has no full stop for longer is no sentence (a list, a formula, a broken table), and pairs of
/// entities in it mean nothing.
pub const TOKENS_MAX: usize = 150;

/// Ranges of tokens, in order, without gaps.
pub fn sentences(document: &str, tokens: &[Token], lexicon: &Lexicon) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for at in 0..tokens.len() {
        if at + 1 - start >= TOKENS_MAX || ends(document, tokens, at, lexicon) {
            ranges.push(start..at + 1);
            start = at + 1;
        }
    }
    if start < tokens.len() {
        ranges.push(start..tokens.len());
    }
    ranges
}

fn ends(document: &str, tokens: &[Token], at: usize, lexicon: &Lexicon) -> bool {
    let token = &tokens[at];
    let next = tokens.get(at + 1);
    match token.kind {
        TokenKind::Sign('.' | '…') => {}
        TokenKind::Sign('!' | '?' | '。' | '！' | '？') => return !next.is_some_and(closes),
        TokenKind::Sign(sign) if closes_sign(sign) => {
            // The sentence ends behind the quotation mark or bracket that closes it.
            let before = at.checked_sub(1).map(|before| &tokens[before]);
            return sign != ')'
                && before.is_some_and(|before| matches!(before.kind, TokenKind::Sign('.' | '!' | '?')))
                && next.is_some_and(Token::is_capital);
        }
        TokenKind::Word(Shape::Upper) if token.text(document).ends_with('.') => {
            // "U.S. The": a dotted abbreviation that ends the sentence as well.
            return next.is_some_and(|next| {
                next.is_capital()
                    && crate::language::ALL
                        .iter()
                        .any(|language| lexicon.is_stop(*language, &next.text(document).to_lowercase()))
            });
        }
        _ => return false,
    }
    let Some(next) = next else { return true };
    if next.start == token.end && !next.is(LEFT_OUT) || closes(next) {
        return false;
    }
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    if let Some(before) = before {
        let word = before.text(document).to_lowercase();
        match before.kind {
            TokenKind::Word(Shape::Initial) => return false,
            TokenKind::Word(_) if lexicon.is("abbreviations", &word) => return false,
            // "10. Januar", "2. Auflage": ordinals in German.
            TokenKind::Number if word.len() <= 2 && next.is_capital() => {
                return lexicon.month(&next.text(document).to_lowercase()).is_none() && word.len() != 1;
            }
            _ => {}
        }
    }
    next.shape() != Some(Shape::Lower)
}

fn closes(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Sign(sign) if closes_sign(sign))
}

fn closes_sign(sign: char) -> bool {
    matches!(sign, '"' | '”' | '»' | '\'' | ')' | '’')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn read(text: &str) -> Vec<&str> {
        let tokens = tokens(text, 0, text.len());
        sentences(text, &tokens, &Lexicon::new())
            .into_iter()
            .map(|r| &text[tokens[r.start].start..tokens[r.end - 1].end])
            .collect()
    }

    #[test]
    fn abbreviations_do_not_end_a_sentence() {
        assert_eq!(
            read("Dr. Jane A. Smith left. She went to the U.S. in May! Why? No"),
            ["Dr. Jane A. Smith left.", "She went to the U.S. in May!", "Why?", "No"]
        );
        assert_eq!(
            read("Am 10. Januar 2024 kam er an. Es war kalt."),
            ["Am 10. Januar 2024 kam er an.", "Es war kalt."]
        );
        assert_eq!(
            read("He said \"Stop.\" Then 3.5 km. See www.a.example now."),
            ["He said \"Stop.\"", "Then 3.5 km.", "See www.a.example now."]
        );
    }

    #[test]
    fn what_never_ends_is_cut() {
        let text = "word ".repeat(TOKENS_MAX * 2 + 1);
        assert_eq!(read(&text).len(), 3);
    }
}
