//! What a document says about itself: the stream `SummaryInformation`.

use encoding_rs::WINDOWS_1252;
use morag_conversion::codepage;
use morag_conversion::dates::of_ticks;
use morag_conversion::document::{Properties, keywords, property};
use morag_conversion::ole::Ole;
use morag_conversion::ole::bytes::{part, place_at, u16_at, u32_at, u64_at, utf16};

/// Properties of the stream; it has about twenty.
const PROPERTIES_MAX: usize = 200;

/// Reads them; what cannot be read is not there.
pub fn read(ole: &Ole<'_>) -> Properties {
    let mut properties = Properties::default();
    if let Some(stream) = ole.stream("/\u{5}SummaryInformation") {
        take(&mut properties, &stream);
    }
    properties
}

fn take(properties: &mut Properties, stream: &[u8]) -> Option<()> {
    let section = stream.get(place_at(stream, 44)?..)?;
    let count = place_at(section, 4)?.min(PROPERTIES_MAX);
    let place = |index: usize| Some((u32_at(section, 8 + index * 8)?, place_at(section, 12 + index * 8)?));
    let places: Vec<(u32, usize)> = (0..count).map_while(place).collect();
    let page = places.iter().find(|(id, _)| *id == 1).and_then(|(_, at)| u16_at(section, at + 4));
    let encoding = page.and_then(|page| codepage::of_page(i32::from(page))).unwrap_or(WINDOWS_1252);
    for (id, at) in places {
        let text = || {
            let len = place_at(section, at.checked_add(4)?)?;
            match u32_at(section, at)? {
                30 => property(encoding.decode(part(section, at + 8, len)?).0.trim_end_matches('\0')),
                31 => property(utf16(part(section, at + 8, len.checked_mul(2)?)?).trim_end_matches('\0')),
                _ => None,
            }
        };
        match id {
            2 => properties.title = text(),
            3 => properties.subject = text(),
            4 => properties.author = text(),
            5 => properties.keywords = text().map(|text| keywords(&text)).unwrap_or_default(),
            12 => properties.creation_date = at.checked_add(4).and_then(|at| of_ticks(u64_at(section, at)?)),
            13 => properties.modification_date = at.checked_add(4).and_then(|at| of_ticks(u64_at(section, at)?)),
            18 => properties.creator = text(),
            _ => {}
        }
    }
    Some(())
}
