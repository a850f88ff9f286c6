//! Tables: drawn by lines, by columns of text, or as lists.

use super::Document;
use super::blocks::indented;
use crate::blocks::{indent, push_code, push_table};

/// Cells of a table: more is given as it was written.
const CELLS_MAX: usize = 200_000;
/// Lines in which the end of a table set in columns is looked for.
const LINES_MAX: usize = 3_000;
/// Columns of a table.
const COLUMNS_MAX: usize = 100;

impl Document {
    /// Writes the table at the start; says how many lines it has.
    pub(super) fn table(&mut self, out: &mut String, lines: &[&str]) -> Option<usize> {
        let first = lines[0];
        if first.starts_with("+-") || first.starts_with("+=") {
            let used = lines.iter().position(|line| !line.starts_with(['+', '|'])).unwrap_or(lines.len());
            let rows = grid(&lines[..used])?;
            let rows: Vec<Vec<String>> =
                rows.into_iter().map(|row| row.iter().map(|cell| self.inline(cell)).collect()).collect();
            self.push_rows(out, &rows, &lines[..used]);
            return Some(used);
        }
        let columns = border(first)?;
        // It ends with a border before a blank line.
        let ends = |index: &usize| {
            border(lines[*index]).is_some() && lines.get(index + 1).is_none_or(|next| next.trim().is_empty())
        };
        let used = (1..lines.len().min(LINES_MAX)).find(ends)? + 1;
        let rows = simple(&lines[1..used - 1], &columns);
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|row| row.iter().map(|cell| self.inline(cell)).collect()).collect();
        self.push_rows(out, &rows, &lines[..used]);
        Some(used)
    }

    /// Writes rows; the lines they are from where they are too many.
    pub(super) fn push_rows(&mut self, out: &mut String, rows: &[Vec<String>], lines: &[&str]) {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        if width > COLUMNS_MAX || width.saturating_mul(rows.len()) > CELLS_MAX {
            push_code(out, "", lines);
        } else {
            push_table(out, rows);
        }
    }

    /// A list of lists: an item is a row, an item within it a cell.
    pub(super) fn list_table(&mut self, out: &mut String, lines: &[&str]) {
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            at += 1;
            let Some(rest) = line.strip_prefix("* ").or_else(|| line.strip_prefix('*').filter(|rest| rest.is_empty()))
            else {
                continue;
            };
            let (inner, more) = indented(&lines[at..]);
            at += more;
            let mut row: Vec<String> = Vec::new();
            for line in std::iter::once(rest.trim_start()).chain(inner) {
                match line.strip_prefix("- ").or_else(|| line.strip_prefix('-').filter(|rest| rest.is_empty())) {
                    Some(cell) => row.push(cell.trim().to_owned()),
                    None => {
                        if let Some(cell) = row.last_mut().filter(|_| !line.trim().is_empty()) {
                            cell.push(' ');
                            cell.push_str(line.trim());
                        }
                    }
                }
            }
            rows.push(row.iter().map(|cell| self.inline(cell)).collect());
        }
        self.push_rows(out, &rows, lines);
    }
}

/// The cells of a table drawn with lines. A cell over several columns is in its first.
fn grid(lines: &[&str]) -> Option<Vec<Vec<String>>> {
    let edges: Vec<usize> = lines[0].chars().enumerate().filter(|(_, c)| *c == '+').map(|(at, _)| at).collect();
    if edges.len() < 2 || edges.len() > COLUMNS_MAX + 1 || lines.len() * edges.len() > CELLS_MAX * 4 {
        return None;
    }
    let mut rows = Vec::new();
    let mut row: Vec<String> = vec![String::new(); edges.len() - 1];
    for line in &lines[1..] {
        if line.starts_with('+') {
            if row.iter().any(|cell| !cell.is_empty()) {
                rows.push(std::mem::replace(&mut row, vec![String::new(); edges.len() - 1]));
            }
            continue;
        }
        let chars: Vec<char> = line.chars().collect();
        let mut from = 0;
        for column in 1..edges.len() {
            // No line between two columns: the text goes on into the next.
            let edge = edges[column];
            if column + 1 < edges.len() && chars.get(edge).is_some_and(|c| *c != '|' && *c != '+') {
                continue;
            }
            let end = edge.min(chars.len());
            let text: String = chars.get((edges[from] + 1).min(end)..end).unwrap_or_default().iter().collect();
            let text = text.trim();
            // A line within the row, below a cell that ends earlier than others.
            if !text.is_empty() && !text.chars().all(|c| c == '-' || c == '=') {
                let cell = &mut row[from];
                cell.push_str(if cell.is_empty() { "" } else { " " });
                cell.push_str(text);
            }
            from = column;
        }
    }
    if row.iter().any(|cell| !cell.is_empty()) {
        rows.push(row);
    }
    (!rows.is_empty()).then_some(rows)
}

/// Where columns begin, for a line of `=` in groups; at least two.
fn border(line: &str) -> Option<Vec<usize>> {
    if !line.starts_with('=') || !line.chars().all(|c| c == '=' || c == ' ') {
        return None;
    }
    let mut columns = Vec::new();
    let mut before = ' ';
    for (at, c) in line.chars().enumerate() {
        if c == '=' && before == ' ' {
            columns.push(at);
        }
        before = c;
    }
    (2..=COLUMNS_MAX).contains(&columns.len()).then_some(columns)
}

/// The cells of a table set in columns. A line without a first cell goes on with the row before it.
fn simple(lines: &[&str], columns: &[usize]) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in lines {
        let ruled = line.chars().all(|c| matches!(c, '=' | '-' | ' '));
        if line.trim().is_empty() || ruled {
            continue;
        }
        let goes_on = indent(line) >= columns.get(1).copied().unwrap_or(usize::MAX) && !rows.is_empty();
        if !goes_on {
            rows.push(vec![String::new(); columns.len()]);
        }
        let chars: Vec<char> = line.chars().collect();
        let Some(row) = rows.last_mut() else { continue };
        for (index, start) in columns.iter().enumerate() {
            let end = columns.get(index + 1).copied().unwrap_or(chars.len()).min(chars.len());
            let text: String = chars.get((*start).min(end)..end).unwrap_or_default().iter().collect();
            let text = text.trim();
            if !text.is_empty() {
                let cell = &mut row[index];
                cell.push_str(if cell.is_empty() { "" } else { " " });
                cell.push_str(text);
            }
        }
    }
    rows
}
