//! CSV to a table.

use crate::text::TEXT_BYTES_MAX;
use csv::{ByteRecord, ReaderBuilder};
use morag_conversion::document::Properties;
use morag_conversion::escape::inline;
use morag_conversion::formats;
use morag_conversion::{Converted, encoding, failures, markdown};
use morag_step::Failure;

/// Rows that are written. More is a database, and every later step reads the whole markdown.
const ROWS_MAX: usize = 100_000;
/// Columns that are written: wider than any sheet people read.
const COLUMNS_MAX: usize = 1_000;
/// Bytes of markdown: padding ragged rows may multiply the source.
const MARKDOWN_BYTES_MAX: usize = 32 << 20;
/// Bytes that the delimiter is judged by.
const SNIFF_BYTES: usize = 64 << 10;

/// Writes a CSV file as one table, its first row as the header. Rows past a limit are left out, with a warning.
///
/// # Errors
/// `EMPTY_DOCUMENT` when no cell has text.
pub fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
    let cut = bytes.len() > TEXT_BYTES_MAX;
    let (text, label) = encoding::decode(&bytes[..bytes.len().min(TEXT_BYTES_MAX)], None);
    let text = markdown::normalise(&text);
    let delimiter = sniff(&text);
    let width = records(&text, delimiter).map(|row| width(&row)).max().unwrap_or(0).min(COLUMNS_MAX);
    let mut out = String::new();
    let mut rows = 0;
    let mut warnings = Vec::new();
    for row in records(&text, delimiter).filter(|row| width_of_text(row) > 0) {
        if rows == ROWS_MAX || out.len() > MARKDOWN_BYTES_MAX {
            warnings.push(format!("the table is cut after {rows} rows"));
            break;
        }
        write_row(&mut out, &row, width);
        if rows == 0 {
            out.push_str(&format!("|{}\n", " --- |".repeat(width)));
        }
        rows += 1;
    }
    if rows == 0 {
        return Err(failures::empty("the CSV file has no cell with text"));
    }
    if cut && warnings.is_empty() {
        warnings.push(format!("the table is cut after {TEXT_BYTES_MAX} bytes of the file, which are {rows} rows"));
    }
    let properties = Properties::default();
    Ok(Converted { encoding: Some(label), properties, warnings, ..Converted::without_pages(&formats::CSV, out) })
}

fn records(text: &str, delimiter: u8) -> impl Iterator<Item = ByteRecord> + '_ {
    let reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    // The only error left is of I/O, and memory has none.
    reader.into_byte_records().map_while(Result::ok)
}

fn width(row: &ByteRecord) -> usize {
    // `a,b,` is often two values with a comma too many; its empty last cell is shown only where another row fills it.
    width_of_text(row).max(1)
}

fn width_of_text(row: &ByteRecord) -> usize {
    row.iter().rposition(|cell| !cell.trim_ascii().is_empty()).map_or(0, |last| last + 1)
}

fn write_row(out: &mut String, row: &ByteRecord, width: usize) {
    out.push('|');
    for column in 0..width {
        out.push(' ');
        let cell = String::from_utf8_lossy(row.get(column).unwrap_or_default());
        markdown::push_cell(out, &inline(&cell));
        out.push_str(if out.ends_with(' ') { "|" } else { " |" });
    }
    out.push('\n');
}

/// The delimiter under which most rows have the same number of columns, more than one; a comma where none has.
fn sniff(text: &str) -> u8 {
    let end = (0..=SNIFF_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let cut = if end < text.len() { text[..end].rfind('\n').unwrap_or(end) } else { end };
    let sample = &text[..cut];
    let mut best = (b',', 0.0);
    for delimiter in [b',', b';', b'\t', b'|'] {
        let widths: Vec<usize> = records(sample, delimiter).map(|row| row.len()).collect();
        let usual = widths
            .iter()
            .copied()
            .filter(|width| *width > 1)
            .max_by_key(|width| (widths.iter().filter(|other| *other == width).count(), *width));
        let Some(usual) = usual else { continue };
        let share = widths.iter().filter(|width| **width == usual).count() as f64 / widths.len() as f64;
        // Among equals the one with more columns: commas within cells are rarer than those between them.
        let score = share + usual.min(50) as f64 / 1000.0;
        if score > best.1 {
            best = (delimiter, score);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(text: &str) -> String {
        convert(text.as_bytes()).unwrap().markdown
    }

    #[test]
    fn quoted_ragged_and_piped() {
        let text = "Name,Note\n\"Smith, Jane\",\"a|b\nc\"\nBob\n\nEve,x,extra,\n";
        assert_eq!(
            table(text),
            "| Name | Note | |\n| --- | --- | --- |\n| Smith, Jane | a\\|b c | |\n| Bob | | |\n| Eve | x | extra |\n"
        );
    }

    #[test]
    fn cells_are_no_markup() {
        assert_eq!(
            table("a,b\n\"x | y\",\"<script>alert(1)</script>\n# z\"\n=cmd|calc,`\n"),
            "| a | b |\n| --- | --- |\n| x \\| y | \\<script>alert(1)\\</script> # z |\n| =cmd\\|calc | \\` |\n"
        );
        assert_eq!(table("a_b,[c](d)\n*e*,5 * 3\n").lines().next(), Some("| a_b | \\[c](d) |"));
    }

    #[test]
    fn delimiters() {
        assert_eq!(sniff("a;b;c\n1,5;2;3\n4;5;6\n"), b';');
        assert_eq!(sniff("a\tb\n1, 2\t3\n"), b'\t');
        assert_eq!(sniff("a|b\n1|2\n"), b'|');
        assert_eq!(sniff("alone\nlines\n"), b',');
    }

    #[test]
    fn too_many_rows_are_left_out_with_a_warning() {
        let converted = convert("a,b\n".repeat(ROWS_MAX + 5).as_bytes()).unwrap();
        assert_eq!(converted.markdown.lines().count(), ROWS_MAX + 1);
        assert_eq!(converted.warnings.len(), 1);
    }

    #[test]
    fn no_text_is_empty() {
        assert_eq!(convert(b",,\n,\n \n").map(|done| done.markdown).unwrap_err().code, "EMPTY_DOCUMENT");
    }

    proptest! {
        #[test]
        fn every_row_is_as_wide_as_the_header(rows in proptest::collection::vec("[a-c,;\"| ]{0,12}", 1..8)) {
            if let Ok(converted) = convert(rows.join("\n").as_bytes()) {
                let bars = |line: &str| line.replace("\\|", "").matches('|').count();
                let mut lines = converted.markdown.lines();
                let header = bars(lines.next().unwrap_or_default());
                prop_assert!(lines.all(|line| bars(line) == header), "{}", converted.markdown);
            }
        }

        #[test]
        fn any_bytes_are_some_table(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(convert(&bytes).map_or_else(|failure| failure.code == "EMPTY_DOCUMENT", |done| done.markdown.starts_with('|')));
        }
    }
}
