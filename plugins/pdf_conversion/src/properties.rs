//! What a PDF says about itself: its Info dictionary first, then its XMP packet and its catalog.

use crate::guard::find;
use morag_conversion::dates;
use morag_conversion::document::{Properties, keywords, property};
use quick_xml::Reader;
use quick_xml::events::Event;
use unpdf::Metadata;

/// Bytes of an XMP packet that are read; packets with preview pictures are larger, and begin with what is wanted.
const XMP_BYTES_MAX: usize = 256 << 10;
/// Bytes of a catalog that are searched for its language.
const CATALOG_BYTES_MAX: usize = 8 << 10;

/// Reads the properties. `source` is the file: XMP packets are kept readable in it for just this.
pub fn read(info: &Metadata, source: &[u8]) -> Properties {
    let xmp = xmp(source);
    let own = |text: &Option<String>| text.as_deref().and_then(property);
    // The parser drops the zone of a date, so its time is not known in UTC: only the day is told.
    let day = |date: String| date.chars().take(10).collect::<String>();
    Properties {
        title: own(&info.title).or(xmp.title),
        author: own(&info.author).or(xmp.author),
        subject: own(&info.subject).or(xmp.subject),
        keywords: info.keywords.as_deref().map(keywords).filter(|list| !list.is_empty()).unwrap_or(xmp.keywords),
        language: catalog_language(source).or(xmp.language),
        creator: own(&info.creator).or(xmp.creator),
        producer: own(&info.producer).or(xmp.producer),
        creation_date: info
            .created
            .map(|date| day(date.to_rfc3339()))
            .and_then(|date| dates::iso(&date))
            .or(xmp.creation_date),
        modification_date: info
            .modified
            .map(|date| day(date.to_rfc3339()))
            .and_then(|date| dates::iso(&date))
            .or(xmp.modification_date),
    }
}

/// The language in the catalog, where that is not compressed.
fn catalog_language(source: &[u8]) -> Option<String> {
    let catalog = find(source, b"/Catalog")?;
    let start = source[..catalog].windows(4).rposition(|window| window == b" obj").unwrap_or(0);
    let object = &source[start..source.len().min(start + CATALOG_BYTES_MAX)];
    let object = &object[..find(object, b"endobj").unwrap_or(object.len())];
    let after = object[find(object, b"/Lang")? + 5..].trim_ascii_start();
    let text = after.strip_prefix(b"(")?;
    let tag = std::str::from_utf8(&text[..text.iter().position(|byte| *byte == b')')?]).ok()?;
    let letters = tag.bytes().take_while(u8::is_ascii_alphabetic).count();
    let plain = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ((2..=3).contains(&letters) && plain && tag.len() <= 35).then(|| tag.to_owned())
}

fn xmp(source: &[u8]) -> Properties {
    let mut found = Properties::default();
    let Some(start) = find(source, b"<x:xmpmeta") else { return found };
    let packet = &source[start..source.len().min(start + XMP_BYTES_MAX)];
    let packet = &packet[..find(packet, b"</x:xmpmeta>").unwrap_or(packet.len())];
    // A packet is UTF-8; what is not is shown as such.
    let packet = String::from_utf8_lossy(packet);
    let mut reader = Reader::from_str(&packet);
    reader.config_mut().check_end_names = false;
    let mut field = String::new();
    let mut authors = Vec::new();
    // What can be read before the first error is taken.
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => {
                for attribute in start.attributes().flatten() {
                    set(&mut found, &mut authors, attribute.key.as_ref(), &attribute.value);
                }
                if !start.name().as_ref().starts_with("rdf:") {
                    field = start.name().as_ref().to_owned();
                }
            }
            Event::Empty(start) => {
                for attribute in start.attributes().flatten() {
                    set(&mut found, &mut authors, attribute.key.as_ref(), &attribute.value);
                }
            }
            Event::Text(text) => set(&mut found, &mut authors, &field, &text),
            Event::End(end) if end.name().as_ref() == field => field.clear(),
            Event::Eof => break,
            _ => {}
        }
    }
    found.author = property(&authors.join(", "));
    found
}

fn set(found: &mut Properties, authors: &mut Vec<String>, name: &str, value: &str) {
    let Some(text) = property(value) else { return };
    match name {
        "dc:title" if found.title.is_none() => found.title = Some(text),
        "dc:creator" => authors.push(text),
        "dc:description" if found.subject.is_none() => found.subject = Some(text),
        "dc:language" if found.language.is_none() => found.language = Some(text),
        "dc:subject" => found.keywords.push(text),
        "xmp:CreatorTool" => found.creator = Some(text),
        "pdf:Producer" => found.producer = Some(text),
        "xmp:CreateDate" => found.creation_date = dates::iso(&text),
        "xmp:ModifyDate" => found.modification_date = dates::iso(&text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xmp_packet_fills_what_info_leaves_open() {
        let source = b"junk <x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF><rdf:Description xmp:CreateDate='2024-05-06T07:08:09+02:00'>\
            <dc:title><rdf:Alt><rdf:li xml:lang='x-default'>From XMP</rdf:li></rdf:Alt></dc:title><dc:creator><rdf:Seq>\
            <rdf:li>A</rdf:li><rdf:li>B</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta> junk";
        let properties = read(&Metadata::default(), source);
        assert_eq!(properties.title.as_deref(), Some("From XMP"));
        assert_eq!(properties.author.as_deref(), Some("A, B"));
        assert_eq!(properties.creation_date.as_deref(), Some("2024-05-06T05:08:09Z"));
        let info = Metadata { title: Some("From Info".into()), ..Metadata::default() };
        assert_eq!(read(&info, source).title.as_deref(), Some("From Info"));
    }

    #[test]
    fn the_language_is_that_of_the_catalog() {
        assert_eq!(catalog_language(b"1 0 obj <</Type/Catalog/Lang (de-CH)>> endobj").as_deref(), Some("de-CH"));
        assert_eq!(catalog_language(b"1 0 obj <</Type/Catalog>> endobj 2 0 obj <</Lang(fr)>> endobj"), None);
        assert_eq!(catalog_language(b"1 0 obj <</Type/Catalog/Lang(\xfe\xff)>>"), None);
    }
}
