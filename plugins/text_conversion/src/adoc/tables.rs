//! Tables.

use super::Document;
use super::blocks::Style;
use crate::blocks::{push_code, push_table};
use csv::ReaderBuilder;

/// Cells of a table: more is given as it was written.
const CELLS_MAX: usize = 200_000;
/// Columns of a table.
const COLUMNS_MAX: usize = 100;

impl Document {
    /// Writes a table: its cells after bars, or separated as its first mark or its format says.
    pub(super) fn table(&mut self, out: &mut String, lines: &[&str], style: &Style, mark: &str) {
        let format =
            style.words.iter().find_map(|word| word.strip_prefix("format=")).map(|format| format.trim_matches('"'));
        let separator = match (mark.as_bytes().first(), format) {
            (Some(b','), _) | (_, Some("csv")) => Some(b','),
            (Some(b':'), _) | (_, Some("dsv")) => Some(b':'),
            (_, Some("tsv")) => Some(b'\t'),
            _ => None,
        };
        let rows = match separator {
            Some(separator) => separated(lines, separator),
            None => after_bars(lines, if mark.starts_with('!') { '!' } else { '|' }, style),
        };
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        if width > COLUMNS_MAX || width.saturating_mul(rows.len()) > CELLS_MAX {
            return push_code(out, "", lines);
        }
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| self.inline(cell)).collect()).collect();
        push_table(out, &rows);
    }
}

fn separated(lines: &[&str], separator: u8) -> Vec<Vec<String>> {
    let text = lines.join("\n");
    let reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text.as_bytes());
    reader
        .into_records()
        .map_while(Result::ok)
        .take(CELLS_MAX)
        .map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// Cells begin after bars, several on a line or one; a row has as many as the table says, or as its first line.
fn after_bars(lines: &[&str], bar: char, style: &Style) -> Vec<Vec<String>> {
    let mut cells: Vec<String> = Vec::new();
    let mut first_line = 0;
    // Places at which a row begins by a cell over several columns, so that the rest stays in place.
    for line in lines {
        let mut spans = pieces(line, bar);
        let before = spans.remove(0);
        if let Some(cell) = cells.last_mut().filter(|_| !before.trim().is_empty()) {
            cell.push(' ');
            cell.push_str(before.trim());
        }
        // What stands before a bar says how its cell is set: `2+`, `a`, `.3+^`.
        let mut spec =
            if cells.is_empty() || before.trim().is_empty() { before.trim().to_owned() } else { String::new() };
        if let Some(cell) = cells.last_mut()
            && let Some((kept, own)) = split_spec(cell)
            && !spans.is_empty()
        {
            spec = own;
            *cell = kept;
        }
        for span in spans {
            let (text, next) = split_spec(&span).unwrap_or((span.clone(), String::new()));
            cells.push(text.trim().to_owned());
            let wide = spec
                .split_once('+')
                .and_then(|(wide, _)| wide.parse::<usize>().ok())
                .unwrap_or(1)
                .clamp(1, COLUMNS_MAX);
            cells.extend((1..wide).map(|_| String::new()));
            spec = next;
            if cells.len() > CELLS_MAX {
                return vec![cells];
            }
        }
        if first_line == 0 {
            first_line = cells.len();
        }
    }
    let columns = columns(style).unwrap_or(first_line).max(1);
    cells.chunks(columns).map(<[String]>::to_vec).collect()
}

/// The text between bars that are not escaped.
fn pieces(line: &str, bar: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut escaped = false;
    for c in line.chars() {
        if c == bar && !escaped {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            if escaped && c != bar {
                piece.push('\\');
            }
            if c != '\\' {
                piece.push(c);
            }
        }
        escaped = c == '\\' && !escaped;
    }
    pieces
}

/// A cell's text, and the settings of the next cell at its end.
fn split_spec(text: &str) -> Option<(String, String)> {
    let (kept, last) = text.rsplit_once(' ').unwrap_or(("", text));
    let spec = !last.is_empty()
        && last.contains('+')
        && last.len() <= 8
        && last.chars().all(|c| c.is_ascii_digit() || "+.<>^*ademshlv".contains(c));
    spec.then(|| (kept.trim().to_owned(), last.to_owned()))
}

/// How many columns the table says it has: `cols="1,2"`, `cols=3*`. Commas have taken the words apart.
fn columns(style: &Style) -> Option<usize> {
    let start = style.words.iter().position(|word| word.starts_with("cols="))?;
    let first = style.words[start].trim_start_matches("cols=").trim_matches('"');
    if let Some((times, _)) = first.split_once('*') {
        return times.parse().ok().filter(|count| (1..=COLUMNS_MAX).contains(count));
    }
    let more = style.words[start + 1..].iter().take_while(|word| {
        !word.contains('=') && word.chars().all(|c| c.is_ascii_digit() || "<>^.~ademshlv".contains(c))
    });
    Some(1 + more.filter(|word| !word.is_empty()).count()).filter(|count| *count > 1 || first.parse::<usize>().is_ok())
}
