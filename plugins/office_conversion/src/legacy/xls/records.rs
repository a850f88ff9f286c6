//! The records of a workbook.

use morag_conversion::ole::bytes::{part, u16_at};

/// A record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its number.
    pub kind: u16,
    /// What it holds.
    pub data: &'a [u8],
}

/// Numbers of records.
pub mod kind {
    /// A formula with its last value.
    pub const FORMULA: u16 = 0x0006;
    /// The end of a sheet.
    pub const EOF: u16 = 0x000a;
    /// The calendar.
    pub const DATE_MODE: u16 = 0x0022;
    /// The workbook is encrypted.
    pub const FILE_PASS: u16 = 0x002f;
    /// The record before goes on.
    pub const CONTINUE: u16 = 0x003c;
    /// The encoding of texts before Excel 97.
    pub const CODE_PAGE: u16 = 0x0042;
    /// A sheet's name and place.
    pub const BOUND_SHEET: u16 = 0x0085;
    /// Several numbers.
    pub const MUL_RK: u16 = 0x00bd;
    /// A text with its fonts.
    pub const RSTRING: u16 = 0x00d6;
    /// A style.
    pub const XF: u16 = 0x00e0;
    /// The shared texts.
    pub const SST: u16 = 0x00fc;
    /// A shared text.
    pub const LABEL_SST: u16 = 0x00fd;
    /// The text of a box or a remark.
    pub const TXO: u16 = 0x01b6;
    /// A number.
    pub const NUMBER: u16 = 0x0203;
    /// A text.
    pub const LABEL: u16 = 0x0204;
    /// A truth value or an error.
    pub const BOOL_ERR: u16 = 0x0205;
    /// The text that a formula gave.
    pub const STRING: u16 = 0x0207;
    /// A number in four bytes.
    pub const RK: u16 = 0x027e;
    /// A format of numbers.
    pub const FORMAT: u16 = 0x041e;
    /// The beginning of a sheet.
    pub const BOF: u16 = 0x0809;
}

/// The records from a place of a stream; they end where the next one is cut off.
pub fn records(stream: &[u8], at: usize) -> impl Iterator<Item = Record<'_>> {
    let mut at = at;
    std::iter::from_fn(move || {
        let kind = u16_at(stream, at)?;
        let len = usize::from(u16_at(stream, at.checked_add(2)?)?);
        let data = part(stream, at + 4, len)?;
        at += 4 + len;
        Some(Record { kind, data })
    })
}
