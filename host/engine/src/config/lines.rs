//! The line of a key in `morag.toml`, for errors.

use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// The line of the key at `path` (`webhook_endpoints[0].retry.delay`), counted from 1; that of the nearest key around it where the
/// path leads further than the file. None for a text that is no TOML, or has none of the path.
pub(super) fn line_of(text: &str, path: &str) -> Option<usize> {
    let parsed = DeTable::parse(text).ok()?;
    let mut found: Option<Range<usize>> = None;
    let mut table = parsed.get_ref();
    'path: for part in path.split('.') {
        let (key, indexes) = part.split_once('[').map_or((part, ""), |(key, rest)| (key, rest));
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == key) else { break };
        let (mut span, mut value) = (name.span(), value);
        for index in indexes.split('[').filter_map(|index| index.strip_suffix(']')?.parse::<usize>().ok()) {
            let DeValue::Array(items) = value.get_ref() else { break 'path };
            let Some(item) = items.get(index) else { break 'path };
            (span, value) = (item.span(), item);
        }
        found = Some(span);
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    found.map(|span| line_at(text, span.start))
}

/// The line of a place in a text, counted from 1.
pub(super) fn line_at(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "api_port = 1\n\n[[callers]]\nname = \"a\"\n[[callers]]\nname = \"b\"\n[callers.quotas]\nday = 1\n";

    #[test]
    fn a_path_leads_to_the_line_of_its_key() {
        for (path, line) in [
            ("api_port", Some(1)),
            ("callers[0].name", Some(4)),
            ("callers[1].name", Some(6)),
            ("callers[1].quotas.day", Some(8)),
            // What is not there is told at what is around it.
            ("callers[1].nonsense", Some(5)),
            ("callers[0].name.deeper", Some(4)),
            ("callers[7].name", None),
            ("nonsense", None),
        ] {
            assert_eq!(line_of(FILE, path), line, "{path}");
        }
        assert_eq!(line_of("this is no TOML", "api_port"), None);
    }
}
