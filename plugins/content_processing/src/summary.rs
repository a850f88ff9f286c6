//! A summary out of the document's own sentences.
//!
//! Sentences are the nodes of a graph, and how much two have in common is the weight of the edge between them. A random
//! walk over it, which now and then jumps back, mostly to the beginning of the document, spends its time on the
//! sentences that say what many others say (LexRank with a lead bias). The best that do not repeat each other are taken
//! in the document's order.

use morag_text::passages::{Kind, Passage};
use morag_text::{StopWords, is_ideographic, sentences, stem, words};
use std::collections::BTreeMap;

/// Characters of a summary.
pub const SUMMARY_CHARS_MAX: usize = 500;

/// Sentences compared with each other: their number squared is the cost, and 400 take some 50 ms of wasm.
const SENTENCES_MAX: usize = 400;

/// Sentences of a long document that are always compared, from its beginning; the others are spread over the rest.
const LEAD_SENTENCES: usize = 150;

/// Characters of a sentence that can stand in a summary: shorter says little, longer leaves no room for another.
const SENTENCE_CHARS: std::ops::RangeInclusive<usize> = 30..=320;

/// Words of one.
const SENTENCE_WORDS: std::ops::RangeInclusive<usize> = 5..=60;

/// Sentences taken at most.
const TAKEN_MAX: usize = 4;

/// Probability that the walk goes along an edge instead of jumping.
const DAMPING: f64 = 0.75;

/// Steps of the walk. A fixed number, so that the same text gives the same ranks; by 30 they no longer change places.
const STEPS: usize = 30;

/// How much a sentence is worth less for repeating one that is taken.
const REPETITION: f64 = 0.8;

struct Candidate<'a> {
    text: &'a str,
    prior: f64,
    /// Weighted words, sorted by word, of unit length.
    vector: Vec<(usize, f64)>,
}

/// At most [`SUMMARY_CHARS_MAX`] characters of the document's own sentences; none if there is no text.
pub fn summary(passages: &[Passage], stop_words: &StopWords) -> Option<String> {
    for kinds in [&[Kind::Prose][..], &[Kind::Prose, Kind::Item], &[Kind::Prose, Kind::Item, Kind::Code]] {
        let mut candidates = candidates(passages, kinds, stop_words);
        weigh(&mut candidates);
        let chosen = choose(&candidates);
        if !chosen.is_empty() {
            return Some(chosen.join(" "));
        }
    }
    beginning(passages)
}

/// The start of the text itself, where no sentence can be quoted: what people would read, before code.
fn beginning(passages: &[Passage]) -> Option<String> {
    let of = |kinds: &[Kind]| {
        let texts =
            passages.iter().filter(|passage| kinds.contains(&passage.kind)).map(|passage| passage.text.as_str());
        let mut joined = String::new();
        for text in texts {
            if !joined.is_empty() {
                joined.push(' ');
            }
            joined.push_str(text);
            // Four bytes a character at most.
            if joined.len() > 4 * (SUMMARY_CHARS_MAX + 1) {
                break;
            }
        }
        (!joined.is_empty()).then(|| shortened(&joined))
    };
    [&[Kind::Prose, Kind::Item][..], &[Kind::Heading], &[Kind::Row], &[Kind::Code]].into_iter().find_map(of)
}

/// Cut after a word, with an ellipsis, to the length of a summary.
fn shortened(text: &str) -> String {
    let Some((limit, _)) = text.char_indices().nth(SUMMARY_CHARS_MAX) else { return text.to_owned() };
    let last = text[..limit].char_indices().next_back().map_or(0, |(at, _)| at);
    let end = text[..last].rfind(char::is_whitespace).filter(|end| *end > limit / 2).unwrap_or(last);
    format!("{}…", text[..end].trim_end())
}

fn is_quotable(text: &str) -> bool {
    const NOTICES: &[&str] =
        &["©", "copyright", "all rights reserved", "isbn", "http://", "https://", "www.", "....", ". . .", "<|"];
    let ends = text.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»', '“']);
    if !ends.ends_with(['.', '!', '?', '…', '。', '！', '？', '؟', '।', '۔']) || text.starts_with(char::is_lowercase)
    {
        return false;
    }
    let lower = text.to_lowercase();
    if NOTICES.iter().any(|notice| lower.contains(notice)) {
        return false;
    }
    let solid = text.chars().filter(|c| !c.is_whitespace()).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    // A formula, a list of numbers or a table's line that lost its table is mostly not letters.
    letters * 10 >= solid * 7
}

fn candidates<'a>(passages: &'a [Passage], kinds: &[Kind], stop_words: &StopWords) -> Vec<Candidate<'a>> {
    let mut found: Vec<(&str, bool)> = Vec::new();
    for passage in passages.iter().filter(|passage| kinds.contains(&passage.kind)) {
        for (at, range) in sentences(&passage.text).into_iter().enumerate() {
            let text = &passage.text[range];
            let ideographs = text.chars().filter(|c| is_ideographic(*c)).count();
            let count = if ideographs > 10 { *SENTENCE_WORDS.start() } else { words(text).take(100).count() };
            let chars = text.chars().count() + ideographs;
            if SENTENCE_CHARS.contains(&chars) && SENTENCE_WORDS.contains(&count) && is_quotable(text) {
                found.push((text, at == 0));
            }
        }
    }
    // The same sentence on every page is a header, not a statement.
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    found.iter().for_each(|(text, _)| *seen.entry(*text).or_default() += 1);
    found.retain(|(text, _)| seen[text] <= 2);
    let lead = LEAD_SENTENCES.min(found.len());
    let step = (found.len() - lead).div_ceil(SENTENCES_MAX - LEAD_SENTENCES).max(1);
    let kept = found[..lead].iter().chain(found[lead..].iter().step_by(step));
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    kept.enumerate()
        .map(|(at, &(text, opens))| {
            let mut counts: BTreeMap<usize, f64> = BTreeMap::new();
            for range in words(text) {
                let lower = text[range].to_lowercase();
                if !stop_words.contains(&lower) {
                    let next = ids.len();
                    *counts.entry(*ids.entry(stem(&lower)).or_insert(next)).or_default() += 1.0;
                }
            }
            // The first sentences, and the first of a paragraph, more often say what follows.
            let prior = (1.0 + 3.0 / (1.0 + at as f64 / 4.0)) * if opens { 1.3 } else { 1.0 };
            Candidate { text, prior, vector: counts.into_iter().collect() }
        })
        .collect()
}

/// Turns counts into TF-IDF of unit length.
fn weigh(candidates: &mut [Candidate<'_>]) {
    let mut sentences_with: BTreeMap<usize, f64> = BTreeMap::new();
    for candidate in candidates.iter() {
        candidate.vector.iter().for_each(|(word, _)| *sentences_with.entry(*word).or_default() += 1.0);
    }
    let all = candidates.len() as f64;
    for candidate in candidates {
        for (word, weight) in &mut candidate.vector {
            *weight *= ((1.0 + all) / (0.5 + sentences_with[word])).ln();
        }
        let norm = candidate.vector.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
        if norm > 0.0 {
            candidate.vector.iter_mut().for_each(|(_, weight)| *weight /= norm);
        }
    }
}

fn similarity(a: &[(usize, f64)], b: &[(usize, f64)]) -> f64 {
    let (mut at, mut other, mut sum) = (0, 0, 0.0);
    while let (Some(x), Some(y)) = (a.get(at), b.get(other)) {
        match x.0.cmp(&y.0) {
            std::cmp::Ordering::Less => at += 1,
            std::cmp::Ordering::Greater => other += 1,
            std::cmp::Ordering::Equal => {
                sum += x.1 * y.1;
                at += 1;
                other += 1;
            }
        }
    }
    sum
}

fn choose<'a>(candidates: &[Candidate<'a>]) -> Vec<&'a str> {
    let count = candidates.len();
    let mut edges = vec![0.0; count * count];
    for a in 0..count {
        for b in a + 1..count {
            let weight = similarity(&candidates[a].vector, &candidates[b].vector);
            edges[a * count + b] = weight;
            edges[b * count + a] = weight;
        }
    }
    let ranks = ranks(candidates, &edges);
    let most = ranks.iter().copied().fold(0.0, f64::max);
    let mut taken: Vec<usize> = Vec::new();
    let mut room = SUMMARY_CHARS_MAX;
    while taken.len() < TAKEN_MAX {
        let mut best: Option<(f64, usize)> = None;
        for at in (0..count).filter(|at| !taken.contains(at)) {
            if candidates[at].text.chars().count() > room {
                continue;
            }
            let repeats = taken.iter().map(|other| edges[at * count + other]).fold(0.0, f64::max);
            let worth = ranks[at] / most - REPETITION * repeats;
            if best.is_none_or(|(most, _)| worth > most) {
                best = Some((worth, at));
            }
        }
        let Some((_, at)) = best else { break };
        taken.push(at);
        room = room.saturating_sub(candidates[at].text.chars().count() + 1);
    }
    taken.sort_unstable();
    taken.into_iter().map(|at| candidates[at].text).collect()
}

fn ranks(candidates: &[Candidate<'_>], edges: &[f64]) -> Vec<f64> {
    let count = candidates.len();
    let total: f64 = candidates.iter().map(|candidate| candidate.prior).sum();
    let priors: Vec<f64> = candidates.iter().map(|candidate| candidate.prior / total).collect();
    let out: Vec<f64> = edges.chunks(count.max(1)).map(|row| row.iter().sum()).collect();
    let mut ranks = priors.clone();
    for _ in 0..STEPS {
        let mut next: Vec<f64> = priors.iter().map(|prior| (1.0 - DAMPING) * prior).collect();
        for (from, rank) in ranks.iter().enumerate() {
            for (to, next) in next.iter_mut().enumerate() {
                // From a sentence that has nothing in common with any the walk can only jump.
                *next +=
                    DAMPING * rank * if out[from] > 0.0 { edges[from * count + to] / out[from] } else { priors[to] };
            }
        }
        ranks = next;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_text::passages::passages;

    fn of(markdown: &str) -> Option<String> {
        summary(&passages(markdown), &StopWords::of(Some("en")))
    }

    #[test]
    fn sentences_that_others_agree_with_come_first() {
        let text = "Bridges carry roads and railways across rivers. My uncle likes strawberry jam on his toast every day. \
            The bridge across the river carries the road. A railway bridge must carry heavy trains across the river. \
            Engineers test how much weight a bridge across a river can carry.";
        let found = of(text).unwrap();
        assert!(found.contains("Bridges carry roads") && !found.contains("jam"), "{found}");
    }

    #[test]
    fn code_tables_and_headings_are_not_quoted() {
        let text = "# The heading is not a sentence here.\n\n```\nThis code is not a sentence to quote.\n```\n\n\
            | a |\n|---|\n| This cell is not a sentence to quote. |\n\nThis one is the only sentence to be quoted.\n";
        assert_eq!(of(text).unwrap(), "This one is the only sentence to be quoted.");
    }

    #[test]
    fn any_text_has_a_summary() {
        assert_eq!(of("# Just a title\n").unwrap(), "Just a title");
        assert_eq!(of("```\nlet x = 1;\n```\n").unwrap(), "let x = 1;");
        assert_eq!(of(" \n\n"), None);
        let long = of(&"word ".repeat(1000)).unwrap();
        assert!(long.ends_with("word…") && long.chars().count() <= SUMMARY_CHARS_MAX, "{long}");
    }

    #[test]
    fn the_order_is_the_documents() {
        let text: String = (0..60)
            .map(|at| format!("Sentence {at} tells about rivers, bridges and part {} of the long road. ", at % 7))
            .collect();
        let found = of(&text).unwrap();
        let numbers: Vec<usize> =
            found.split("Sentence ").skip(1).map(|part| part.split(' ').next().unwrap().parse().unwrap()).collect();
        assert!(numbers.len() > 1 && numbers.is_sorted(), "{numbers:?}");
        assert!(found.chars().count() <= SUMMARY_CHARS_MAX);
    }
}
