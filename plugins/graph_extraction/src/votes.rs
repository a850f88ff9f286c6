//! Which language a document is in, among those the rules know.

use crate::language::{ALL, Language};
use crate::lexicon::Lexicon;
use crate::tokens::{Token, TokenKind};

/// Words looked at: more would not change the answer.
pub const WORDS_MAX: usize = 5_000;

/// Function words that must be found before the text is believed rather than what the caller or the file says.
const ENOUGH: usize = 20;

/// Counts function words.
#[derive(Debug, Default, Clone, Copy)]
pub struct Votes {
    words: usize,
    counts: [usize; 4],
}

impl Votes {
    /// Whether enough was read.
    pub fn is_full(&self) -> bool {
        self.words >= WORDS_MAX
    }

    /// Reads the words of some tokens.
    pub fn read(&mut self, document: &str, tokens: &[Token], lexicon: &Lexicon) {
        for token in tokens.iter().filter(|token| matches!(token.kind, TokenKind::Word(_))) {
            self.words += 1;
            let lower = token.text(document).to_lowercase();
            for language in ALL {
                self.counts[language as usize] += usize::from(lexicon.is_stop(language, &lower));
            }
        }
    }

    /// The language with the most function words when it is clear, else the hint, else the one with the most.
    pub fn decide(&self, hint: Option<&str>) -> Language {
        let mut ranked = ALL;
        ranked.sort_by_key(|language| std::cmp::Reverse(self.counts[*language as usize]));
        let [first, second] = [ranked[0], ranked[1]].map(|language| self.counts[language as usize]);
        let clear = first >= ENOUGH && first * 2 >= second * 3;
        let hint = hint.and_then(Language::from_code);
        if clear { ranked[0] } else { hint.unwrap_or(ranked[0]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn votes(text: &str) -> Votes {
        let mut votes = Votes::default();
        votes.read(text, &tokens(text, 0, text.len()), &Lexicon::new());
        votes
    }

    #[test]
    fn the_text_counts_more_than_the_hint_when_it_is_long() {
        let german = "Der Bericht über das Jahr ist nicht von der Firma, sondern von dem Verein. ".repeat(4);
        assert_eq!(votes(&german).decide(Some("en-US")), Language::German);
        assert_eq!(votes("Der Bericht").decide(Some("fr")), Language::French);
        assert_eq!(votes("").decide(None), Language::English);
    }
}
