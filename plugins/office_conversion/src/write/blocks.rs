//! Blocks: headings, paragraphs, lists, tables, notes.

use morag_conversion::escape::note;
use morag_conversion::{failures, markdown};
use morag_step::Failure;

/// Bytes of markdown: a text that a document names once and shows a million times would fill the step's memory.
const MARKDOWN_BYTES_MAX: usize = 48 << 20;
/// Deepest list: what is deeper is written at this level.
const LIST_DEPTH_MAX: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Block,
    Item,
}

/// A markdown text while it is written.
#[derive(Debug)]
pub struct Blocks {
    out: String,
    /// For each open level of the list, the column of its items' text.
    list: Vec<usize>,
    last: Last,
    full: bool,
}

impl Default for Blocks {
    fn default() -> Self {
        Self { out: String::new(), list: Vec::new(), last: Last::Nothing, full: false }
    }
}

impl Blocks {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Whether it has reached the limit: what is still added is lost, and [`Blocks::finish`] fails.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The text, with one line end at its end.
    ///
    /// # Errors
    /// `DOCUMENT_TOO_LARGE` where there was more than [`MARKDOWN_BYTES_MAX`].
    pub fn finish(self) -> Result<String, Failure> {
        if self.full {
            return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        Ok(markdown::finish(&self.out))
    }

    /// The text as far as there was room for it: for a part of another one, which has the same limit.
    pub fn into_text(self) -> String {
        self.out
    }

    fn begin(&mut self, last: Last) {
        let gap = match (self.last, last) {
            (Last::Nothing, _) => "",
            (Last::Item, Last::Item) => "\n",
            _ => "\n\n",
        };
        self.out.push_str(gap);
        self.last = last;
    }

    fn push(&mut self, text: &str) {
        if self.out.len() + text.len() > MARKDOWN_BYTES_MAX {
            self.full = true;
        } else {
            self.out.push_str(text);
        }
    }

    /// A block of text that is markdown already. Blank text is no block.
    pub fn paragraph(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        self.list.clear();
        self.begin(Last::Block);
        self.push(text);
    }

    /// A heading of level 1 to 6; deeper ones are of level 6.
    pub fn heading(&mut self, level: usize, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            // Stars around the whole of a heading say nothing more.
            let bare =
                text.strip_prefix("**").and_then(|text| text.strip_suffix("**")).filter(|text| !text.contains("**"));
            self.paragraph(&format!("{} {}", "#".repeat(level.clamp(1, 6)), bare.unwrap_or(&text)));
        }
    }

    /// An item of a list at a level from 0. `marker` is `-` or a number with its dot.
    pub fn item(&mut self, level: usize, marker: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let level = level.min(LIST_DEPTH_MAX).min(self.list.len());
        self.list.truncate(level);
        let column = self.list.last().copied().unwrap_or(0);
        self.begin(Last::Item);
        let width = marker.chars().count() + 1;
        let first = format!("{}{marker} ", " ".repeat(column));
        self.push(&first);
        self.push_indented(text, column + width);
        self.list.push(column + width);
    }

    /// A further paragraph of the last item of a level; a paragraph where there is none.
    pub fn in_item(&mut self, level: usize, text: &str) {
        let Some(column) = self.list.get(level.min(LIST_DEPTH_MAX)).or(self.list.last()).copied() else {
            return self.paragraph(text);
        };
        if !text.trim().is_empty() {
            self.begin(Last::Block);
            self.push(&" ".repeat(column));
            self.push_indented(text, column);
            self.list.truncate(level + 1);
            self.last = Last::Item;
        }
    }

    fn push_indented(&mut self, text: &str, column: usize) {
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                self.push("\n");
                self.push(&" ".repeat(column));
            }
            self.push(line);
        }
    }

    /// A table, its first row as its head. Empty rows, and columns that are empty at the right, are left out.
    pub fn table<R: AsRef<[String]>>(&mut self, rows: &[R]) {
        let used = |row: &[String]| row.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
        let width = rows.iter().map(|row| used(row.as_ref())).max().unwrap_or(0);
        if width == 0 {
            return;
        }
        let mut head = Some(width);
        for row in rows.iter().map(AsRef::as_ref).filter(|row| used(row) > 0) {
            if self.full {
                return;
            }
            self.row(row, head.take());
        }
    }

    /// A row of a table: with a width it is the head of a new one, and else a further row of the last, which may be shorter than the head.
    pub fn row(&mut self, row: &[String], head: Option<usize>) {
        let mut line = String::from("|");
        let used = row.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
        for cell in 0..head.unwrap_or(used) {
            line.push(' ');
            markdown::push_cell(&mut line, row.get(cell).map_or("", String::as_str));
            line.push_str(if line.ends_with(' ') { "|" } else { " |" });
        }
        match head {
            Some(width) => {
                self.list.clear();
                self.begin(Last::Block);
                line.push_str("\n|");
                line.push_str(&" --- |".repeat(width));
            }
            None => self.push("\n"),
        }
        self.push(&line);
    }

    /// A block of code.
    pub fn code(&mut self, text: &str) {
        let text = text.trim_matches('\n');
        if text.trim().is_empty() {
            return;
        }
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.paragraph(&format!("{fence}\n{text}\n{fence}"));
    }

    /// What a note says, to which `[^label]` refers.
    pub fn note(&mut self, label: &str, text: &str) {
        // One paragraph: further ones would have to be indented, and not every reader knows that.
        let text = text.split('\n').filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.paragraph(&note(label, &text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_nested_by_the_width_of_their_markers() {
        let mut blocks = Blocks::new();
        blocks.paragraph("Text");
        blocks.item(0, "9.", "nine");
        blocks.item(0, "10.", "ten");
        blocks.item(1, "-", "inner\nsecond line");
        blocks.in_item(0, "more of ten");
        blocks.item(5, "-", "too deep");
        blocks.heading(9, "**End**");
        let expected = "Text\n\n9. nine\n10. ten\n    - inner\n      second line\n\n    more of ten\n    - too deep\n\n###### End\n";
        assert_eq!(blocks.finish().unwrap(), expected);
    }

    #[test]
    fn tables_have_a_head_and_no_empty_edges() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let mut blocks = Blocks::new();
        blocks.table(&[row(&["a", "", ""]), row(&["", "", ""]), row(&["b|c", "d\ne"])]);
        assert_eq!(blocks.finish().unwrap(), "| a | |\n| --- | --- |\n| b\\|c | d e |\n");
        let mut blocks = Blocks::new();
        blocks.table(&[row(&["", " "])]);
        assert!(blocks.is_empty());
    }

    #[test]
    fn more_than_the_limit_is_refused() {
        let mut blocks = Blocks::new();
        let text = "a".repeat(1 << 20);
        for _ in 0..60 {
            blocks.paragraph(&text);
        }
        assert!(blocks.is_full());
        assert_eq!(blocks.finish().unwrap_err().code, "DOCUMENT_TOO_LARGE");
    }

    #[test]
    fn code_is_fenced_by_more_marks_than_it_has() {
        let mut blocks = Blocks::new();
        blocks.code("a ``` b\n");
        assert_eq!(blocks.finish().unwrap(), "````\na ``` b\n````\n");
    }
}
