//! Numbers of lists and of headings.

use crate::package::{Package, Relations};
use crate::write::numbers::{letters, roman};
use crate::xml::Element;
use morag_step::Failure;
use std::collections::{HashMap, HashSet};

/// Levels that a list may have.
const LEVELS: usize = 9;

#[derive(Debug, Clone)]
struct Level {
    format: String,
    text: String,
    start: u32,
}

#[derive(Debug, Clone, Default)]
struct List {
    levels: HashMap<usize, Level>,
}

/// The lists of a document, and how far each is counted.
#[derive(Debug, Default)]
pub struct Numbering {
    definitions: HashMap<String, List>,
    /// For each list its definition, and levels that begin anew with it.
    lists: HashMap<String, (String, HashMap<usize, u32>)>,
    counts: HashMap<String, [Option<u32>; LEVELS]>,
    begun: HashSet<String>,
}

/// How an item is marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// By a bullet.
    Bullet,
    /// By its number.
    Number(u32),
    /// By a text that markdown has no list for, as `1.2` or `a)`.
    Label(String),
}

impl Numbering {
    /// Reads the definitions; none where the document has none.
    ///
    /// # Errors
    /// Those of [`Package::optional_text`].
    pub fn read(package: &Package<'_>, relations: &Relations) -> Result<Self, Failure> {
        let Some(name) = relations.of_kind("numbering") else { return Ok(Self::default()) };
        let Some(text) = package.optional_text(name)? else { return Ok(Self::default()) };
        let tree = package.tree(name, &text)?;
        let value = |element: Element<'_, '_>, name: &str| element.child(name).and_then(|found| found.attribute("val"));
        let level = |element: Element<'_, '_>| {
            let format = value(element, "numFmt").unwrap_or_else(|| "decimal".into());
            let start = element.child("start").and_then(|start| start.number("val")).unwrap_or(1);
            Some((element.number("ilvl")?, Level { format, text: value(element, "lvlText").unwrap_or_default(), start }))
        };
        let mut numbering = Self::default();
        for definition in tree.root().all("abstractNum") {
            let levels = definition.all("lvl").filter_map(level).collect();
            numbering.definitions.insert(definition.attribute("abstractNumId").unwrap_or_default(), List { levels });
        }
        for list in tree.root().all("num") {
            let (Some(id), Some(definition)) = (list.attribute("numId"), value(list, "abstractNumId")) else { continue };
            let starts = |own: Element<'_, '_>| Some((own.number("ilvl")?, own.child("startOverride")?.number("val")?));
            numbering.lists.insert(id, (definition, list.all("lvlOverride").filter_map(starts).collect()));
        }
        Ok(numbering)
    }

    /// Counts an item of a list. None for an unknown list, and where the level has no mark.
    pub fn next(&mut self, list: &str, level: usize) -> Option<Marker> {
        let level = level.min(LEVELS - 1);
        let (definition, starts) = self.lists.get(list)?;
        let levels = &self.definitions.get(definition)?.levels;
        let own = levels.get(&level)?;
        let counts = self.counts.entry(definition.clone()).or_default();
        if !starts.is_empty() && self.begun.insert(list.to_owned()) {
            *counts = [None; LEVELS];
        }
        let start = |at: usize| {
            starts.get(&at).copied().unwrap_or_else(|| levels.get(&at).map_or(1, |level| level.start))
        };
        counts[level] = Some(counts[level].map_or_else(|| start(level), |count| count.saturating_add(1)));
        counts[level + 1..].fill(None);
        match own.format.as_str() {
            "bullet" => return Some(Marker::Bullet),
            "none" if own.text.is_empty() => return None,
            _ => {}
        }
        if own.text.is_empty() {
            return None;
        }
        let own_number = counts[level].unwrap_or(1);
        let simple = own.text.strip_prefix('%').and_then(|rest| rest.strip_suffix(['.', ')'])).and_then(|rest| rest.parse().ok());
        if own.format == "decimal" && simple == Some(level + 1) && own_number < 1_000_000_000 {
            return Some(Marker::Number(own_number));
        }
        let mut label = String::new();
        let mut chars = own.text.chars().take(100);
        while let Some(c) = chars.next() {
            match (c, if c == '%' { chars.next().and_then(|digit| digit.to_digit(10)) } else { None }) {
                ('%', Some(digit @ 1..=9)) => {
                    let at = digit as usize - 1;
                    let number = counts[at].unwrap_or_else(|| start(at));
                    label += &format_number(levels.get(&at).map_or("decimal", |level| &level.format), number);
                }
                ('%', _) => {}
                (c, _) => label.push(c),
            }
        }
        Some(Marker::Label(label))
    }
}

fn format_number(format: &str, number: u32) -> String {
    match format {
        "lowerLetter" => letters(number),
        "upperLetter" => letters(number).to_uppercase(),
        "lowerRoman" => roman(number),
        "upperRoman" => roman(number).to_uppercase(),
        "decimalZero" => format!("{number:02}"),
        "none" => String::new(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_count_below_each_other() {
        let level = |format: &str, text: &str| Level { format: format.into(), text: text.into(), start: 1 };
        let levels = [(0, level("decimal", "%1.")), (1, level("lowerLetter", "%1.%2)"))].into_iter().collect();
        let mut numbering = Numbering::default();
        numbering.definitions.insert("d".into(), List { levels });
        numbering.lists.insert("1".into(), ("d".into(), HashMap::new()));
        numbering.lists.insert("2".into(), ("d".into(), [(0, 1)].into_iter().collect()));
        let mut next = |list, level| numbering.next(list, level);
        assert_eq!(next("1", 0), Some(Marker::Number(1)));
        assert_eq!(next("1", 0), Some(Marker::Number(2)));
        assert_eq!(next("1", 1), Some(Marker::Label("2.a)".into())));
        assert_eq!(next("1", 1), Some(Marker::Label("2.b)".into())));
        assert_eq!(next("1", 0), Some(Marker::Number(3)));
        assert_eq!(next("1", 1), Some(Marker::Label("3.a)".into())));
        assert_eq!(next("2", 0), Some(Marker::Number(1)));
        assert_eq!(next("3", 0), None);
    }
}
