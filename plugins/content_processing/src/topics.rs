//! What a document is about: phrases scored by how they are used in it, without any corpus to compare with.
//!
//! The features and the way they are joined are those of YAKE (Campos et al., 2020): a word matters when it is frequent,
//! appears early and in many sentences, is written with a capital, and keeps to few neighbours. Lower scores are better.

use morag_text::passages::{Kind, Passage};
use morag_text::{StopWords, is_ideographic, sentences, words};
use std::collections::BTreeMap;

/// Topics named at most.
pub const TOPICS_MAX: usize = 8;

/// Words of a topic at most.
const PHRASE_WORDS_MAX: usize = 3;

/// Exponent of a phrase's count in its score; YAKE's own is 1. Less lets phrases stand up to the single words that make
/// them up, which in a long document are far more frequent.
const COUNT_WEIGHT: f64 = 0.75;

/// Part of the square root of the most frequent word's count that a phrase's count must reach: what occurs twice in a book
/// is not what it is about.
const RARE: f64 = 3.0;

/// Characters of a topic at most: longer ones are not phrases but what a broken table left behind.
const PHRASE_CHARS_MAX: usize = 60;

/// Words of a document from which a single word must be there twice to be a topic.
const REPEATED_FROM_WORDS: usize = 150;

/// Chinese and Japanese characters of grammar: they part phrases as stop words do. All hiragana do, too.
const GRAMMAR: &str =
    "的了是在和有不这那這我你他她它们們就也都而及与與或之其为為以于於上下中对對被将將从從到个個一二三等可能会會";

/// A word's place in the text.
struct Token<'a> {
    text: &'a str,
    term: usize,
    sentence: usize,
    opens_sentence: bool,
    /// Can be part of a topic.
    counts: bool,
    /// Nothing but a blank stands between it and the word before.
    joins: bool,
}

#[derive(Default)]
struct Term {
    count: f64,
    capitalised: f64,
    acronym: f64,
    sentences: Vec<usize>,
    left: Vec<usize>,
    right: Vec<usize>,
}

struct Phrase {
    score: f64,
    count: usize,
    terms: Vec<usize>,
    text: String,
}

/// The phrases that say best what the text is about, best first; at most [`TOPICS_MAX`].
pub fn topics(passages: &[Passage], stop_words: &StopWords) -> Vec<String> {
    let tokens = tokens(passages, stop_words);
    let scores = term_scores(&tokens);
    distinct(phrases(&tokens, &scores))
}

/// A word as it is compared: lower case, without the ending of a plural or a genitive.
fn fold(word: &str) -> String {
    let lower = word.to_lowercase().replace('\u{2019}', "'");
    let stem = lower.strip_suffix("'s").unwrap_or(&lower);
    let plural = stem.len() > 3 && stem.ends_with('s') && !["ss", "us", "is"].iter().any(|end| stem.ends_with(end));
    if plural { stem[..stem.len() - 1].to_owned() } else { stem.to_owned() }
}

fn is_grammar(word: &str) -> bool {
    word.chars().all(|c| matches!(c, '\u{3040}'..='\u{309F}') || GRAMMAR.contains(c))
}

fn tokens<'a>(passages: &'a [Passage], stop_words: &StopWords) -> Vec<Token<'a>> {
    let mut terms: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<Token<'a>> = Vec::new();
    let mut sentence = 0;
    let told = passages.iter().filter(|passage| matches!(passage.kind, Kind::Prose | Kind::Item | Kind::Heading));
    for passage in told {
        for range in sentences(&passage.text) {
            let text = &passage.text[range];
            let mut last_end: Option<usize> = None;
            let mut run = UnbrokenText::default();
            for range in words(text) {
                let word = &text[range.clone()];
                let gap = last_end.map(|end| &text[end..range.start]);
                let next = terms.len();
                let term = *terms.entry(fold(word)).or_insert(next);
                let lower = word.to_lowercase();
                let letters = word.chars().filter(|c| c.is_alphabetic()).count();
                let spelled = letters * 2 > word.chars().count() && (letters > 1 || word.starts_with(is_ideographic));
                found.push(Token {
                    text: word,
                    term,
                    sentence,
                    opens_sentence: last_end.is_none(),
                    counts: spelled
                        && !run.is_address(text, range.start)
                        && !stop_words.contains(&lower)
                        && !is_grammar(word),
                    joins: matches!(gap, Some(" " | "")),
                });
                last_end = Some(range.end);
            }
            sentence += 1;
        }
    }
    found
}

/// A run of text without blanks, as words are walked in order.
#[derive(Default)]
struct UnbrokenText {
    end: usize,
    address: bool,
}

impl UnbrokenText {
    /// Whether the word at `at` is part of a web or mail address: its parts are no phrases.
    fn is_address(&mut self, text: &str, at: usize) -> bool {
        if at >= self.end {
            let start = text[self.end..at].rfind(char::is_whitespace).map_or(self.end, |blank| self.end + blank);
            self.end = text[at..].find(char::is_whitespace).map_or(text.len(), |blank| at + blank);
            let run = &text[start..self.end];
            self.address = run.contains("://") || run.contains("www.") || run.contains('@');
        }
        self.address
    }
}

/// YAKE's score of each term; for terms that cannot be part of a topic it is never used.
fn term_scores(tokens: &[Token<'_>]) -> Vec<f64> {
    let count = tokens.iter().map(|token| token.term + 1).max().unwrap_or(0);
    let mut terms: Vec<Term> = Vec::new();
    terms.resize_with(count, Term::default);
    for (at, token) in tokens.iter().enumerate() {
        let term = &mut terms[token.term];
        term.count += 1.0;
        let upper = token.text.chars().filter(|c| c.is_uppercase()).count();
        if upper > 1 && upper == token.text.chars().filter(|c| c.is_alphabetic()).count() {
            term.acronym += 1.0;
        } else if !token.opens_sentence && token.text.starts_with(char::is_uppercase) {
            term.capitalised += 1.0;
        }
        if term.sentences.last() != Some(&token.sentence) {
            term.sentences.push(token.sentence);
        }
        if token.joins {
            let before = tokens[at - 1].term;
            terms[token.term].left.push(before);
            terms[before].right.push(token.term);
        }
    }
    let counting: Vec<f64> = {
        let mut counts = vec![0.0; count];
        tokens.iter().filter(|token| token.counts).for_each(|token| counts[token.term] += 1.0);
        counts.into_iter().filter(|count| *count > 0.0).collect()
    };
    let mean = counting.iter().sum::<f64>() / counting.len().max(1) as f64;
    let variance = counting.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / counting.len().max(1) as f64;
    let most = counting.iter().copied().fold(1.0, f64::max);
    let sentences = tokens.last().map_or(1.0, |token| token.sentence as f64 + 1.0);
    terms
        .into_iter()
        .map(|mut term| {
            let case = term.capitalised.max(term.acronym) / (1.0 + term.count.ln());
            let median = term.sentences[term.sentences.len() / 2] as f64;
            let position = (3.0 + median).ln().ln();
            let frequency = term.count / (mean + variance.sqrt()).max(1.0);
            let related = 1.0 + (variety(&mut term.left) + variety(&mut term.right)) * term.count / most;
            let spread = term.sentences.len() as f64 / sentences;
            related * position / (case + frequency / related + spread / related)
        })
        .collect()
}

/// Distinct neighbours for each neighbour: 1 when the word stands beside another one every time.
fn variety(neighbours: &mut Vec<usize>) -> f64 {
    let all = neighbours.len();
    neighbours.sort_unstable();
    neighbours.dedup();
    if all == 0 { 0.0 } else { neighbours.len() as f64 / all as f64 }
}

fn phrases(tokens: &[Token<'_>], scores: &[f64]) -> Vec<Phrase> {
    // Every phrase with where it begins, sorted so that the same ones lie together.
    let mut places: Vec<([usize; PHRASE_WORDS_MAX], usize, usize)> = Vec::new();
    for start in 0..tokens.len() {
        let mut key = [usize::MAX; PHRASE_WORDS_MAX];
        for length in 1..=PHRASE_WORDS_MAX {
            let Some(token) = tokens.get(start + length - 1) else { break };
            if !token.counts || length > 1 && !token.joins {
                break;
            }
            key[length - 1] = token.term;
            places.push((key, start, length));
        }
    }
    places.sort_unstable();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    tokens.iter().filter(|token| token.counts).for_each(|token| *counts.entry(token.term).or_default() += 1);
    let most = counts.values().copied().max().unwrap_or(0) as f64;
    let rare = (most.sqrt() / RARE) as usize;
    let least_words = if tokens.len() >= REPEATED_FROM_WORDS { 2 } else { 1 };
    let mut found = Vec::new();
    for same in places.chunk_by(|a, b| a.0 == b.0) {
        let length = same[0].2;
        // Words that stand together once may do so by chance.
        let least = if length > 1 { 2 } else { least_words }.max(rare);
        let written = written(tokens, same.iter().map(|place| place.1), length);
        let long_enough = written.chars().count() >= if written.starts_with(is_ideographic) { 2 } else { 3 };
        if same.len() < least || !long_enough || written.chars().count() > PHRASE_CHARS_MAX {
            continue;
        }
        let terms = same[0].0[..length].to_vec();
        let product: f64 = terms.iter().map(|term| scores[*term]).product();
        let sum: f64 = terms.iter().map(|term| scores[*term]).sum();
        found.push(Phrase {
            score: product / ((same.len() as f64).powf(COUNT_WEIGHT) * (1.0 + sum)),
            count: same.len(),
            terms,
            text: written,
        });
    }
    found.sort_by(|a, b| a.score.total_cmp(&b.score).then_with(|| a.text.cmp(&b.text)));
    found
}

/// How a phrase is written within sentences (at their beginning a capital says nothing): in lower case if that is not
/// rare, else as it mostly is.
fn written(tokens: &[Token<'_>], starts: impl Iterator<Item = usize> + Clone, length: usize) -> String {
    let mut forms: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = 0;
    let only_opens = starts.clone().all(|start| tokens[start].opens_sentence);
    for start in starts.filter(|&start| only_opens || !tokens[start].opens_sentence) {
        let mut form = String::new();
        for token in &tokens[start..start + length] {
            let ideographic =
                form.chars().next_back().is_some_and(is_ideographic) || token.text.starts_with(is_ideographic);
            if !form.is_empty() && !ideographic {
                form.push(' ');
            }
            form.push_str(token.text);
        }
        *forms.entry(form).or_default() += 1;
        all += 1;
    }
    let lower = forms.iter().filter(|(form, _)| **form == form.to_lowercase()).max_by_key(|(_, count)| **count);
    if let Some((form, count)) = lower
        && count * 3 >= all
    {
        return form.clone();
    }
    // The first of several that are as frequent, in alphabetical order.
    let most = forms.values().copied().max().unwrap_or(0);
    forms.into_iter().find(|(_, count)| *count == most).map(|(form, _)| form).unwrap_or_default()
}

/// Whether two phrases of the same length, of several words, share more than half of them: windows on a longer name.
fn mostly_shared(a: &[usize], b: &[usize]) -> bool {
    let shared = a.iter().filter(|term| b.contains(term)).count();
    a.len() == b.len() && 2 * shared > a.len()
}

/// The best phrases that are not part of each other. A longer one takes the place of a part of it that mostly occurs
/// within it.
fn distinct(phrases: Vec<Phrase>) -> Vec<String> {
    // Beyond the best few hundred nothing would come into the list.
    const LOOKED_AT: usize = 300;
    let within = |part: &[usize], whole: &[usize]| whole.windows(part.len()).any(|window| window == part);
    let mut kept: Vec<Phrase> = Vec::new();
    for phrase in phrases.into_iter().take(LOOKED_AT) {
        if kept.iter().any(|other| within(&phrase.terms, &other.terms) || mostly_shared(&phrase.terms, &other.terms)) {
            continue;
        }
        match kept.iter().position(|other| within(&other.terms, &phrase.terms)) {
            Some(at) if 2 * phrase.count >= kept[at].count => {
                kept[at] = phrase;
                let whole = kept[at].terms.clone();
                let mut place = 0;
                kept.retain(|other| {
                    place += 1;
                    place == at + 1 || !within(&other.terms, &whole)
                });
            }
            Some(_) => {}
            None if kept.len() < TOPICS_MAX => kept.push(phrase),
            None => {}
        }
    }
    kept.into_iter().map(|phrase| phrase.text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_text::passages::passages;

    fn of(language: &str, markdown: &str) -> Vec<String> {
        topics(&passages(markdown), &StopWords::of(Some(language)))
    }

    #[test]
    fn phrases_that_recur_are_topics() {
        let found = of(
            "en",
            "# Machine learning\n\nMachine learning finds patterns in data. Neural networks are a kind of machine learning. \
             A neural network has layers. Training a neural network needs gradient descent. With gradient descent the \
             network learns. Machine learning is used everywhere.",
        );
        for topic in ["machine learning", "neural network", "gradient descent"] {
            assert!(found.iter().any(|found| found.starts_with(topic)), "{topic}: {found:?}");
        }
        assert!(!found.contains(&"learning".to_owned()), "{found:?}");
    }

    #[test]
    fn stop_words_are_no_topics() {
        for (language, text) in [
            ("de", "Die Brücke über den Fluss wird erneuert. Der Fluss ist breit, und die Brücke ist alt."),
            ("fr", "Le pont sur la rivière est ancien. La rivière est large et le pont est étroit."),
            ("es", "El puente sobre el río es antiguo. El río es ancho y el puente es estrecho."),
        ] {
            let stop_words = StopWords::of(Some(language));
            let found = of(language, text);
            assert!(!found.is_empty());
            for topic in &found {
                assert!(topic.split(' ').all(|word| !stop_words.contains(&word.to_lowercase())), "{found:?}");
            }
        }
    }

    #[test]
    fn chinese_characters_are_joined() {
        let found = of("zh", "机器学习是人工智能的一部分。机器学习使用数据。人工智能改变世界。");
        assert!(found.iter().all(|topic| !topic.contains(' ')) && !found.is_empty(), "{found:?}");
    }

    #[test]
    fn addresses_are_no_topics() {
        let found =
            of("en", "The bridge is at https://bridges.example.org/list and bridge@example.org, www.example.org.");
        assert_eq!(found, ["bridge"]);
    }

    #[test]
    fn no_words_no_topics() {
        assert!(of("en", "").is_empty());
        assert!(of("en", "1 2 3 -- ++").is_empty());
    }
}
