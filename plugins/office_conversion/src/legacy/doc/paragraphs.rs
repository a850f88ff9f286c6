//! Properties of paragraphs: which are headings, items of lists, rows of tables.

use morag_conversion::ole::bytes::{part, place_at, u8_at, u16_at};

/// Bytes of a page of properties.
const PAGE_BYTES: usize = 512;
/// Pages of properties. Each is for a few dozen paragraphs.
const PAGES_MAX: usize = 500_000;

/// Paragraphs of all pages: pages may be named many times.
const PARAGRAPHS_MAX: usize = 2_000_000;

/// Properties of a paragraph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Properties {
    /// Its style; those from 1 to 9 are headings of these levels.
    pub style: u16,
    /// Whether it is in a table.
    pub in_table: bool,
    /// Whether it ends a row.
    pub ends_row: bool,
    /// The list that it is an item of.
    pub list: bool,
    /// The level in the list, from 0.
    pub level: u8,
}

/// The paragraphs by their places in the main stream.
#[derive(Debug, Default)]
pub struct Paragraphs(Vec<(usize, usize, Properties)>);

impl Paragraphs {
    /// Reads them; none where they cannot be read.
    pub fn read(main: &[u8], table: &[u8]) -> Self {
        let mut found = Vec::new();
        collect(main, table, &mut found);
        found.sort_by_key(|(start, ..)| *start);
        Self(found)
    }

    /// The properties of the paragraph at a place.
    pub fn at(&self, place: usize) -> Properties {
        let after = self.0.partition_point(|(start, ..)| *start <= place);
        let found = after.checked_sub(1).and_then(|index| self.0.get(index));
        found.filter(|(_, end, _)| place < *end).map(|(.., properties)| *properties).unwrap_or_default()
    }
}

fn collect(main: &[u8], table: &[u8], found: &mut Vec<(usize, usize, Properties)>) -> Option<()> {
    let (at, len) = (place_at(main, 0x0102)?, place_at(main, 0x0106)?);
    let plex = part(table, at, len)?;
    let count = (plex.len().checked_sub(4)? / 8).min(PAGES_MAX);
    for index in 0..count {
        let number = place_at(plex, (count + 1) * 4 + index * 4)? & 0x003f_ffff;
        let Some(page) = number.checked_mul(PAGE_BYTES).and_then(|at| part(main, at, PAGE_BYTES)) else { continue };
        read_page(page, found);
        if found.len() > PARAGRAPHS_MAX {
            break;
        }
    }
    Some(())
}

fn read_page(page: &[u8], found: &mut Vec<(usize, usize, Properties)>) -> Option<()> {
    let count = usize::from(u8_at(page, PAGE_BYTES - 1)?);
    for index in 0..count {
        let (start, end) = (place_at(page, index * 4)?, place_at(page, index * 4 + 4)?);
        let place = usize::from(u8_at(page, (count + 1) * 4 + index * 13)?) * 2;
        let properties = if place == 0 { Properties::default() } else { properties(page, place).unwrap_or_default() };
        found.push((start, end, properties));
    }
    Some(())
}

fn properties(page: &[u8], place: usize) -> Option<Properties> {
    let words = usize::from(u8_at(page, place)?);
    // An even number of bytes has its length in a second one.
    let (start, len) =
        if words == 0 { (place + 2, usize::from(u8_at(page, place + 1)?) * 2) } else { (place + 1, words * 2 - 1) };
    let data = page.get(start..(start + len).min(PAGE_BYTES - 1))?;
    let mut properties = Properties { style: u16_at(data, 0)?, ..Properties::default() };
    let mut rest = data.get(2..)?;
    while let Some(code) = u16_at(rest, 0) {
        let operand = rest.get(2..)?;
        let first = operand.first().copied().unwrap_or(0);
        match code {
            0x2416 => properties.in_table = first != 0,
            0x2417 => properties.ends_row = first != 0,
            0x260a => properties.level = first.min(8),
            0x460b => properties.list = u16_at(operand, 0).is_some_and(|list| list != 0 && list != 0xf801),
            _ => {}
        }
        let len = match code >> 13 {
            0 | 1 => 1,
            2 | 4 | 5 => 2,
            3 => 4,
            7 => 3,
            // Its length comes first; that of two codes is longer than a byte.
            _ if code == 0xd608 => usize::from(u16_at(operand, 0)?) + 1,
            _ => usize::from(first) + 1,
        };
        rest = operand.get(len..).unwrap_or_default();
    }
    Some(properties)
}
