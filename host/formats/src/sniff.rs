//! What the first bytes of a document say it is. Only marks are compared: nothing of the format is parsed.

use crate::{Format, by_media_type};

/// Bytes from the start of a document that are looked at: in Office files the name that tells the kind is within a few KiB.
pub const HEAD_BYTES: usize = 8 << 10;

/// Bytes in which a PDF's header may stand, as readers of PDF have it (ISO 32000, annex on conformance of readers).
const PDF_HEADER_BYTES: usize = 1024;

/// Formats that are zip archives.
static ZIPS: [&Format; 8] =
    [&crate::DOCX, &crate::XLSX, &crate::PPTX, &crate::ODT, &crate::ODS, &crate::ODP, &crate::EPUB, &crate::ZIP];

/// Formats in the container of Office before 2007.
static OLES: [&Format; 4] = [&crate::DOC, &crate::XLS, &crate::PPT, &crate::MSG];

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A format of the table.
    Known(&'static Format),
    /// Another format, by media type and usual extension.
    Other(&'static str, &'static str),
    /// A container of one of these formats, the last of which is what it is if nothing else tells.
    Container(&'static [&'static Format]),
    /// A text of any kind.
    Text,
    /// Nothing.
    Unknown,
}

impl Content {
    /// Media type and usual extension, if the bytes tell them.
    pub fn named(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Known(format) => Some((format.media_type(), format.name)),
            Self::Other(media_type, extension) => Some((media_type, extension)),
            Self::Container(formats) if formats == ZIPS => Some((crate::ZIP.media_type(), crate::ZIP.name)),
            Self::Container(_) | Self::Text | Self::Unknown => None,
        }
    }
}

/// What a document is by its first [`HEAD_BYTES`].
pub fn sniff(head: &[u8]) -> Content {
    let is_text = is_text(head);
    if find(&head[..head.len().min(PDF_HEADER_BYTES)], b"%PDF-").is_some_and(|at| at == 0 || !is_text) {
        return Content::Known(&crate::PDF);
    }
    if head.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Content::Container(&OLES);
    }
    let Some(found) = infer::get(head) else { return if is_text { Content::Text } else { Content::Unknown } };
    if found.matcher_type() == infer::MatcherType::Text {
        return Content::Text;
    }
    match by_media_type(found.mime_type()) {
        // A text that speaks of the header.
        Some(format) if is_text && format == &crate::PDF => Content::Text,
        Some(format) if format == &crate::ZIP => Content::Container(&ZIPS),
        // Marks of two letters begin texts too.
        Some(format) if is_text && format.kind != crate::Kind::Document => Content::Text,
        Some(format) => Content::Known(format),
        None if is_text => Content::Text,
        None => Content::Other(found.mime_type(), found.extension()),
    }
}

/// Whether it is text in UTF-8, apart from a character that is cut off at the end, or in UTF-16 with its mark.
fn is_text(head: &[u8]) -> bool {
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return head.len() % 2 == 0 && head.len() > 2;
    }
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    whole && !head.iter().any(|byte| matches!(byte, 0..=8 | 14..=26 | 28..=31))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell() {
        let docx = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x11\0\0\0word/document.xml";
        for (head, content) in [
            (&b"%PDF-1.7"[..], Content::Known(&crate::PDF)),
            (b"\0\x01rubbish\n%PDF-1.4", Content::Known(&crate::PDF)),
            (b"A file begins with %PDF-1.4", Content::Text),
            (b"{\\rtf1 a", Content::Known(&crate::RTF)),
            (b"\x89PNG\r\n\x1a\n", Content::Known(&crate::PNG)),
            (b"\xff\xd8\xff\xe0", Content::Known(&crate::JPG)),
            (b"ID3\x03\0\0", Content::Known(&crate::MP3)),
            (b"RIFF\x24\0\0\0WAVEfmt ", Content::Known(&crate::WAV)),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", Content::Known(&crate::MP4)),
            (docx, Content::Known(&crate::DOCX)),
            (b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0a.txt", Content::Container(&ZIPS)),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", Content::Container(&OLES)),
            (b"\x1f\x8b\x08\0", Content::Other("application/gzip", "gz")),
            (b"BMW makes cars", Content::Text),
            (b"<!DOCTYPE html><p>", Content::Text),
            ("Größe".as_bytes(), Content::Text),
            (&"Ü".as_bytes()[..1], Content::Text),
            (b"\0\x01\x02\x03", Content::Unknown),
        ] {
            assert_eq!(sniff(head), content, "{}", String::from_utf8_lossy(head));
        }
    }
}
