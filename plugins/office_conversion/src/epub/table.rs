//! Tables of a page.

use crate::xml::Element;

/// Columns or rows that a cell may cover, as in other pages.
const SPAN_MAX: usize = 100;
/// Columns of a table.
const COLUMNS_MAX: usize = 1000;

/// The rows of a table. A cell over several columns or rows stands in its first place; the others are empty. `write` writes what a
/// cell holds.
pub fn rows(table: Element<'_, '_>, write: impl Fn(Element<'_, '_>) -> String) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    collect(table, &mut found);
    // For each column, how many rows more it is covered from above.
    let mut covered: Vec<usize> = Vec::new();
    let mut rows = Vec::with_capacity(found.len());
    for row in found {
        let mut cells: Vec<String> = Vec::new();
        for cell in row.elements().filter(|cell| matches!(cell.name(), "td" | "th")) {
            cover(&mut covered, &mut cells);
            if cells.len() >= COLUMNS_MAX {
                break;
            }
            let span = |name: &str| cell.number::<usize>(name).unwrap_or(1).clamp(1, SPAN_MAX);
            let (wide, high) = (span("colspan"), span("rowspan"));
            let at = cells.len();
            covered.resize(covered.len().max(at + wide), 0);
            covered[at..at + wide].fill(high - 1);
            cells.push(write(cell));
            cells.extend((1..wide).map(|_| String::new()));
        }
        cover(&mut covered, &mut cells);
        rows.push(cells);
    }
    rows
}

fn cover(covered: &mut [usize], cells: &mut Vec<String>) {
    while let Some(left) = covered.get_mut(cells.len()).filter(|left| **left > 0) {
        *left -= 1;
        cells.push(String::new());
    }
}

fn collect<'t, 'a>(element: Element<'t, 'a>, found: &mut Vec<Element<'t, 'a>>) {
    for child in element.elements() {
        match child.name() {
            "tr" => found.push(child),
            "thead" | "tbody" | "tfoot" => collect(child, found),
            _ => {}
        }
    }
}
