//! Gathers mentions and statements of the whole document, and decides at its end which of them are the graph.

use crate::graph::{Bytes, Entity, Evidence, Fact, Graph, Relation};
use crate::kinds::Kind;
use crate::lexicon::Lexicon;
use crate::mentions::{Mention, Proof};
use crate::words::Words;
use std::collections::{BTreeMap, BTreeSet};

/// Entities kept, most mentioned first: about 2 MiB of JSON; what comes after them in a large document are single mentions.
pub const ENTITIES_MAX: usize = 5_000;

/// Relations by pattern kept, most frequent first, for the same reason.
pub const RELATIONS_MAX: usize = 5_000;

/// Facts kept, first ones first.
pub const FACTS_MAX: usize = 5_000;

/// Relations by co-occurrence kept, most frequent first: more of them say nothing that the chunks do not say.
pub const CO_OCCURRENCES_MAX: usize = 1_000;

/// Places kept of an entity: enough to show it in context, while `mentions` counts all.
pub const SPANS_MAX: usize = 100;

/// Other ways to write a name kept.
const ALIASES_MAX: usize = 20;

/// Candidates held at once: each takes about 400 bytes, and the step has to stay far below its memory limit.
const CANDIDATES_MAX: usize = 150_000;

/// Pairs in the same sentence counted at once, and names of one sentence paired: a sentence with more names is a list.
const PAIRS_MAX: usize = 200_000;
const NAMES_IN_SENTENCE_MAX: usize = 8;

/// Statements held before they are judged.
const STATEMENTS_MAX: usize = 50_000;

/// A candidate's number.
pub type Id = usize;

#[derive(Debug, Default)]
struct Candidate {
    key: String,
    value: Option<Kind>,
    names: BTreeMap<String, (Proof2, u32)>,
    votes: BTreeMap<Kind, u32>,
    full: u32,
    half: u32,
    mentions: u32,
    spans: Vec<Bytes>,
}

/// Whether a way to write the name was proved by any mention.
type Proof2 = bool;

#[derive(Debug)]
enum ObjectDraft {
    Candidate(Id),
    Words(String),
}

#[derive(Debug)]
struct FactDraft {
    subject: Id,
    predicate: String,
    object: ObjectDraft,
    evidence: Bytes,
}

/// Gathers.
#[derive(Debug, Default)]
pub struct Builder {
    ids: BTreeMap<(Option<Kind>, String), Id>,
    candidates: Vec<Candidate>,
    relations: BTreeMap<(Id, &'static str, Id), (u32, Bytes)>,
    facts: Vec<FactDraft>,
    pairs: BTreeMap<(Id, Id), (u32, Bytes)>,
    /// Limits that were reached, as lines for the log.
    pub notes: BTreeSet<String>,
}

impl Builder {
    /// Adds a mention; none when there are too many candidates already.
    pub fn mention(&mut self, mention: &Mention, at: Bytes) -> Option<Id> {
        let value = mention.kind.filter(|kind| kind.is_value());
        let id = match self.ids.get(&(value, mention.key.clone())) {
            Some(id) => *id,
            None if self.candidates.len() >= CANDIDATES_MAX => {
                self.notes.insert(format!("more than {CANDIDATES_MAX} candidates: later ones are left out"));
                return None;
            }
            None => {
                let id = self.candidates.len();
                self.ids.insert((value, mention.key.clone()), id);
                self.candidates.push(Candidate { key: mention.key.clone(), value, ..Candidate::default() });
                id
            }
        };
        let candidate = &mut self.candidates[id];
        candidate.mentions += 1;
        candidate.full += u32::from(mention.proof == Proof::Full);
        candidate.half += u32::from(mention.proof == Proof::Half);
        if let Some(kind) = mention.kind.filter(|_| mention.proof != Proof::None) {
            *candidate.votes.entry(kind).or_default() += 1;
        }
        if candidate.names.len() < ALIASES_MAX || candidate.names.contains_key(&mention.name) {
            let (proved, count) = candidate.names.entry(mention.name.clone()).or_default();
            *proved |= mention.proof != Proof::None;
            *count += 1;
        }
        if candidate.spans.len() < SPANS_MAX {
            candidate.spans.push(at);
        }
        Some(id)
    }

    /// Adds a relation by pattern.
    pub fn relation(&mut self, source: Id, kind: &'static str, target: Id, evidence: Bytes) {
        if self.relations.len() >= STATEMENTS_MAX {
            self.notes.insert(format!("more than {STATEMENTS_MAX} relations: later ones are left out"));
            return;
        }
        self.relations.entry((source, kind, target)).or_insert((0, evidence)).0 += 1;
    }

    /// Adds a statement about two entities.
    pub fn fact(&mut self, subject: Id, predicate: &str, object: Id, evidence: Bytes) {
        self.push_fact(subject, predicate, ObjectDraft::Candidate(object), evidence);
    }

    /// Adds a statement about an entity.
    pub fn fact_in_words(&mut self, subject: Id, predicate: &str, object: String, evidence: Bytes) {
        self.push_fact(subject, predicate, ObjectDraft::Words(object), evidence);
    }

    fn push_fact(&mut self, subject: Id, predicate: &str, object: ObjectDraft, evidence: Bytes) {
        if self.facts.len() >= STATEMENTS_MAX {
            self.notes.insert(format!("more than {STATEMENTS_MAX} facts: later ones are left out"));
            return;
        }
        self.facts.push(FactDraft { subject, predicate: predicate.to_owned(), object, evidence });
    }

    /// Counts each pair of a sentence's names once.
    pub fn together(&mut self, names: &[Id], evidence: Bytes) {
        let names: BTreeSet<Id> = names.iter().copied().collect();
        if names.len() > NAMES_IN_SENTENCE_MAX {
            return;
        }
        for (place, first) in names.iter().enumerate() {
            for second in names.iter().skip(place + 1) {
                let full = self.pairs.len() >= PAIRS_MAX;
                match self.pairs.get_mut(&(*first, *second)) {
                    Some((count, _)) => *count += 1,
                    None if full => {
                        self.notes.insert(format!(
                            "more than {PAIRS_MAX} pairs in the same sentence: later ones are left out"
                        ));
                    }
                    None => {
                        self.pairs.insert((*first, *second), (1, evidence));
                    }
                }
            }
        }
    }

    /// Decides.
    pub fn finish(mut self, document: &str, lexicon: &Lexicon, words: &Words) -> (Graph, BTreeSet<String>) {
        let merged = self.merge(lexicon, words);
        let mut accepted: Vec<(Id, Entity)> = self
            .candidates
            .iter_mut()
            .enumerate()
            .filter(|(id, candidate)| merged[*id] == *id && is_proved(candidate))
            .map(|(id, candidate)| (id, entity(candidate)))
            .collect();
        accepted.sort_by(|(_, a), (_, b)| b.mentions.cmp(&a.mentions).then_with(|| a.id.cmp(&b.id)));
        limit(&mut accepted, ENTITIES_MAX, "entities", &mut self.notes);

        let places: BTreeMap<Id, usize> = accepted.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
        let entities: Vec<Entity> = accepted.into_iter().map(|(_, entity)| entity).collect();
        let entity_of = |id: Id| places.get(&merged[id]).map(|place| &entities[*place]);
        let evidence =
            |at: Bytes| Evidence { text: document[at.start..at.end].to_owned(), start: at.start, end: at.end };

        let relations = self.relations(&entity_of, &evidence);
        let mut seen = BTreeSet::new();
        let mut facts = Vec::new();
        self.facts.sort_by_key(|fact| fact.evidence);
        for draft in &self.facts {
            let Some(subject) = entity_of(draft.subject) else { continue };
            let object = match &draft.object {
                ObjectDraft::Candidate(id) => entity_of(*id).map(|entity| entity.name.clone()),
                ObjectDraft::Words(words) => Some(words.clone()),
            };
            let Some(object) = object.filter(|object| *object != subject.name) else { continue };
            if seen.insert((subject.name.clone(), draft.predicate.clone(), object.clone())) {
                let evidence = evidence(draft.evidence);
                let (subject, predicate) = (subject.name.clone(), draft.predicate.clone());
                facts.push(Fact { subject, predicate, object, method: "pattern", evidence });
            }
        }
        let (mut relations, mut notes) = (relations, std::mem::take(&mut self.notes));
        limit(&mut facts, FACTS_MAX, "facts", &mut notes);
        let patterns = relations.iter().filter(|relation| relation.method == "pattern").count();
        if patterns > RELATIONS_MAX {
            notes.insert(format!("{patterns} relations by pattern found: the {RELATIONS_MAX} most frequent are kept"));
            relations.drain(RELATIONS_MAX..patterns);
        }
        (Graph { entities, relations, facts }, notes)
    }

    fn relations<'a>(
        &self,
        entity_of: &impl Fn(Id) -> Option<&'a Entity>,
        evidence: &impl Fn(Bytes) -> Evidence,
    ) -> Vec<Relation> {
        // Several candidates may have become one entity: count again.
        let mut by_pattern: BTreeMap<(&str, &'static str, &str), (u32, Bytes)> = BTreeMap::new();
        let mut related = BTreeSet::new();
        for ((source, kind, target), (count, at)) in &self.relations {
            let (Some(source), Some(target)) = (entity_of(*source), entity_of(*target)) else { continue };
            if source.id != target.id {
                let entry = by_pattern.entry((&source.id, *kind, &target.id)).or_insert((0, *at));
                entry.0 += count;
                entry.1 = entry.1.min(*at);
                related.insert(ordered(&source.id, &target.id));
            }
        }
        let mut together: BTreeMap<(&str, &'static str, &str), (u32, Bytes)> = BTreeMap::new();
        for ((first, second), (count, at)) in &self.pairs {
            let (Some(first), Some(second)) = (entity_of(*first), entity_of(*second)) else { continue };
            let pair = ordered(&first.id, &second.id);
            if first.id != second.id && !related.contains(&pair) {
                let entry = together.entry((pair.0, "CO_OCCURS_WITH", pair.1)).or_insert((0, *at));
                entry.0 += count;
                entry.1 = entry.1.min(*at);
            }
        }
        let ranked = |found: BTreeMap<(&str, &'static str, &str), (u32, Bytes)>, method: &'static str| {
            let mut found: Vec<_> = found.into_iter().collect();
            found.sort_by_key(|(key, (count, _))| (std::cmp::Reverse(*count), *key));
            let relations = found.into_iter().map(move |((source, kind, target), (count, at))| Relation {
                source: source.to_owned(),
                target: target.to_owned(),
                kind,
                method,
                count,
                evidence: evidence(at),
            });
            relations.collect::<Vec<_>>()
        };
        let mut relations = ranked(by_pattern, "pattern");
        let mut together = ranked(together, "co_occurrence");
        together.truncate(CO_OCCURRENCES_MAX);
        relations.extend(together);
        relations
    }

    /// Makes a surname, a given name or a company's name without its suffix the same as the one full name that has it.
    fn merge(&mut self, lexicon: &Lexicon, words: &Words) -> Vec<Id> {
        let mut full_names: BTreeMap<&str, BTreeSet<Id>> = BTreeMap::new();
        for (id, candidate) in self.candidates.iter().enumerate().filter(|(_, candidate)| is_proved(candidate)) {
            let parts: Vec<&str> = candidate.key.split(' ').collect();
            let [first, .., last] = parts[..] else { continue };
            match kind_of(candidate) {
                Some(Kind::Person) => {
                    full_names.entry(first).or_default().insert(id);
                    full_names.entry(last).or_default().insert(id);
                }
                Some(Kind::Organization) => {
                    let name = candidate.names.keys().next().map_or("", String::as_str);
                    if let Some(suffix) =
                        name.rsplit(' ').next().filter(|suffix| lexicon.is_organization_suffix(suffix))
                    {
                        let short =
                            candidate.key[..candidate.key.len() - suffix.len()].trim_end_matches([' ', ',', '.']);
                        full_names.entry(short).or_default().insert(id);
                    }
                }
                _ => {}
            }
        }
        let targets: Vec<Id> = self
            .candidates
            .iter()
            .enumerate()
            .map(|(id, candidate)| {
                let open = candidate.value.is_none()
                    && matches!(kind_of(candidate), None | Some(Kind::Person | Kind::Organization | Kind::Acronym))
                    && words.written(&candidate.key).lower == 0;
                match full_names.get(candidate.key.as_str()).filter(|_| open) {
                    Some(names) if names.len() == 1 => *names.first().unwrap_or(&id),
                    _ => id,
                }
            })
            .collect();
        for (id, target) in targets.iter().enumerate().filter(|(id, target)| id != *target) {
            let short = std::mem::take(&mut self.candidates[id]);
            let full = &mut self.candidates[*target];
            full.mentions += short.mentions;
            for (name, (_, count)) in short.names {
                // The full name stays the name.
                full.names.entry(name).or_insert((false, 0)).1 += count;
            }
            full.spans.extend(short.spans);
        }
        targets
    }
}

fn ordered<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    if a <= b { (a, b) } else { (b, a) }
}

fn limit<T>(list: &mut Vec<T>, max: usize, what: &str, notes: &mut BTreeSet<String>) {
    if list.len() > max {
        notes.insert(format!("{} {what} found: the first {max} are kept", list.len()));
        list.truncate(max);
    }
}

fn is_proved(candidate: &Candidate) -> bool {
    candidate.full > 0 || candidate.half > 1
}

/// The kind most mentions have told; a tie goes to the first in the order of [`Kind`]. That letters are an acronym says nothing
/// against any other kind.
fn kind_of(candidate: &Candidate) -> Option<Kind> {
    let rank = |(kind, votes): &(&Kind, &u32)| (**kind != Kind::Acronym, **votes, std::cmp::Reverse(**kind));
    candidate.value.or_else(|| candidate.votes.iter().max_by_key(rank).map(|(kind, _)| *kind))
}

/// What an acronym stands for is a better name than the acronym.
fn entity(candidate: &mut Candidate) -> Entity {
    let kind = kind_of(candidate).unwrap_or(Kind::Name).name();
    let rank = |(name, (proved, count)): &(&String, &(Proof2, u32))| {
        (
            *proved,
            name.to_lowercase() == candidate.key && candidate.value.is_none() && name.contains(' '),
            *count,
            std::cmp::Reverse((*name).clone()),
        )
    };
    let name = candidate.names.iter().max_by_key(rank).map_or_else(|| candidate.key.clone(), |(name, _)| name.clone());
    let aliases = candidate.names.keys().filter(|alias| **alias != name).take(ALIASES_MAX).cloned().collect();
    let mut spans = std::mem::take(&mut candidate.spans);
    spans.sort_unstable();
    spans.truncate(SPANS_MAX);
    Entity {
        id: format!("{}:{}", kind.to_lowercase(), candidate.key),
        name,
        kind,
        mentions: candidate.mentions,
        aliases,
        spans,
    }
}
