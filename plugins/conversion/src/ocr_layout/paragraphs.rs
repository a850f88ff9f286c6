//! Lines of a block, joined to paragraphs and headings.

use super::line::{Line, median};
use crate::escape;

/// Heights of the text from which a line is a heading of the first or second level.
const HEADINGS: [(f32, &str); 2] = [(2.0, "# "), (1.5, "## ")];

/// Characters of a heading; what is longer is text in large letters.
pub(super) const HEADING_CHARS_MAX: usize = 150;

/// Lines of the same row have their middles within this part of the height.
const SAME_ROW: f32 = 0.5;

/// White between lines, beyond what is usual in the block, in heights of the text, from which a new paragraph begins.
const GAP: f32 = 0.5;

/// How far the first line of a paragraph is set in, in heights of the text.
const INDENT: f32 = 0.8;

/// Ratio of heights from which two lines are not one paragraph.
pub(super) const OTHER_SIZE: f32 = 1.35;

/// Part of the block's width before which a line ends by itself.
const SHORT: f32 = 0.6;

/// Lines beside each other.
struct Row {
    text: String,
    is_of_cells: bool,
    left: f32,
    right: f32,
    top: f32,
    bottom: f32,
    height: f32,
}

/// The markdown of blocks, which are in reading order.
pub(super) fn markdown(blocks: &[Vec<Line>], body: f32) -> String {
    let mut out = String::new();
    let has_text = blocks.iter().flatten().filter(|line| line.height < HEADINGS[1].0 * body).count() >= 2;
    for block in blocks {
        let rows = rows(block);
        let mut rest = rows.as_slice();
        let (left, right) = edges(&rows);
        let usual_gap = usual_gap(&rows);
        while !rest.is_empty() {
            let (paragraph, after) = rest.split_at(paragraph_len(rest, body, usual_gap, left));
            rest = after;
            if !out.is_empty() {
                out.push_str("\n\n");
            }
            push_paragraph(&mut out, paragraph, body, has_text, left + SHORT * (right - left));
        }
    }
    crate::markdown::finish(&out)
}

fn rows(block: &[Line]) -> Vec<Row> {
    let mut lines: Vec<&Line> = block.iter().collect();
    lines.sort_by(|a, b| a.middle.total_cmp(&b.middle));
    let mut rows: Vec<Vec<&Line>> = Vec::new();
    for line in lines {
        let is_same = rows
            .last()
            .and_then(|row| row.first())
            .is_some_and(|first| line.middle - first.middle < SAME_ROW * first.height.min(line.height));
        match rows.last_mut() {
            Some(row) if is_same => row.push(line),
            _ => rows.push(vec![line]),
        }
    }
    rows.into_iter().map(row).collect()
}

fn row(mut cells: Vec<&Line>) -> Row {
    cells.sort_by(|a, b| a.left.total_cmp(&b.left));
    let least = |of: fn(&Line) -> f32| cells.iter().map(|cell| of(cell)).fold(f32::INFINITY, f32::min);
    let most = |of: fn(&Line) -> f32| cells.iter().map(|cell| of(cell)).fold(f32::NEG_INFINITY, f32::max);
    let texts: Vec<_> = cells.iter().map(|cell| cell.text.as_str()).collect();
    Row {
        text: texts.join(" "),
        is_of_cells: cells.len() > 1,
        left: least(|cell| cell.left),
        right: most(|cell| cell.right),
        top: least(Line::top),
        bottom: most(Line::bottom),
        height: most(|cell| cell.height),
    }
}

fn edges(rows: &[Row]) -> (f32, f32) {
    let left = rows.iter().map(|row| row.left).fold(f32::INFINITY, f32::min);
    (left, rows.iter().map(|row| row.right).fold(f32::NEG_INFINITY, f32::max))
}

/// White between most rows. Of few rows it is not known: their gaps may all be between paragraphs.
fn usual_gap(rows: &[Row]) -> f32 {
    const ROWS_MIN: usize = 4;
    let gaps: Vec<_> = rows.windows(2).map(|pair| (pair[1].top - pair[0].bottom).max(0.0)).collect();
    let height = median(rows.iter().map(|row| row.height).collect());
    let usual = if rows.len() < ROWS_MIN { height * GAP } else { median(gaps) };
    usual.min(height)
}

/// Rows of the paragraph that begins with the first of these; at least one.
fn paragraph_len(rows: &[Row], body: f32, usual_gap: f32, left: f32) -> usize {
    let is_new = |pair: &[Row]| {
        let [row, next] = pair else { return true };
        let gap = next.top - row.bottom;
        let is_other_size = row.height.max(next.height) > OTHER_SIZE * row.height.min(next.height);
        let is_set_in = next.left - left > INDENT * body && row.left - left <= INDENT * body && !next.is_of_cells;
        gap > usual_gap + GAP * body || is_other_size || is_set_in
    };
    rows.windows(2).position(is_new).map_or(rows.len(), |index| index + 1)
}

fn push_paragraph(out: &mut String, rows: &[Row], body: f32, has_text: bool, short_before: f32) {
    let height = median(rows.iter().map(|row| row.height).collect());
    let chars: usize = rows.iter().map(|row| row.text.chars().count()).sum();
    let heading = HEADINGS.iter().find(|(times, _)| has_text && height >= times * body && chars <= HEADING_CHARS_MAX);
    out.push_str(heading.map_or("", |(_, mark)| mark));
    let mut line = String::new();
    for (index, row) in rows.iter().enumerate() {
        push_joined(&mut line, &row.text);
        let next = rows.get(index + 1);
        let ends = next
            .is_some_and(|next| heading.is_none() && (row.is_of_cells || next.is_of_cells || row.right < short_before));
        if ends || next.is_none() {
            escape::push_paragraph(out, &line);
            line.clear();
            out.push_str(if ends { "\n" } else { "" });
        }
    }
}

/// Adds a row to a line: a word that was divided becomes one again, and where no spaces are written none is.
fn push_joined(line: &mut String, text: &str) {
    let begins_small = text.chars().next().is_some_and(char::is_lowercase);
    let undivided = line.strip_suffix(['-', '\u{ad}', '\u{2010}']).filter(|word| word.ends_with(char::is_alphabetic));
    let is_chinese = line.ends_with(is_unspaced) && text.starts_with(is_unspaced);
    if let Some(word) = undivided.filter(|_| begins_small) {
        line.truncate(word.len());
    } else if !line.is_empty() && !is_chinese {
        line.push(' ');
    }
    line.push_str(text);
}

/// Characters of Chinese and Japanese, which are written without spaces, with their punctuation.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FFEF}')
}
