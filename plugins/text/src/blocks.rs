//! Markdown into blocks of running text: paragraphs, headings, list items and table cells. Code blocks are left out.

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A paragraph or a list item.
    Text,
    /// A heading: capitals in it say little.
    Heading,
    /// A table cell.
    Cell,
}

/// A range of bytes of the document that holds text which belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// First byte.
    pub start: usize,
    /// Byte after the last one.
    pub end: usize,
    /// What it is.
    pub kind: BlockKind,
}

/// The blocks of a document, in order. Time and memory: linear.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut reader = Reader { text, blocks: Vec::new(), open: None, fence: None, in_list: false, after_blank: true };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        reader.line(start, line);
        start += line.len();
    }
    reader.close();
    reader.blocks
}

struct Reader<'a> {
    text: &'a str,
    blocks: Vec<Block>,
    /// Paragraph being read.
    open: Option<(usize, usize)>,
    /// Character and length of the fence of the code block being read.
    fence: Option<(char, usize)>,
    in_list: bool,
    after_blank: bool,
}

impl Reader<'_> {
    fn close(&mut self) {
        if let Some((start, end)) = self.open.take() {
            self.push(start, end, BlockKind::Text);
        }
    }

    fn push(&mut self, start: usize, end: usize, kind: BlockKind) {
        if !self.text[start..end].trim().is_empty() {
            self.blocks.push(Block { start, end, kind });
        }
    }

    fn line(&mut self, start: usize, line: &str) {
        let content = line.trim_end();
        let end = start + content.len();
        // Quotes are text: their marker is passed over.
        let quoted = content.trim_start_matches(['>', ' ', '\t']);
        let trimmed = if content.trim_start().starts_with('>') { quoted } else { content.trim_start() };
        let indent = content.len() - trimmed.len();
        let at = start + indent;

        if let Some((mark, length)) = self.fence {
            if run(trimmed, mark) >= length && trimmed.trim_start_matches(mark).is_empty() {
                self.fence = None;
            }
            return;
        }
        let was_blank = std::mem::replace(&mut self.after_blank, trimmed.is_empty());
        if trimmed.is_empty() {
            return self.close();
        }
        for mark in ['`', '~'] {
            let length = run(trimmed, mark);
            // reStructuredText underlines headings with it, and a fence that is none would swallow the rest of the document.
            if mark == '~' && length >= 4 && length == trimmed.len() && self.open.is_some() {
                if let Some((from, to)) = self.open.take() {
                    self.push(from, to, BlockKind::Heading);
                }
                return;
            }
            if length >= 3 && !trimmed[length..].contains(mark) {
                self.close();
                self.fence = Some((mark, length));
                return;
            }
        }
        if indent >= 4 && was_blank && !self.in_list && is_code(trimmed) {
            self.close();
            // The next line of the block is code as well.
            self.after_blank = true;
            return;
        }
        if indent == 0 {
            self.in_list = false;
        }
        if underline(trimmed) {
            match self.open.take() {
                // A line of = or - under one line of text makes it a heading.
                Some((from, to)) if !self.text[from..to].contains('\n') => self.push(from, to, BlockKind::Heading),
                Some((from, to)) => self.push(from, to, BlockKind::Text),
                None => {}
            }
            return;
        }
        let hashes = run(trimmed, '#');
        if (1..=6).contains(&hashes) && trimmed[hashes..].starts_with([' ', '\t']) {
            self.close();
            return self.push(at + hashes, end, BlockKind::Heading);
        }
        if trimmed.starts_with('|') {
            self.close();
            return self.cells(at, trimmed);
        }
        if let Some(marker) = list_marker(trimmed) {
            self.close();
            self.in_list = true;
            self.open = Some((at + marker, end));
            return;
        }
        self.open = Some((self.open.map_or(at, |(from, _)| from), end));
    }

    fn cells(&mut self, at: usize, row: &str) {
        if row.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t')) {
            return;
        }
        let mut from = 0;
        let mut escaped = false;
        for (place, c) in row.char_indices().chain([(row.len(), '|')]) {
            if c == '|' && !escaped {
                self.push(at + from, at + place, BlockKind::Cell);
                from = (place + 1).min(row.len());
            }
            escaped = c == '\\' && !escaped;
        }
    }
}

fn run(text: &str, mark: char) -> usize {
    text.chars().take_while(|c| *c == mark).count()
}

fn underline(line: &str) -> bool {
    ['=', '-', '*', '_'].iter().any(|mark| line.len() >= 3 && line.chars().all(|c| c == *mark))
}

fn list_marker(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let marker = match digits {
        0 if line.starts_with(['-', '*', '+', '•', '–']) => line.chars().next().map_or(0, char::len_utf8),
        1..=3 if line[digits..].starts_with(['.', ')']) => digits + 1,
        _ => return None,
    };
    // "10. Januar" at the start of a line is rather a date than an item, and stays readable as one: months never follow a marker.
    line[marker..].starts_with([' ', '\t']).then_some(marker)
}

/// Whether an indented line is code rather than text that some converter has indented.
fn is_code(line: &str) -> bool {
    let letters = line.chars().filter(|c| c.is_alphabetic() || *c == ' ').count();
    let all = line.chars().count();
    letters * 5 < all * 4 || line.contains("()") || line.ends_with(['{', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Vec<(&str, BlockKind)> {
        blocks(text).iter().map(|block| (text[block.start..block.end].trim(), block.kind)).collect()
    }

    #[test]
    fn structure_is_seen_and_code_left_out() {
        let text = "# Title\n\nOne line\nand its second.\n\n```rust\nlet Secret = 1;\n```\n\n- item one\n- item two\n\n> quoted\n\n| A | B \\| C |\n|---|---|\n| d | |\n\nUnder\n-----\n\n    let code = Indented();\n    more(x);\n";
        let want = [
            ("Title", BlockKind::Heading),
            ("One line\nand its second.", BlockKind::Text),
            ("item one", BlockKind::Text),
            ("item two", BlockKind::Text),
            ("quoted", BlockKind::Text),
            ("A", BlockKind::Cell),
            ("B \\| C", BlockKind::Cell),
            ("d", BlockKind::Cell),
            ("Under", BlockKind::Heading),
        ];
        assert_eq!(read(text), want);
    }

    #[test]
    fn indented_prose_stays() {
        assert_eq!(read("\n    This is prose that a converter has indented\n").len(), 1);
    }

    proptest! {
        #[test]
        fn blocks_are_in_order_and_on_boundaries(text in "([#>|`\\-*= \n]|[a-zäß漢🦆]){0,200}") {
            let mut last = 0;
            for block in blocks(&text) {
                prop_assert!(last <= block.start && block.start < block.end);
                prop_assert!(text.get(block.start..block.end).is_some());
                last = block.end;
            }
        }
    }
}
