//! Documents of Word 97 to 2003 (`doc`): text in pieces, and the properties of its paragraphs.

mod paragraphs;
mod pieces;
mod text;

use morag_conversion::ole::Ole;
use morag_conversion::ole::bytes::{place_at, u16_at};
use morag_conversion::{failures, formats};
use morag_step::Failure;
use paragraphs::Paragraphs;
use text::Writer;

/// Converts a document.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`, `UNSUPPORTED_FORMAT` for one of Word 95 or older.
pub fn convert(ole: &Ole<'_>) -> Result<String, Failure> {
    let main = ole.stream("/WordDocument").unwrap_or_default();
    let corrupt = |reason: &str| failures::corrupt(&formats::DOC, reason);
    let flags = u16_at(&main, 0x0a).ok_or_else(|| corrupt("its header is cut off"))?;
    if flags & 0x0100 != 0 {
        return Err(failures::encrypted("Word document"));
    }
    // 0xc1 is Word 97; before, the header was another one.
    if u16_at(&main, 2).is_some_and(|version| version < 0xc1) {
        return Err(failures::unsupported("doc of Word 95 or older"));
    }
    let name = if flags & 0x0200 != 0 { "/1Table" } else { "/0Table" };
    let table = ole.stream(name).ok_or_else(|| corrupt("its table stream is missing"))?;
    let pieces = pieces::read(&main, &table).ok_or_else(|| corrupt("the list of its pieces of text is damaged"))?;
    let paragraphs = Paragraphs::read(&main, &table);
    // Characters of the text, its footnotes, headers, macros, remarks, endnotes, and boxes, one after the other.
    let count = |at: usize| place_at(&main, at).unwrap_or(0);
    let (text, foot, header, macros, remarks, end, boxes) =
        (count(0x4c), count(0x50), count(0x54), count(0x58), count(0x5c), count(0x60), count(0x64));
    let mut writer = Writer::default();
    let mut at = 0usize;
    let mut range = |len: usize| {
        let from = at;
        at = at.saturating_add(len);
        from..at
    };
    let (text, foot, _, _) = (range(text), range(foot), range(header), range(macros));
    let (remarks, end, boxes) = (range(remarks), range(end), range(boxes));
    writer.write(&main, &pieces, &paragraphs, text);
    for part in [boxes, foot, end, remarks] {
        writer.write(&main, &pieces, &paragraphs, part);
    }
    writer.finish()
}
