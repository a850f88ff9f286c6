//! The cells of a sheet as a table.

use crate::write::{Blocks, escape_cell, guard};

/// Cells of a sheet that hold something: each takes some 40 bytes and its text. Sheets are read one after the other, so that only those of
/// one are held; what all of them may write is bounded by the bytes of the markdown.
const CELLS_MAX: usize = 2_000_000;
/// Bytes of the cells together: more than all markdown may have, so that it is refused as that.
const BYTES_MAX: usize = 64 << 20;
/// Lines of one cell above a table that are taken for its titles; more are a table with few cells.
const TITLES_MAX: usize = 4;
/// Columns that a sheet may have.
const COLUMNS_MAX: u32 = 16_384;

/// A sheet while it is read: only cells that hold something, wherever they claim to be.
#[derive(Debug, Default)]
pub struct Grid {
    cells: Vec<(u32, u32, String)>,
    bytes: usize,
    /// Whether there were more cells than are kept.
    pub cut: bool,
}

impl Grid {
    /// Adds a cell. Empty ones are none.
    pub fn add(&mut self, row: u32, column: u32, text: &str) {
        if text.trim().is_empty() || column >= COLUMNS_MAX {
            return;
        }
        if self.cells.len() >= CELLS_MAX || self.bytes > BYTES_MAX {
            self.cut = true;
            return;
        }
        let text = escape_cell(text);
        self.bytes += text.len();
        self.cells.push((row, column, text));
    }

    /// Writes the table. Rows and columns with nothing in them are left out; lines of one cell above the table, as titles are, stand
    /// before it.
    pub fn write(mut self, blocks: &mut Blocks) {
        // The last of two that claim the same place is the one that is shown.
        self.cells.sort_by_key(|(row, column, _)| (*row, *column));
        let mut used: Vec<u32> = self.cells.iter().map(|(_, column, _)| *column).collect();
        used.sort_unstable();
        used.dedup();
        let width = used.len();
        let (mut row, mut texts, mut at) = (Vec::new(), 0, None);
        let mut titles = 0;
        for (own, column, text) in self.cells {
            if at != Some(own) {
                flush(blocks, &mut row, texts, width, &mut titles);
                (texts, at) = (0, Some(own));
            }
            let Ok(index) = used.binary_search(&column) else { continue };
            texts += 1;
            if index < row.len() {
                row[index] = text;
            } else {
                row.resize(index, String::new());
                row.push(text);
            }
            if blocks.is_full() {
                return;
            }
        }
        flush(blocks, &mut row, texts, width, &mut titles);
    }
}

fn flush(blocks: &mut Blocks, row: &mut Vec<String>, texts: usize, width: usize, titles: &mut usize) {
    let cells = std::mem::take(row);
    if cells.is_empty() {
        return;
    }
    if texts == 1 && width > 1 && *titles < TITLES_MAX {
        *titles += 1;
        return blocks.paragraph(&guard(&cells.concat()));
    }
    blocks.row(&cells, if *titles > TITLES_MAX { None } else { Some(width) });
    // No more of them: this is the table.
    *titles = TITLES_MAX + 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_stand_before_the_table_and_empty_places_are_left_out() {
        let mut grid = Grid::default();
        for (row, column, text) in
            [(9, 1, "b"), (9, 16_000, "c"), (0, 0, "# Title"), (1_048_575, 16_000, "d"), (3, 1, " ")]
        {
            grid.add(row, column, text);
        }
        let mut blocks = Blocks::new();
        grid.write(&mut blocks);
        assert_eq!(blocks.finish().unwrap(), "\\# Title\n\n| | b | c |\n| --- | --- | --- |\n| | | d |\n");
    }

    #[test]
    fn cells_beyond_those_of_a_sheet_are_left_out_and_known() {
        let mut grid = Grid::default();
        (0..CELLS_MAX as u32).for_each(|at| grid.add(at, 0, "x"));
        assert!(!grid.cut);
        grid.add(0, 1, "y");
        assert!(grid.cut && grid.cells.len() == CELLS_MAX);
    }

    #[test]
    fn a_row_of_all_columns_for_each_of_its_cells_is_refused_and_does_not_fill_the_memory() {
        let mut grid = Grid::default();
        (0..16_000).for_each(|at| grid.add(at, at, "x"));
        grid.add(0, 1, "head");
        let mut blocks = Blocks::new();
        grid.write(&mut blocks);
        assert_eq!(blocks.finish().unwrap_err().code, "DOCUMENT_TOO_LARGE");
    }
}
