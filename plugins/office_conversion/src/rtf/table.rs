//! Tables: rows, each with the right edges of its cells.

use crate::write::Blocks;

/// Edges of all rows of a table, by which its columns are told: more than this is no table that people drew.
const EDGES_MAX: usize = 200;
/// How far apart two edges may be and still be the same, in twips (a twentieth of a point).
const SAME_EDGE_TWIPS: i32 = 20;
/// Cells of a row; Word has 63.
const CELLS_MAX: usize = 1000;

/// A table while it is read.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(Vec<i32>, Vec<String>)>,
    edges: Vec<i32>,
    cells: Vec<String>,
}

impl Table {
    /// A row is defined anew.
    pub fn define(&mut self) {
        self.edges.clear();
    }

    /// The right edge of the next cell.
    pub fn edge(&mut self, edge: i32) {
        if self.edges.len() < CELLS_MAX {
            self.edges.push(edge);
        }
    }

    /// A cell ends.
    pub fn cell(&mut self, text: String) {
        if self.cells.len() < CELLS_MAX {
            self.cells.push(text);
        } else if let Some(last) = self.cells.last_mut() {
            // Nothing is lost, but it has no place of its own.
            last.push(' ');
            last.push_str(&text);
        }
    }

    /// A row ends.
    pub fn row(&mut self) {
        let cells = std::mem::take(&mut self.cells);
        if !cells.is_empty() {
            // Of edges without cells there may be any number.
            self.rows.push((self.edges.iter().take(cells.len()).copied().collect(), cells));
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.cells.is_empty()
    }

    /// Writes it, and begins another.
    pub fn flush(&mut self, blocks: &mut Blocks) {
        self.row();
        let rows = std::mem::take(&mut self.rows);
        if let [(_, cells)] = rows.as_slice()
            && let [cell] = cells.as_slice()
        {
            // A frame around its content.
            return blocks.paragraph(cell);
        }
        let mut edges: Vec<i32> =
            rows.iter().flat_map(|(edges, cells)| edges.iter().take(cells.len()).copied()).collect();
        edges.sort_unstable();
        edges.dedup_by(|next, last| next.saturating_sub(*last) <= SAME_EDGE_TWIPS);
        let known = rows.iter().all(|(edges, cells)| edges.len() >= cells.len());
        let aligned: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(own, cells)| if known && edges.len() <= EDGES_MAX { align(&edges, &own, cells) } else { cells })
            .collect();
        blocks.table(&aligned);
    }
}

/// The cells of a row in the columns of the table: each begins where the one before it ends.
fn align(edges: &[i32], own: &[i32], cells: Vec<String>) -> Vec<String> {
    let mut row: Vec<String> = Vec::new();
    for (index, cell) in cells.into_iter().enumerate() {
        let left = if index == 0 { i32::MIN } else { own[index - 1] };
        let column = if index == 0 {
            0
        } else {
            edges.partition_point(|edge| *edge <= left.saturating_add(SAME_EDGE_TWIPS / 2))
        };
        if column > row.len() {
            row.resize(column, String::new());
        }
        row.push(cell);
    }
    row
}
