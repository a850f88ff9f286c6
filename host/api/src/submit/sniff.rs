//! Detects the type of a fetched document: by its first bytes, then by its server's headers and its URL. Pure.

use super::file_name;
use morag_core::task::reduced_file_name;
use morag_formats::{Content, sniff};
use percent_encoding::percent_decode_str;
use url::Url;

/// Bytes that are examined.
pub const HEAD_BYTES: usize = morag_formats::HEAD_BYTES;

/// A name and a media type to store a document with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Reduced, with the extension of what it is.
    pub file_name: String,
    /// Media type.
    pub media_type: String,
}

/// Extensions of programs that generate pages: they do not tell the type of the answer.
const PROGRAMS: [&str; 7] = ["php", "asp", "aspx", "jsp", "cgi", "pl", "do"];

fn is_html(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let begins = |mark: &[u8]| text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    begins(b"<!doctype html") || begins(b"<html")
}

/// Media type and extension, if the first bytes tell them.
fn sniffed(head: &[u8]) -> Option<(&'static str, &'static str)> {
    sniff(head).named().or_else(|| is_html(head).then_some(("text/html", "html")))
}

fn extension(name: &str) -> Option<String> {
    let (stem, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    let says = !stem.is_empty() && !PROGRAMS.contains(&extension.as_str());
    (says && mime_guess::from_ext(&extension).first().is_some()).then_some(extension)
}

/// A document's name and media type. `given`: the name that its server gave it; `declared`: its `Content-Type`.
pub fn name(head: &[u8], declared: Option<&str>, given: Option<&str>, url: &Url) -> Named {
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    let last = percent_decode_str(last).decode_utf8_lossy();
    let own = given.or(Some(&*last).filter(|last| !last.is_empty()));
    let base = reduced_file_name(own.or(url.host_str()).unwrap_or_default());
    // A host's name has no extension, whatever comes after its last dot.
    let extension = extension(&base).filter(|_| own.is_some());
    let declared = declared.and_then(|text| text.split(';').next()).map(|text| text.trim().to_ascii_lowercase());
    let with = |wanted: &str| reduced_file_name(&format!("{base}.{wanted}"));
    let is_of =
        |extension: &str, media_type: &str| mime_guess::from_ext(extension).iter().any(|mime| mime == media_type);

    if let Some((media_type, wanted)) = sniffed(head) {
        let fits = extension.as_deref().is_some_and(|extension| extension == wanted || is_of(extension, media_type));
        let file_name = if fits { base } else { with(wanted) };
        return Named { file_name, media_type: media_type.to_owned() };
    }
    if extension.is_some() {
        let media_type = file_name::by_name(&base);
        return Named { file_name: base, media_type };
    }
    let known = declared.as_deref().and_then(morag_formats::by_media_type);
    let known = known.map(|format| (format.media_type(), format.name));
    match known.or_else(|| (sniff(head) == Content::Text).then_some(("text/plain", "txt"))) {
        Some((media_type, wanted)) => Named { file_name: with(wanted), media_type: media_type.to_owned() },
        None => Named { media_type: file_name::media_type(declared.as_deref(), &base), file_name: base },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(head: &[u8], declared: &str, given: &str, url: &str) -> (String, String) {
        let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        let (declared, given) = (declared.to_owned().leak(), given.to_owned().leak());
        let Named { file_name, media_type } = name(head, some(declared), some(given), &url.parse().unwrap());
        (file_name, media_type)
    }

    #[test]
    fn the_first_bytes_decide_then_the_name_then_the_server() {
        let docx = b"PK\x03\x04\x14\0\0\0[Content_Types].xml....PK\x03\x04_rels/.rels....word/document.xml";
        for (head, declared, given, url, expected) in [
            (&b"%PDF-1.7"[..], "text/html", "", "https://e.com/a/report.pdf?x=1", ("report.pdf", "application/pdf")),
            (b"%PDF-1.7", "", "", "https://e.com/show.php", ("show.php.pdf", "application/pdf")),
            (b"%PDF-1.7", "", "the report", "https://e.com/x", ("the report.pdf", "application/pdf")),
            (b"\xff\xd8\xff\xe0", "", "", "https://e.com/a.JPEG", ("a.JPEG", "image/jpeg")),
            (
                docx,
                "application/octet-stream",
                "",
                "https://e.com/d",
                ("d.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ),
            (b" \n<!DOCTYPE html><p>", "text/plain", "", "https://e.com/", ("e.com.html", "text/html")),
            (b"# Title", "text/plain", "", "https://e.com/README.md", ("README.md", "text/markdown")),
            (b"# Title", "text/markdown; charset=utf-8", "", "https://e.com/doc", ("doc.md", "text/markdown")),
            (b"a,b", "text/csv", "", "https://e.com/x.php", ("x.php.csv", "text/csv")),
            (b"words", "", "", "https://e.com/notes", ("notes.txt", "text/plain")),
            ("Übe".as_bytes(), "", "", "https://e.com/%C3%BCbung", ("übung.txt", "text/plain")),
            (&"Ü".as_bytes()[..1], "", "", "https://e.com/cut", ("cut.txt", "text/plain")),
            (b"\0\x01\x02", "", "../../etc/passwd", "https://e.com/", ("passwd", "application/octet-stream")),
            (b"\0\x01\x02", "application/x-thing", "", "https://e.com/t", ("t", "application/x-thing")),
        ] {
            assert_eq!(named(head, declared, given, url), (expected.0.into(), expected.1.into()), "{url}");
        }
    }
}
