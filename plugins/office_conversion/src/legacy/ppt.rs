//! Slides of PowerPoint 97 to 2003 (`ppt`): records within records.

use crate::write::{Blocks, escape};
use morag_conversion::document::join_pages;
use morag_conversion::ole::Ole;
use morag_conversion::ole::bytes::{latin, place_at, u16_at, u32_at, utf16};
use morag_conversion::{Options, Page, failures, formats};
use morag_step::Failure;
use std::collections::HashMap;

/// Records within records. Groups of shapes are nested a few deep.
const DEPTH_MAX: usize = 64;
/// Edits that a file keeps one after the other.
const EDITS_MAX: usize = 10_000;
/// Parts of a file that records refer to.
const PARTS_MAX: usize = 1_000_000;
/// Slides.
const SLIDES_MAX: usize = 20_000;

mod kind {
    pub const DOCUMENT: u16 = 1000;
    pub const NOTES_ATOM: u16 = 1009;
    pub const SLIDE_PERSIST: u16 = 1011;
    pub const OUTLINE_REF: u16 = 3998;
    pub const TEXT_HEADER: u16 = 3999;
    pub const TEXT_CHARS: u16 = 4000;
    pub const TEXT_BYTES: u16 = 4008;
    pub const LIST: u16 = 4080;
    pub const USER_EDIT: u16 = 4085;
    pub const PERSIST: u16 = 6002;
}

#[derive(Debug, Clone, Copy)]
struct Record<'a> {
    instance: u16,
    container: bool,
    kind: u16,
    data: &'a [u8],
}

fn record(stream: &[u8], at: usize) -> Option<Record<'_>> {
    let head = u16_at(stream, at)?;
    let len = place_at(stream, at.checked_add(4)?)?;
    let rest = stream.get(at.checked_add(8)?..)?;
    // What is cut off is read as far as it goes.
    let data = &rest[..len.min(rest.len())];
    Some(Record { instance: head >> 4, container: head & 15 == 15, kind: u16_at(stream, at + 2)?, data })
}

fn records(data: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut at = 0usize;
    std::iter::from_fn(move || {
        let record = record(data, at)?;
        at += 8 + record.data.len();
        Some(record)
    })
}

/// A text of a slide, and what it is there.
#[derive(Debug, Clone, Default)]
struct Text {
    kind: u32,
    text: String,
}

/// A slide of the list.
#[derive(Debug, Default)]
struct Listed {
    part: u32,
    id: u32,
    texts: Vec<Text>,
}

/// Converts slides; each is a page.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(ole: &Ole<'_>, options: &Options) -> Result<(String, Vec<Page>), Failure> {
    let stream = ole.stream("/PowerPoint Document").unwrap_or_default();
    let user = ole.stream("/Current User").unwrap_or_default();
    if u32_at(&user, 12) == Some(0xf3d1_c4df) {
        return Err(failures::encrypted("presentation"));
    }
    let parts = parts(&stream, &user);
    let document = parts
        .document
        .and_then(|at| record(&stream, at))
        .or_else(|| records(&stream).find(|record| record.kind == kind::DOCUMENT));
    let document = document.ok_or_else(|| failures::corrupt(&formats::PPT, "it has no list of slides"))?;
    let list = |instance: u16| {
        let list = records(document.data).find(|record| record.kind == kind::LIST && record.instance == instance);
        list.map(|list| listed(list.data)).unwrap_or_default()
    };
    let part_of = |id: u32| parts.places.get(&id).and_then(|at| record(&stream, *at));
    // Notes say which slide they belong to.
    let mut notes: HashMap<u32, String> = HashMap::new();
    for mut note in list(2) {
        let Some(record) = part_of(note.part) else { continue };
        let slide =
            records(record.data).find(|record| record.kind == kind::NOTES_ATOM).and_then(|atom| u32_at(atom.data, 0));
        let mut texts = Vec::new();
        collect(record.data, &mut note.texts, &mut texts, 0);
        let said: Vec<String> = texts.into_iter().filter(|text| text.kind == 2).map(|text| text.text).collect();
        notes.insert(slide.unwrap_or(note.id), said.join("\n"));
    }
    let mut slides = list(0);
    options.take_any(slides.len())?;
    let (mut pages, mut read) = (Vec::with_capacity(slides.len()), 0usize);
    for (slide, number) in slides.iter_mut().zip(1u32..) {
        if !options.takes(number) {
            pages.push(String::new());
            continue;
        }
        let mut texts = Vec::new();
        match part_of(slide.part) {
            Some(record) => {
                // Slides of the list that are the same part would be read for ever.
                read = read.saturating_add(record.data.len());
                if read > stream.len().saturating_mul(2) {
                    return Err(failures::corrupt(&formats::PPT, "its slides are in each other"));
                }
                collect(record.data, &mut slide.texts, &mut texts, 0);
            }
            None => texts.extend(slide.texts.iter().cloned()),
        }
        pages.push(page(&texts, notes.get(&slide.id).map_or("", String::as_str), number)?);
    }
    Ok(join_pages(&pages))
}

fn page(texts: &[Text], notes: &str, number: u32) -> Result<String, Failure> {
    let mut blocks = Blocks::new();
    let title = texts.iter().position(|text| matches!(text.kind, 0 | 6));
    if texts.is_empty() && notes.trim().is_empty() {
        return Ok(String::new());
    }
    let name = title.and_then(|at| texts.get(at)).map(|text| escape(&text.text)).filter(|name| !name.trim().is_empty());
    blocks.heading(2, &name.unwrap_or_else(|| format!("Slide {number}")));
    for (_, text) in texts.iter().enumerate().filter(|(index, _)| Some(*index) != title) {
        let lines: Vec<&str> = text.text.split('\n').filter(|line| !line.trim().is_empty()).collect();
        for line in &lines {
            // The body of a slide is a list.
            if matches!(text.kind, 1 | 7 | 8) && lines.len() > 1 {
                blocks.item(0, "-", &escape(line));
            } else {
                blocks.paragraph(&escape(line));
            }
        }
    }
    if !notes.trim().is_empty() {
        blocks.heading(3, "Notes");
        notes.split('\n').for_each(|line| blocks.paragraph(&escape(line)));
    }
    blocks.finish()
}

/// Where the parts are that records refer to.
#[derive(Debug, Default)]
struct Parts {
    document: Option<usize>,
    places: HashMap<u32, usize>,
}

/// Goes through the edits from the last to the first: what a later one says holds.
fn parts(stream: &[u8], user: &[u8]) -> Parts {
    let mut parts = Parts::default();
    let mut next = place_at(user, 16);
    // Edits may name one directory many times.
    let mut left = stream.len().saturating_mul(2);
    for _ in 0..EDITS_MAX {
        let Some(edit) = next.and_then(|at| record(stream, at)).filter(|record| record.kind == kind::USER_EDIT) else {
            break;
        };
        let reference = u32_at(edit.data, 16);
        if let Some(directory) =
            place_at(edit.data, 12).and_then(|at| record(stream, at)).filter(|record| record.kind == kind::PERSIST)
        {
            left = left.saturating_sub(directory.data.len());
            if left == 0 {
                break;
            }
            directory_of(directory.data, &mut parts.places);
        }
        if parts.document.is_none() {
            parts.document = reference.and_then(|id| parts.places.get(&id).copied());
        }
        let before = place_at(edit.data, 8).filter(|at| *at != 0);
        // Edits come one after the other in the file.
        next = before.filter(|before| next.is_some_and(|at| *before < at));
    }
    parts
}

fn directory_of(data: &[u8], places: &mut HashMap<u32, usize>) {
    let mut at = 0;
    while let Some(head) = u32_at(data, at) {
        let (first, count) = (head & 0x000f_ffff, head >> 20);
        at += 4;
        for index in 0..count {
            let Some(place) = place_at(data, at) else { return };
            at += 4;
            if places.len() < PARTS_MAX {
                places.entry(first.saturating_add(index)).or_insert(place);
            }
        }
    }
}

/// The slides of a list with the texts that the outline has of them.
fn listed(data: &[u8]) -> Vec<Listed> {
    let mut slides: Vec<Listed> = Vec::new();
    let mut kind = 4;
    for record in records(data) {
        match record.kind {
            kind::SLIDE_PERSIST => {
                if slides.len() >= SLIDES_MAX {
                    break;
                }
                let (part, id) = (u32_at(record.data, 0).unwrap_or(0), u32_at(record.data, 12).unwrap_or(0));
                slides.push(Listed { part, id, texts: Vec::new() });
            }
            kind::TEXT_HEADER => kind = u32_at(record.data, 0).unwrap_or(4),
            kind::TEXT_CHARS | kind::TEXT_BYTES => {
                slides.last_mut().into_iter().for_each(|slide| slide.texts.push(Text { kind, text: text_of(&record) }));
            }
            _ => {}
        }
    }
    slides
}

/// The texts of a slide's shapes; of some the outline has the text.
fn collect(data: &[u8], outline: &mut [Text], texts: &mut Vec<Text>, depth: usize) {
    let mut kind = 4;
    for record in records(data) {
        match record.kind {
            kind::TEXT_HEADER => kind = u32_at(record.data, 0).unwrap_or(4),
            kind::TEXT_CHARS | kind::TEXT_BYTES => texts.push(Text { kind, text: text_of(&record) }),
            // A text of the outline stands in one place.
            kind::OUTLINE_REF => {
                texts.extend(place_at(record.data, 0).and_then(|index| outline.get_mut(index)).map(std::mem::take))
            }
            _ if record.container && depth < DEPTH_MAX => collect(record.data, outline, texts, depth + 1),
            _ => {}
        }
    }
}

fn text_of(record: &Record<'_>) -> String {
    let text = if record.kind == kind::TEXT_CHARS { utf16(record.data) } else { latin(record.data) };
    text.replace(['\r', '\u{b}'], "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: u16, head: u16, data: &[u8]) -> Vec<u8> {
        [&head.to_le_bytes()[..], &kind.to_le_bytes(), &(data.len() as u32).to_le_bytes(), data].concat()
    }

    #[test]
    fn texts_are_found_within_containers_however_deep() {
        let mut data = [bytes(kind::TEXT_HEADER, 0, &1u32.to_le_bytes()), bytes(kind::TEXT_BYTES, 0, b"a\rb")].concat();
        for _ in 0..10_000 {
            data = bytes(1036, 15, &data);
            if data.len() > 60_000 {
                break;
            }
        }
        let mut texts = Vec::new();
        collect(&data, &mut [], &mut texts, 0);
        assert!(texts.is_empty(), "deeper than is read");
        let shallow = bytes(
            1036,
            15,
            &[bytes(kind::TEXT_HEADER, 0, &1u32.to_le_bytes()), bytes(kind::TEXT_BYTES, 0, b"a\rb")].concat(),
        );
        collect(&shallow, &mut [], &mut texts, 0);
        assert_eq!((texts[0].kind, texts[0].text.as_str()), (1, "a\nb"));
    }
}
