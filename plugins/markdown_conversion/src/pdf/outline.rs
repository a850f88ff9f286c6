//! Headings from the bookmarks of a PDF: where a paragraph of the page they point at reads as their title, it is one.

use std::collections::HashMap;
use unpdf::model::{Block, Outline, OutlineItem};

/// Bookmarks that are looked at; an index of every term in a manual has more, and those are no headings.
const BOOKMARKS_MAX: usize = 20_000;
/// Characters of a title that is a heading.
const TITLE_CHARS_MAX: usize = 200;

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

    /// Makes the paragraphs of a page that are titles of its bookmarks headings of their level.
    pub fn apply(&self, page: u32, blocks: &mut [Block]) {
        let Some(titles) = self.by_page.get(&page) else { return };
        let mut titles = titles.clone();
        for block in blocks {
            let Block::Paragraph(paragraph) = block else { continue };
            let text = paragraph.plain_text();
            if text.chars().count() > TITLE_CHARS_MAX {
                continue;
            }
            let text = key(&text);
            // The first that is left: a title may stand on its page twice.
            let Some(at) = titles.iter().position(|(title, _)| *title == text) else { continue };
            let (_, level) = titles.remove(at);
            paragraph.style.heading_level = Some(level);
            if let Some(list) = paragraph.style.list_info.take() {
                restore_number(paragraph, &list);
            }
        }
    }
}

/// A heading `2. Scope` was read as an item of a list: its number belongs to its text.
fn restore_number(paragraph: &mut unpdf::model::Paragraph, list: &unpdf::model::ListInfo) {
    use unpdf::model::{InlineContent, ListStyle, TextRun};
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
    use unpdf::model::Paragraph;

    #[test]
    fn titles_are_found_on_their_page_only() {
        let mut outline = Outline::new();
        let mut chapter = OutlineItem::new("1 Shell  Syntax", Some(3), 0);
        chapter.add_child(OutlineItem::new("Quoting", Some(3), 1));
        outline.add_item(chapter);
        let headings = Headings::of(&outline);
        let blocks =
            || ["Shell syntax", "quoting", "Other", "Quoting"].map(|text| Block::Paragraph(Paragraph::with_text(text)));
        let levels = |page: u32| {
            let mut blocks = blocks();
            headings.apply(page, &mut blocks);
            blocks.map(|block| match block {
                Block::Paragraph(paragraph) => paragraph.heading_level(),
                _ => None,
            })
        };
        assert_eq!(levels(3), [Some(1), Some(2), None, None]);
        assert_eq!(levels(4), [None; 4]);
    }

    #[test]
    fn keys() {
        assert_eq!(key("2.1. What's New?"), "whatsnew");
        assert_eq!(key("2024"), "2024");
        assert_eq!(key("  "), "");
    }
}
