//! The zip around a Word document, looked at before a parser trusts it.

use morag_conversion::document::property;
use morag_conversion::failures;
use morag_conversion::formats;
use morag_step::Failure;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::io::{Cursor, Read, Write};
use undoc::container::decode_xml_bytes;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Bytes of all XML parts together. The parser holds about ten times that; a step has 512 MiB.
const XML_BYTES_MAX: u64 = 32 << 20;
/// How many times its size in the file a part may unpack to. Text packs 3 to 20 times, pictures hardly.
const RATIO_MAX: u64 = 200;
/// Up to here a part's ratio is not looked at: it cannot hurt.
const RATIO_FREE_BYTES: u64 = 1 << 20;
/// Entries of the zip. A document of a thousand pages with as many pictures has a few thousand.
const ENTRIES_MAX: usize = 20_000;
/// Elements within elements. Word writes under 100; the parser recurses, and a step's stack is 512 KiB.
const DEPTH_MAX: usize = 256;

/// What a zip holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Word document.
    Docx,
    /// Something else, by its usual extension.
    Other(&'static str),
}

/// A Word document that is safe to parse.
#[derive(Debug)]
pub struct Package {
    /// The document without its pictures and fonts, stored unpacked.
    pub bytes: Vec<u8>,
    /// What the document's properties say its language is.
    pub language: Option<String>,
}

fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, String> {
    ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())
}

/// Whether an OLE file is an encrypted document of Office since 2007: its directory has such a stream.
pub fn is_encrypted(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}

/// Says what a zip holds, by its list of entries; an error says why that cannot be read.
pub fn kind(bytes: &[u8]) -> Result<Kind, String> {
    const KINDS: [(&str, &str); 6] = [
        ("xl/workbook.xml", "xlsx"),
        ("ppt/presentation.xml", "pptx"),
        ("META-INF/container.xml", "epub"),
        ("xl/workbook.bin", "xlsb"),
        ("content.xml", "odt"),
        ("AndroidManifest.xml", "apk"),
    ];
    let mut archive = open(bytes)?;
    if archive.index_for_name("word/document.xml").is_some() {
        return Ok(Kind::Docx);
    }
    if let Some((_, kind)) = KINDS.iter().find(|(name, _)| archive.index_for_name(name).is_some()) {
        return Ok(Kind::Other(kind));
    }
    // The main part may have another name: the list of content types tells.
    let types = archive.by_name("[Content_Types].xml").ok();
    let mut text = String::new();
    let read = types.and_then(|part| part.take(RATIO_FREE_BYTES).read_to_string(&mut text).ok());
    let word = read.is_some()
        && (text.contains("wordprocessingml.") || text.contains("ms-word."))
        && text.contains("main+xml");
    Ok(if word { Kind::Docx } else { Kind::Other("zip") })
}

/// Unpacks the parts that hold text under limits that are checked while reading, and looks at how deep their XML is.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE`, `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`.
pub fn check(bytes: &[u8]) -> Result<Package, Failure> {
    let corrupt = |reason: &dyn std::fmt::Display| failures::corrupt(&formats::DOCX, reason);
    let mut archive = open(bytes).map_err(|error| corrupt(&error))?;
    if archive.len() > ENTRIES_MAX {
        return Err(failures::too_large(format!("it has {} parts, and at most {ENTRIES_MAX} are read", archive.len())));
    }
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    // Stored: packing it again would cost time for nothing.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut total = 0;
    let mut language = None;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| match error {
            zip::result::ZipError::UnsupportedArchive(zip::result::ZipError::PASSWORD_REQUIRED) => {
                failures::encrypted("Word document")
            }
            error => corrupt(&error),
        })?;
        let name = entry.name().map_err(|error| corrupt(&error))?.into_owned();
        if !(name.ends_with(".xml") || name.ends_with(".rels")) {
            continue;
        }
        let part = unpack(&mut entry, &mut total)?;
        // As the parser will read it: a part may be in UTF-16.
        let text = decode_xml_bytes(&part).map_err(|error| corrupt(&format_args!("{name}: {error}")))?;
        if let Err(reason) = depth(&text) {
            return Err(corrupt(&format_args!("{name}: {reason}")));
        }
        if name == "docProps/core.xml" {
            language = element_text(&text, "language");
        }
        writer.start_file(name, options).map_err(|error| corrupt(&error))?;
        writer.write_all(&part).map_err(|error| corrupt(&error))?;
    }
    let bytes = writer.finish().map_err(|error| corrupt(&error))?.into_inner();
    Ok(Package { bytes, language })
}

fn unpack(entry: &mut zip::read::ZipFile<'_, Cursor<&[u8]>>, total: &mut u64) -> Result<Vec<u8>, Failure> {
    // Read in pieces, so that what the zip claims about sizes does not matter.
    const PIECE_BYTES: usize = 64 << 10;
    let packed = entry.compressed_size().max(1);
    let mut part = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = entry.read(&mut piece).map_err(|error| failures::corrupt(&formats::DOCX, error))?;
        if read == 0 {
            return Ok(part);
        }
        part.extend_from_slice(&piece[..read]);
        *total += read as u64;
        let size = part.len() as u64;
        if size > RATIO_FREE_BYTES && size / packed > RATIO_MAX {
            let name = entry.name().unwrap_or_default();
            return Err(failures::too_large(format!(
                "its part {name} unpacks to more than {RATIO_MAX} times its size"
            )));
        }
        if *total > XML_BYTES_MAX {
            return Err(failures::too_large(format!("its text unpacks to more than {XML_BYTES_MAX} bytes of XML")));
        }
    }
}

/// An error when elements are nested too deep. Whether the XML is well-formed is the parser's to say.
fn depth(xml: &str) -> Result<(), String> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    let mut depth = 0usize;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Eof) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
        if depth > DEPTH_MAX {
            return Err(format!("its XML is nested more than {DEPTH_MAX} levels deep"));
        }
    }
}

/// The text of the first element of a local name.
fn element_text(xml: &str, local_name: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    let mut inside = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => inside = start.local_name().as_ref() == local_name,
            Event::Text(text) if inside => return property(&text),
            Event::End(_) => inside = false,
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::testdata::{docx, zip_of};

    #[test]
    fn kinds_of_zips() {
        assert_eq!(kind(&docx("<w:p/>")), Ok(Kind::Docx));
        assert_eq!(kind(&zip_of(&[("xl/workbook.xml", b"")])), Ok(Kind::Other("xlsx")));
        assert_eq!(kind(&zip_of(&[("a.txt", b"a")])), Ok(Kind::Other("zip")));
        assert!(kind(b"PK\x03\x04 and no more").is_err());
    }

    #[test]
    fn a_part_that_unpacks_a_thousand_times_is_a_bomb() {
        let bomb = docx(&" ".repeat(8 << 20));
        assert!(bomb.len() < 64 << 10);
        let failure = check(&bomb).unwrap_err();
        assert_eq!(failure.code, "DOCUMENT_TOO_LARGE");
        assert!(failure.message.contains("word/document.xml"), "{}", failure.message);
    }

    #[test]
    fn many_parts_are_counted_together() {
        let text: String = (0..120_000u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
        let names: Vec<String> = (0..20).map(|n| format!("word/part{n}.xml")).collect();
        let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), text.as_bytes())).collect();
        assert_eq!(check(&zip_of(&parts)).unwrap_err().code, "DOCUMENT_TOO_LARGE");
    }

    #[test]
    fn pictures_are_left_out() {
        let package = check(&zip_of(&[("word/document.xml", b"<a/>"), ("word/media/image1.png", &[7; 4096])])).unwrap();
        assert!(package.bytes.len() < 1024);
    }
}
