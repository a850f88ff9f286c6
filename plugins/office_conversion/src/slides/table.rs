//! Tables of slides.

use super::text;
use crate::package::Relations;
use crate::xml::Element;

/// The rows of a table. A cell over several columns or rows stands in its first place; the others are empty.
pub fn rows(table: Element<'_, '_>, relations: &Relations) -> Vec<Vec<String>> {
    let cell = |cell: Element<'_, '_>| {
        let covered = ["hMerge", "vMerge"].iter().any(|name| cell.is(name, "1") || cell.is(name, "true"));
        let body = cell.child("txBody").filter(|_| !covered);
        body.map(|body| text::lines(body, relations)).unwrap_or_default()
    };
    table.all("tr").map(|row| row.all("tc").map(cell).collect()).collect()
}
