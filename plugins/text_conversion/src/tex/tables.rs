//! Tables.

use super::source::{Source, command_name};
use super::{Document, Sink};
use crate::blocks::push_table;
use morag_conversion::escape::push_fenced;
use std::ops::Range;

/// Cells of a table: more is given as it was written.
const CELLS_MAX: usize = 100_000;
/// Columns of a table, and that a cell may have.
const COLUMNS_MAX: usize = 100;

impl Document {
    pub(super) fn table(&mut self, name: &str, source: &Source, range: Range<usize>, sink: &mut Sink) {
        // How the columns are set; before it the width.
        let arguments = if matches!(name, "tabularx" | "tabulary") { 2 } else { 1 };
        let start = self.skip(source, range.clone(), arguments);
        let mark = |rest: &str| match rest.as_bytes() {
            [b'&', ..] => Some(1),
            [b'\\', b'\\', ..] => Some(2),
            _ if rest.starts_with("\\tabularnewline") => Some("\\tabularnewline".len()),
            _ => None,
        };
        let places = source.top_level(start..range.end, mark);
        sink.end();
        if places.len() > CELLS_MAX {
            let mut block = String::new();
            push_fenced(&mut block, "latex", &source.text[start..range.end]);
            return sink.block(&block);
        }
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut row: Vec<String> = Vec::new();
        let mut from = start;
        for place in places.into_iter().chain(std::iter::once(range.end..range.end)) {
            self.cell(source, from..place.start, &mut row);
            from = place.end;
            if &source.text[place] != "&" {
                // After a row's end its distance to the next may stand.
                from = self.optionals(source, from..range.end);
                let own = std::mem::take(&mut row);
                if own.iter().any(|cell| !cell.is_empty()) {
                    rows.push(own);
                }
            }
        }
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        if width > COLUMNS_MAX || width * rows.len() > CELLS_MAX {
            let mut block = String::new();
            push_fenced(&mut block, "latex", &source.text[start..range.end]);
            return sink.block(&block);
        }
        push_table(&mut sink.out, &rows);
    }

    /// A cell, with empty ones for the columns that it covers too.
    fn cell(&mut self, source: &Source, range: Range<usize>, row: &mut Vec<String>) {
        let text = &source.text[range.clone()];
        let start = self.without_rules(source, range.clone());
        let command = source.text[start..range.end].strip_prefix('\\').map(command_name);
        if let Some(name @ ("multicolumn" | "multirow")) = command {
            let arguments = start + 1 + name.len();
            let arguments = self.optionals(source, arguments..range.end);
            if let Some((count, next)) = source.argument(arguments..range.end)
                && let Some((_, next)) = source.argument(next..range.end)
            {
                let columns =
                    if name == "multicolumn" { source.text[count].trim().parse().unwrap_or(1) } else { 1usize };
                let cell = match source.argument(next..range.end) {
                    Some((inner, _)) => self.text(source, inner),
                    None => String::new(),
                };
                row.push(cell);
                row.extend((1..columns.min(COLUMNS_MAX)).map(|_| String::new()));
                return;
            }
        }
        let cell = if text.trim().is_empty() { String::new() } else { self.text(source, start..range.end) };
        row.push(cell);
    }

    /// Where a cell begins after the lines that are drawn above it.
    fn without_rules(&self, source: &Source, range: Range<usize>) -> usize {
        let mut at = range.start;
        loop {
            let rest = &source.text[at..range.end];
            at += rest.len() - rest.trim_start().len();
            let Some(name) = source.text[at..range.end].strip_prefix('\\').map(command_name) else { return at };
            match name {
                "hline" | "toprule" | "midrule" | "bottomrule" | "endhead" | "endfirsthead" | "endfoot"
                | "endlastfoot" | "centering" => at += 1 + name.len(),
                "cline" | "cmidrule" | "addlinespace" | "specialrule" => {
                    at += 1 + name.len();
                    // `\cmidrule(lr){1-2}`.
                    if source.text[at..range.end].starts_with('(') {
                        at += source.text[at..range.end].find(')').map_or(0, |end| end + 1);
                    }
                    at = self.skip(source, at..range.end, 1);
                }
                _ => return at,
            }
        }
    }
}
