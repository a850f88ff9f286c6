//! The cells of a sheet.

use super::records::{kind, records};
use super::texts::Reader;
use super::workbook::Workbook;
use crate::sheets::Grid;
use crate::sheets::number::Kind;
use morag_conversion::ole::bytes::{f64_at, place_at, u8_at, u16_at, u32_at};

/// Texts of boxes and remarks of a sheet.
const TEXTS_MAX: usize = 10_000;

/// What a sheet holds.
#[derive(Debug, Default)]
pub struct Found {
    /// Its cells.
    pub grid: Grid,
    /// Texts of its boxes and remarks.
    pub texts: Vec<String>,
    /// Bytes of its records.
    pub bytes: usize,
}

/// Reads the records of a sheet. Formulas are not: what they gave when the sheet was saved is.
pub fn read(stream: &[u8], at: usize, workbook: &Workbook) -> Found {
    let mut found = Found::default();
    // Charts in the sheet have cells of their own.
    let mut depth = 0u32;
    let mut formula = None;
    let mut records = records(stream, at).peekable();
    while let Some(record) = records.next() {
        let data = record.data;
        found.bytes += data.len() + 4;
        match record.kind {
            kind::BOF => depth += 1,
            kind::EOF if depth <= 1 => break,
            kind::EOF => depth -= 1,
            kind::TXO => {
                let count = u16_at(data, 10).map_or(0, usize::from);
                let mut parts = Vec::new();
                while let Some(more) = records.next_if(|record| record.kind == kind::CONTINUE) {
                    parts.push(more.data);
                }
                // The last one holds its fonts.
                if count > 0
                    && found.texts.len() < TEXTS_MAX
                    && let Some((flags, first)) = parts.first().and_then(|first| first.split_first())
                {
                    parts[0] = first;
                    found.texts.push(Reader::new(parts).characters(count, *flags).replace('\r', "\n"));
                }
            }
            _ if depth > 1 => {}
            kind::STRING => {
                if let Some((row, column)) = formula.take() {
                    found.grid.add(row, column, &workbook.text(data, 2));
                }
            }
            _ => cell(&mut found.grid, record.kind, data, workbook, &mut formula),
        }
    }
    found
}

fn cell(grid: &mut Grid, kind: u16, data: &[u8], workbook: &Workbook, formula: &mut Option<(u32, u32)>) {
    let (Some(row), Some(column)) = (u16_at(data, 0).map(u32::from), u16_at(data, 2).map(u32::from)) else { return };
    let style = |at: usize| {
        let index = u16_at(data, at).map_or(0, usize::from);
        workbook.styles.get(index).copied().unwrap_or(Kind::General)
    };
    let show = |number: f64, style: Kind| style.show(number, workbook.epoch);
    match kind {
        kind::NUMBER => f64_at(data, 6).into_iter().for_each(|number| grid.add(row, column, &show(number, style(4)))),
        kind::RK => {
            u32_at(data, 6).into_iter().for_each(|packed| grid.add(row, column, &show(unpack(packed), style(4))))
        }
        kind::MUL_RK => {
            // Its last two bytes are the last column.
            let count = data.len().saturating_sub(6) / 6;
            for index in 0..count {
                let at = 4 + index * 6;
                if let Some(packed) = u32_at(data, at + 2) {
                    grid.add(row, column.saturating_add(index as u32), &show(unpack(packed), style(at)));
                }
            }
        }
        kind::LABEL_SST => {
            if let Some(text) = place_at(data, 6).and_then(|index| workbook.texts.get(index)) {
                grid.add(row, column, text);
            }
        }
        kind::LABEL | kind::RSTRING => grid.add(row, column, &workbook.text(data.get(6..).unwrap_or_default(), 2)),
        kind::BOOL_ERR => grid.add(row, column, truth(u8_at(data, 6), u8_at(data, 7) == Some(1))),
        kind::FORMULA => {
            *formula = None;
            match (u16_at(data, 12), u8_at(data, 6)) {
                (Some(0xffff), Some(0)) => *formula = Some((row, column)),
                (Some(0xffff), Some(1)) => grid.add(row, column, truth(u8_at(data, 8), false)),
                (Some(0xffff), Some(2)) => grid.add(row, column, truth(u8_at(data, 8), true)),
                (Some(0xffff), _) => {}
                _ => f64_at(data, 6).into_iter().for_each(|number| grid.add(row, column, &show(number, style(4)))),
            }
        }
        _ => {}
    }
}

/// A truth value or an error as the sheet shows it.
fn truth(value: Option<u8>, error: bool) -> &'static str {
    match (value.unwrap_or(0), error) {
        (0, false) => "FALSE",
        (_, false) => "TRUE",
        (0x00, true) => "#NULL!",
        (0x07, true) => "#DIV/0!",
        (0x0f, true) => "#VALUE!",
        (0x17, true) => "#REF!",
        (0x1d, true) => "#NAME?",
        (0x24, true) => "#NUM!",
        (_, true) => "#N/A",
    }
}

/// A number in four bytes: the upper part of one with a point, or a whole one; of each, perhaps a hundredth.
fn unpack(packed: u32) -> f64 {
    let number =
        if packed & 2 == 0 { f64::from_bits(u64::from(packed & !3) << 32) } else { f64::from(packed as i32 >> 2) };
    if packed & 1 == 0 { number } else { number / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_four_bytes() {
        assert_eq!(unpack(0x3ff0_0000), 1.0);
        assert_eq!(unpack(0x3ff0_0001), 0.01);
        assert_eq!(unpack(1234 << 2 | 3), 12.34);
        assert_eq!(unpack((-5i32 as u32) << 2 | 2), -5.0);
    }
}
