//! Names of the files that a step writes: one name, or a pattern for any number of them.

use crate::task::ArtifactName;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Most characters of an artifact's name ([`ArtifactName`]), and of a pattern.
const CHARS_MAX: usize = 64;

/// Name of an output: that of one file, or a pattern with exactly one `*`, such as `page-*.png`, whose files the step may write in any
/// number. The `*` stands for one or more characters of those that [`ArtifactName`] allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputName {
    /// This file.
    Exact(ArtifactName),
    /// Every file whose name fits.
    Pattern(NamePattern),
}

/// A pattern of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern {
    /// What stands before the `*`; may be empty.
    before: String,
    /// What stands after it; may be empty.
    after: String,
}

/// The text is neither an artifact's name nor a pattern of such names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "neither a file name of a task nor a pattern of such names: use 1 to {CHARS_MAX} of the characters a-z A-Z 0-9 . _ - and at most \
     one *, and no dot at the start"
)]
pub struct InvalidOutputName;

impl OutputName {
    /// Whether it is a pattern.
    pub fn is_pattern(&self) -> bool {
        matches!(self, Self::Pattern(_))
    }

    /// Whether it is this name alone; a pattern never is, even if the name fits it.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Exact(own) if own.as_str() == name)
    }

    /// Whether a file of this name may be written under it.
    pub fn takes(&self, name: &ArtifactName) -> bool {
        match self {
            Self::Exact(own) => own == name,
            Self::Pattern(pattern) => pattern.fits(name.as_str().as_bytes()),
        }
    }

    /// Whether there is a name that may be written under either.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(name), of) | (of, Self::Exact(name)) => of.takes(name),
            (Self::Pattern(one), Self::Pattern(other)) => one.overlaps(other, CHARS_MAX),
        }
    }
}

impl NamePattern {
    /// Fewest characters of a name that fits: at least one for the `*`.
    fn chars_min(&self) -> usize {
        self.before.len() + 1 + self.after.len()
    }

    fn fits(&self, name: &[u8]) -> bool {
        name.len() >= self.chars_min()
            && name.starts_with(self.before.as_bytes())
            && name.ends_with(self.after.as_bytes())
    }

    /// Whether a name of at most `chars_max` characters fits both: of some length, what both say of its characters agrees.
    fn overlaps(&self, other: &Self, chars_max: usize) -> bool {
        let shortest = self.chars_min().max(other.chars_min());
        (shortest..=chars_max).any(|length| {
            (0..length).all(|at| match (self.at(at, length), other.at(at, length)) {
                (Some(one), Some(other)) => one == other,
                _ => true,
            })
        })
    }

    /// The character that a name of this length has at a place; none where the `*` is.
    fn at(&self, place: usize, length: usize) -> Option<u8> {
        let after = self.after.as_bytes();
        let behind = place.checked_sub(length - after.len());
        self.before.as_bytes().get(place).or_else(|| after.get(behind?)).copied()
    }
}

impl FromStr for OutputName {
    type Err = InvalidOutputName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((before, after)) = text.split_once('*') else {
            return text.parse().map(Self::Exact).map_err(|_| InvalidOutputName);
        };
        // With a character in place of the `*` it is the shortest name that fits.
        let shortest = format!("{before}x{after}");
        shortest.parse::<ArtifactName>().map_err(|_| InvalidOutputName)?;
        Ok(Self::Pattern(NamePattern { before: before.to_owned(), after: after.to_owned() }))
    }
}

impl fmt::Display for OutputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Pattern(NamePattern { before, after }) => write!(f, "{before}*{after}"),
        }
    }
}

impl Serialize for OutputName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OutputName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> OutputName {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn takes(output: &str, file: &str) -> bool {
        name(output).takes(&file.parse().unwrap())
    }

    #[test]
    fn a_name_has_at_most_one_star() {
        let longest = format!("{}*", "x".repeat(63));
        for good in ["markdown.md", "page-*.png", "*", "*.png", "page-*", "a*.", &longest] {
            assert_eq!(name(good).to_string(), good);
            assert_eq!(name(good).is_pattern(), good.contains('*'), "{good}");
            assert_eq!(serde_json::to_value(name(good)).unwrap(), good);
            assert_eq!(serde_json::from_value::<OutputName>(good.into()).unwrap(), name(good));
        }
        let too_long = format!("{}*", "x".repeat(64));
        for bad in ["", "**", "a*b*", ".*", ".a*.png", "../*", "a/*.png", "page-*.p ng", "ä*", "*\0", &too_long] {
            assert_eq!(bad.parse::<OutputName>(), Err(InvalidOutputName), "{bad:?}");
            assert!(serde_json::from_value::<OutputName>(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_takes_names_with_one_or_more_characters_in_place_of_its_star() {
        for file in ["page-1.png", "page-0001.png", "page-a.b_C.png", "page-.png.png", "page--.png"] {
            assert!(takes("page-*.png", file), "{file}");
        }
        for file in ["page-.png", "page-1.jpg", "page-1.png.jpg", "xpage-1.png", "page1.png", "page-1.PNG", "-.png"] {
            assert!(!takes("page-*.png", file), "{file}");
        }
        // What stands before the star and what stands after it are not the same characters of a name.
        assert!(!takes("aa*aa", "aaa") && !takes("aa*aa", "aaaa") && takes("aa*aa", "aaaaa"));
        assert!(takes("a.md", "a.md") && !takes("a.md", "b.md"));
    }

    #[test]
    fn only_a_whole_name_is_one() {
        assert!(name("page-1.png").is("page-1.png") && !name("page-*.png").is("page-1.png"));
        assert!(!name("page-*.png").is("page-*.png"), "it is no name of a file");
    }

    #[test]
    fn names_that_both_may_have_are_found() {
        for (one, other, expected) in [
            ("a.md", "a.md", true),
            ("a.md", "b.md", false),
            ("page-*.png", "page-1.png", true),
            ("page-*.png", "page-.png", false),
            ("page-*.png", "page-*.jpg", false),
            ("page-*.png", "image-*.png", false),
            ("page-*.png", "page-*-small.png", true),
            ("page-*", "*.png", true),
            ("*", "markdown.md", true),
        ] {
            assert_eq!(name(one).overlaps(&name(other)), expected, "{one} and {other}");
            assert_eq!(name(other).overlaps(&name(one)), expected, "{other} and {one}");
        }
        // Together they are longer than a name may be, but for the characters that they share.
        let (begins, ends) = (format!("{}b*", "a".repeat(40)), format!("*b{}", "c".repeat(40)));
        assert!(!name(&begins).overlaps(&name(&ends)));
        let (begins, ends) = (format!("{}*", "a".repeat(40)), format!("*{}", "a".repeat(40)));
        assert!(name(&begins).overlaps(&name(&ends)));
    }

    /// Against an oracle: two patterns overlap where a word of two letters fits both.
    #[test]
    fn patterns_overlap_where_a_word_fits_both() {
        const LENGTH_MAX: usize = 6;
        let words = |length: usize| {
            (0..1_u32 << length).map(move |bits| {
                (0..length).map(|at| if (bits >> at) & 1 == 1 { 'b' } else { 'a' }).collect::<String>()
            })
        };
        let parts: Vec<String> = (0..=2).flat_map(words).collect();
        let all: Vec<String> = (1..=LENGTH_MAX).flat_map(words).collect();
        let patterns: Vec<NamePattern> = parts
            .iter()
            .flat_map(|before| parts.iter().map(move |after| (before.clone(), after.clone())))
            .map(|(before, after)| NamePattern { before, after })
            .collect();
        for one in &patterns {
            for other in &patterns {
                for length_max in 3..=LENGTH_MAX {
                    let both = |word: &&String| one.fits(word.as_bytes()) && other.fits(word.as_bytes());
                    let found = all.iter().filter(|word| word.len() <= length_max).find(both);
                    assert_eq!(one.overlaps(other, length_max), found.is_some(), "{one:?} {other:?} {length_max}");
                }
            }
        }
    }
}
