//! The structure of markdown as a sequence of units, with how strong the boundary before each is.

use crate::positions::parts_here;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use std::ops::Range;

/// Nesting that is told apart: deeper items count as this deep.
const DEPTH_MAX: usize = 8;

/// Bytes of a code block whose fence is never closed, up to which it counts as one. Beyond, a stray line of tildes has
/// swallowed the rest of the document, which is text and is cut as such.
const UNCLOSED_BYTES_MAX: usize = 20_000;

/// A place where text may be cut, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Boundary {
    /// Before a heading of this level.
    Heading(u8),
    /// Before a paragraph, list, table, code block or quotation.
    Block,
    /// Before a list's item or a block within one, at this depth.
    Item(u8),
    /// Before a row of a table.
    Row,
    /// After a heading, or after a line that announces what follows: cut only when nothing else is left.
    Glue,
    /// Between sentences.
    Sentence,
    /// Between words of a sentence that is too long.
    Word,
    /// Within a word that is too long.
    Grapheme,
}

/// What a unit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A heading of this level.
    Heading(u8),
    /// Anything that may be cut by sentences.
    Text,
    /// A code block or a row of a table: never cut.
    Whole,
}

/// A stretch of markdown from the start of a line to the start of the next unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Byte offset of its first line.
    pub start: usize,
    /// Byte offset where the next unit starts, or the end of the text.
    pub end: usize,
    /// How strong the boundary before it is.
    pub boundary: Boundary,
    /// What it holds.
    pub kind: Kind,
}

/// A heading of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// Where it stands in the text.
    pub range: Range<usize>,
    /// 1 to 6.
    pub level: u8,
    /// Its text without markup.
    pub title: String,
}

/// A document taken apart.
#[derive(Debug, Default)]
pub struct Structure {
    /// Units in order; together they hold all text that is not blank.
    pub units: Vec<Unit>,
    /// Headings in order, without those in lists and quotations.
    pub headings: Vec<Heading>,
    /// Code blocks and table rows, in order, without the line end.
    pub wholes: Vec<Range<usize>>,
}

impl Structure {
    /// Takes markdown (CommonMark with tables) apart. Linear in its length.
    pub fn of(markdown: &str) -> Self {
        let mut reader =
            Reader { text: markdown, line: (0, 0), marks: Vec::new(), wholes: Vec::new(), headings: Vec::new() };
        reader.read();
        reader.finish()
    }

    /// The code block or table row that `at` is strictly inside of.
    pub fn whole_around(&self, at: usize) -> Option<Range<usize>> {
        let next = self.wholes.partition_point(|whole| whole.end <= at);
        self.wholes.get(next).filter(|whole| whole.start < at).cloned()
    }

    /// Makes units begin at further places (which must not be inside a whole), with the strength of a block.
    pub fn cut_at(&mut self, places: &[usize]) {
        let mut units = Vec::with_capacity(self.units.len() + places.len());
        let mut places = places.iter().copied().peekable();
        for mut unit in self.units.drain(..) {
            while let Some(place) = places.next_if(|place| *place < unit.end) {
                if place > unit.start {
                    units.push(Unit { end: place, ..unit });
                    unit = Unit { start: place, boundary: Boundary::Block, kind: Kind::Text, ..unit };
                }
            }
            units.push(unit);
        }
        self.units = units;
    }
}

struct Reader<'a> {
    text: &'a str,
    /// The line looked at last: where it starts, and a place on it.
    line: (usize, usize),
    marks: Vec<(usize, Boundary, Kind)>,
    wholes: Vec<Range<usize>>,
    headings: Vec<Heading>,
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |offset| at + offset)
}

/// Whether the last line of a fenced code block is its closing fence.
fn is_closed(code: &str) -> bool {
    let code = code.trim();
    let Some((before, last)) = code.rsplit_once('\n') else { return false };
    let last = last.trim_matches(|c: char| c.is_whitespace() || c == '>');
    last.len() >= 3 && last.chars().all(|c| before.starts_with(c))
}

/// The start of the first line after `at` that is not blank.
fn next_line(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let content = text.len() - rest.trim_start().len();
    line_start(text, content).max(at)
}

impl Reader<'_> {
    /// The start of the line that `at` is on. Many blocks can begin on one line: it is not searched from `at` each time.
    fn line_start(&mut self, at: usize) -> usize {
        let (start, seen) = self.line;
        let start = if at < seen {
            line_start(self.text, at)
        } else {
            self.text[seen..at].rfind('\n').map_or(start, |newline| seen + newline + 1)
        };
        self.line = (start, at);
        start
    }

    fn mark(&mut self, at: usize, boundary: Boundary, kind: Kind) {
        let start = self.line_start(at);
        self.marks.push((start, boundary, kind));
    }

    /// Notes a code block or table row, and that something else begins after it.
    fn whole(&mut self, range: Range<usize>, before: Boundary, after: Boundary) {
        let start = self.line_start(range.start);
        let content = range.start + self.text[range.clone()].trim_end().len();
        let end = line_end(self.text, content);
        self.marks.push((start, before, Kind::Whole));
        self.wholes.push(start..end);
        let next = next_line(self.text, end);
        if next < self.text.len() {
            self.marks.push((next, after, Kind::Text));
        }
    }

    fn read(&mut self) {
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
        let mut depth = 0_usize;
        let mut table = 0;
        let mut heading: Option<Heading> = None;
        for (event, range) in Parser::new_ext(self.text, options).into_offset_iter() {
            let here = match depth {
                0 => Boundary::Block,
                depth => Boundary::Item(depth.min(DEPTH_MAX) as u8),
            };
            match event {
                Event::Start(Tag::Heading { level, .. }) if depth == 0 => {
                    let level = level as u8;
                    self.mark(range.start, Boundary::Heading(level), Kind::Heading(level));
                    heading = Some(Heading { range, level, title: String::new() });
                }
                Event::End(TagEnd::Heading(_)) => self.headings.extend(heading.take()),
                Event::Start(Tag::BlockQuote(_) | Tag::List(_) | Tag::Item | Tag::FootnoteDefinition(_)) => {
                    self.mark(range.start, here, Kind::Text);
                    depth += 1;
                }
                Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item | TagEnd::FootnoteDefinition) => {
                    depth = depth.saturating_sub(1);
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_)))
                    if range.len() > UNCLOSED_BYTES_MAX && !is_closed(&self.text[range.clone()]) =>
                {
                    self.mark(range.start, here, Kind::Text);
                }
                Event::Start(Tag::CodeBlock(_)) => self.whole(range, here, here),
                Event::Start(Tag::Table(_)) => table = range.start,
                Event::Start(Tag::TableHead) => {
                    // The line of dashes belongs to the head: without it there is no table.
                    let dashes = (line_end(self.text, range.start) + 1).min(self.text.len());
                    self.whole(table..line_end(self.text, dashes), here, Boundary::Row);
                }
                Event::Start(Tag::TableRow) => self.whole(range, Boundary::Row, Boundary::Row),
                Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::HtmlBlock) | Event::Rule => {
                    self.mark(range.start, here, Kind::Text);
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.title.push_str(&text);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(heading) = &mut heading {
                        heading.title.push(' ');
                    }
                }
                _ => {}
            }
        }
    }

    fn finish(mut self) -> Structure {
        let first = self.marks.iter().map(|mark| mark.0).min().unwrap_or(self.text.len());
        if !self.text[..first].trim().is_empty() {
            self.marks.push((next_line(self.text, 0), Boundary::Block, Kind::Text));
        }
        self.wholes.sort_by_key(|whole| (whole.start, whole.end));
        self.wholes.dedup_by(|next, kept| {
            // Whatever shares a line is one: a row's last line never belongs to two of them.
            let same = next.start < kept.end;
            if same {
                kept.end = kept.end.max(next.end);
            }
            same
        });
        self.marks.sort_by_key(|mark| (mark.0, mark.1));
        let mut structure = Structure { units: Vec::new(), headings: self.headings, wholes: self.wholes };
        for &(start, boundary, kind) in &self.marks {
            if structure.whole_around(start).is_some() || !parts_here(self.text, start) {
                continue;
            }
            match structure.units.last_mut() {
                // Several begin on one line, as an item and the code block in it: the strongest boundary counts, and
                // what must stay whole does.
                Some(last) if last.start == start => {
                    if kind == Kind::Whole {
                        last.kind = kind;
                    }
                }
                _ => structure.units.push(Unit { start, end: start, boundary, kind }),
            }
        }
        let ends: Vec<usize> = structure.units.iter().skip(1).map(|unit| unit.start).chain([self.text.len()]).collect();
        structure.units.iter_mut().zip(ends).for_each(|(unit, end)| unit.end = end);
        glue(self.text, &mut structure.units);
        structure
    }
}

/// Weakens the boundaries that should not be cut at: after a heading, and after a line that ends with a colon.
fn glue(text: &str, units: &mut [Unit]) {
    for at in 1..units.len() {
        let before = units[at - 1];
        let glued = match (before.kind, units[at].kind) {
            (Kind::Heading(outer), Kind::Heading(inner)) => inner > outer,
            (Kind::Heading(_), _) => true,
            (_, Kind::Heading(_)) => false,
            (Kind::Text, _) => text[before.start..before.end].trim_end().ends_with(':'),
            (Kind::Whole, _) => false,
        };
        if glued {
            units[at].boundary = Boundary::Glue;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<(&str, Boundary, Kind)> {
        let structure = Structure::of(text);
        structure.units.iter().map(|unit| (text[unit.start..unit.end].trim_end(), unit.boundary, unit.kind)).collect()
    }

    #[test]
    fn blocks_items_and_rows_are_units() {
        let text = "# T\n\nintro\n\n- a\n- b\n  - c\n\n```rust\nx\n\ny\n```\n\n| h |\n|---|\n| 1 |\n| 2 |\n\nend\n";
        let block = Boundary::Block;
        assert_eq!(
            units(text),
            [
                ("# T", Boundary::Heading(1), Kind::Heading(1)),
                ("intro", Boundary::Glue, Kind::Text),
                ("- a", block, Kind::Text),
                ("- b", Boundary::Item(1), Kind::Text),
                ("  - c", Boundary::Item(2), Kind::Text),
                ("```rust\nx\n\ny\n```", block, Kind::Whole),
                ("| h |\n|---|", block, Kind::Whole),
                ("| 1 |", Boundary::Row, Kind::Whole),
                ("| 2 |", Boundary::Row, Kind::Whole),
                ("end", block, Kind::Text),
            ]
        );
    }

    #[test]
    fn code_on_the_line_of_an_item_is_whole() {
        let found = units("- ```\n  x\n  ```\n- b\n");
        assert_eq!(found[0], ("- ```\n  x\n  ```", Boundary::Block, Kind::Whole));
        assert_eq!(found[1].0, "- b");
    }

    #[test]
    fn a_stray_fence_does_not_hold_the_rest_of_a_book_together() {
        let rest = "A line of the book. ".repeat(2000);
        assert_eq!(units(&format!("~~~\n{rest}"))[0].2, Kind::Text);
        assert_eq!(units(&format!("~~~\n{rest}\n~~~\n"))[0].2, Kind::Whole);
        assert_eq!(units("~~~\nshort\n")[0].2, Kind::Whole);
    }

    #[test]
    fn link_definitions_belong_to_a_unit() {
        let text = "[a]: http://x\n\n    code\n\n[b]: http://y\n";
        let joined: Vec<&str> = units(text).into_iter().map(|unit| unit.0).collect();
        assert_eq!(joined, ["[a]: http://x", "    code", "[b]: http://y"]);
    }

    #[test]
    fn headings_have_plain_titles() {
        let structure = Structure::of("Big *title* `x`\n===\n\n> # quoted\n\n## Next\n");
        let titles: Vec<_> = structure.headings.iter().map(|heading| (heading.level, heading.title.as_str())).collect();
        assert_eq!(titles, [(1, "Big title x"), (2, "Next")]);
    }

    #[test]
    fn an_announcing_line_stays_with_its_list() {
        assert_eq!(units("Look:\n\n- a\n\nNext.\n")[1].1, Boundary::Glue);
    }
}
