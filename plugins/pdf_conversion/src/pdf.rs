//! PDF to markdown, page by page.

use crate::outline::Headings;
use crate::{guard, properties, tables};
use morag_conversion::document::join_pages;
use morag_conversion::formats;
use morag_conversion::{Converted, Progress, failures, markdown};
use morag_step::Failure;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use unpdf::model::{FormField, Page};
use unpdf::{Document, Error, PageStreamOptions, ParseEvent, ParseOptions, PdfParser, RenderOptions};

/// Pages of a document: the longest manuals have a few thousand.
const PAGES_MAX: u32 = 20_000;
/// Bytes of markdown of all pages, which is held twice while it is joined.
const MARKDOWN_BYTES_MAX: usize = 64 << 20;

/// Converts a PDF, calling `progress` after each page. One that is encrypted with an empty password is opened.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT`, `NO_TEXT`, `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`.
pub fn convert(bytes: &[u8], progress: Progress) -> Result<Converted, Failure> {
    guard::check(bytes)?;
    let parser =
        PdfParser::from_bytes_with_options(bytes, ParseOptions::new().lenient().sequential()).map_err(failure)?;
    let total = parser.page_count();
    if total == 0 {
        return Err(failures::corrupt(&formats::PDF, "no page can be found in it"));
    }
    if total > PAGES_MAX {
        return Err(failures::too_large(format!("it has {total} pages, and at most {PAGES_MAX} are converted")));
    }
    let mut reading = Reading::new(total);
    let options = PageStreamOptions { parallel: false, ..PageStreamOptions::default() };
    parser.for_each_page(options, |event| reading.receive(event, progress)).map_err(failure)?;
    reading.finish(bytes)
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Encrypted | Error::InvalidPassword => failures::encrypted("PDF"),
        error => failures::corrupt(&formats::PDF, error),
    }
}

/// Letters and digits below which a page that is covered by a picture counts as a scan: a stamp or a file name.
const SCAN_LETTERS_MAX: usize = 20;
/// Share of a page that a scan's picture covers.
const SCAN_COVERAGE_MIN: f32 = 0.5;

/// What is gathered while the pages come.
struct Reading {
    total: u32,
    texts: Vec<String>,
    bytes: usize,
    failed: u32,
    /// Pages that are a picture with hardly a letter.
    scanned: u32,
    /// Pages whose text, or a part of it, has no readable letters: fonts without a map to Unicode, bad OCR.
    unreadable: u32,
    metadata: unpdf::Metadata,
    fields: Vec<FormField>,
    headings: Headings,
    warnings: Vec<String>,
}

impl Reading {
    fn new(total: u32) -> Self {
        Self {
            total,
            texts: Vec::new(),
            bytes: 0,
            failed: 0,
            scanned: 0,
            unreadable: 0,
            metadata: unpdf::Metadata::default(),
            fields: Vec::new(),
            headings: Headings::default(),
            warnings: Vec::new(),
        }
    }

    fn receive(&mut self, event: ParseEvent, progress: &mut dyn FnMut(u32, u32)) -> ControlFlow<()> {
        match event {
            ParseEvent::DocumentStart { metadata, outline, form_fields, .. } => {
                self.headings = outline.map(|outline| Headings::of(&outline)).unwrap_or_default();
                self.metadata = metadata;
                self.fields = form_fields;
            }
            ParseEvent::PageParsed(page) => {
                let number = page.number;
                let covered = page.image_coverage >= SCAN_COVERAGE_MIN;
                self.unreadable += u32::from(page.ocr_text_suppressed || !page.unreadable_fonts.is_empty());
                let text = self.render(page);
                let letters = text.chars().filter(|c| c.is_alphanumeric()).count();
                self.scanned += u32::from(covered && letters <= SCAN_LETTERS_MAX);
                self.keep(number, text, progress);
            }
            ParseEvent::PageFailed { page, error } => {
                self.failed += 1;
                self.warnings.push(format!("page {page} cannot be read: {error}"));
                self.keep(page, String::new(), progress);
            }
            ParseEvent::Progress { .. } | ParseEvent::DocumentEnd { .. } => {}
        }
        if self.bytes > MARKDOWN_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Keeps a page's text at the place of its number; the parser counts pages from 1, in order.
    fn keep(&mut self, number: u32, text: String, progress: &mut dyn FnMut(u32, u32)) {
        let index = (number as usize).saturating_sub(1).max(self.texts.len());
        self.texts.resize(index.min(self.total as usize), String::new());
        self.bytes += text.len();
        self.texts.push(text);
        progress(number, self.total);
    }

    fn render(&mut self, mut page: Page) -> String {
        let blocks = tables::flatten_false(std::mem::take(&mut page.elements));
        page.elements = self.headings.apply(page.number, blocks);
        let number = page.number;
        let mut document = Document::new();
        document.add_page(page);
        match unpdf::render::to_markdown(&document, &RenderOptions::new()) {
            Ok(text) => markdown::normalise(&text),
            Err(error) => {
                self.warnings.push(format!("page {number} cannot be written: {error}"));
                String::new()
            }
        }
    }

    fn finish(mut self, source: &[u8]) -> Result<Converted, Failure> {
        if self.bytes > MARKDOWN_BYTES_MAX {
            return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        if self.failed == self.total {
            let reason = self.warnings.pop().unwrap_or_default();
            return Err(failures::corrupt(&formats::PDF, reason));
        }
        self.texts.resize(self.total as usize, String::new());
        self.append_fields();
        if self.scanned == self.total || !self.texts.iter().any(|text| text.chars().any(char::is_alphanumeric)) {
            return Err(failures::no_text_layer(self.total, "PDF pages are not read yet"));
        }
        if self.unreadable > 0 {
            let (some, total) = (self.unreadable, self.total);
            self.warnings.push(format!(
                "{some} of {total} pages have text without readable letters, which is left out: OCR may read it"
            ));
        }
        running_lines_are_no_headings(&mut self.texts);
        let (text, pages) = join_pages(&self.texts);
        let properties = properties::read(&self.metadata, source);
        let warnings = self.warnings;
        Ok(Converted { pages, properties, warnings, ..Converted::without_pages(&formats::PDF, text) })
    }

    /// What was filled into a form stands beside the page, not on it: it goes after the last page.
    fn append_fields(&mut self) {
        let mut list = String::new();
        for field in &self.fields {
            let value = field.display_value();
            // A button that is off says nothing.
            if value.trim().is_empty() || matches!(value.as_str(), "Off" | "false") {
                continue;
            }
            let name = field.name.rsplit('.').next().unwrap_or(&field.name);
            let mut line = String::new();
            markdown::push_cell(&mut line, &format!("{name}: {value}"));
            list.push_str(&format!("- {line}\n"));
        }
        if let (false, Some(last)) = (list.is_empty(), self.texts.last_mut()) {
            let text = last.trim_end();
            *last = if text.is_empty() { list } else { format!("{text}\n\n{list}") };
        }
    }
}

/// A line that is a heading on many pages is the book's title or a chapter's in the margin: only the first of them is a
/// heading, the others stay as text.
fn running_lines_are_no_headings(texts: &mut [String]) {
    // A heading like `Example` may well come a few times.
    const PAGES_MIN: usize = 5;
    let mut pages: HashMap<String, usize> = HashMap::new();
    for text in texts.iter() {
        let lines: HashSet<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        for line in lines {
            *pages.entry(line.to_owned()).or_default() += 1;
        }
    }
    pages.retain(|_, count| *count >= PAGES_MIN);
    if pages.is_empty() {
        return;
    }
    let mut seen: HashSet<String> = HashSet::new();
    for text in texts {
        let lines = text.lines().map(|line| {
            let again = pages.contains_key(line) && !seen.insert(line.to_owned());
            if again { line.trim_start_matches('#').trim_start() } else { line }
        });
        *text = lines.collect::<Vec<_>>().join("\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::document::pages_cover;
    use morag_conversion::testdata::{pdf, pdf_of, stream};

    fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
        super::convert(bytes, &mut |_, _| {})
    }

    #[test]
    fn pages_and_properties() {
        let source = pdf(&[vec![(12, "The first page.")], vec![], vec![(12, "The third page.")]], &[]);
        let mut reports = Vec::new();
        let converted = super::convert(&source, &mut |done, total| reports.push((done, total))).unwrap();
        assert_eq!(reports, [(1, 3), (2, 3), (3, 3)]);
        assert_eq!(converted.page_count(), Some(3));
        assert!(pages_cover(&converted.pages, converted.markdown.len()));
        let text = |page: usize| converted.markdown[converted.pages[page].start..converted.pages[page].end].trim();
        assert_eq!((text(0), text(1), text(2)), ("The first page.", "", "The third page."));
        assert_eq!(converted.properties.title.as_deref(), Some("Sample report"));
        assert_eq!(converted.properties.author.as_deref(), Some("Jane Smith"));
        assert_eq!(converted.properties.keywords, ["one", "two"]);
        assert_eq!(converted.properties.language.as_deref(), Some("en-GB"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-01-10"));
    }

    #[test]
    fn bookmarks_become_headings() {
        let pages = [
            vec![
                (20, "Introduction"),
                (12, "Some text follows here, in a whole sentence."),
                (12, "It is long enough."),
            ],
            vec![(20, "1.2 Methods"), (12, "More text follows here, in a whole sentence.")],
        ];
        let converted = convert(&pdf(&pages, &[("Introduction", 1), ("Methods", 2)])).unwrap();
        assert!(converted.markdown.contains("# Introduction\n"), "{}", converted.markdown);
        assert!(converted.markdown.contains("# 1.2 Methods\n"), "{}", converted.markdown);
    }

    #[test]
    fn a_running_title_is_no_heading() {
        let mut texts: Vec<String> = (1..=5).map(|n| format!("# The book\n\n# Part {n}\n\ntext")).collect();
        running_lines_are_no_headings(&mut texts);
        assert_eq!(texts[0], "# The book\n\n# Part 1\n\ntext");
        assert_eq!(texts[1], "The book\n\n# Part 2\n\ntext");
        let mut few = ["# Example".to_owned(), "# Example".to_owned()];
        running_lines_are_no_headings(&mut few);
        assert_eq!(few[1], "# Example");
    }

    #[test]
    fn a_scan_has_no_text() {
        let failure = convert(&pdf(&[vec![], vec![]], &[])).unwrap_err();
        assert_eq!(failure.code, "NO_TEXT");
        assert!(failure.message.contains("2 pages") && failure.message.contains("OCR"), "{}", failure.message);
    }

    #[test]
    fn a_file_that_was_cut_off_is_corrupt_and_not_half_a_document() {
        let source = pdf(&[vec![(12, "The first page.")], vec![(12, "The second page.")]], &[]);
        let end = source.windows(9).rposition(|window| window == b"startxref").unwrap();
        for len in (9..end).step_by(7) {
            let failure = convert(&source[..len]).unwrap_err();
            assert_eq!(failure.code, "CORRUPT_DOCUMENT", "{len}: {failure}");
            assert!(failure.message.contains("cut off"), "{len}: {failure}");
        }
        assert!(convert(&source).is_ok());
    }

    #[test]
    fn a_password_is_asked_for() {
        let catalog = b"<</Type/Catalog/Pages 2 0 R>>".to_vec();
        let pages = b"<</Type/Pages/Kids[]/Count 0>>".to_vec();
        let zeros = "00".repeat(32);
        let encrypt = format!("/Encrypt<</Filter/Standard/V 1/R 2/O<{zeros}>/U<{zeros}>/P -4>>/ID[<00><00>]");
        assert_eq!(convert(&pdf_of(&[catalog, pages], &encrypt)).unwrap_err().code, "ENCRYPTED_DOCUMENT");
    }

    #[test]
    fn a_loop_of_pages_ends() {
        let objects = [
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 2147483647>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>"
                .to_vec(),
            stream("", b"BT /F1 12 Tf 10 10 Td (hello world) Tj ET"),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
        ];
        assert_eq!(convert(&pdf_of(&objects, "")).unwrap().markdown, "hello world\n");
    }

    #[test]
    fn nesting_without_end_is_refused_before_it_is_parsed() {
        let catalog = format!("<</Type/Catalog/Pages 2 0 R/X {}{}>>", "[".repeat(100_000), "]".repeat(100_000));
        let failure = convert(&pdf_of(&[catalog.into_bytes(), b"<</Kids[]>>".to_vec()], "")).unwrap_err();
        assert_eq!(failure.code, "CORRUPT_DOCUMENT");
        assert!(failure.message.contains("nested"), "{}", failure.message);
    }
}
