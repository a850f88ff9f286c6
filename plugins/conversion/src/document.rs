//! What a conversion makes of a document.

use morag_formats::Format;
use serde::Serialize;

/// A page's part of the markdown, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Number, from 1.
    pub number: u32,
    /// First byte in `markdown.md`.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Of a recording: when the page begins, in milliseconds from the recording's beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// When it ends, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
}

impl Page {
    /// A page without times.
    pub fn new(number: u32, start: usize, end: usize) -> Self {
        Self { number, start, end, ..Self::default() }
    }
}

/// What the document says about itself. Dates are `YYYY-MM-DD`, with `THH:MM:SSZ` where the source gives a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Properties {
    /// Title.
    pub title: Option<String>,
    /// Author; several are joined by `, `.
    pub author: Option<String>,
    /// Subject or description.
    pub subject: Option<String>,
    /// Keywords.
    pub keywords: Vec<String>,
    /// Language as the document writes it, for example `en-US`.
    pub language: Option<String>,
    /// Program that wrote the document.
    pub creator: Option<String>,
    /// Program that made the file of it.
    pub producer: Option<String>,
    /// When it was written.
    pub creation_date: Option<String>,
    /// When it was last changed.
    pub modification_date: Option<String>,
}

/// A document inside the document: an attachment, a file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name; within folders of an archive with its path, `/` between the parts.
    pub name: String,
    /// Its format, where a converter has said it.
    pub format: Option<String>,
    /// Name of the component that converted it.
    pub component: Option<String>,
    /// First byte in `markdown.md`.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Code of why it was not converted.
    pub error_code: Option<String>,
}

/// A picture as `document.json` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Image {
    /// Its file.
    pub file: String,
    /// The page that it is, or where it stands first, from 1; none in a format without pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// What the document says instead of it, where it stands first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
    /// Pixels of a row, as the picture says it; none where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Rows, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
}

/// Says how far a conversion is: done and total pages.
pub type Progress<'a> = &'a mut dyn FnMut(u32, u32);

/// A converted document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// What it was.
    pub format: &'static Format,
    /// CommonMark with GitHub tables; line ends are `\n`; ends with one.
    pub markdown: String,
    /// Label of the text encoding, for text formats.
    pub encoding: Option<String>,
    /// The pages, in order and without gaps; empty for a format without pages.
    pub pages: Vec<Page>,
    /// What the document says about itself.
    pub properties: Properties,
    /// Documents that were inside it, in order, each with its part of the markdown.
    pub parts: Vec<Part>,
    /// Its pictures that are files of the task; none where the options do not ask for any.
    pub images: Option<Vec<Image>>,
    /// What went wrong without stopping the conversion, for the log.
    pub warnings: Vec<String>,
}

impl Converted {
    /// A document of a format without pages.
    pub fn without_pages(format: &'static Format, markdown: String) -> Self {
        let properties = Properties::default();
        let (pages, parts, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { format, markdown, encoding: None, pages, properties, parts, images: None, warnings }
    }

    /// Number of pages, none for a format without pages.
    pub fn page_count(&self) -> Option<usize> {
        (!self.pages.is_empty()).then_some(self.pages.len())
    }

    /// The content of `document.json`.
    pub fn document_json(&self) -> serde_json::Value {
        let mut document = serde_json::json!({
            "format": self.format.name,
            "media_type": self.format.media_type(),
            "encoding": self.encoding,
            "page_count": self.page_count(),
            "pages": self.pages,
            "properties": self.properties,
            "parts": self.parts,
        });
        if let Some(images) = &self.images {
            document["images"] = serde_json::json!(images);
        }
        document
    }
}

/// Whether pages cover a markdown of `len` bytes in order, without gaps. No pages cover everything.
pub fn pages_cover(pages: &[Page], len: usize) -> bool {
    let mut at = 0;
    for (page, number) in pages.iter().zip(1..) {
        if page.number != number || page.start != at || page.end < at {
            return false;
        }
        at = page.end;
    }
    pages.is_empty() || at == len
}

/// Joins the markdown of pages, a blank line between them. The blank line belongs to the page before it.
pub fn join_pages(texts: &[String]) -> (String, Vec<Page>) {
    let mut markdown = String::with_capacity(texts.iter().map(|text| text.len() + 2).sum());
    let mut pages = Vec::with_capacity(texts.len());
    let last = texts.iter().rposition(|text| !text.trim().is_empty());
    for (index, (text, number)) in texts.iter().zip(1..).enumerate() {
        let start = markdown.len();
        let text = text.trim_matches('\n');
        if !text.trim().is_empty() {
            markdown.push_str(text);
            markdown.push_str(if Some(index) == last { "\n" } else { "\n\n" });
        }
        pages.push(Page::new(number, start, markdown.len()));
    }
    (markdown, pages)
}

/// A property's text: control characters and runs of white space become one space; empty is none.
pub fn property(text: &str) -> Option<String> {
    // Longer than this no title or author is: some programs put the whole text there.
    const CHARS_MAX: usize = 1000;
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: String = text.chars().take(CHARS_MAX).collect();
    (!text.is_empty()).then_some(text)
}

/// Keywords written as one text, separated by commas or semicolons.
pub fn keywords(text: &str) -> Vec<String> {
    // A hundred is far more than any index uses.
    const KEYWORDS_MAX: usize = 100;
    text.split([',', ';']).filter_map(property).take(KEYWORDS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn joined_pages_cover_the_markdown(texts in proptest::collection::vec("[a-zä \n]{0,12}", 0..9)) {
            let (markdown, pages) = join_pages(&texts);
            prop_assert!(pages_cover(&pages, markdown.len()));
            for (page, text) in pages.iter().zip(&texts) {
                prop_assert_eq!(markdown[page.start..page.end].trim(), text.trim());
            }
        }
    }

    #[test]
    fn a_gap_between_pages_is_seen() {
        let page = Page::new;
        assert!(pages_cover(&[page(1, 0, 3), page(2, 3, 5)], 5));
        assert!(!pages_cover(&[page(1, 0, 3), page(2, 4, 5)], 5));
        assert!(!pages_cover(&[page(1, 0, 3)], 5));
        assert!(!pages_cover(&[page(2, 0, 5)], 5));
    }

    #[test]
    fn only_pages_of_recordings_have_times() {
        let written = |page: &Page| serde_json::to_string(page).unwrap();
        assert_eq!(written(&Page::new(1, 0, 3)), r#"{"number":1,"start":0,"end":3}"#);
        let timed = Page { start_ms: Some(0), end_ms: Some(60_000), ..Page::new(1, 0, 3) };
        assert!(written(&timed).ends_with(r#""start_ms":0,"end_ms":60000}"#));
    }

    #[test]
    fn properties_are_one_line() {
        assert_eq!(property(" A\u{0}\r\n  B "), Some("A B".into()));
        assert_eq!(property("\n"), None);
        assert_eq!(keywords("a; b,,c "), ["a", "b", "c"]);
    }
}
