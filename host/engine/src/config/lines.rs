//! The line of a key in `morag.toml`, for errors.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The line of the key at `path` (names, and indexes of lists), counted from 1; that of the nearest key around it where the path leads
/// further than the file. None for a text that is no TOML, or has none of the path.
pub(super) fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let parsed = DeTable::parse(text).ok()?;
    let (first, rest) = path.split_first()?;
    let mut found = entry(parsed.get_ref(), first)?;
    for part in rest {
        let inner = match found.1 {
            DeValue::Table(table) => entry(table, part),
            DeValue::Array(items) => {
                let item = part.parse().ok().and_then(|index: usize| items.get(index));
                item.map(|item| (item.span(), item.get_ref()))
            }
            _ => None,
        };
        let Some(inner) = inner else { break };
        found = inner;
    }
    Some(line_at(text, found.0.start))
}

/// The place of a key, and its value.
fn entry<'a, 'i>(table: &'a DeTable<'i>, key: &str) -> Option<(Range<usize>, &'a DeValue<'i>)> {
    let (name, value) = table.iter().find(|(name, _)| name.get_ref().as_ref() == key)?;
    Some((name.span(), value.get_ref()))
}

/// The line of a place in a text, counted from 1.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "api_port = 1\n\n[[callers]]\nname = \"a\"\n[[callers]]\nname = \"b\"\n[callers.quotas]\n\"a day\" = 1\n\
                        [callers.more]\nlist = [\n  { \"b.md\" = 1 },\n  { c = 2 },\n]\n";

    #[test]
    fn a_path_leads_to_the_line_of_its_key() {
        for (path, line) in [
            (&["api_port"][..], Some(1)),
            (&["callers", "0", "name"], Some(4)),
            (&["callers", "1", "name"], Some(6)),
            (&["callers", "1", "quotas", "a day"], Some(8)),
            (&["callers", "1", "more", "list", "0", "b.md"], Some(11)),
            (&["callers", "1", "more", "list", "1", "c"], Some(12)),
            // What is not there is told at what is around it.
            (&["callers", "1", "nonsense"], Some(5)),
            (&["callers", "0", "name", "deeper"], Some(4)),
            (&["callers", "7", "name"], Some(3)),
            (&["nonsense"], None),
            (&[], None),
        ] {
            assert_eq!(line_of(FILE, path), line, "{path:?}");
        }
        assert_eq!(line_of("this is no TOML", &["api_port"]), None);
    }
}
