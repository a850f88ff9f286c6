//! Whether what was read of a page takes the place of the text that it has.

use crate::need::Need;
use morag_conversion::ocr_layout::PictureText;
use std::collections::HashSet;

/// Share of the words read that must be in a hidden layer for it to stay. Two programs that read the same clean page agree on nine words of
/// ten, poor pages on seven; another page in the same language has fewer than three of them. Below this, every other word of the layer is
/// wrong, and what was read now is better.
const AGREED_MIN: f64 = 0.6;

/// Characters of a word that is compared: shorter ones are on every page of a language.
const WORD_CHARS_MIN: usize = 4;

/// Words without which a reading says nothing about a layer.
const WORDS_MIN: usize = 5;

/// Share of the lines that may be of a script that the model does not read.
const UNKNOWN_MAX: f64 = 0.25;

/// What is said of the text that a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It stays, because the reading confirms it.
    Confirmed,
    /// It stays, because the reading says nothing about it.
    Kept,
    /// The reading takes its place.
    Replaced,
}

/// Chooses between a page's text and its reading.
pub fn choose(need: Need, text: &str, reading: &PictureText) -> Choice {
    if !reading.markdown.contains(char::is_alphanumeric) {
        return Choice::Kept;
    }
    if need == Need::Scan {
        return Choice::Replaced;
    }
    let lines = (reading.lines + reading.unknown_lines) as f64;
    if reading.unknown_lines as f64 > UNKNOWN_MAX * lines {
        return Choice::Kept;
    }
    let (of_text, read) = (words(text), words(&reading.markdown));
    match need {
        // Of a page of which the model has missed most, the readable rest of the text is more.
        Need::Damaged if read.len() * 2 < of_text.len() => Choice::Kept,
        Need::Damaged | Need::Scan => Choice::Replaced,
        Need::Layer if read.len() < WORDS_MIN => Choice::Kept,
        Need::Layer => {
            // What the layer has beyond the reading speaks for it: the model may have missed lines.
            let agreed = read.intersection(&of_text).count();
            if agreed as f64 >= AGREED_MIN * read.len() as f64 { Choice::Confirmed } else { Choice::Replaced }
        }
    }
}

/// The different words of a text, in lower case. Of Chinese and Japanese, which are written without spaces, pairs of characters.
fn words(text: &str) -> HashSet<String> {
    let mut words = HashSet::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let chars: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        if chars.iter().any(|c| is_unspaced(*c)) {
            words.extend(chars.windows(2).map(|pair| pair.iter().collect::<String>()));
        } else if chars.len() >= WORD_CHARS_MIN {
            words.insert(chars.into_iter().collect());
        }
    }
    words
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "The quarterly report shows that revenue increased while costs decreased in every region";

    fn reading(text: &str) -> PictureText {
        PictureText { markdown: format!("{text}\n"), lines: 4, unknown_lines: 0 }
    }

    #[test]
    fn a_layer_of_the_same_words_stays() {
        assert_eq!(choose(Need::Layer, PAGE, &reading(PAGE)), Choice::Confirmed);
        let poor = "The quarterly rep0rt shows that revenue increascd while costs decreased in evcry region";
        assert_eq!(choose(Need::Layer, PAGE, &reading(poor)), Choice::Confirmed);
        let first_line = "The quarterly report shows that revenue increased";
        assert_eq!(choose(Need::Layer, PAGE, &reading(first_line)), Choice::Confirmed, "the layer has more");
    }

    #[test]
    fn a_layer_of_other_words_is_replaced() {
        let other = "This agreement between both parties shows that revenue of another company is confidential";
        assert_eq!(choose(Need::Layer, other, &reading(PAGE)), Choice::Replaced);
        let bad = "Tne quartcrly rcport sh0ws tnat rcvenuc increased whilc costs decrcased in every region";
        assert_eq!(choose(Need::Layer, bad, &reading(PAGE)), Choice::Replaced, "most of its words are wrong");
        assert_eq!(
            choose(Need::Layer, "今天天气很好我们去公园散步", &reading("昨日は雨が降りましたので家に")),
            Choice::Replaced
        );
        assert_eq!(
            choose(Need::Layer, "今天天气很好我们去公园散步", &reading("今天天气很好我们去公园")),
            Choice::Confirmed
        );
    }

    #[test]
    fn a_reading_that_says_nothing_leaves_the_text_as_it_is() {
        let few = "Page 3 of 12 pages";
        assert_eq!(choose(Need::Layer, PAGE, &reading(few)), Choice::Kept);
        assert_eq!(choose(Need::Layer, PAGE, &reading("--")), Choice::Kept);
        let unknown = PictureText { unknown_lines: 2, ..reading("Some other words that were found between lines") };
        for need in [Need::Layer, Need::Damaged] {
            assert_eq!(choose(need, "Это страница на другом языке, которую модель не читает", &unknown), Choice::Kept);
        }
    }

    #[test]
    fn a_scan_and_damaged_text_are_replaced() {
        assert_eq!(choose(Need::Scan, "COPY", &reading("Total")), Choice::Replaced);
        assert_eq!(choose(Need::Scan, "COPY", &reading("")), Choice::Kept);
        assert_eq!(choose(Need::Damaged, "Some \u{E001}\u{E002}\u{E003} words", &reading(PAGE)), Choice::Replaced);
        assert_eq!(choose(Need::Damaged, PAGE, &reading("quarterly report")), Choice::Kept, "most was missed");
    }
}
