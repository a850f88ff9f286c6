//! What a document is: by its content first, then by its name, then by the media type it came with.

use crate::docx::package;
use crate::format::Format;
use crate::{encoding, failures};
use morag_step::Failure;

/// Bytes in which a PDF's header may stand, as readers of PDF have it (ISO 32000, annex on conformance of readers).
const PDF_HEADER_BYTES: usize = 1024;

/// Bytes of a text that are looked at for HTML tags.
const HTML_HEAD_BYTES: usize = 4096;

/// Says what a document is.
///
/// # Errors
/// `EMPTY_DOCUMENT` for no bytes, `UNSUPPORTED_FORMAT`, `ENCRYPTED_DOCUMENT` for Office documents with a password, and
/// `CORRUPT_DOCUMENT` for what is named as a PDF or Word document and is none.
pub fn detect(bytes: &[u8], file_name: &str, media_type: &str) -> Result<Format, Failure> {
    if bytes.is_empty() {
        return Err(failures::empty("the file has 0 bytes"));
    }
    let extension = extension(file_name);
    let named = Format::by_extension(&extension);
    if is_pdf(bytes, named) {
        return Ok(Format::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return detect_zip(bytes, &extension, named);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Err(ole(bytes, &extension));
    }
    if let Some(kind) = magic(bytes) {
        return Err(failures::unsupported(attempted(&extension, named, kind)));
    }
    if is_html(bytes) && named != Some(Format::Md) {
        return Ok(Format::Html);
    }
    match named {
        Some(format) if format.is_text() => Ok(format),
        Some(format) => {
            Err(failures::corrupt(format, format_args!("it does not begin as a {} file does", format.name())))
        }
        None if !extension.is_empty() => Err(failures::unsupported(&extension)),
        None => by_hint(bytes, media_type),
    }
}

/// The extension in lower case, without its dot; empty when the name has none.
pub fn extension(file_name: &str) -> String {
    // Longer, or with a space, is a sentence with a dot in it, not an extension.
    const CHARS_MAX: usize = 16;
    match file_name.trim().rsplit_once('.') {
        Some((_, extension))
            if !extension.is_empty()
                && extension.chars().count() <= CHARS_MAX
                && extension.chars().all(char::is_alphanumeric) =>
        {
            extension.to_lowercase()
        }
        _ => String::new(),
    }
}

/// No extension: the media type decides among text formats; without one that says something it is plain text.
fn by_hint(bytes: &[u8], media_type: &str) -> Result<Format, Failure> {
    match Format::by_media_type(media_type) {
        Some(format) if format.is_text() => Ok(format),
        _ if looks_binary(bytes) => Err(failures::unsupported("bin")),
        _ => Ok(Format::Txt),
    }
}

fn is_pdf(bytes: &[u8], named: Option<Format>) -> bool {
    let head = &bytes[..bytes.len().min(PDF_HEADER_BYTES)];
    let Some(at) = find(head, b"%PDF-") else { return false };
    // A text may speak of the header; a PDF may have rubbish before it.
    at == 0 || !named.is_some_and(Format::is_text)
}

fn is_html(bytes: &[u8]) -> bool {
    let (text, _) = encoding::decode(&bytes[..bytes.len().min(HTML_HEAD_BYTES)], None);
    let mut text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    loop {
        let after = if text.starts_with("<!--") {
            text.find("-->").map(|at| at + 3)
        } else if text.starts_with("<?xml") {
            text.find("?>").map(|at| at + 2)
        } else {
            None
        };
        match after {
            Some(at) => text = text[at..].trim_start(),
            None => break,
        }
    }
    let start: String = text.chars().take(15).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html")
        || ["<html", "<head", "<body"].iter().any(|tag| {
            start.strip_prefix(tag).is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c.is_whitespace()))
        })
}

fn detect_zip(bytes: &[u8], extension: &str, named: Option<Format>) -> Result<Format, Failure> {
    match package::kind(bytes) {
        Ok(package::Kind::Docx) => Ok(Format::Docx),
        Ok(package::Kind::Other(kind)) => Err(failures::unsupported(attempted(extension, named, kind))),
        Err(reason) if named == Some(Format::Docx) || find(bytes, b"word/document.xml").is_some() => {
            Err(failures::corrupt(Format::Docx, reason))
        }
        Err(_) => Err(failures::unsupported(attempted(extension, named, "zip"))),
    }
}

/// The container of the Office formats before 2007, and of encrypted ones since.
fn ole(bytes: &[u8], extension: &str) -> Failure {
    let has = |name: &str| find(bytes, &name.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).is_some();
    if has("EncryptedPackage") {
        return failures::encrypted("Office document");
    }
    let kind = match () {
        () if has("WordDocument") => "doc",
        () if has("Workbook") => "xls",
        () if has("PowerPoint Document") => "ppt",
        () if has("__substg1.0_") => "msg",
        () => "ole",
    };
    failures::unsupported(attempted(extension, Format::by_extension(extension), kind))
}

/// The extension to name in a refusal: the file's own, unless it is missing or that of a supported format.
fn attempted<'a>(extension: &'a str, named: Option<Format>, kind: &'a str) -> &'a str {
    if extension.is_empty() || named.is_some() { kind } else { extension }
}

/// The kind of a file that is not text, by bytes that no text begins with.
fn magic(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 24] = [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff", "jpg"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"II*\0", "tif"),
        (b"MM\0*", "tif"),
        (b"RIFF", "riff"),
        (b"ID3\x02", "mp3"),
        (b"ID3\x03", "mp3"),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb", "mp3"),
        (b"OggS\0", "ogg"),
        (b"fLaC\0", "flac"),
        (b"\x1aE\xdf\xa3", "mkv"),
        (b"\x1f\x8b\x08", "gz"),
        (b"BZh91AY&SY", "bz2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zst"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"Rar!\x1a\x07", "rar"),
        (b"\x7fELF", "elf"),
        (b"\0asm", "wasm"),
        (b"SQLite format 3\0", "sqlite"),
        (b"{\\rtf", "rtf"),
    ];
    if bytes.get(4..8) == Some(b"ftyp") {
        return Some("mp4");
    }
    let kind = MAGIC.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, kind)| *kind)?;
    match (kind, bytes.get(8..12)) {
        ("riff", Some(b"WAVE")) => Some("wav"),
        ("riff", Some(b"AVI ")) => Some("avi"),
        ("riff", Some(b"WEBP")) => Some("webp"),
        ("riff", _) => None,
        _ => Some(kind),
    }
}

/// More than a tenth of control characters: no text, in whatever encoding.
fn looks_binary(bytes: &[u8]) -> bool {
    let (text, _) = encoding::decode(&bytes[..bytes.len().min(HTML_HEAD_BYTES)], None);
    let control = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')).count();
    control * 10 > text.chars().count()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testdata::{self, zip_of};

    fn code(bytes: &[u8], name: &str) -> String {
        match detect(bytes, name, "") {
            Ok(format) => format.name().into(),
            Err(failure) => failure.code,
        }
    }

    #[test]
    fn content_comes_before_the_name() {
        assert_eq!(code(b"%PDF-1.4\n", "report.txt"), "pdf");
        assert_eq!(code(b"rubbish\n%PDF-1.4\n", "report.bin"), "pdf");
        assert_eq!(code(b"A file begins with %PDF-1.4", "notes.txt"), "txt");
        assert_eq!(code(&testdata::docx("<w:p/>"), "report.pdf"), "docx");
        assert_eq!(code(b"<!-- x --> <!DOCTYPE html><p>a", "page.txt"), "html");
        assert_eq!(code(b"\xef\xbb\xbf<html lang=en>", "page"), "html");
        assert_eq!(code(b"<htmlish>", "page.txt"), "txt");
        assert_eq!(code(b"a,b", "a.CSV"), "csv");
        assert_eq!(code(b"# a", "a.md"), "md");
        assert_eq!(code(b"plain", "README"), "txt");
    }

    #[test]
    fn the_media_type_decides_where_nothing_else_does() {
        assert_eq!(detect(b"a,b", "data", "text/csv; charset=utf-8"), Ok(Format::Csv));
        assert_eq!(detect(b"a", "data", "text/markdown"), Ok(Format::Md));
        assert_eq!(detect(b"a", "data", "application/octet-stream"), Ok(Format::Txt));
    }

    #[test]
    fn a_refusal_names_what_was_attempted() {
        let failure = detect(b"whatever", "notes.xyz", "").unwrap_err();
        assert_eq!(failure.code, "UNSUPPORTED_FORMAT");
        assert_eq!(failure.message, "Unsupported file format: .xyz files cannot be converted to markdown");
        assert_eq!(failure.details["attempted_format"], "xyz");
        assert_eq!(failure.details["supported_formats"][1], "docx");
        let failure = detect(b"\x89PNG\r\n\x1a\n", "scan.pdf", "").unwrap_err();
        assert_eq!(failure.details["attempted_format"], "png");
        let failure = detect(&zip_of(&[("xl/workbook.xml", b"")]), "book.bin", "").unwrap_err();
        assert_eq!(failure.details["attempted_format"], "bin");
    }

    #[test]
    fn office_containers() {
        let ole = |name: &str| {
            let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
            bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
            bytes
        };
        assert_eq!(code(&ole("EncryptedPackage"), "a.docx"), "ENCRYPTED_DOCUMENT");
        let failure = detect(&ole("WordDocument"), "a.docx", "").unwrap_err();
        assert_eq!(failure.details["attempted_format"], "doc");
        assert!(failure.message.contains("Save it as .docx"), "{}", failure.message);
    }

    #[test]
    fn what_is_not_what_its_name_says_is_corrupt() {
        assert_eq!(code(b"", "a.pdf"), "EMPTY_DOCUMENT");
        assert_eq!(code(b"hello", "a.pdf"), "CORRUPT_DOCUMENT");
        assert_eq!(code(b"hello", "a.docx"), "CORRUPT_DOCUMENT");
        let docx = testdata::docx("<w:p/>");
        assert_eq!(code(&docx[..docx.len() / 2], "a.docx"), "CORRUPT_DOCUMENT");
    }

    #[test]
    fn extensions() {
        assert_eq!(extension("a.TXT"), "txt");
        assert_eq!(extension("archive.tar.gz"), "gz");
        assert_eq!(extension("README"), "");
        assert_eq!(extension("Dr. Smith wrote"), "");
    }
}
