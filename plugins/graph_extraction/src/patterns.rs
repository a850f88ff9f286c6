//! Which words between two names say how the two are related.

use crate::kinds::Kind;
use crate::language::{ALL, Language};
use std::collections::BTreeMap;

/// What some words between two names mean.
#[derive(Debug, Clone, Copy)]
pub struct Pattern {
    /// Type of the relation.
    pub relation: &'static str,
    /// Whether the second name is the source.
    pub reversed: bool,
    sources: &'static str,
    targets: &'static str,
}

impl Pattern {
    /// Whether names of these kinds may be source and target. A name of unknown kind may be whatever a name may be.
    pub fn fits(&self, source: Option<Kind>, target: Option<Kind>) -> bool {
        allows(self.sources, source) && allows(self.targets, target)
    }
}

fn allows(kinds: &str, kind: Option<Kind>) -> bool {
    let letter = match kind {
        None | Some(Kind::Name | Kind::Acronym) => 'N',
        Some(Kind::Person) => 'P',
        Some(Kind::Organization) => 'O',
        Some(Kind::Location) => 'L',
        Some(Kind::Technology) => 'T',
        Some(Kind::Concept | Kind::Process) => 'C',
        Some(Kind::Event) => 'E',
        Some(Kind::Date) => 'D',
        Some(Kind::Amount) => 'A',
        Some(Kind::Url | Kind::Email) => return false,
    };
    kinds.contains(letter)
}

/// All patterns, by language and words.
pub struct Patterns([BTreeMap<&'static str, Pattern>; 4]);

impl Default for Patterns {
    fn default() -> Self {
        Self::new()
    }
}

impl Patterns {
    /// Reads the list: under a millisecond.
    pub fn new() -> Self {
        let mut tables = [const { BTreeMap::new() }; 4];
        let mut language = Language::English;
        for line in include_str!("lists/patterns.txt").lines().filter(|line| !line.starts_with('#')) {
            if let Some(code) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                language = ALL.into_iter().find(|known| Language::from_code(code) == Some(*known)).unwrap_or(language);
                continue;
            }
            let mut fields = line.split('|');
            let [Some(phrases), Some(relation), Some(sources), Some(targets)] = [(); 4].map(|()| fields.next()) else {
                continue;
            };
            let pattern = Pattern {
                relation: relation.trim_end_matches('<'),
                reversed: relation.ends_with('<'),
                sources,
                targets,
            };
            tables[language as usize].extend(phrases.split(';').map(|phrase| (phrase, pattern)));
        }
        Self(tables)
    }

    /// What these words, in lower case with single spaces, mean.
    pub fn get(&self, language: Language, words: &str) -> Option<(&'static str, Pattern)> {
        self.0[language as usize].get_key_value(words).map(|(phrase, pattern)| (*phrase, *pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read() {
        let patterns = Patterns::new();
        let (_, pattern) = patterns.get(Language::English, "was acquired by").unwrap();
        assert_eq!((pattern.relation, pattern.reversed), ("ACQUIRED", true));
        assert!(pattern.fits(Some(Kind::Organization), None) && !pattern.fits(Some(Kind::Person), None));
        assert!(patterns.get(Language::Spanish, "nació en").is_some());
        assert!(patterns.0.iter().all(|table| table.len() > 30));
    }
}
