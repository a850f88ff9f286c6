//! Headings from the bookmarks of a PDF: where a paragraph of the page they point at reads as their title, it is one.

use std::collections::HashMap;
use unpdf::model::{
    Block, InlineContent, ListInfo, ListStyle, Outline, OutlineItem, Paragraph, ParagraphStyle, TextRun,
};

/// Bookmarks that are looked at; an index of every term in a manual has more, and those are no headings.
const BOOKMARKS_MAX: usize = 20_000;
/// Bytes of a title that is a heading.
const TITLE_BYTES_MAX: usize = 400;

/// The titles by page, with their levels.
#[derive(Debug, Default)]
pub struct Headings {
    by_page: HashMap<u32, Vec<(String, u8)>>,
}

impl Headings {
    /// The titles of an outline.
    pub fn of(outline: &Outline) -> Self {
        let mut headings = Self::default();
        let mut left = BOOKMARKS_MAX;
        for item in &outline.items {
            headings.add(item, 1, &mut left);
        }
        headings
    }

    fn add(&mut self, item: &OutlineItem, level: u8, left: &mut usize) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let title = key(&item.title);
        if let (Some(page), false) = (item.page, title.is_empty()) {
            self.by_page.entry(page).or_default().push((title, level));
        }
        for child in &item.children {
            self.add(child, (level + 1).min(6), left);
        }
    }

    /// Makes the paragraphs of a page that are titles of its bookmarks headings of their level. A paragraph that begins
    /// with a title, in words that the page sets apart from what follows, is cut in two.
    pub fn apply(&self, page: u32, blocks: Vec<Block>) -> Vec<Block> {
        let Some(titles) = self.by_page.get(&page) else { return blocks };
        let mut titles = titles.clone();
        let mut out = Vec::with_capacity(blocks.len());
        for block in blocks {
            let Block::Paragraph(mut paragraph) = block else {
                out.push(block);
                continue;
            };
            if let Some((parts, level)) = find(&paragraph, &mut titles) {
                let rest = paragraph.content.split_off(parts);
                let style = paragraph.style.clone();
                paragraph.style.heading_level = Some(level);
                if let Some(list) = paragraph.style.list_info.take() {
                    restore_number(&mut paragraph, &list);
                }
                out.push(Block::Paragraph(paragraph));
                let style = ParagraphStyle { heading_level: None, list_info: None, ..style };
                paragraph = Paragraph { content: rest, style };
            }
            if !paragraph.content.is_empty() {
                out.push(Block::Paragraph(paragraph));
            }
        }
        out
    }
}

/// How many parts of a paragraph, from its beginning, are one of the titles, which is taken out, and its level.
fn find(paragraph: &Paragraph, titles: &mut Vec<(String, u8)>) -> Option<(usize, u8)> {
    let mut text = String::new();
    let mut found = None;
    for (content, parts) in paragraph.content.iter().zip(1..) {
        match content {
            InlineContent::Text(run) => text.push_str(&run.text),
            InlineContent::Link { text: link, .. } => text.push_str(link),
            InlineContent::LineBreak => text.push(' '),
            InlineContent::Image { .. } => {}
        }
        if text.len() > TITLE_BYTES_MAX || titles.is_empty() {
            break;
        }
        let key = key(&text);
        // The first that is left: a title may stand on its page twice. The longest wins: what follows may be of it.
        if let Some(at) = titles.iter().position(|(title, _)| *title == key) {
            found = Some((parts, at));
        }
    }
    let (parts, at) = found?;
    Some((parts, titles.remove(at).1))
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

    #[test]
    fn titles_are_found_on_their_page_only() {
        let mut outline = Outline::new();
        let mut chapter = OutlineItem::new("1 Shell  Syntax", Some(3), 0);
        chapter.add_child(OutlineItem::new("Quoting", Some(3), 1));
        outline.add_item(chapter);
        let headings = Headings::of(&outline);
        let blocks =
            ["Shell syntax", "quoting", "Other", "Quoting"].map(|text| Block::Paragraph(Paragraph::with_text(text)));
        let levels = |page: u32| -> Vec<_> {
            let blocks = headings.apply(page, blocks.to_vec());
            let level = |block: &Block| match block {
                Block::Paragraph(paragraph) => paragraph.heading_level(),
                _ => None,
            };
            blocks.iter().map(level).collect()
        };
        assert_eq!(levels(3), [Some(1), Some(2), None, None]);
        assert_eq!(levels(4), [None; 4]);
    }

    #[test]
    fn a_title_is_cut_from_what_follows() {
        let mut outline = Outline::new();
        outline.add_item(OutlineItem::new("Quoting rules", Some(1), 0));
        let mut paragraph = Paragraph::with_text("1.2 Quoting ");
        paragraph.add_text("Rules");
        paragraph.add_text("They are many.");
        let blocks = Headings::of(&outline).apply(1, vec![Block::Paragraph(paragraph)]);
        let texts: Vec<String> = blocks
            .iter()
            .map(|block| match block {
                Block::Paragraph(paragraph) => paragraph.plain_text(),
                _ => String::new(),
            })
            .collect();
        assert_eq!(texts, ["1.2 Quoting Rules", "They are many."]);
    }

    #[test]
    fn keys() {
        assert_eq!(key("2.1. What's New?"), "whatsnew");
        assert_eq!(key("2024"), "2024");
        assert_eq!(key("  "), "");
    }
}
