//! What a text is: by its content first, then by its name, then by the media type it came with.

use morag_conversion::{encoding, failures, formats};
use morag_step::Failure;

/// Bytes of a text that are looked at for HTML tags.
const HTML_HEAD_BYTES: usize = 4096;

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Plain text.
    Txt,
    /// Markdown.
    Md,
    /// HTML.
    Html,
    /// Values separated by commas, semicolons, tabs or bars.
    Csv,
}

impl Kind {
    fn of(format: &formats::Format) -> Option<Self> {
        Some(match format.name {
            "txt" => Self::Txt,
            "md" => Self::Md,
            "html" => Self::Html,
            "csv" => Self::Csv,
            _ => return None,
        })
    }
}

/// Says what a text is.
///
/// # Errors
/// `EMPTY_DOCUMENT` for no bytes, `UNSUPPORTED_FORMAT` for what is no text or has another extension.
pub fn detect(bytes: &[u8], file_name: &str, media_type: &str) -> Result<Kind, Failure> {
    if bytes.is_empty() {
        return Err(failures::empty("the file has 0 bytes"));
    }
    let extension = formats::extension(file_name);
    let named = formats::by_extension(&extension);
    let kind = named.and_then(Kind::of);
    if is_html(bytes) && kind != Some(Kind::Md) {
        return Ok(Kind::Html);
    }
    match kind {
        Some(kind) => Ok(kind),
        None if !extension.is_empty() => Err(failures::unsupported(&extension)),
        None => by_hint(bytes, media_type),
    }
}

/// No extension: the media type decides; without one that says something it is plain text.
fn by_hint(bytes: &[u8], media_type: &str) -> Result<Kind, Failure> {
    match formats::by_media_type(media_type).and_then(Kind::of) {
        Some(kind) => Ok(kind),
        _ if looks_binary(bytes) => Err(failures::unsupported("bin")),
        _ => Ok(Kind::Txt),
    }
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

/// More than a tenth of control characters: no text, in whatever encoding.
fn looks_binary(bytes: &[u8]) -> bool {
    let (text, _) = encoding::decode(&bytes[..bytes.len().min(HTML_HEAD_BYTES)], None);
    let control = text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{c}')).count();
    control * 10 > text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8], name: &str) -> Result<Kind, String> {
        detect(bytes, name, "").map_err(|failure| failure.code)
    }

    #[test]
    fn content_comes_before_the_name() {
        assert_eq!(kind(b"A file begins with %PDF-1.4", "notes.txt"), Ok(Kind::Txt));
        assert_eq!(kind(b"<!-- x --> <!DOCTYPE html><p>a", "page.txt"), Ok(Kind::Html));
        assert_eq!(kind(b"\xef\xbb\xbf<html lang=en>", "page"), Ok(Kind::Html));
        assert_eq!(kind(b"<htmlish>", "page.txt"), Ok(Kind::Txt));
        assert_eq!(kind(b"a,b", "a.CSV"), Ok(Kind::Csv));
        assert_eq!(kind(b"# a", "a.md"), Ok(Kind::Md));
        assert_eq!(kind(b"plain", "README"), Ok(Kind::Txt));
        assert_eq!(kind(b"", "a.txt"), Err("EMPTY_DOCUMENT".into()));
        assert_eq!(kind(b"\0\x01\x02\x03", "data"), Err("UNSUPPORTED_FORMAT".into()));
    }

    #[test]
    fn the_media_type_decides_where_nothing_else_does() {
        assert_eq!(detect(b"a,b", "data", "text/csv; charset=utf-8"), Ok(Kind::Csv));
        assert_eq!(detect(b"a", "data", "text/markdown"), Ok(Kind::Md));
        assert_eq!(detect(b"a", "data", "application/octet-stream"), Ok(Kind::Txt));
    }

    #[test]
    fn a_refusal_names_what_was_attempted() {
        let failure = detect(b"whatever", "notes.xyz", "").unwrap_err();
        assert_eq!(failure.code, "UNSUPPORTED_FORMAT");
        assert_eq!(failure.message, "Unsupported file format: .xyz files cannot be converted to markdown");
        assert_eq!(failure.details["attempted_format"], "xyz");
        assert_eq!(failure.details["supported_formats"][1], "docx");
    }
}
