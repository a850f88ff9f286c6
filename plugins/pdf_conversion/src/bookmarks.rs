//! The bookmarks of a PDF are walked before the parser does: it follows each to the next one and to those below it by recursion, so that a
//! long list of them would exhaust a step's stack.

use std::collections::HashSet;
use unpdf::parser::raw::{PdfDict, PdfObject, RawDocument};

/// Bookmarks behind and below each other. A step's stack of 512 KiB bears 3,500 and not 4,000: so it was with `morag plugin run`
/// of the component on documents with as many in one list. An index of every term in a manual has more.
const CHAIN_MAX: usize = 1500;

/// Levels within each other, as many as the parser follows.
const LEVELS_MAX: usize = 64;

/// Bookmarks times pages: the parser goes through all pages for each bookmark, some four million a second. A manual of 5,000 pages with
/// 20,000 bookmarks takes half a minute.
const LOOKUPS_MAX: usize = 100_000_000;

/// Bookmarks that are made the last of their chain: each of them costs an object. An index has as many as letters.
const ENDS_MAX: usize = 1000;

/// Number and generation of an object.
pub type Id = (u32, u16);

/// What becomes of the bookmarks.
#[derive(Debug, PartialEq, Eq)]
pub enum Bookmarks {
    /// They are read as they are.
    Whole,
    /// They are read as far as these, which are too far from the first and have others behind or below them.
    Until(Vec<Id>),
    /// They are not read, and why.
    TooMany(String),
}

impl Bookmarks {
    /// What to warn of.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Until(_) => Some(format!("of its bookmarks, those after {CHAIN_MAX} in a row are left out")),
            Self::TooMany(why) => Some(format!("its bookmarks are left out: {why}")),
        }
    }
}

/// Walks the bookmarks in the order in which the parser does, which takes each once.
pub fn check(document: &RawDocument) -> Bookmarks {
    walk(document, LOOKUPS_MAX)
}

fn walk(document: &RawDocument, lookups_max: usize) -> Bookmarks {
    let Some(first) = first(document) else { return Bookmarks::Whole };
    let bookmarks_max = lookups_max / document.pages().len().max(1);
    let mut seen = HashSet::new();
    let mut ends = Vec::new();
    // Bookmarks that are still to be looked at, with how many are before and around them, and their level.
    let mut open = vec![(first, 1usize, 0usize)];
    while let Some((id, place, level)) = open.pop() {
        if !seen.insert(id) || level > LEVELS_MAX {
            continue;
        }
        if seen.len() > bookmarks_max {
            return Bookmarks::TooMany(format!(
                "there are more than {bookmarks_max}, each of which is looked for among its pages"
            ));
        }
        let Ok(item) = document.get_dict(id) else { continue };
        let (below, behind) = (reference(item, b"First"), reference(item, b"Next"));
        if place > CHAIN_MAX && (below.is_some() || behind.is_some()) {
            ends.push(id);
            if ends.len() > ENDS_MAX {
                return Bookmarks::TooMany(format!(
                    "more than {ENDS_MAX} lists of them have more than {CHAIN_MAX} in a row"
                ));
            }
            continue;
        }
        // What is put in last is looked at first.
        open.extend(behind.map(|next| (next, place + 1, level)));
        open.extend(below.map(|first| (first, place + 1, level + 1)));
    }
    if ends.is_empty() { Bookmarks::Whole } else { Bookmarks::Until(ends) }
}

fn first(document: &RawDocument) -> Option<Id> {
    let outlines = document.resolve(document.catalog().ok()?.get(&b"Outlines"[..])?);
    let outlines = match outlines {
        PdfObject::Reference(number, generation) => document.get_dict((*number, *generation)).ok()?,
        other => other.as_dict()?,
    };
    reference(outlines, b"First")
}

fn reference(dict: &PdfDict, key: &[u8]) -> Option<Id> {
    dict.get(key)?.as_reference()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::testdata::{convert, with_catalog};

    /// A document of one page that reads `hello world`, with these bookmarks, of which the first is object 7.
    fn with_bookmarks(bookmarks: impl IntoIterator<Item = String>) -> Vec<u8> {
        with_catalog("/Outlines 6 0 R", [String::from("<</First 7 0 R>>")].into_iter().chain(bookmarks))
    }

    /// So many behind each other. The last is the page's text.
    fn list(count: usize) -> impl Iterator<Item = String> {
        (1..=count).map(move |number| match number == count {
            true => "<</Title(hello world)/Dest[3 0 R/Fit]>>".to_owned(),
            false => format!("<</Title(Term {number})/Dest[3 0 R/Fit]/Next {} 0 R>>", number + 7),
        })
    }

    #[test]
    fn a_list_of_usual_length_is_read_to_its_end() {
        let converted = convert(&with_bookmarks(list(CHAIN_MAX + 1)));
        assert_eq!((converted.markdown.as_str(), converted.warnings), ("# hello world\n", vec![]));
    }

    #[test]
    fn a_longer_list_is_read_as_far_as_the_stack_bears() {
        let converted = convert(&with_bookmarks(list(CHAIN_MAX + 2)));
        let warning = "of its bookmarks, those after 1500 in a row are left out".to_owned();
        assert_eq!((converted.markdown.as_str(), converted.warnings), ("hello world\n", vec![warning.clone()]));
        // The first of them is a heading still, though 50,000 follow it.
        let first = "<</Title(hello world)/Dest[3 0 R/Fit]/Next 8 0 R>>".to_owned();
        let converted = convert(&with_bookmarks([first].into_iter().chain(list(50_000).skip(1))));
        assert_eq!((converted.markdown.as_str(), converted.warnings), ("# hello world\n", vec![warning]));
    }

    #[test]
    fn bookmarks_behind_and_below_each_other_count_together() {
        // Each is below the one before, or behind it, in turn: 64 levels are not the limit.
        let below = |count: usize| {
            let key = |number| if number % 50 == 0 { "First" } else { "Next" };
            (1..=count)
                .map(move |number| format!("<</Title(a)/{} {} 0 R>>", key(number), number + 7))
                .collect::<Vec<_>>()
        };
        let checked = |bookmarks: Vec<String>| {
            let bytes = with_bookmarks(bookmarks);
            check(&RawDocument::load(&bytes).unwrap())
        };
        assert_eq!(checked(below(CHAIN_MAX)), Bookmarks::Whole);
        assert_eq!(checked(below(CHAIN_MAX + 1)), Bookmarks::Until(vec![(CHAIN_MAX as u32 + 7, 0)]));
        // A chapter is done before the next one begins: 40 of them with 40 sections each are 80 in a row.
        let chapters = (0..40).flat_map(|chapter| {
            let number = 7 + chapter * 41;
            let head = format!("<</Title(a)/First {} 0 R/Next {} 0 R>>", number + 1, number + 41);
            let sections = (1..=40).map(move |section| match section {
                40 => "<</Title(b)>>".to_owned(),
                _ => format!("<</Title(b)/Next {} 0 R>>", number + section + 1),
            });
            [head].into_iter().chain(sections)
        });
        assert_eq!(checked(chapters.collect()), Bookmarks::Whole);
        assert_eq!(checked(vec!["<</Title(a)/First 7 0 R/Next 7 0 R>>".into()]), Bookmarks::Whole, "taken once");
    }

    #[test]
    fn more_than_can_be_cut_or_looked_up_are_left_out() {
        // A list, and at its end a tree in which each has one below and one behind it: 2,048 are one place too far.
        let shaft = (1..1490).map(|number| format!("<</Title(a)/Next {} 0 R>>", number + 7));
        let tree = (1..4096)
            .map(|number| format!("<</Title(a)/First {} 0 R/Next {} 0 R>>", 1495 + 2 * number, 1496 + 2 * number));
        let bytes = with_bookmarks(shaft.chain(tree));
        let checked = check(&RawDocument::load(&bytes).unwrap());
        assert!(matches!(&checked, Bookmarks::TooMany(why) if why.starts_with("more than 1000 lists")), "{checked:?}");
        let converted = convert(&bytes);
        assert_eq!(converted.markdown, "hello world\n");
        assert_eq!(converted.warnings, [checked.warning().unwrap()]);

        let bytes = with_bookmarks(list(20));
        let document = RawDocument::load(&bytes).unwrap();
        assert_eq!(walk(&document, 20), Bookmarks::Whole);
        let checked = walk(&document, 19);
        assert!(
            matches!(&checked, Bookmarks::TooMany(why) if why.starts_with("there are more than 19")),
            "{checked:?}"
        );
    }
}
