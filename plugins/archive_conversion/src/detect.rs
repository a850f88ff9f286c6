//! What a file is: by its first bytes, then by its name, then by the media type it came with.

use crate::msg;
use morag_conversion::ole::{self, Ole};
use morag_conversion::{Format, failures, formats};
use morag_step::Failure;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message (RFC 5322).
    Eml,
    /// A message of Outlook.
    Msg,
    /// An archive.
    Zip,
}

/// Says what a file is.
///
/// # Errors
/// `EMPTY_DOCUMENT` for no bytes, `UNSUPPORTED_FORMAT` for what is no message and no archive, or a book or an OpenDocument in a zip, or a
/// document of Office in the container of messages; `CORRUPT_DOCUMENT` for what has such a name and another content.
pub fn detect(bytes: &[u8], file_name: &str, media_type: &str) -> Result<Kind, Failure> {
    if bytes.is_empty() {
        return Err(failures::empty("the file has 0 bytes"));
    }
    let extension = formats::extension(file_name);
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return match package(bytes) {
            Some(package) => Err(failures::unsupported(package)),
            None => Ok(Kind::Zip),
        };
    }
    let named = formats::by_extension(&extension).or_else(|| {
        let hint = formats::by_media_type(media_type);
        hint.filter(|_| extension.is_empty())
    });
    if bytes.starts_with(ole::SIGNATURE) {
        return compound(bytes, named, &extension);
    }
    match named.map(|format| format.name) {
        Some("msg") => Err(failures::corrupt(&formats::MSG, "it does not begin as a message of Outlook does")),
        Some("eml") => Ok(Kind::Eml),
        Some("zip") => Err(failures::corrupt(&formats::ZIP, "it does not begin as a zip file does")),
        None if extension.is_empty() && looks_like_mail(bytes) => Ok(Kind::Eml),
        _ => Err(failures::unsupported(if extension.is_empty() { "bin" } else { &extension })),
    }
}

/// What is in the container of Office before 2007, which messages of Outlook have too: what it holds tells, also in a file of another name.
fn compound(bytes: &[u8], named: Option<&Format>, extension: &str) -> Result<Kind, Failure> {
    const OTHERS: [(&str, &str); 4] =
        [("/WordDocument", "doc"), ("/Workbook", "xls"), ("/Book", "xls"), ("/PowerPoint Document", "ppt")];
    let is_named = named == Some(&formats::MSG);
    let unsupported = || failures::unsupported(if extension.is_empty() { "ole" } else { extension });
    match Ole::open(bytes) {
        Ok(ole) if msg::is_message(&ole) => Ok(Kind::Msg),
        Ok(ole) if is_named => Err(match OTHERS.into_iter().find(|(stream, _)| ole.has(stream)) {
            Some((_, other)) => failures::unsupported(other),
            None => failures::corrupt(&formats::MSG, "it has no properties of a message"),
        }),
        Err(reason) if is_named => Err(failures::corrupt(&formats::MSG, reason)),
        Ok(_) | Err(_) => Err(unsupported()),
    }
}

/// A document whose format is a zip with parts of its own, by its usual extension.
fn package(bytes: &[u8]) -> Option<&'static str> {
    // OpenDocument and EPUB begin with an entry of this name, stored, whose content is the media type.
    const MEDIA_TYPE_AT: usize = 38;
    if bytes.get(30..MEDIA_TYPE_AT) == Some(b"mimetype") {
        let media_type = &bytes[MEDIA_TYPE_AT..bytes.len().min(MEDIA_TYPE_AT + 100)];
        return [
            (&b"application/epub+zip"[..], "epub"),
            (b"application/vnd.oasis.opendocument.text", "odt"),
            (b"application/vnd.oasis.opendocument.spreadsheet", "ods"),
            (b"application/vnd.oasis.opendocument.presentation", "odp"),
        ]
        .into_iter()
        .find_map(|(known, name)| media_type.starts_with(known).then_some(name));
    }
    None
}

/// Two fields that a message begins with, before a blank line.
fn looks_like_mail(bytes: &[u8]) -> bool {
    const HEAD_BYTES: usize = 8192;
    const FIELDS: [&str; 9] = [
        "from:",
        "to:",
        "subject:",
        "date:",
        "received:",
        "return-path:",
        "message-id:",
        "mime-version:",
        "delivered-to:",
    ];
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(HEAD_BYTES)]);
    let lines = head.lines().take_while(|line| !line.is_empty()).map(str::to_ascii_lowercase);
    lines.filter(|line| FIELDS.iter().any(|field| line.starts_with(field))).count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::testdata::zip_of;

    fn kind(bytes: &[u8], name: &str, media_type: &str) -> Result<Kind, String> {
        detect(bytes, name, media_type).map_err(|failure| failure.code)
    }

    #[test]
    fn content_comes_before_the_name() {
        let zip = zip_of(&[("a.txt", b"a")]);
        assert_eq!(kind(&zip, "a.eml", ""), Ok(Kind::Zip));
        assert_eq!(kind(b"From: a\nTo: b\n\nc", "a.eml", ""), Ok(Kind::Eml));
        assert_eq!(kind(b"From: a\nTo: b\n\nc", "message", ""), Ok(Kind::Eml));
        assert_eq!(kind(b"From: a\nTo: b\n\nc", "notes.txt", ""), Err("UNSUPPORTED_FORMAT".into()));
        assert_eq!(kind(b"text", "message", "message/rfc822"), Ok(Kind::Eml));
        assert_eq!(kind(b"text", "a.zip", ""), Err("CORRUPT_DOCUMENT".into()));
        assert_eq!(kind(b"text", "a", ""), Err("UNSUPPORTED_FORMAT".into()));
        assert_eq!(kind(b"", "a.zip", ""), Err("EMPTY_DOCUMENT".into()));
    }

    #[test]
    fn books_and_open_documents_are_for_others() {
        let mut zip = zip_of(&[("mimetype", b"application/epub+zip")]);
        // Stored, as these formats ask for.
        let content = zip.len();
        zip.splice(38..content, b"application/epub+zip".iter().copied());
        let failure = detect(&zip, "a.zip", "").unwrap_err();
        assert_eq!(
            (failure.code.as_str(), &failure.details["attempted_format"]),
            ("UNSUPPORTED_FORMAT", &"epub".into())
        );
    }
}
