//! Headings of a document that becomes part of another: moved below the heading of the part.

use pulldown_cmark::{Event, Options, Parser, Tag};
use std::ops::Range;

/// Markdown with its headings moved down, and where its bytes went.
#[derive(Debug)]
pub struct Demoted {
    /// The markdown.
    pub markdown: String,
    edits: Vec<(Range<usize>, usize)>,
}

impl Demoted {
    /// Where a place between two bytes of the original is: before a heading, where that has become longer.
    pub fn position(&self, original: usize) -> usize {
        let mut moved = original;
        for (range, len) in self.edits.iter().take_while(|(range, _)| range.start < original) {
            moved = moved + len - range.len();
        }
        moved.min(self.markdown.len())
    }
}

/// Moves headings down by some levels, to the sixth at most. Lines that only look like headings, in code for example, stay.
pub fn demote(markdown: &str, levels: usize) -> Demoted {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
    let mut last = 0;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        let Event::Start(Tag::Heading { level, .. }) = event else { continue };
        // Edits are made in order: a heading is never within another.
        if range.start < last || levels == 0 {
            continue;
        }
        last = range.end;
        let (level, text) = (level as usize, &markdown[range.clone()]);
        let added = levels.min(6usize.saturating_sub(level));
        if text.starts_with('#') {
            edits.push((range.start..range.start, "#".repeat(added)));
            continue;
        }
        // A line and its underline; over several lines it stays, since `#` has one line only.
        let text = text.trim_end();
        let Some((title, _)) = text.split_once('\n') else { continue };
        let under = range.start + title.len() + 1..range.start + text.len();
        if !markdown[under.clone()].contains('\n') {
            let marks = under.start + markdown[under.clone()].find(['=', '-']).unwrap_or_default();
            edits.push((range.start..range.start, format!("{} ", "#".repeat(level + added))));
            edits.push((marks..under.end, String::new()));
        }
    }
    let mut out = String::with_capacity(markdown.len() + edits.len() * levels);
    let mut at = 0;
    for (range, text) in &edits {
        out.push_str(&markdown[at..range.start]);
        out.push_str(text);
        at = range.end;
    }
    out.push_str(&markdown[at..]);
    Demoted { markdown: out, edits: edits.into_iter().map(|(range, text)| (range, text.len())).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headings_move_down_and_code_stays() {
        let demoted = demote("# A\n\ntext\n\nB\n===\n\n```\n# c\n```\n\n##### D\n", 2);
        assert_eq!(demoted.markdown, "### A\n\ntext\n\n### B\n\n\n```\n# c\n```\n\n###### D\n");
    }

    #[test]
    fn nothing_changes_by_no_level() {
        assert_eq!(demote("# A\n\nB\n---\n", 0).markdown, "# A\n\nB\n---\n");
    }

    proptest! {
        // Whatever is between the edits is found again at the place that is said.
        #[test]
        fn positions_follow_the_text(text in "([#=\\->`* a-c]|\n){0,60}", levels in 0usize..4) {
            let demoted = demote(&text, levels);
            for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphabetic()) {
                let rest = &demoted.markdown[demoted.position(at)..];
                prop_assert_eq!(rest.trim_start_matches(['#', ' ']).chars().next(), Some(c));
            }
        }
    }
}
