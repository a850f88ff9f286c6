//! What the sheets of a workbook share.

use super::records::{Record, kind, records};
use super::texts::{self, Reader};
use crate::sheets::number::{Epoch, Kind};
use encoding_rs::{Encoding, WINDOWS_1252};
use morag_conversion::codepage;
use morag_conversion::ole::bytes::{place_at, u8_at, u16_at};
use std::collections::HashMap;

/// A sheet of the list.
#[derive(Debug)]
pub struct SheetName {
    /// Its name.
    pub name: String,
    /// Where its records begin.
    pub at: usize,
}

/// A workbook without its cells.
#[derive(Debug)]
pub struct Workbook {
    /// The sheets in order.
    pub sheets: Vec<SheetName>,
    /// Texts to which cells refer.
    pub texts: Vec<Box<str>>,
    /// What each style makes of a number.
    pub styles: Vec<Kind>,
    /// The day from which it counts.
    pub epoch: Epoch,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Whether its texts are those of Excel 97 and later.
    pub unicode: bool,
    encoding: &'static Encoding,
}

impl Workbook {
    /// Reads it; none where there is no workbook.
    pub fn read(stream: &[u8]) -> Option<Self> {
        // Sheets of a workbook: a record each, of a dozen bytes.
        const SHEETS_MAX: usize = 100_000;
        let mut records = records(stream, 0).peekable();
        let first = records.next_if(|record| record.kind == kind::BOF)?;
        let mut workbook = Self {
            sheets: Vec::new(),
            texts: Vec::new(),
            styles: Vec::new(),
            epoch: Epoch::Year1900,
            encrypted: false,
            unicode: u16_at(first.data, 0) == Some(0x0600),
            encoding: WINDOWS_1252,
        };
        let (mut codes, mut styles) = (HashMap::new(), Vec::new());
        while let Some(Record { kind, data }) = records.next() {
            match kind {
                kind::EOF => break,
                kind::FILE_PASS => {
                    workbook.encrypted = true;
                    return Some(workbook);
                }
                kind::CODE_PAGE => {
                    let page = u16_at(data, 0).and_then(|page| codepage::of_page(i32::from(page)));
                    workbook.encoding = page.unwrap_or(workbook.encoding);
                }
                kind::DATE_MODE if u16_at(data, 0) == Some(1) => workbook.epoch = Epoch::Year1904,
                kind::BOUND_SHEET if workbook.sheets.len() < SHEETS_MAX => {
                    // Kinds other than these are programs.
                    let is_sheet = matches!(u8_at(data, 5), Some(0 | 2));
                    if let Some(at) = place_at(data, 0).filter(|_| is_sheet) {
                        let name = workbook.text(data.get(6..).unwrap_or_default(), 1);
                        workbook.sheets.push(SheetName { name, at });
                    }
                }
                kind::FORMAT => {
                    let code = workbook.text(data.get(2..).unwrap_or_default(), if workbook.unicode { 2 } else { 1 });
                    codes.insert(u16_at(data, 0).unwrap_or(0), Kind::of_code(&code));
                }
                kind::XF => styles.push(u16_at(data, 2).unwrap_or(0)),
                kind::SST => {
                    let mut parts = vec![data];
                    while let Some(more) = records.next_if(|record| record.kind == kind::CONTINUE) {
                        parts.push(more.data);
                    }
                    workbook.texts = texts::shared(parts);
                }
                _ => {}
            }
        }
        let kind = |id: u16| codes.get(&id).copied().unwrap_or_else(|| Kind::built_in(u32::from(id)));
        workbook.styles = styles.into_iter().map(kind).collect();
        Some(workbook)
    }

    /// A text with its length in so many bytes.
    pub fn text(&self, data: &[u8], length_bytes: u32) -> String {
        if self.unicode {
            return Reader::new(vec![data]).text(length_bytes).unwrap_or_default();
        }
        let count = if length_bytes == 1 { u8_at(data, 0).map(usize::from) } else { u16_at(data, 0).map(usize::from) };
        let bytes = data.get(length_bytes as usize..).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(count.unwrap_or(0))];
        self.encoding.decode_without_bom_handling(bytes).0.into_owned()
    }
}
