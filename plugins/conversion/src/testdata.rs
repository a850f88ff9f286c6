//! Documents for tests, written byte by byte, and what every conversion promises.

use crate::document::pages_cover;
use crate::{Converted, Source};
use morag_step::Failure;
use pulldown_cmark::{Event, Options, Parser, Tag};
use std::io::{Cursor, Write};
use zip::{ZipWriter, write::SimpleFileOptions};

/// A document to be converted, of which only the name is known.
pub fn source(bytes: &[u8], name: &str) -> Source {
    let options = crate::Options::default();
    Source { bytes: bytes.to_vec(), file_name: name.into(), media_type: String::new(), language: None, options }
}

/// What a conversion breaks of its promise: whole markdown with pages that cover it, or a failure with one of the shared codes.
pub fn broken(result: &Result<Converted, Failure>) -> Option<String> {
    const CODES: [&str; 6] = [
        "ENCRYPTED_DOCUMENT",
        "NO_TEXT",
        "CORRUPT_DOCUMENT",
        "EMPTY_DOCUMENT",
        "DOCUMENT_TOO_LARGE",
        "UNSUPPORTED_FORMAT",
    ];
    match result {
        Ok(converted) if !pages_cover(&converted.pages, converted.markdown.len()) => Some("pages with gaps".into()),
        Ok(converted) if converted.markdown.contains('\r') => Some("a carriage return".into()),
        Ok(converted) if !converted.markdown.ends_with('\n') => Some("no line end at the end".into()),
        Err(failure) if !CODES.contains(&failure.code.as_str()) => Some(failure.to_string()),
        _ => None,
    }
}

/// Where the links and the pictures of a markdown lead, as readers with tables and notes see it, and those without.
///
/// # Errors
/// HTML in it, or an address of a scheme that no reader should follow, with the markdown.
pub fn addresses(markdown: &str) -> Result<Vec<String>, String> {
    const SCHEMES: [&str; 6] = ["http", "https", "mailto", "ftp", "ftps", "tel"];
    let extended = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH;
    let mut addresses = Vec::new();
    for options in [Options::empty(), extended] {
        for event in Parser::new_ext(markdown, options) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let scheme = dest_url.trim().split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
                    let is_scheme =
                        |text: &String| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
                    if scheme.filter(is_scheme).is_some_and(|scheme| !SCHEMES.contains(&scheme.as_str())) {
                        return Err(format!("a link to {dest_url} in:\n{markdown}"));
                    }
                    addresses.push(dest_url.into_string());
                }
                Event::Html(html) | Event::InlineHtml(html) => return Err(format!("{html:?} in:\n{markdown}")),
                _ => {}
            }
        }
    }
    Ok(addresses)
}

/// Of which markup is made in markdown.
pub const MARKS: [&str; 40] = [
    "<",
    ">",
    "script>",
    "/script>",
    "<img src=x onerror=1>",
    "<script>",
    "!--",
    "&lt;",
    "&",
    "\n",
    " ",
    "a",
    "`",
    "```",
    "~",
    "~~~",
    "[",
    "]",
    "(",
    ")",
    "[a]",
    "(javascript:1)",
    "](javascript:1)",
    "]: javascript:1",
    ":",
    "javascript:1",
    "[^1]",
    "!",
    "![",
    "|",
    "-|-",
    "|-|-|",
    "| ",
    "-",
    "\\",
    "# ",
    "1. ",
    "*",
    "_",
    "$",
];

/// A zip of these entries, packed.
pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const MAIN: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A Word document with this body.
pub fn docx(body: &str) -> Vec<u8> {
    let types = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>"#;
    let relations = format!(
        r#"<?xml version="1.0"?><Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="word/document.xml"/><Relationship Id="r2" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>"#
    );
    let own = format!(
        r#"<?xml version="1.0"?><Relationships xmlns="{RELATIONS}"><Relationship Id="r1" Type="{OFFICE}/styles" Target="styles.xml"/><Relationship Id="r2" Type="{OFFICE}/numbering" Target="numbering.xml"/></Relationships>"#
    );
    let document = format!(r#"<?xml version="1.0"?><w:document xmlns:w="{MAIN}"><w:body>{body}</w:body></w:document>"#);
    let styles = format!(
        r#"<?xml version="1.0"?><w:styles xmlns:w="{MAIN}"><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style><w:style w:type="paragraph" w:styleId="Heading2"><w:name w:val="heading 2"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style></w:styles>"#
    );
    let numbering = format!(
        r#"<?xml version="1.0"?><w:numbering xmlns:w="{MAIN}"><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>"#
    );
    let core = r#"<?xml version="1.0"?><cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"><dc:title>Yearly report</dc:title><dc:creator>Jane Smith</dc:creator><dc:language>de-DE</dc:language><dcterms:created>2024-01-10T08:00:00Z</dcterms:created></cp:coreProperties>"#;
    zip_of(&[
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", relations.as_bytes()),
        ("word/document.xml", document.as_bytes()),
        ("word/_rels/document.xml.rels", own.as_bytes()),
        ("word/styles.xml", styles.as_bytes()),
        ("word/numbering.xml", numbering.as_bytes()),
        ("docProps/core.xml", core.as_bytes()),
    ])
}

/// A Word document with headings, a list, a table and bold text.
pub fn sample_docx() -> Vec<u8> {
    let paragraph = |style: &str, text: &str| {
        format!(r#"<w:p><w:pPr>{style}</w:pPr><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p>"#)
    };
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", paragraph("", text));
    let row = |one: &str, two: &str| format!("<w:tr>{}{}</w:tr>", cell(one), cell(two));
    let list = r#"<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>"#;
    let body = [
        paragraph(r#"<w:pStyle w:val="Heading1"/>"#, "Report"),
        paragraph("", "This is the text of the report."),
        "<w:p><w:r><w:t xml:space=\"preserve\">It is </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>bold</w:t></w:r></w:p>"
            .into(),
        paragraph(r#"<w:pStyle w:val="Heading2"/>"#, "Scope"),
        paragraph(list, "first"),
        paragraph(list, "second"),
        format!("<w:tbl>{}{}</w:tbl>", row("Name", "Age"), row("Jane", "42")),
    ];
    docx(&body.concat())
}

/// A PDF of these objects, numbered from 1; the first is the catalog. `trailer` is added to the trailer.
pub fn pdf_of(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (object, number) in objects.iter().zip(1..) {
        offsets.push(out.len());
        out.extend(format!("{number} 0 obj\n").bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let xref = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    offsets.iter().for_each(|offset| out.extend(format!("{offset:010} 00000 n \n").bytes()));
    let size = objects.len() + 1;
    out.extend(format!("trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{xref}\n%%EOF\n").bytes());
    out
}

/// A stream object.
pub fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let mut out = format!("<<{dictionary}/Length {}>>\nstream\n", content.len()).into_bytes();
    out.extend(content);
    out.extend(b"\nendstream");
    out
}

/// A line of a page: its size in points and its text.
pub type Line<'a> = (u32, &'a str);

/// A PDF with these pages, and bookmarks to some of them: title and page from 1.
pub fn pdf(pages: &[Vec<Line>], bookmarks: &[(&str, usize)]) -> Vec<u8> {
    const FIRST_PAGE: usize = 6;
    let page_id = |page: usize| FIRST_PAGE + page * 2;
    let first_bookmark = page_id(pages.len());
    let kids: String = (0..pages.len()).map(|page| format!("{} 0 R ", page_id(page))).collect();
    let outlines = if bookmarks.is_empty() { "" } else { "/Outlines 5 0 R" };
    let mut objects = vec![
        format!("<</Type/Catalog/Pages 2 0 R{outlines}/Lang(en-GB)>>").into_bytes(),
        format!("<</Type/Pages/Kids[{kids}]/Count {}>>", pages.len()).into_bytes(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec(),
        b"<</Title(Sample report)/Author(Jane Smith)/Keywords(one, two)/CreationDate(D:20240110083000+01'00')>>"
            .to_vec(),
        format!(
            "<</Type/Outlines/First {first_bookmark} 0 R/Last {} 0 R/Count {}>>",
            first_bookmark + bookmarks.len().max(1) - 1,
            bookmarks.len()
        )
        .into_bytes(),
    ];
    for lines in pages {
        let mut content = String::from("BT\n");
        let mut y = 740;
        for (size, text) in lines {
            content.push_str(&format!("/F1 {size} Tf 1 0 0 1 72 {y} Tm ({text}) Tj\n"));
            y -= *size as i32 * 3 / 2;
        }
        content.push_str("ET\n");
        let contents = objects.len() + 2;
        objects.push(
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>/Contents {contents} 0 R>>")
                .into_bytes(),
        );
        objects.push(stream("", content.as_bytes()));
    }
    for (index, (title, page)) in bookmarks.iter().enumerate() {
        let own = first_bookmark + index;
        let next = if index + 1 < bookmarks.len() { format!("/Next {} 0 R", own + 1) } else { String::new() };
        objects
            .push(format!("<</Title({title})/Parent 5 0 R/Dest[{} 0 R/Fit]{next}>>", page_id(page - 1)).into_bytes());
    }
    pdf_of(&objects, "/Info 4 0 R")
}
