//! Headings from the bookmarks of a PDF: where a paragraph reads as the title of a bookmark that is due, it is one.
//!
//! A bookmark often points at a place by a name that the parser does not resolve to a page, so titles are looked for in
//! their order: one that is found makes those before it past, and only the next few are due.

use std::collections::HashMap;
use unpdf::model::{
    Block, InlineContent, ListInfo, ListStyle, Outline, OutlineItem, Paragraph, ParagraphStyle, TextRun,
};

/// Bookmarks that are looked at; an index of every term in a manual has more, and those are no headings.
const BOOKMARKS_MAX: usize = 20_000;
/// Bytes of a title that is a heading.
const TITLE_BYTES_MAX: usize = 400;
/// Titles that are due: some are never found, being set in several lines or as pictures.
const DUE: usize = 12;
/// Titles that are due for the beginning of a paragraph, where chance is larger.
const DUE_AT_START: usize = 3;

#[derive(Debug)]
struct Title {
    level: u8,
    page: Option<u32>,
    found: bool,
}

/// The titles in their order.
#[derive(Debug, Default)]
pub struct Headings {
    titles: Vec<Title>,
    /// Where each title is among them.
    by_key: HashMap<String, Vec<usize>>,
    next: usize,
}

impl Headings {
    /// The titles of an outline.
    pub fn of(outline: &Outline) -> Self {
        let mut headings = Self::default();
        for item in &outline.items {
            headings.add(item, 1);
        }
        headings
    }

    fn add(&mut self, item: &OutlineItem, level: u8) {
        if self.titles.len() == BOOKMARKS_MAX {
            return;
        }
        let key = key(&item.title);
        if !key.is_empty() {
            self.by_key.entry(key).or_default().push(self.titles.len());
            self.titles.push(Title { level, page: item.page, found: false });
        }
        for child in &item.children {
            self.add(child, (level + 1).min(6));
        }
    }

    /// Makes the paragraphs of a page that are titles headings of their level; pages must come in order. A paragraph
    /// that begins with a title, in words that the page sets apart from what follows, is cut in two. Lines of a table of
    /// contents are no headings, whatever their size.
    pub fn apply(&mut self, page: u32, blocks: Vec<Block>) -> Vec<Block> {
        if self.titles.is_empty() {
            return blocks;
        }
        let mut out = Vec::with_capacity(blocks.len());
        for block in blocks {
            let Block::Paragraph(mut paragraph) = block else {
                out.push(block);
                continue;
            };
            if self.is_contents(&paragraph) {
                paragraph.style.heading_level = None;
            } else if let Some((parts, level)) = self.find(page, &paragraph) {
                let rest = paragraph.content.split_off(parts);
                let style = paragraph.style.clone();
                paragraph.style.heading_level = Some(level);
                // Bold is how the page says what the level says now.
                paragraph.content.iter_mut().for_each(|content| {
                    if let InlineContent::Text(run) = content {
                        run.style.bold = false;
                    }
                });
                if let Some(list) = paragraph.style.list_info.take() {
                    restore_number(&mut paragraph, &list);
                }
                out.push(Block::Paragraph(paragraph));
                let style = ParagraphStyle { heading_level: None, list_info: None, ..style };
                paragraph = Paragraph { content: rest, style };
            }
            if !paragraph.is_empty() {
                out.push(Block::Paragraph(paragraph));
            }
        }
        out
    }

    /// A title and a page number, often with dots between them.
    fn is_contents(&self, paragraph: &Paragraph) -> bool {
        let text = paragraph.plain_text();
        let text = text.trim_end();
        let title = text.trim_end_matches(|c: char| c.is_ascii_digit());
        if title.len() == text.len() || text.len() > TITLE_BYTES_MAX {
            return false;
        }
        let dots = title.trim_end().ends_with(". .") || title.trim_end().ends_with("..");
        let key = key(title);
        dots || (title.ends_with(char::is_whitespace) && self.by_key.contains_key(&key))
    }

    /// How many parts of a paragraph, from its beginning, are a title that is due, and its level.
    fn find(&mut self, page: u32, paragraph: &Paragraph) -> Option<(usize, u8)> {
        let mut text = String::new();
        let mut found = None;
        let all = paragraph.content.len();
        for (content, parts) in paragraph.content.iter().zip(1..) {
            match content {
                InlineContent::Text(run) => text.push_str(&run.text),
                InlineContent::Link { text: link, .. } => text.push_str(link),
                InlineContent::LineBreak => text.push(' '),
                InlineContent::Image { .. } => {}
            }
            if text.len() > TITLE_BYTES_MAX {
                break;
            }
            // The longest wins: what follows may be of the title.
            if let Some(at) = self.due(page, &key(&text), if parts == all { DUE } else { DUE_AT_START }) {
                found = Some((parts, at));
            }
        }
        let (parts, at) = found?;
        self.titles[at].found = true;
        self.next = self.next.max(at + 1);
        Some((parts, self.titles[at].level))
    }

    fn due(&self, page: u32, key: &str, due: usize) -> Option<usize> {
        let places = self.by_key.get(key)?;
        let on_page = |at: &&usize| self.titles[**at].page == Some(page) && !self.titles[**at].found;
        let next = |at: &&usize| self.titles[**at].page.is_none() && (self.next..self.next + due).contains(*at);
        places.iter().find(on_page).or_else(|| places.iter().find(next)).copied()
    }
}

/// A heading `2. Scope` was read as an item of a list: its number belongs to its text.
fn restore_number(paragraph: &mut Paragraph, list: &ListInfo) {
    if let (ListStyle::Ordered { .. }, Some(number)) = (&list.style, list.item_number) {
        paragraph.content.insert(0, InlineContent::Text(TextRun::new(format!("{number}. "))));
    }
}

/// What is compared of a title: letters and digits in lower case, without the section's number before it.
fn key(title: &str) -> String {
    let title = title.trim();
    let after = title.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace());
    // A title of digits only keeps them.
    let title = if after.is_empty() { title } else { after };
    title.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headings(pages: [Option<u32>; 2]) -> Headings {
        let mut outline = Outline::new();
        let mut chapter = OutlineItem::new("1 Shell  Syntax", pages[0], 0);
        chapter.add_child(OutlineItem::new("Quoting", pages[1], 1));
        outline.add_item(chapter);
        Headings::of(&outline)
    }

    fn levels(headings: &mut Headings, page: u32, texts: &[&str]) -> Vec<Option<u8>> {
        let block = |text: &&str| Block::Paragraph(Paragraph::heading(*text, 5));
        let level = |block: &Block| match block {
            Block::Paragraph(paragraph) => paragraph.heading_level(),
            _ => None,
        };
        headings.apply(page, texts.iter().map(block).collect()).iter().map(level).collect()
    }

    #[test]
    fn titles_are_found_on_their_page() {
        let mut headings = headings([Some(3), Some(3)]);
        assert_eq!(levels(&mut headings, 2, &["Shell syntax", "Quoting"]), [Some(5), Some(5)]);
        assert_eq!(levels(&mut headings, 3, &["Shell syntax", "quoting", "Quoting"]), [Some(1), Some(2), Some(5)]);
    }

    #[test]
    fn titles_without_a_page_are_found_in_their_order() {
        let mut headings = headings([None, None]);
        let texts =
            ["1.1 Shell syntax . . . . . 5", "Shell Syntax 5", "Shell syntax", "other", "1.1 Quoting", "Shell syntax"];
        assert_eq!(levels(&mut headings, 1, &texts), [None, None, Some(1), Some(5), Some(2), Some(5)]);
    }

    #[test]
    fn a_title_is_cut_from_what_follows() {
        let mut paragraph = Paragraph::with_text("1 Shell ");
        paragraph.add_text("Syntax");
        paragraph.add_text("It is short.");
        let blocks = headings([None, None]).apply(1, vec![Block::Paragraph(paragraph)]);
        let text = |block: &Block| match block {
            Block::Paragraph(paragraph) => paragraph.plain_text(),
            _ => String::new(),
        };
        assert_eq!(blocks.iter().map(text).collect::<Vec<_>>(), ["1 Shell Syntax", "It is short."]);
    }

    #[test]
    fn keys() {
        assert_eq!(key("2.1. What's New?"), "whatsnew");
        assert_eq!(key("2024"), "2024");
        assert_eq!(key("  "), "");
    }
}
