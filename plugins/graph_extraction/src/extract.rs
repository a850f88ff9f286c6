//! A document into its graph.

use crate::builder::{Builder, Id};
use crate::graph::{Bytes, Graph};
use crate::kinds::Kind;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::mentions::{Mention, Proof, Reader};
use crate::patterns::Patterns;
use crate::sentences::sentences;
use crate::statements::{Finder, Object};
use crate::tokens::{Token, tokens};
use crate::votes::Votes;
use crate::words::Words;
use morag_text::blocks::{Block, BlockKind, blocks};
use std::collections::BTreeSet;

/// Bytes of evidence at most: a longer sentence gives the part from the one name to the other, if that is short enough.
pub const EVIDENCE_BYTES_MAX: usize = 1_000;

/// Bytes of text read between two reports of progress.
const REPORT_EVERY: usize = 256 << 10;

/// A document's graph, and what is to be said about it.
#[derive(Debug)]
pub struct Extraction {
    /// The graph.
    pub graph: Graph,
    /// Limits that were reached, as lines for the log.
    pub notes: BTreeSet<String>,
    /// The language whose rules were used.
    pub language: Language,
}

/// Reads a markdown document. `hint` is a language tag from elsewhere; `progress` hears fractions from 0 to 1.
///
/// The same document gives the same graph. Time: the text is read three times, each in linear time but for look-ups in sorted
/// tables. Memory: about ten times the largest paragraph, and the tables.
pub fn extract(document: &str, hint: Option<&str>, progress: &mut dyn FnMut(f64)) -> Extraction {
    let lexicon = Lexicon::new();
    let blocks = blocks(document);
    let language = language(document, &blocks, hint, &lexicon);
    let mut reported = 0;
    let mut report = |bytes: usize, from: f64, share: f64| {
        if bytes >= reported + REPORT_EVERY || bytes < reported {
            reported = bytes;
            progress(from + share * bytes as f64 / document.len().max(1) as f64);
        }
    };

    let mut words = Words::default();
    let empty = Words::default();
    let first = Reader { document, language, lexicon: &lexicon, words: &empty };
    for block in &blocks {
        each_sentence(document, block, &lexicon, |sentence| {
            let title_like = first.is_title_like(sentence, block.kind != BlockKind::Text);
            words.read(document, sentence, title_like, &lexicon, language);
        });
        report(block.end, 0.0, 0.4);
    }

    let reader = Reader { document, language, lexicon: &lexicon, words: &words };
    let patterns = Patterns::new();
    let mut gathering =
        Gathering { finder: Finder { reader: &reader, patterns: &patterns }, builder: Builder::default() };
    for block in &blocks {
        each_sentence(document, block, &lexicon, |sentence| gathering.read(sentence, block.kind));
        report(block.end, 0.4, 0.5);
    }
    let (graph, notes) = gathering.builder.finish(document, &lexicon, &words);
    Extraction { graph, notes, language }
}

fn language(document: &str, blocks: &[Block], hint: Option<&str>, lexicon: &Lexicon) -> Language {
    let mut votes = Votes::default();
    for block in blocks.iter().filter(|block| block.kind == BlockKind::Text) {
        if votes.is_full() {
            break;
        }
        // One paragraph of megabytes is not read whole for this.
        let end = document.floor_char_boundary(block.end.min(block.start + REPORT_EVERY));
        votes.read(document, &tokens(document, block.start, end), lexicon);
    }
    votes.decide(hint)
}

fn each_sentence(document: &str, block: &Block, lexicon: &Lexicon, mut read: impl FnMut(&[Token])) {
    let tokens = tokens(document, block.start, block.end);
    for range in sentences(document, &tokens, lexicon) {
        read(&tokens[range]);
    }
}

struct Gathering<'a> {
    finder: Finder<'a>,
    builder: Builder,
}

impl Gathering<'_> {
    fn read(&mut self, sentence: &[Token], kind: BlockKind) {
        let reader = self.finder.reader;
        let title_like = reader.is_title_like(sentence, kind != BlockKind::Text);
        let mentions = reader.mentions(sentence, title_like);
        if mentions.is_empty() {
            return;
        }
        let ids: Vec<Option<Id>> = mentions
            .iter()
            .map(|mention| self.builder.mention(mention, bytes(sentence, mention.first, mention.last)))
            .collect();
        self.explanations(sentence, &mentions, &ids);
        if title_like {
            return;
        }
        for statement in self.finder.statements(sentence, &mentions) {
            let Some(subject) = ids[statement.subject] else { continue };
            let about = &mentions[statement.subject];
            let predicate = statement.predicate;
            match statement.object {
                Object::Mention(at) => {
                    let Some(object) = ids[at] else { continue };
                    let Some(evidence) = evidence(sentence, about.first, mentions[at].last) else { continue };
                    let (source, target) = if statement.reversed { (object, subject) } else { (subject, object) };
                    self.builder.relation(source, statement.relation, target, evidence);
                    self.builder.fact(subject, predicate, object, evidence);
                }
                Object::Words(words) => {
                    let Some(evidence) = evidence(sentence, about.first, words.end) else { continue };
                    let at = bytes(sentence, words.start, words.end);
                    let name = reader.document[at.start..at.end].split_whitespace().collect::<Vec<_>>().join(" ");
                    self.builder.fact_in_words(subject, predicate, name.clone(), evidence);
                    // Where the words are no mention yet, they become a concept.
                    let same = mentions.iter().zip(&ids).find(|(m, _)| m.first == words.start && m.last == words.end);
                    let object = match same {
                        Some((_, id)) => *id,
                        None if !Finder::carries(about) => None,
                        None => {
                            let key = name.to_lowercase();
                            let (first, last) = (words.start, words.end);
                            let concept = Mention {
                                first,
                                last,
                                kind: Some(Kind::Concept),
                                country: false,
                                proof: Proof::Full,
                                name,
                                key,
                            };
                            self.builder.mention(&concept, at)
                        }
                    };
                    if let Some(object) = object {
                        self.builder.relation(subject, statement.relation, object, evidence);
                    }
                }
            }
        }
        let named = mentions
            .iter()
            .zip(&ids)
            .filter(|(mention, _)| mention.proof != Proof::None && !mention.kind.is_some_and(Kind::is_value));
        let named: Vec<Id> = named.filter_map(|(_, id)| *id).collect();
        if named.len() > 1
            && let Some(evidence) = evidence(sentence, mentions[0].first, mentions[mentions.len() - 1].last)
        {
            self.builder.together(&named, evidence);
        }
    }

    /// `machine learning (ML)`: a fact, not a relation, as both are the same entity.
    fn explanations(&mut self, sentence: &[Token], mentions: &[Mention], ids: &[Option<Id>]) {
        let reader = self.finder.reader;
        for (at, pair) in mentions.windows(2).enumerate() {
            let [first, second] = pair else { continue };
            let bracket = second.first == first.last + 1 && sentence[first.last].is('(') && first.key == second.key;
            if let (true, Some(id)) = (bracket, ids[at]) {
                let short = if first.name.len() < second.name.len() { first } else { second };
                let long = if first.name.len() < second.name.len() { second } else { first };
                if let (Some(evidence), true) =
                    (evidence(sentence, first.first, second.last), reader.words.acronyms.contains_key(&short.name))
                {
                    // The name of the entity may be either; the fact says which is which.
                    let words = format!("{} ({})", long.name, short.name);
                    self.builder.fact_in_words(id, "is written", words, evidence);
                }
            }
        }
    }
}

fn bytes(sentence: &[Token], first: usize, last: usize) -> Bytes {
    Bytes { start: sentence[first].start, end: sentence[last - 1].end }
}

/// The sentence, or the part from token `first` to `last` where it is too long; none where that is too long as well.
fn evidence(sentence: &[Token], first: usize, last: usize) -> Option<Bytes> {
    let fits = |at: &Bytes| at.end - at.start <= EVIDENCE_BYTES_MAX;
    [bytes(sentence, 0, sentence.len()), bytes(sentence, first, last)].into_iter().find(fits)
}
