//! Word documents (`docx` and its kin).

mod body;
mod notes;
mod numbering;
mod reader;
mod runs;
mod styles;
mod table;

use crate::package::{Package, Relations, core};
use morag_conversion::{Converted, Images, failures, formats};
use morag_step::Failure;
use reader::Reader;

/// Converts a Word document. It has no pages: where one ends is up to the program that shows it.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE` for one that unpacks to more than a step can hold, `ENCRYPTED_DOCUMENT`, `CORRUPT_DOCUMENT`,
/// `EMPTY_DOCUMENT`.
pub fn convert(bytes: &[u8], main: &str, images: &Images<'_>) -> Result<Converted, Failure> {
    let package = Package::open(bytes, &formats::DOCX)?.with_images(images);
    let source = package.text(main)?.ok_or_else(|| package.corrupt(format_args!("its part {main} is missing")))?;
    let tree = package.tree(main, &source)?;
    let relations = Relations::of(&package, main)?;
    let styles = styles::Styles::read(&package, &relations)?;
    let numbering = numbering::Numbering::read(&package, &relations)?;
    let mut reader = Reader::new(&package, &relations, &styles, numbering);
    if let Some(body) = tree.root().child("body") {
        reader.blocks(body);
    }
    notes::write(&mut reader)?;
    let markdown = reader.out.finish()?;
    let properties = core(&package)?;
    let warnings = package.warnings();
    if markdown.is_empty() {
        return Err(match tree.damage.as_ref() {
            Some(damage) => package.corrupt(damage),
            None => failures::empty("the Word document has no text"),
        });
    }
    Ok(Converted { properties, warnings, ..Converted::without_pages(&formats::DOCX, markdown) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_conversion::testdata::{docx, sample_docx};

    fn converted(body: &str) -> String {
        convert(&docx(body), "word/document.xml", &Images::none()).unwrap().markdown
    }

    #[test]
    fn headings_lists_and_tables() {
        let converted = convert(&sample_docx(), "word/document.xml", &Images::none()).unwrap();
        let expected = "# Report\n\nThis is the text of the report.\n\nIt is **bold**\n\n## Scope\n\n- first\n- second\n\n\
                        | Name | Age |\n| --- | --- |\n| Jane | 42 |\n";
        assert_eq!(converted.markdown, expected);
        assert_eq!(converted.page_count(), None);
        assert_eq!(converted.properties.title.as_deref(), Some("Yearly report"));
        assert_eq!(converted.properties.author.as_deref(), Some("Jane Smith"));
        assert_eq!(converted.properties.creation_date.as_deref(), Some("2024-01-10T08:00:00Z"));
        assert_eq!(converted.properties.language.as_deref(), Some("de-DE"));
    }

    #[test]
    fn equations_changes_and_fields() {
        let text = |text: &str| format!("<w:r><w:t>{text}</w:t></w:r>");
        let body = format!(
            "<w:p>{}<m:oMath xmlns:m='m'><m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f></m:oMath>\
             <w:ins>{}</w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>no</w:t></w:r>\
             <w:r><w:instrText>PAGE</w:instrText></w:r></w:p>",
            text("x "),
            text(" new")
        );
        assert_eq!(converted(&body), "x $\\frac{a}{b}$ new\n");
    }

    #[test]
    fn merged_cells_keep_the_others_in_their_columns() {
        let cell = |properties: &str, text: &str| {
            format!("<w:tc><w:tcPr>{properties}</w:tcPr><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:tc>")
        };
        let (wide, begin, go_on) = ("<w:gridSpan w:val='2'/>", "<w:vMerge w:val='restart'/>", "<w:vMerge/>");
        let body = format!(
            "<w:tbl><w:tr>{}{}</w:tr><w:tr>{}{}{}</w:tr></w:tbl>",
            cell(wide, "a"),
            cell(begin, "b"),
            cell("", "c"),
            cell("", "d"),
            cell(go_on, "")
        );
        assert_eq!(converted(&body), "| a | | b |\n| --- | --- | --- |\n| c | d |\n");
        let huge =
            format!("<w:tbl><w:tr>{}{}</w:tr></w:tbl>", cell("<w:gridSpan w:val='4000000000'/>", "a"), cell("", "b"));
        assert!(converted(&huge).len() < 2000);
    }

    #[test]
    fn texts_of_boxes_come_after_their_paragraph_once() {
        let inner = "<w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent>";
        let body = format!(
            "<w:p><w:r><w:t>text</w:t></w:r><w:r><mc:AlternateContent><mc:Choice><w:drawing>{inner}</w:drawing></mc:Choice>\
             <mc:Fallback><w:pict>{inner}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
        );
        assert_eq!(converted(&body), "text\n\nbox\n");
    }

    #[test]
    fn a_document_without_text_is_empty() {
        assert_eq!(convert(&docx("<w:p/>"), "word/document.xml", &Images::none()).unwrap_err().code, "EMPTY_DOCUMENT");
    }

    #[test]
    fn what_comes_before_the_damage_is_kept() {
        let failure = convert(&docx("<w:p><w:r></w:p>"), "word/document.xml", &Images::none()).unwrap_err();
        assert_eq!(failure.code, "CORRUPT_DOCUMENT");
        let kept = convert(
            &docx("<w:p><w:r><w:t>one</w:t></w:r></w:p><w:p><w:r></w:p>"),
            "word/document.xml",
            &Images::none(),
        )
        .unwrap();
        assert_eq!((kept.markdown.as_str(), kept.warnings.len()), ("one\n", 1));
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let deep = "<w:tbl><w:tr><w:tc>".repeat(20_000);
        let failure = convert(&docx(&deep), "word/document.xml", &Images::none()).unwrap_err();
        assert_eq!(failure.code, "CORRUPT_DOCUMENT");
        assert!(failure.message.contains("nested"), "{}", failure.message);
        let nested = format!("{}<w:p><w:r><w:t>x</w:t></w:r></w:p>", "<w:tbl><w:tr><w:tc>".repeat(80));
        assert!(converted(&nested).contains('x'));
    }
}
