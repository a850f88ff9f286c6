//! Word lists, read once a run from the text files in `lists/`. All of them were written for this project.

use crate::kinds::Kind;
use crate::language::Language;
use std::collections::{BTreeMap, BTreeSet};

type Words = BTreeSet<&'static str>;

/// A name of several words at most, as the lists write it.
#[derive(Debug, Clone, Copy)]
pub struct KnownName {
    /// As written.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether it is a country: `Paris, France` needs to know.
    pub country: bool,
}

/// Every list.
pub struct Lexicon {
    known: BTreeMap<&'static str, Vec<KnownName>>,
    stop: [Words; 4],
    given_names: Words,
    organization_suffixes: Words,
    organization_heads: Words,
    heads: BTreeMap<&'static str, Kind>,
    german_heads: Vec<&'static str>,
    months: BTreeMap<&'static str, u8>,
    sections: BTreeMap<&'static str, Words>,
}

const WORDS: &str = include_str!("lists/words.txt");

/// The sections of a list: its heading in square brackets, and its lines.
fn sections(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut section = "";
    list.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(name) => {
                section = name;
                None
            }
            None => Some((section, line)),
        }
    })
}

fn first_word(name: &'static str) -> &'static str {
    name.split(' ').next().unwrap_or(name)
}

impl Default for Lexicon {
    fn default() -> Self {
        Self::new()
    }
}

impl Lexicon {
    /// Reads the lists: about a millisecond.
    pub fn new() -> Self {
        let mut known: BTreeMap<&'static str, Vec<KnownName>> = BTreeMap::new();
        let mut add = |names: &'static str, kind: Kind, country: bool| {
            for name in names.split(';').filter(|name| !name.is_empty()) {
                known.entry(first_word(name)).or_default().push(KnownName { name, kind, country });
            }
        };
        let places = sections(include_str!("lists/places.txt"));
        places.for_each(|(section, line)| add(line, Kind::Location, section == "country"));
        let technologies = sections(include_str!("lists/technologies.txt"));
        technologies.for_each(|(_, line)| add(line, Kind::Technology, false));
        let mut organization_suffixes = Words::new();
        let mut organization_heads = Words::new();
        for (section, line) in sections(include_str!("lists/organizations.txt")) {
            match section {
                "known" => add(line, Kind::Organization, false),
                "suffix" => organization_suffixes.extend(line.split(' ')),
                _ => organization_heads.extend(line.split(' ')),
            }
        }
        // The longest name of a first word is tried first.
        for names in known.values_mut() {
            names.sort_by_key(|known| (usize::MAX - known.name.len(), known.name));
        }

        let mut heads = BTreeMap::new();
        let mut german_heads = Vec::new();
        for (section, line) in sections(include_str!("lists/heads.txt")) {
            let kind = match section {
                "Technology" => Kind::Technology,
                "Process" => Kind::Process,
                "Location" => Kind::Location,
                "Event" => Kind::Event,
                _ => Kind::Concept,
            };
            match section {
                "German" => german_heads.extend(line.split(' ')),
                _ => heads.extend(line.split(' ').map(|word| (word, kind))),
            }
        }

        let mut stop = [const { Words::new() }; 4];
        let mut months = BTreeMap::new();
        let mut other: BTreeMap<&'static str, Words> = BTreeMap::new();
        for (section, line) in sections(WORDS) {
            match Language::from_code(section) {
                Some(language) => stop[language as usize].extend(line.split(' ')),
                None if section == "months" => months.extend(
                    line.split(' ')
                        .filter_map(|entry| entry.split_once(':'))
                        .filter_map(|(name, n)| Some((name, n.parse().ok()?))),
                ),
                None => other.entry(section).or_default().extend(line.split(' ')),
            }
        }
        Self {
            known,
            stop,
            given_names: sections(include_str!("lists/names.txt")).flat_map(|(_, line)| line.split(' ')).collect(),
            organization_suffixes,
            organization_heads,
            heads,
            german_heads,
            months,
            sections: other,
        }
    }

    /// Names that start with this word, longest first.
    pub fn known(&self, first: &str) -> &[KnownName] {
        self.known.get(first).map_or(&[], Vec::as_slice)
    }

    /// Whether a lower-case word is a function word of the language.
    pub fn is_stop(&self, language: Language, lower: &str) -> bool {
        self.stop[language as usize].contains(lower)
    }

    /// Whether the word is a given name.
    pub fn is_given_name(&self, word: &str) -> bool {
        self.given_names.contains(word)
    }

    /// Whether the word ends the name of a company.
    pub fn is_organization_suffix(&self, word: &str) -> bool {
        self.organization_suffixes.contains(word)
    }

    /// Whether the word says that a name is of an organisation.
    pub fn is_organization_head(&self, word: &str) -> bool {
        self.organization_heads.contains(word)
    }

    /// What a phrase is that has this word as its head. Location and event words are capitalised, all others lower case.
    pub fn head(&self, word: &str) -> Option<Kind> {
        self.heads.get(word).copied()
    }

    /// Whether a German compound, in lower case, ends with a word that makes it a notion.
    pub fn is_german_compound(&self, lower: &str) -> bool {
        // Three letters before the head: shorter ones are prefixes (`Unrecht`, `Absprache`).
        self.german_heads.iter().any(|head| lower.strip_suffix(head).is_some_and(|front| front.chars().count() > 3))
    }

    /// Number of a month by its lower-case name.
    pub fn month(&self, lower: &str) -> Option<u8> {
        self.months.get(lower).copied()
    }

    /// Whether a lower-case word is in one of the small lists: `never`, `titles`, `particles`, `roles`, `generic`, `abbreviations`.
    pub fn is(&self, list: &str, lower: &str) -> bool {
        self.sections.get(list).is_some_and(|words| words.contains(lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read() {
        let lexicon = Lexicon::new();
        assert_eq!(lexicon.known("New")[0].name, "New South Wales");
        assert!(lexicon.known("Germany")[0].country);
        assert!(lexicon.is_stop(Language::German, "der") && !lexicon.is_stop(Language::English, "der"));
        assert_eq!(lexicon.month("août"), Some(8));
        assert_eq!(lexicon.head("learning"), Some(Kind::Concept));
        assert!(lexicon.is("titles", "herr") && lexicon.is_organization_suffix("GmbH"));
        assert!(lexicon.is_german_compound("spracherkennungssystem") && !lexicon.is_german_compound("system"));
    }
}
