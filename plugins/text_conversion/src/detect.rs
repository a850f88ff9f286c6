//! What a text is: by its content first, then by its name, then by the media type it came with.

use crate::data::json;
use crate::subtitles;
use morag_conversion::{Format, encoding, failures, formats};
use morag_step::Failure;

/// Bytes of a text that are looked at for HTML tags.
const HTML_HEAD_BYTES: usize = 4096;
/// Bytes up to which a text without a name is read as JSON to see whether it is some.
const JSON_BYTES: usize = 1 << 20;

/// Formats that the converter takes.
pub static FORMATS: [&Format; 10] = [
    &formats::TXT,
    &formats::MD,
    &formats::HTML,
    &formats::CSV,
    &formats::JSON,
    &formats::XML,
    &formats::YAML,
    &formats::IPYNB,
    &formats::VTT,
    &formats::SRT,
];

fn of(format: &'static Format) -> Option<&'static Format> {
    FORMATS.contains(&format).then_some(format)
}

/// Says what a text is.
///
/// # Errors
/// `EMPTY_DOCUMENT` for no bytes, `UNSUPPORTED_FORMAT` for what is no text or has another extension.
pub fn detect(bytes: &[u8], file_name: &str, media_type: &str) -> Result<&'static Format, Failure> {
    if bytes.is_empty() {
        return Err(failures::empty("the file has 0 bytes"));
    }
    let extension = formats::extension(file_name);
    let named = formats::by_extension(&extension).and_then(of);
    // Subtitles may have tags, and a text about HTML may begin with some: these names are believed.
    if named.is_none_or(|format| MAY_BE_HTML.contains(&format)) && is_html(bytes) {
        return Ok(&formats::HTML);
    }
    match named {
        // A notebook that lost its name's end.
        Some(format) if *format == formats::JSON && is_notebook(bytes) => Ok(&formats::IPYNB),
        Some(format) => Ok(format),
        None if !extension.is_empty() => Err(failures::unsupported(&extension)),
        None => by_hint(bytes, media_type),
    }
}

/// Formats whose files are pages where they begin as pages do.
static MAY_BE_HTML: [&Format; 4] = [&formats::TXT, &formats::HTML, &formats::CSV, &formats::XML];

/// No extension: what the content shows clearly, then the media type; without one that says something it is plain text.
fn by_hint(bytes: &[u8], media_type: &str) -> Result<&'static Format, Failure> {
    if subtitles::is_vtt(bytes) {
        return Ok(&formats::VTT);
    }
    match formats::by_media_type(media_type).and_then(of) {
        Some(format) => Ok(format),
        _ if looks_binary(bytes) => Err(failures::unsupported("bin")),
        _ if bytes.starts_with(b"<?xml") => Ok(&formats::XML),
        _ if is_notebook(bytes) => Ok(&formats::IPYNB),
        _ if is_json(bytes) => Ok(&formats::JSON),
        _ => Ok(&formats::TXT),
    }
}

/// An object or a list to its end, in UTF-8. JSON of more than [`JSON_BYTES`] is told by its beginning and its end.
fn is_json(bytes: &[u8]) -> bool {
    let ends = matches!(
        (bytes.trim_ascii_start().first(), bytes.trim_ascii_end().last()),
        (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']'))
    );
    ends && (bytes.len() > JSON_BYTES || std::str::from_utf8(bytes).is_ok_and(|text| json::parse(text).is_ok()))
}

/// An object with the keys of a notebook.
fn is_notebook(bytes: &[u8]) -> bool {
    let has = |key: &[u8]| bytes.windows(key.len()).any(|window| window == key);
    bytes.trim_ascii_start().starts_with(b"{")
        && has(b"\"nbformat\"")
        && (has(b"\"cells\"") || has(b"\"worksheets\""))
        && has(b"\"cell_type\"")
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

    fn kind(bytes: &[u8], name: &str) -> Result<&'static str, String> {
        detect(bytes, name, "").map(|format| format.name).map_err(|failure| failure.code)
    }

    #[test]
    fn content_comes_before_the_name() {
        assert_eq!(kind(b"A file begins with %PDF-1.4", "notes.txt"), Ok("txt"));
        assert_eq!(kind(b"<!-- x --> <!DOCTYPE html><p>a", "page.txt"), Ok("html"));
        assert_eq!(kind(b"\xef\xbb\xbf<html lang=en>", "page"), Ok("html"));
        assert_eq!(kind(b"<htmlish>", "page.txt"), Ok("txt"));
        assert_eq!(kind(b"a,b", "a.CSV"), Ok("csv"));
        assert_eq!(kind(b"# a", "a.md"), Ok("md"));
        assert_eq!(kind(b"plain", "README"), Ok("txt"));
        assert_eq!(kind(b"", "a.txt"), Err("EMPTY_DOCUMENT".into()));
        assert_eq!(kind(b"\0\x01\x02\x03", "data"), Err("UNSUPPORTED_FORMAT".into()));
    }

    fn hinted(bytes: &[u8], name: &str, media_type: &str) -> Result<&'static str, String> {
        detect(bytes, name, media_type).map(|format| format.name).map_err(|failure| failure.code)
    }

    #[test]
    fn data_is_told_by_its_name_or_where_it_has_none_by_its_content() {
        assert_eq!(kind(b"{\"a\": 1}", "a.txt"), Ok("txt"));
        assert_eq!(kind(b"{\"a\": 1}", "a"), Ok("json"));
        assert_eq!(kind(b"{not json}", "a"), Ok("txt"));
        assert_eq!(kind(b"{\"a\": 1}", "a.yaml"), Ok("yaml"));
        assert_eq!(kind(b"a", "a.NDJSON"), Ok("json"));
        assert_eq!(kind(b"<?xml version='1.0'?><a/>", "a"), Ok("xml"));
        assert_eq!(kind(b"<?xml version='1.0'?><html lang='de'/>", "a.xml"), Ok("html"));
        assert_eq!(kind(b"WEBVTT\n", "a"), Ok("vtt"));
        assert_eq!(kind(b"{\"nbformat\": 4, \"cells\": [{\"cell_type\": \"code\"}]}", "a.json"), Ok("ipynb"));
    }

    #[test]
    fn the_media_type_decides_where_nothing_else_does() {
        assert_eq!(hinted(b"a,b", "data", "text/csv; charset=utf-8"), Ok("csv"));
        assert_eq!(hinted(b"a", "data", "text/markdown"), Ok("md"));
        assert_eq!(hinted(b"a", "data", "application/octet-stream"), Ok("txt"));
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
