//! The text of a document without its markup, in passages.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// Bytes of text looked at. Summary and topics of a long book do not get better with all of it, and half a megabyte
/// (some 250 pages of prose) is done in well under a second of wasm, whatever the document's length.
pub const TEXT_BYTES_MAX: usize = 512 << 10;

/// Bytes from the beginning that are always taken: introductions say what a document is about.
const LEAD_BYTES: usize = 96 << 10;

/// Bytes of one passage: a document without paragraphs must not fill the whole budget with its beginning.
const PASSAGE_BYTES_MAX: usize = 32 << 10;

/// What a passage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A paragraph.
    Prose,
    /// A list's item.
    Item,
    /// A row of a table.
    Row,
    /// A heading.
    Heading,
    /// A code block.
    Code,
}

/// A passage of plain text: never blank, one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What it is.
    pub kind: Kind,
    /// Its text.
    pub text: String,
}

/// Takes the passages out of markdown, at most [`TEXT_BYTES_MAX`] bytes of text: the beginning, then every so many of
/// the rest, evenly. The same input gives the same passages. Linear in the length of the markdown.
pub fn passages(markdown: &str) -> Vec<Passage> {
    sampled(read(markdown))
}

fn sampled(all: Vec<Passage>) -> Vec<Passage> {
    let total: usize = all.iter().map(|passage| passage.text.len()).sum();
    if total <= TEXT_BYTES_MAX {
        return all;
    }
    let rest = (total - LEAD_BYTES) as f64;
    let share = (TEXT_BYTES_MAX - LEAD_BYTES) as f64 / rest;
    let (mut seen, mut taken) = (0, 0);
    let mut kept = Vec::new();
    for passage in all {
        let bytes = passage.text.len();
        // After the lead a passage is taken whenever less was taken than its share of what has gone by.
        let due = seen < LEAD_BYTES || (taken as f64) < LEAD_BYTES as f64 + (seen - LEAD_BYTES) as f64 * share;
        seen += bytes;
        if due && taken + bytes <= TEXT_BYTES_MAX {
            taken += bytes;
            kept.push(passage);
        }
    }
    kept
}

fn read(markdown: &str) -> Vec<Passage> {
    let mut reader = Reader::default();
    let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
    for event in Parser::new_ext(markdown, options) {
        reader.event(event);
    }
    reader.close();
    reader.passages
}

#[derive(Default)]
struct Reader {
    passages: Vec<Passage>,
    text: String,
    kind: Option<Kind>,
    items: usize,
    images: usize,
}

impl Reader {
    fn open(&mut self, kind: Kind) {
        self.close();
        self.kind = Some(kind);
    }

    /// Ends the passage that is open; what follows in the same item is another one.
    fn close(&mut self) {
        let text = std::mem::take(&mut self.text);
        let kind = self.kind.take().unwrap_or(self.loose());
        let mut line = String::with_capacity(text.len().min(PASSAGE_BYTES_MAX));
        for word in text.split_whitespace() {
            if line.len() + word.len() >= PASSAGE_BYTES_MAX {
                break;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.passages.push(Passage { kind, text: line });
        }
    }

    fn loose(&self) -> Kind {
        if self.items > 0 { Kind::Item } else { Kind::Prose }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Paragraph) => self.open(self.loose()),
            Event::Start(Tag::Heading { .. }) => self.open(Kind::Heading),
            Event::Start(Tag::CodeBlock(_)) => self.open(Kind::Code),
            Event::Start(Tag::TableHead | Tag::TableRow) => self.open(Kind::Row),
            Event::Start(Tag::Item) => {
                self.close();
                self.items += 1;
            }
            Event::End(TagEnd::Item) => {
                self.close();
                self.items = self.items.saturating_sub(1);
            }
            Event::Start(Tag::Image { .. }) => self.images += 1,
            Event::End(TagEnd::Image) => self.images = self.images.saturating_sub(1),
            Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::TableHead | TagEnd::TableRow,
            ) => {
                self.close();
            }
            Event::End(TagEnd::TableCell) | Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            Event::Start(Tag::List(_) | Tag::BlockQuote(_) | Tag::HtmlBlock) => self.close(),
            Event::Text(text) | Event::Code(text) if self.images == 0 => self.text.push_str(&text),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(markdown: &str) -> Vec<(Kind, String)> {
        passages(markdown).into_iter().map(|passage| (passage.kind, passage.text)).collect()
    }

    #[test]
    fn markup_is_taken_off() {
        let text = "# A *b*\n\nHello [link](http://x) `code`\nnext ![alt](y).\n\n- one\n  - two\n\n```\nx = 1\n```\n\n|h|i|\n|-|-|\n|1|2|\n";
        let expected = [
            (Kind::Heading, "A b"),
            (Kind::Prose, "Hello link code next ."),
            (Kind::Item, "one"),
            (Kind::Item, "two"),
            (Kind::Code, "x = 1"),
            (Kind::Row, "h i"),
            (Kind::Row, "1 2"),
        ];
        assert_eq!(list(text), expected.map(|(kind, text)| (kind, text.to_owned())));
    }

    #[test]
    fn long_documents_are_sampled_to_their_end() {
        let text: String = (0..40_000).map(|at| format!("Paragraph number {at} of a very long book.\n\n")).collect();
        let found = passages(&text);
        let bytes: usize = found.iter().map(|passage| passage.text.len()).sum();
        assert!(bytes <= TEXT_BYTES_MAX && bytes > TEXT_BYTES_MAX * 9 / 10, "{bytes}");
        assert!(found[1].text.contains("number 1 of"));
        let last: usize = found.last().unwrap().text.split(' ').nth(2).unwrap().parse().unwrap();
        assert!(last > 39_900, "{last}");
    }

    #[test]
    fn one_endless_paragraph_is_cut() {
        let found = passages(&"word ".repeat(400_000));
        assert_eq!(found.len(), 1);
        assert!(found[0].text.len() <= PASSAGE_BYTES_MAX);
    }
}
