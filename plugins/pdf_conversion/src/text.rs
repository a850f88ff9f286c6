//! The text that the pages have of their own.

use crate::need::{Facts, Need};
use crate::outline::Headings;
use crate::steps::Steps;
use crate::tables;
use morag_conversion::{Options, failures, formats, markdown};
use morag_step::Failure;
use std::ops::{ControlFlow, RangeInclusive};
use unpdf::model::FormField;
use unpdf::render::PageSelection;
use unpdf::{Document, Error, PageStreamOptions, ParseEvent, ParseOptions, PdfParser, RenderOptions};

/// Pages of a document: the longest manuals have a few thousand.
const PAGES_MAX: u32 = 20_000;
/// Bytes of markdown of all pages, which is held twice while it is joined.
pub const MARKDOWN_BYTES_MAX: usize = 64 << 20;

/// A page that is converted.
#[derive(Debug)]
pub struct Page {
    /// Number, from 1.
    pub number: u32,
    /// Its markdown.
    pub text: String,
    /// Why it is to be read as a picture, until it was.
    pub need: Option<Need>,
}

/// What was found in a document.
#[derive(Debug)]
pub struct Text {
    /// Pages that it has.
    pub total: u32,
    /// Those that are converted, in order.
    pub pages: Vec<Page>,
    /// How many of them cannot be parsed.
    pub failed: usize,
    /// How many have a little text that has no readable letters, and is left out.
    pub with_gaps: usize,
    /// What the document says about itself.
    pub metadata: unpdf::Metadata,
    /// Its form.
    pub fields: Vec<FormField>,
    /// What went wrong, for the log.
    pub warnings: Vec<String>,
}

/// Reads the text of the pages that the options take. What the parser holds is freed at the end.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`; `EMPTY_DOCUMENT` where the options take no page.
pub fn extract(bytes: &[u8], options: &Options, steps: &mut Steps) -> Result<Text, Failure> {
    let parser =
        PdfParser::from_bytes_with_options(bytes, ParseOptions::new().lenient().sequential()).map_err(failure)?;
    let total = parser.page_count();
    if total == 0 {
        return Err(failures::corrupt(&formats::PDF, "no page can be found in it"));
    }
    if total > PAGES_MAX {
        return Err(failures::too_large(format!("it has {total} pages, and at most {PAGES_MAX} are converted")));
    }
    let taken = taken(total, options)?;
    steps.total = taken.end() - taken.start() + 1;
    let mut extraction = Extraction::new(total, taken.clone());
    let options =
        PageStreamOptions { parallel: false, pages: PageSelection::Range(taken), ..PageStreamOptions::default() };
    parser.for_each_page(options, |event| extraction.receive(event, steps)).map_err(failure)?;
    extraction.finish()
}

/// The pages that are converted.
fn taken(total: u32, options: &Options) -> Result<RangeInclusive<u32>, Failure> {
    let first = (1..=total).find(|page| options.takes(*page));
    let last = (1..=total).rfind(|page| options.takes(*page));
    first.zip(last).map(|(first, last)| first..=last).ok_or_else(|| {
        failures::empty(&format!("it has {total} pages, and the options page_range and max_pages take none of them"))
    })
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Encrypted | Error::InvalidPassword => failures::encrypted("PDF"),
        error => failures::corrupt(&formats::PDF, error),
    }
}

/// What is gathered while the pages come.
struct Extraction {
    text: Text,
    bytes: usize,
    headings: Headings,
}

impl Extraction {
    fn new(total: u32, taken: RangeInclusive<u32>) -> Self {
        // A page that the parser does not tell of is empty.
        let pages = taken.map(|number| Page { number, text: String::new(), need: None }).collect();
        let (metadata, fields, warnings) = (unpdf::Metadata::default(), Vec::new(), Vec::new());
        let text = Text { total, pages, failed: 0, with_gaps: 0, metadata, fields, warnings };
        Self { text, bytes: 0, headings: Headings::default() }
    }

    fn receive(&mut self, event: ParseEvent, steps: &mut Steps) -> ControlFlow<()> {
        match event {
            ParseEvent::DocumentStart { metadata, outline, form_fields, .. } => {
                self.headings = outline.map(|outline| Headings::of(&outline)).unwrap_or_default();
                self.text.metadata = metadata;
                self.text.fields = form_fields;
            }
            ParseEvent::PageParsed(mut page) => {
                let number = page.number;
                let facts = Facts::of(&page);
                let blocks = tables::flatten_false(std::mem::take(&mut page.elements));
                page.elements = self.headings.apply(number, blocks);
                let written = self.render(page);
                let has_gaps = facts.lost_runs > 0;
                let need = facts.with_text(&written).need();
                self.text.with_gaps += usize::from(has_gaps && need.is_none());
                self.keep(number, markdown::normalise(&written), need, steps);
            }
            ParseEvent::PageFailed { page, error } => {
                self.text.failed += 1;
                self.text.warnings.push(format!("the text of page {page} cannot be read: {error}"));
                self.keep(page, String::new(), Some(Need::Damaged), steps);
            }
            ParseEvent::Progress { .. } | ParseEvent::DocumentEnd { .. } => {}
        }
        if self.bytes > MARKDOWN_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Keeps a page's text at the place of its number. One that is to be read is not done yet.
    fn keep(&mut self, number: u32, text: String, need: Option<Need>, steps: &mut Steps) {
        self.bytes += text.len();
        let first = self.text.pages.first().map_or(0, |page| page.number);
        let index = number.checked_sub(first).map_or(usize::MAX, |index| index as usize);
        if let Some(page) = self.text.pages.get_mut(index) {
            *page = Page { number, text, need };
        }
        if need.is_none() {
            steps.one_done();
        }
    }

    fn render(&mut self, page: unpdf::model::Page) -> String {
        let number = page.number;
        let mut document = Document::new();
        document.add_page(page);
        unpdf::render::to_markdown(&document, &RenderOptions::new()).unwrap_or_else(|error| {
            self.text.warnings.push(format!("page {number} cannot be written: {error}"));
            String::new()
        })
    }

    fn finish(self) -> Result<Text, Failure> {
        if self.bytes > MARKDOWN_BYTES_MAX {
            return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
        }
        Ok(self.text)
    }
}
