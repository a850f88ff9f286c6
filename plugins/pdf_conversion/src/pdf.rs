//! PDF to markdown, page by page: the text of its own first, then what must be read as a picture.

use crate::need::Need;
use crate::scans::{Outcome, Stop};
use crate::steps::Steps;
use crate::text::{MARKDOWN_BYTES_MAX, Page, Text};
use crate::{catalog, guard, images, properties, scans, text};
use morag_conversion::document::join_pages;
use morag_conversion::escape::{self, Context};
use morag_conversion::{Converted, Images, Progress, Source, failures, formats};
use morag_step::{CapabilityError, Failure, Ocr};
use std::collections::{HashMap, HashSet};
use unpdf::model::FieldValue;

/// Converts a PDF, calling `progress` after each page. One that is encrypted with an empty password is opened.
///
/// # Errors
/// `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`, `DOCUMENT_TOO_LARGE`; `EMPTY_DOCUMENT` where the options take no page; `NO_TEXT`,
/// `OCR_NOT_CONFIGURED`, `UNSUPPORTED_SCRIPT`, `OCR_LIMIT` and `OCR_FAILED` where there is no text, and none was read; what the host answers where reading may succeed later.
pub fn convert(source: &Source, ocr: &dyn Ocr, images: &Images<'_>, progress: Progress) -> Result<Converted, Failure> {
    let bytes = &source.bytes;
    guard::check(bytes)?;
    let mut steps = Steps::new(progress);
    let (checked, warnings) = catalog::checked(bytes)?;
    let mut text = text::extract(&checked, &source.options, &mut steps)?;
    drop(checked);
    text.warnings.extend(warnings);
    let outcome = scans::read(bytes, &mut text, ocr, &mut steps)?;
    finish(text, outcome, bytes, images)
}

fn finish(mut text: Text, outcome: Outcome, source: &[u8], images: &Images<'_>) -> Result<Converted, Failure> {
    let has_fields = append_fields(&mut text);
    if text.pages.iter().map(|page| page.text.len()).sum::<usize>() > MARKDOWN_BYTES_MAX {
        return Err(failures::too_large(format!("its text has more than {MARKDOWN_BYTES_MAX} bytes")));
    }
    // The text of a scan that was not read is a stamp.
    let has_text = |page: &Page| page.need != Some(Need::Scan) && page.text.contains(char::is_alphanumeric);
    if !has_fields && !text.pages.iter().any(has_text) {
        return Err(no_text(text, outcome));
    }
    text.warnings.extend(unread(&text.pages, outcome.stop.as_ref()));
    if text.with_gaps > 0 {
        let (some, total) = (text.with_gaps, text.pages.len());
        text.warnings
            .push(format!("{some} of {total} pages have a little text without readable letters, which is left out"));
    }
    let numbers: Vec<u32> = text.pages.iter().map(|page| page.number).collect();
    let mut texts = vec![String::new(); text.total as usize];
    for page in text.pages {
        if let Some(place) = texts.get_mut((page.number as usize).saturating_sub(1)) {
            *place = page.text;
        }
    }
    running_lines_are_no_headings(&mut texts);
    text.warnings.extend(images::add(source, &numbers, &mut texts, images));
    let (markdown, pages) = join_pages(&texts);
    let (properties, warnings) = (properties::read(&text.metadata, source), text.warnings);
    Ok(Converted { pages, properties, warnings, ..Converted::without_pages(&formats::PDF, markdown) })
}

/// Why a document has no text.
fn no_text(text: Text, outcome: Outcome) -> Failure {
    let unread = text.pages.iter().filter(|page| page.need.is_some());
    let (first, count) = (unread.clone().map(|page| page.number).min(), unread.count());
    match outcome {
        _ if text.failed == text.pages.len() => {
            let reason = text.warnings.into_iter().next().unwrap_or_default();
            failures::corrupt(&formats::PDF, reason)
        }
        Outcome { stop: Some(Stop::NoModel(why)), .. } => failures::no_text_layer(count as u32, &why),
        Outcome { stop: Some(Stop::Budget(why)), .. } => failures::ocr(CapabilityError::Limit(why), first.unwrap_or(1)),
        Outcome { unknown: Some(model), .. } => {
            failures::unsupported_script(&formats::PDF, &model.name, &model.scripts)
        }
        Outcome { undrawn: Some(undrawn), .. } => undrawn.into(),
        Outcome { failed: Some((page, why)), .. } => failures::ocr(CapabilityError::Invalid(why), page),
        _ => failures::no_text(&formats::PDF),
    }
}

/// What is said of the pages that were to be read and were not.
fn unread(pages: &[Page], stop: Option<&Stop>) -> Vec<String> {
    let reason = match stop {
        Some(Stop::NoModel(why) | Stop::Budget(why)) => format!(": {why}"),
        // Of each of them it was said already.
        None => String::new(),
    };
    let total = pages.len();
    let of = |need| pages.iter().filter(|page| page.need == Some(need)).count();
    let said = [
        (of(Need::Scan), "are pictures and were not read"),
        (of(Need::Damaged), "have text without readable letters, which is left out, and were not read"),
        (of(Need::Layer), "have a hidden text layer, which was not checked"),
    ];
    let said = said.into_iter().filter(|(count, _)| *count > 0);
    said.map(|(count, what)| format!("{count} of {total} pages {what}{reason}")).collect()
}

/// What was filled into a form stands beside the page, not on it: it goes after the last page. Whether there
/// is any.
fn append_fields(text: &mut Text) -> bool {
    let mut list = String::new();
    for field in &text.fields {
        let value = field.display_value();
        // A button that is off says nothing.
        if value.trim().is_empty() || matches!(value.as_str(), "Off" | "false") {
            continue;
        }
        let name = field.name.rsplit('.').next().unwrap_or(&field.name);
        // A box that is ticked is not what somebody wrote.
        let (text, tick) = match field.value.as_ref().or(field.default_value.as_ref()) {
            Some(FieldValue::Boolean(_)) => (format!("{name}:"), format!(" {value}")),
            _ => (format!("{name}: {value}"), String::new()),
        };
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        list.push_str("- ");
        // Brackets are always escaped: a link may be defined on another line.
        escape::push_line(&mut list, &line, Context::of(&["]:"]), true);
        list.push_str(&format!("{tick}\n"));
    }
    let Some(last) = text.pages.last_mut().filter(|_| !list.is_empty()) else { return false };
    let has_fields = list.contains(char::is_alphanumeric);
    let text = last.text.trim_end();
    last.text = if text.is_empty() { list } else { format!("{text}\n\n{list}") };
    has_fields
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
    use morag_conversion::testdata::{pdf, pdf_of, source, stream};
    use morag_step::mock::MockOcr;

    fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
        super::convert(&source(bytes, "a.pdf"), &MockOcr::reading([]), &Images::none(), &mut |_, _| {})
    }

    #[test]
    fn pages_and_properties() {
        let bytes = pdf(&[vec![(12, "The first page.")], vec![], vec![(12, "The third page.")]], &[]);
        let (mut reports, ocr) = (Vec::new(), MockOcr::reading(["of a picture"]));
        let mut report = |done, total| reports.push((done, total));
        let converted = super::convert(&source(&bytes, "a.pdf"), &ocr, &Images::none(), &mut report).unwrap();
        assert!(ocr.seen().is_empty(), "neither good text nor an empty page is read");
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
    fn what_was_filled_into_a_form_is_no_markup() {
        let told = |name: &str, more: &str| {
            let objects = [
                b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[4 0 R]>>>>".to_vec(),
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>".to_vec(),
                format!("<</T({name}){more}>>").into_bytes(),
            ];
            convert(&pdf_of(&objects, "")).unwrap().markdown
        };
        assert_eq!(told("Name", "/FT/Tx/V(Jane Smith)"), "- Name: Jane Smith\n");
        assert_eq!(told("Agreed", "/FT/Btn/V/Yes"), "- Agreed: [x]\n");
        assert_eq!(told("a", "/FT/Tx/V(<script>x</script>)"), "- a: \\<script>x\\</script>\n");
        assert_eq!(told("a", "/FT/Tx/V(![b]\\(http://c\\) **d**)"), "- a: !\\[b](http://c) \\*\\*d\\*\\*\n");
        assert_eq!(told("# <b>a", "/FT/Ch/V[(<i>) (&lt;)]"), "- \\# \\<b>a: \\<i>, \\&lt;\n");
        assert_eq!(told("x", "/FT/Tx/V(a|b)"), "- x: a|b\n");
        assert_eq!(told("1.", "/FT/Tx/V(a\\n\\n# b)"), "- : a # b\n");
        assert_eq!(told("[x] <b>", "/FT/Btn/V/Yes"), "- \\[x] \\<b>: [x]\n");
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
    fn empty_pages_have_no_text() {
        let failure = convert(&pdf(&[vec![], vec![]], &[])).unwrap_err();
        assert_eq!(failure.code, "NO_TEXT");
        assert!(failure.message.contains("right file"), "{failure}");
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
