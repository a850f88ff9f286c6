//! Which lines are a column, and the order of columns.

use super::{Line, median};

/// Part of the content's width from which a line is over all columns.
const SPANNING: f32 = 0.6;

/// Width of the white between columns, in heights of the text: spaces between words are a third of one.
const GUTTER: f32 = 1.0;

/// Lines that a column has at least.
const COLUMN_LINES_MIN: usize = 3;

/// Characters that half of the lines of a column have at least: what is shorter is a cell of a table or a price, which is read in rows.
const COLUMN_CHARS_MIN: f32 = 12.0;

/// Part of its column's width that half of its lines have at least.
const FILLED: f32 = 0.6;

/// Columns within columns: a newspaper has two levels.
const DEPTH_MAX: usize = 4;

/// The blocks of a picture in reading order: the lines of each are one below the other, or beside each other in rows.
pub(super) fn in_order(lines: Vec<Line>, body: f32) -> Vec<Vec<Line>> {
    let mut blocks = Vec::new();
    split(lines, body, 0, &mut blocks);
    blocks
}

fn split(mut lines: Vec<Line>, body: f32, depth: usize, blocks: &mut Vec<Vec<Line>>) {
    lines.sort_by(|a, b| a.middle.total_cmp(&b.middle).then(a.left.total_cmp(&b.left)));
    let left = lines.iter().map(|line| line.left).fold(f32::INFINITY, f32::min);
    let right = lines.iter().map(|line| line.right).fold(f32::NEG_INFINITY, f32::max);
    let is_spanning = |line: &Line| line.width() >= SPANNING * (right - left);
    if depth >= DEPTH_MAX || lines.iter().all(is_spanning) {
        blocks.extend((!lines.is_empty()).then_some(lines));
        return;
    }
    // Lines that span the columns, and bands of lines between them that may be columns. What is in one column stays one block.
    let mut open: Vec<Line> = Vec::new();
    let mut rest = lines.into_iter().peekable();
    while rest.peek().is_some() {
        let mut spanning = Vec::new();
        while let Some(line) = rest.next_if(is_spanning) {
            spanning.push(line);
        }
        let mut band = Vec::new();
        while let Some(line) = rest.next_if(|line| !is_spanning(line)) {
            band.push(line);
        }
        open.append(&mut spanning);
        match columns(&band, body) {
            columns if columns.len() < 2 => open.append(&mut band),
            columns => {
                blocks.extend((!open.is_empty()).then(|| std::mem::take(&mut open)));
                columns.into_iter().for_each(|column| split(column, body, depth + 1, blocks));
            }
        }
    }
    blocks.extend((!open.is_empty()).then_some(open));
}

/// The columns of a band from left to right; one where it has none.
fn columns(band: &[Line], body: f32) -> Vec<Vec<Line>> {
    let mut lines = band.to_vec();
    lines.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut columns: Vec<Vec<Line>> = Vec::new();
    let mut right = f32::NEG_INFINITY;
    for line in lines {
        let is_after_gutter = line.left - right >= GUTTER * body;
        right = right.max(line.right);
        match columns.last_mut() {
            Some(column) if !is_after_gutter => column.push(line),
            _ => columns.push(vec![line]),
        }
    }
    if columns.iter().all(|column| is_column(column)) { columns } else { Vec::new() }
}

/// Whether lines are running text, not cells.
fn is_column(lines: &[Line]) -> bool {
    let left = lines.iter().map(|line| line.left).fold(f32::INFINITY, f32::min);
    let right = lines.iter().map(|line| line.right).fold(f32::NEG_INFINITY, f32::max);
    let chars = median(lines.iter().map(|line| line.text.chars().count() as f32).collect());
    let width = median(lines.iter().map(Line::width).collect());
    lines.len() >= COLUMN_LINES_MIN && chars >= COLUMN_CHARS_MIN && width >= FILLED * (right - left)
}
