//! Tables that are none: the layout analysis takes lines with gaps for rows, also where they are prose or contents.
//!
//! The rules were set by looking at every table of the manuals among our samples. Definitions (`\n | newline`), indexes
//! and data stay tables; a table of contents becomes lines, and prose that was cut at its gaps becomes prose again.

use unpdf::model::{Block, InlineContent, Paragraph, Table, TableRow, TextRun};

/// Share of the rows that must speak against a table.
const AGAINST: f64 = 0.3;
/// Share of a table of contents' rows that must look like one: some wrap.
const CONTENTS: f64 = 0.6;
/// Share of empty cells from which a table is a drawing with words in it.
const EMPTY: f64 = 0.6;
/// Characters of a row's only cell from which it is a wrapped line of prose, not a value.
const LINE_CHARS: usize = 40;

/// What a table really is.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Table,
    Contents,
    Prose,
}

/// Takes apart what is no table.
pub fn flatten_false(blocks: Vec<Block>) -> Vec<Block> {
    let mut out = Vec::with_capacity(blocks.len());
    for block in blocks {
        match block {
            Block::Table(table) => match kind(&cells(&table)) {
                Kind::Table => out.push(Block::Table(table)),
                Kind::Contents => {
                    out.extend(table.rows.into_iter().map(|row| Block::Paragraph(joined([row]))).filter(has_text));
                }
                Kind::Prose => out.extend(Some(Block::Paragraph(joined(table.rows))).filter(has_text)),
            },
            block => out.push(block),
        }
    }
    out
}

fn has_text(block: &Block) -> bool {
    matches!(block, Block::Paragraph(paragraph) if !paragraph.is_empty())
}

/// The texts of the cells.
fn cells(table: &Table) -> Vec<Vec<String>> {
    table.rows.iter().map(|row| row.cells.iter().map(|cell| cell.plain_text().trim().to_owned()).collect()).collect()
}

fn kind(rows: &[Vec<String>]) -> Kind {
    let share = |count: usize, share: f64| count > 0 && count as f64 >= share * rows.len() as f64;
    let filled: Vec<Vec<&str>> =
        rows.iter().map(|row| row.iter().map(String::as_str).filter(|cell| !cell.is_empty()).collect()).collect();
    let count = |test: fn(&[&str]) -> bool| filled.iter().filter(|row| test(row)).count();
    let all: usize = rows.iter().map(Vec::len).sum();
    let empty = all - filled.iter().map(Vec::len).sum::<usize>();
    match () {
        () if share(count(of_contents), CONTENTS) => Kind::Contents,
        () if share(count(wrapped), AGAINST) || share(count(cut), AGAINST) => Kind::Prose,
        () if empty as f64 >= EMPTY * all as f64 => Kind::Prose,
        () => Kind::Table,
    }
}

/// A section's number first and a page's last.
fn of_contents(row: &[&str]) -> bool {
    let [first, .., last] = row else { return false };
    let page = (last.len() <= 4 && last.bytes().all(|b| b.is_ascii_digit()))
        || (last.len() <= 6 && last.bytes().all(|b| b"ivxl".contains(&b)));
    let number = first.split(' ').next().unwrap_or_default().trim_end_matches('.');
    let section = number.split('.').enumerate().all(|(index, part)| {
        let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        digits || (index == 0 && part.len() == 1 && part.bytes().all(|b| b.is_ascii_uppercase()))
    });
    page && section
}

/// One long cell alone.
fn wrapped(row: &[&str]) -> bool {
    matches!(row, [only] if only.chars().count() > LINE_CHARS)
}

/// A cell goes on in the next one, in the middle of a sentence.
fn cut(row: &[&str]) -> bool {
    row.windows(2).any(|pair| {
        let (left, right) = (pair[0].chars().count(), pair[1].chars().count());
        let open = !pair[0].ends_with(['.', ':', ';', '!', '?']);
        let goes_on = pair[1].starts_with(|c: char| c.is_lowercase() || ",.;:)’”".contains(c));
        left >= 10 && left + right > 30 && open && goes_on
    })
}

/// The cells of rows as one paragraph.
fn joined(rows: impl IntoIterator<Item = TableRow>) -> Paragraph {
    let mut out = Paragraph::new();
    for cell in rows.into_iter().flat_map(|row| row.cells) {
        for paragraph in cell.content.into_iter().filter(|paragraph| !paragraph.is_empty()) {
            if !out.content.is_empty() {
                out.content.push(InlineContent::Text(TextRun::new(" ")));
            }
            out.content.extend(paragraph.content);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[&[&str]]) -> Table {
        let mut table = Table::new();
        rows.iter().for_each(|row| table.add_row(TableRow::from_strings(row.iter().copied())));
        table
    }

    fn flat(rows: &[&[&str]]) -> Vec<String> {
        let text = |block: &Block| match block {
            Block::Paragraph(paragraph) => paragraph.plain_text(),
            _ => "table".into(),
        };
        flatten_false(vec![Block::Table(table(rows))]).iter().map(text).collect()
    }

    #[test]
    fn data_and_definitions_stay_tables() {
        assert_eq!(flat(&[&["Name", "Age"], &["Jane", "42"], &["Bob", "7"]]), ["table"]);
        assert_eq!(flat(&[&["\\f", "form feed"], &["\\n", "newline, which ends a line of text"]]), ["table"]);
        assert_eq!(flat(&[&["Item", "", "Price"], &["Tea", "green", "3.00"]]), ["table"]);
    }

    #[test]
    fn contents_become_lines() {
        let rows: &[&[&str]] = &[&["3.1", "Shell Operation", "5"], &["3.2", "Quoting", "6"], &["A", "Index", "120"]];
        assert_eq!(flat(rows), ["3.1 Shell Operation 5", "3.2 Quoting 6", "A Index 120"]);
    }

    #[test]
    fn prose_that_was_cut_is_prose_again() {
        let rows: &[&[&str]] = &[
            &["", "sion appears within double quotes, each variable name expands"],
            &["", "word."],
            &["${!", "name [@]}"],
        ];
        assert_eq!(flat(rows), ["sion appears within double quotes, each variable name expands word. ${! name [@]}"]);
        let rows: &[&[&str]] = &[&["The string that would be displayed by", "dirs and so on"]];
        assert_eq!(flat(rows), ["The string that would be displayed by dirs and so on"]);
    }

    #[test]
    fn a_drawing_keeps_its_words() {
        assert_eq!(flat(&[&["", "", "X"], &["", "", ""], &["Y", "", ""]]), ["X Y"]);
        assert!(flat(&[&["", ""]]).is_empty());
    }
}
