//! The text, paragraph by paragraph.

use super::paragraphs::{Paragraphs, Properties};
use super::pieces::Piece;
use crate::write::{Blocks, Inline};
use encoding_rs::WINDOWS_1252;
use morag_conversion::ole::bytes::u16_at;
use morag_step::Failure;
use std::ops::Range;

/// Cells of a row, as Word allows.
const CELLS_MAX: usize = 64;

/// The text while it is written.
#[derive(Debug, Default)]
pub struct Writer {
    out: Blocks,
    text: Inline,
    /// Fields around the place, and for each whether its code is read, which is not shown.
    fields: Vec<bool>,
    cells: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The first half of a character of two.
    high: Option<u16>,
}

impl Writer {
    /// The markdown.
    ///
    /// # Errors
    /// `DOCUMENT_TOO_LARGE`.
    pub fn finish(self) -> Result<String, Failure> {
        self.out.finish()
    }

    /// Writes a range of the characters of all pieces.
    pub fn write(&mut self, main: &[u8], pieces: &[Piece], paragraphs: &Paragraphs, range: Range<usize>) {
        // However many pieces claim a place, not more is read than the stream could hold as pieces once.
        let mut left = main.len();
        for piece in pieces {
            let (start, end) = (piece.start.max(range.start), piece.end.min(range.end));
            let width = if piece.narrow { 1 } else { 2 };
            for index in start..end {
                let Some(at) = (index - piece.start).checked_mul(width).and_then(|offset| piece.at.checked_add(offset))
                else {
                    break;
                };
                let unit = if piece.narrow { main.get(at).map(|byte| narrow(*byte)) } else { u16_at(main, at) };
                let Some(unit) = unit else { break };
                if left == 0 || self.out.is_full() {
                    return;
                }
                left -= 1;
                self.unit(unit, || paragraphs.at(at));
            }
        }
        self.fields.clear();
        self.paragraph(Properties::default());
        self.flush_table();
    }

    fn unit(&mut self, unit: u16, properties: impl Fn() -> Properties) {
        let text = match (self.high.take(), char::decode_utf16([unit]).next()) {
            (_, Some(Ok(c))) => c,
            (Some(high), _) => char::decode_utf16([high, unit]).next().and_then(Result::ok).unwrap_or('\u{fffd}'),
            (None, _) => {
                self.high = Some(unit);
                return;
            }
        };
        let hidden = self.fields.iter().any(|code| *code);
        match text {
            // Fields within fields end with the text; a thousand of them is damage.
            '\u{13}' if self.fields.len() < 1000 => self.fields.push(true),
            '\u{14}' => self.fields.last_mut().into_iter().for_each(|code| *code = false),
            '\u{15}' => drop(self.fields.pop()),
            '\r' | '\u{c}' | '\u{e}' => self.paragraph(properties()),
            '\u{7}' => self.cell(properties()),
            _ if hidden => {}
            '\u{b}' => self.text.plain("\n"),
            '\u{1e}' => self.text.plain("\u{2011}"),
            '\u{1f}' => {}
            c if (c as u32) < 0x20 && c != '\t' => {}
            c => self.text.plain(c.encode_utf8(&mut [0; 4])),
        }
    }

    fn paragraph(&mut self, properties: Properties) {
        if properties.in_table {
            // The cell goes on.
            return self.text.plain("\n");
        }
        self.flush_table();
        let text = std::mem::take(&mut self.text);
        if text.is_blank() {
            return;
        }
        let text = text.finish();
        match properties.style {
            level @ 1..=9 => self.out.heading(usize::from(level), &text),
            _ if properties.list => self.out.item(usize::from(properties.level), "-", &text),
            _ => self.out.paragraph(&text),
        }
    }

    fn cell(&mut self, properties: Properties) {
        let text = std::mem::take(&mut self.text).finish();
        if properties.ends_row {
            self.rows.push(std::mem::take(&mut self.cells));
        } else if self.cells.len() < CELLS_MAX {
            self.cells.push(text);
        } else if let Some(last) = self.cells.last_mut() {
            last.push(' ');
            last.push_str(&text);
        }
    }

    fn flush_table(&mut self) {
        if !self.cells.is_empty() {
            self.rows.push(std::mem::take(&mut self.cells));
        }
        let rows = std::mem::take(&mut self.rows);
        match rows.as_slice() {
            // A frame around its content.
            [row] if row.len() == 1 => self.out.paragraph(&row.concat()),
            rows => self.out.table(rows),
        }
    }
}

/// A character of one byte, which is of Western European Windows.
fn narrow(byte: u8) -> u16 {
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
    text.chars().next().and_then(|c| u16::try_from(u32::from(c)).ok()).unwrap_or(u16::from(byte))
}
