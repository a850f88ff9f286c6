//! Word documents.

use crate::package;
use morag_conversion::document::{Properties, keywords, property};
use morag_conversion::formats;
use morag_conversion::{Converted, dates, failures, markdown};
use morag_step::Failure;
use undoc::docx::DocxParser;
use undoc::render::{RenderOptions, to_markdown};

/// Converts a Word document.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE` for one that unpacks to more than a step can hold, `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`,
/// `EMPTY_DOCUMENT`.
pub fn convert(bytes: &[u8]) -> Result<Converted, Failure> {
    let package = package::check(bytes)?;
    let document = DocxParser::from_bytes(package.bytes).and_then(|mut parser| parser.parse()).map_err(failure)?;
    // Six levels are what markdown has; pictures are not among the artifacts, so nothing may point at them.
    let options = RenderOptions::new().with_max_heading(6).with_images(false).with_cleanup();
    let text = to_markdown(&document, &options).map_err(failure)?;
    let text = markdown::finish(&markdown::normalise(&text));
    if text.is_empty() {
        return Err(failures::empty("the Word document has no text"));
    }
    let meta = document.metadata;
    let own = |text: Option<String>| text.as_deref().and_then(property);
    let properties = Properties {
        title: own(meta.title),
        author: own(meta.author),
        subject: own(meta.subject).or(own(meta.description)),
        keywords: meta.keywords.iter().flat_map(|text| keywords(text)).collect(),
        language: package.language,
        creator: own(meta.application),
        producer: None,
        creation_date: meta.created.as_deref().and_then(dates::iso),
        modification_date: meta.modified.as_deref().and_then(dates::iso),
    };
    Ok(Converted { properties, ..Converted::without_pages(&formats::DOCX, text) })
}

fn failure(error: undoc::Error) -> Failure {
    match error {
        undoc::Error::Encrypted => failures::encrypted("Word document"),
        error => failures::corrupt(&formats::DOCX, error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::testdata;

    #[test]
    fn headings_lists_and_tables() {
        let converted = convert(&testdata::sample_docx()).unwrap();
        assert!(converted.markdown.contains("# Report\n"), "{}", converted.markdown);
        assert!(converted.markdown.contains("## Scope\n"), "{}", converted.markdown);
        assert!(converted.markdown.contains("- first\n"), "{}", converted.markdown);
        assert!(converted.markdown.contains("| Name | Age |"), "{}", converted.markdown);
        assert!(converted.markdown.contains("**bold**"), "{}", converted.markdown);
        assert_eq!(converted.page_count(), None);
        assert_eq!(converted.properties.title.as_deref(), Some("Yearly report"));
        assert_eq!(converted.properties.author.as_deref(), Some("Jane Smith"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-01-10T08:00:00Z"));
        assert_eq!(converted.properties.language.as_deref(), Some("de-DE"));
    }

    #[test]
    fn a_document_without_text_is_empty() {
        assert_eq!(convert(&testdata::docx("<w:p/>")).unwrap_err().code, "EMPTY_DOCUMENT");
    }

    #[test]
    fn broken_xml_is_corrupt() {
        assert_eq!(convert(&testdata::docx("<w:p><w:r></w:p>")).unwrap_err().code, "CORRUPT_DOCUMENT");
    }

    #[test]
    fn nesting_without_end_is_refused_before_it_is_parsed() {
        let deep = "<w:tbl><w:tr><w:tc>".repeat(20_000);
        let failure = convert(&testdata::docx(&deep)).unwrap_err();
        assert_eq!(failure.code, "CORRUPT_DOCUMENT");
        assert!(failure.message.contains("nested"), "{}", failure.message);
    }
}
