//! Tables.

use super::body::Reader;
use crate::write::Blocks;
use crate::xml::Element;

/// Columns that a cell may cover, as Word allows.
const SPAN_MAX: usize = 63;

/// Writes a table. A cell over several columns or rows stands in its first place; the others are empty. A table of a single cell is a
/// frame around its content.
pub fn write(reader: &mut Reader<'_, '_>, table: Element<'_, '_>) {
    let mut rows = Vec::new();
    children(table, "tr", &mut rows);
    let cells = |row: Element<'_, '_>| {
        let mut cells = Vec::new();
        children(row, "tc", &mut cells);
        cells.len()
    };
    if let [row] = rows.as_slice()
        && cells(*row) == 1
    {
        let mut inner = Vec::new();
        children(*row, "tc", &mut inner);
        inner.into_iter().for_each(|cell| reader.blocks(cell));
        return;
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| read_row(reader, row)).collect();
    if reader.in_cell {
        // A table within a cell: its cells one after the other.
        rows.iter().flatten().for_each(|cell| reader.out.paragraph(cell));
    } else {
        reader.out.table(&rows);
    }
}

/// The rows or cells of an element, within what may stand around them too.
fn children<'t, 'a>(element: Element<'t, 'a>, name: &str, found: &mut Vec<Element<'t, 'a>>) {
    for child in element.elements() {
        match child.name() {
            own if own == name => found.push(child),
            "sdt" | "sdtContent" | "customXml" | "ins" => children(child, name, found),
            _ => {}
        }
    }
}

fn read_row(reader: &mut Reader<'_, '_>, row: Element<'_, '_>) -> Vec<String> {
    let mut cells = Vec::new();
    children(row, "tc", &mut cells);
    let mut texts = Vec::with_capacity(cells.len());
    for cell in cells {
        let properties = cell.child("tcPr");
        let own = |name: &str| properties.and_then(|properties| properties.child(name));
        let span = own("gridSpan").and_then(|span| span.number::<usize>("val")).unwrap_or(1).clamp(1, SPAN_MAX);
        let covered = own("vMerge").is_some_and(|merge| !merge.is("val", "restart"));
        texts.push(if covered { String::new() } else { read_cell(reader, cell) });
        texts.extend((1..span).map(|_| String::new()));
    }
    texts
}

fn read_cell(reader: &mut Reader<'_, '_>, cell: Element<'_, '_>) -> String {
    let before = std::mem::replace(&mut reader.out, Blocks::new());
    let in_cell = std::mem::replace(&mut reader.in_cell, true);
    reader.blocks(cell);
    reader.in_cell = in_cell;
    let inner = std::mem::replace(&mut reader.out, before);
    // Too much of it is too much for the table as well, which says so.
    inner.into_text()
}
