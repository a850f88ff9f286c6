//! What a zip holds.

use super::{RATIO_FREE_BYTES, relations};
use crate::xml::{self, Flavour, Tree};
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// What a zip holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A Word document; the name of its main part.
    Docx(String),
    /// A workbook; the name of its main part.
    Xlsx(String),
    /// Slides; the name of their main part.
    Pptx(String),
    /// OpenDocument text.
    Odt,
    /// OpenDocument sheets.
    Ods,
    /// OpenDocument slides.
    Odp,
    /// A book.
    Epub,
    /// Something else, by its usual extension.
    Other(&'static str),
}

/// Whether an OLE file is an encrypted document of Office since 2007: its directory has such a stream.
pub fn is_encrypted(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bytes.windows(name.len()).any(|window| window == name)
}

/// Says what a zip holds, by its parts; an error says why they cannot be read.
pub fn kind(bytes: &[u8]) -> Result<Kind, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    if let Some(kind) = start_of(&mut archive, "mimetype").and_then(|text| by_media_type(text.trim())) {
        return Ok(kind);
    }
    let main = start_of(&mut archive, "_rels/.rels").and_then(|text| main_part(&text));
    let usual = ["word/document.xml", "xl/workbook.xml", "ppt/presentation.xml"];
    let candidates = main.into_iter().chain(usual.map(str::to_owned));
    for name in candidates {
        if let Some(kind) = start_of(&mut archive, &name).and_then(|text| by_root(&text, name)) {
            return Ok(kind);
        }
    }
    let has = |name: &str| archive.index_for_name(name).is_some();
    // Where the main part itself cannot be read, its name tells.
    let (docx, xlsx, pptx) = (has(usual[0]), has(usual[1]), has(usual[2]));
    Ok(match () {
        () if docx => Kind::Docx(usual[0].into()),
        () if xlsx => Kind::Xlsx(usual[1].into()),
        () if pptx => Kind::Pptx(usual[2].into()),
        () if has("META-INF/container.xml") => Kind::Epub,
        () if has("xl/workbook.bin") => Kind::Other("xlsb"),
        () if has("AndroidManifest.xml") => Kind::Other("apk"),
        () if has("content.xml") => {
            let start = start_of(&mut archive, "content.xml").unwrap_or_default();
            match () {
                () if start.contains("<office:spreadsheet") => Kind::Ods,
                () if start.contains("<office:presentation") => Kind::Odp,
                () => Kind::Odt,
            }
        }
        () => Kind::Other("zip"),
    })
}

fn by_media_type(media_type: &str) -> Option<Kind> {
    let odf = media_type.strip_prefix("application/vnd.oasis.opendocument.");
    match odf.map(|kind| kind.trim_end_matches("-template")) {
        Some("text" | "text-master" | "text-web") => Some(Kind::Odt),
        Some("spreadsheet") => Some(Kind::Ods),
        Some("presentation") => Some(Kind::Odp),
        Some("graphics") => Some(Kind::Other("odg")),
        Some(_) => Some(Kind::Other("odf")),
        None => (media_type == "application/epub+zip").then_some(Kind::Epub),
    }
}

/// By the root element of a part, which stands in its first bytes.
fn by_root(text: &str, name: String) -> Option<Kind> {
    let start: String = text.chars().take(4096).collect();
    // Cut short, so damaged at its end: the root is there all the same.
    let tree = Tree::parse(&start, Flavour::Xml).ok()?;
    match tree.root().name() {
        "document" => Some(Kind::Docx(name)),
        "workbook" => Some(Kind::Xlsx(name)),
        "presentation" => Some(Kind::Pptx(name)),
        _ => None,
    }
}

fn main_part(text: &str) -> Option<String> {
    let tree = Tree::parse(text, Flavour::Xml).ok()?;
    let relation = tree.root().all("Relationship").find(|relation| {
        relation.attribute("Type").is_some_and(|kind| kind.ends_with("/officeDocument"))
    })?;
    Some(relations::resolve("", &relation.attribute("Target")?))
}

/// The start of a part as text.
fn start_of(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Option<String> {
    let entry = archive.by_name(name).ok()?;
    let mut start = Vec::new();
    // What was read before an error is enough, or it is nothing.
    let _ = entry.take(RATIO_FREE_BYTES).read_to_end(&mut start);
    (!start.is_empty()).then(|| xml::decode(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::testdata::{docx, zip_of};

    #[test]
    fn kinds_of_zips() {
        assert_eq!(kind(&docx("<w:p/>")), Ok(Kind::Docx("word/document.xml".into())));
        assert_eq!(kind(&zip_of(&[("xl/workbook.xml", b"<workbook/>")])), Ok(Kind::Xlsx("xl/workbook.xml".into())));
        assert_eq!(kind(&zip_of(&[("xl/workbook.bin", b"")])), Ok(Kind::Other("xlsb")));
        assert_eq!(kind(&zip_of(&[("mimetype", b"application/vnd.oasis.opendocument.text-template")])), Ok(Kind::Odt));
        assert_eq!(kind(&zip_of(&[("mimetype", b"application/epub+zip")])), Ok(Kind::Epub));
        assert_eq!(kind(&zip_of(&[("META-INF/container.xml", b"")])), Ok(Kind::Epub));
        assert_eq!(kind(&zip_of(&[("a.txt", b"a")])), Ok(Kind::Other("zip")));
        assert!(kind(b"PK\x03\x04 and no more").is_err());
    }

    #[test]
    fn the_main_part_may_have_any_name() {
        let relations = br#"<Relationships><Relationship Id="a" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="/word/document22.xml"/></Relationships>"#;
        let zip = zip_of(&[("_rels/.rels", relations), ("word/document22.xml", b"<w:document xmlns:w='x'>")]);
        assert_eq!(kind(&zip), Ok(Kind::Docx("word/document22.xml".into())));
    }
}
