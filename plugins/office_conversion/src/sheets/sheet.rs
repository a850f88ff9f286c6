//! The cells of a sheet.

use super::Grid;
use super::number::Kind;
use super::workbook::Workbook;
use crate::package::Package;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// A cell while it is read.
#[derive(Default)]
struct Cell {
    row: u32,
    column: u32,
    kind: String,
    style: usize,
    value: String,
    inline: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Nothing,
    Value,
    Inline,
}

/// Reads the cells. Formulas are not: what they gave when the sheet was saved is.
pub fn read(package: &Package<'_>, name: &str, source: &str, workbook: &Workbook) -> Grid {
    let mut grid = Grid::default();
    let mut reader = Reader::from_str(source.trim_start_matches('\u{feff}'));
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let (mut row, mut column) = (0u32, 0u32);
    let (mut cell, mut within, mut pronounced) = (Cell::default(), Within::Nothing, false);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => match start.local_name().as_ref() {
                "row" => {
                    row = attribute(&start, "r").and_then(|text| text.parse().ok()).unwrap_or(row.saturating_add(1));
                    column = 0;
                }
                "c" => cell = begin(&start, row, &mut column),
                "v" => within = Within::Value,
                "t" if !pronounced => within = Within::Inline,
                "rPh" => pronounced = true,
                _ => {}
            },
            Ok(Event::Empty(start)) => match start.local_name().as_ref() {
                "row" => row = attribute(&start, "r").and_then(|text| text.parse().ok()).unwrap_or(row.saturating_add(1)),
                "c" => drop(begin(&start, row, &mut column)),
                _ => {}
            },
            Ok(Event::End(end)) => match end.local_name().as_ref() {
                "c" => add(&mut grid, &cell, workbook),
                "rPh" => pronounced = false,
                "v" | "t" => within = Within::Nothing,
                "sheetData" => return grid,
                _ => {}
            },
            Ok(Event::Eof) => return grid,
            Ok(event) => match within {
                Within::Value => push_text(&mut cell.value, &event),
                Within::Inline => push_text(&mut cell.inline, &event),
                Within::Nothing => {}
            },
            Err(error) => {
                package.warn(format!("{name} is damaged ({error}): what comes after the damage is lost"));
                return grid;
            }
        }
    }
}

/// Adds what an event within a text says.
pub fn push_text(out: &mut String, event: &Event<'_>) {
    match event {
        Event::Text(text) => out.push_str(text),
        Event::CData(text) => out.push_str(text),
        Event::GeneralRef(reference) => match reference.resolve_char_ref() {
            Ok(Some(c)) => out.push(c),
            _ => out.push_str(quick_xml::escape::resolve_predefined_entity(reference).unwrap_or_default()),
        },
        _ => {}
    }
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    start.try_get_attribute(name).ok().flatten().map(|attribute| attribute.value.to_string())
}

/// A cell, which says its place or comes after the one before it.
fn begin(start: &BytesStart<'_>, row: u32, column: &mut u32) -> Cell {
    let place = attribute(start, "r").and_then(|text| place(&text));
    let (row, own) = place.unwrap_or((row, column.saturating_add(1)));
    *column = own;
    let kind = attribute(start, "t").unwrap_or_default();
    let style = attribute(start, "s").and_then(|text| text.parse().ok()).unwrap_or(0);
    Cell { row: row.saturating_sub(1), column: own.saturating_sub(1), kind, style, ..Cell::default() }
}

/// Row and column, from 1, of a place such as `AB12`.
fn place(text: &str) -> Option<(u32, u32)> {
    let letters = text.len() - text.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
    let column = text[..letters].bytes().try_fold(0u32, |column, letter| {
        column.checked_mul(26)?.checked_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)
    })?;
    (letters > 0).then_some((text[letters..].parse().ok()?, column))
}

fn add(grid: &mut Grid, cell: &Cell, workbook: &Workbook) {
    let value = cell.value.trim();
    let mut put = |text: &str| grid.add(cell.row, cell.column, text);
    match cell.kind.as_str() {
        "s" => match value.parse::<usize>().ok().and_then(|index| workbook.texts.get(index)) {
            Some(text) => put(&unescape(text)),
            None => {}
        },
        "str" | "e" => put(&unescape(&cell.value)),
        "inlineStr" => put(&unescape(&cell.inline)),
        "b" => put(if value == "1" || value == "true" { "TRUE" } else { "FALSE" }),
        // A date as text.
        "d" => put(value),
        _ => match value.parse::<f64>() {
            Ok(number) => {
                let kind = workbook.styles.get(cell.style).copied().unwrap_or(Kind::General);
                put(&kind.show(number, workbook.epoch));
            }
            Err(_) => put(value),
        },
    }
}

/// Characters that XML cannot hold are written as `_x000D_`.
fn unescape(text: &str) -> std::borrow::Cow<'_, str> {
    if !text.contains("_x") {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        let code = rest.get(at + 2..at + 6).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        out.push_str(&rest[..at]);
        match code.filter(|_| rest[at + 2..].as_bytes().get(4) == Some(&b'_')) {
            Some(c) => {
                out.push(c);
                rest = &rest[at + 7..];
            }
            None => {
                out.push_str("_x");
                rest = &rest[at + 2..];
            }
        }
    }
    out.push_str(rest);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_escapes() {
        assert_eq!(place("A1"), Some((1, 1)));
        assert_eq!(place("XFD1048576"), Some((1_048_576, 16_384)));
        assert_eq!(place("ZZZZZZZZZZ1"), None);
        assert_eq!(place("12"), None);
        assert_eq!(unescape("a_x000A_b_x_é_x00"), "a\nb_x_é_x00");
    }
}
