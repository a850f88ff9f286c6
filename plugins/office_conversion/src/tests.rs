//! The converter as the host sees it.

mod images;

use crate::convert;
use crate::testdata::{
    self, epub, odf, ole, pptx, sample_doc, sample_epub, sample_odp, sample_ods, sample_odt, sample_ppt, sample_pptx,
    sample_rtf, sample_xls, sample_xlsx, shape, with_parts, xls, xlsx,
};
use morag_conversion::Converted;
use morag_conversion::testdata::{MARKS, addresses, broken, docx, sample_docx, source, zip_of};
use morag_step::Failure;
use proptest::prelude::*;

/// A document of each format, by the format's name.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("docx", sample_docx()),
        ("xlsx", sample_xlsx()),
        ("pptx", sample_pptx()),
        ("odt", sample_odt()),
        ("ods", sample_ods()),
        ("odp", sample_odp()),
        ("epub", sample_epub()),
        ("rtf", sample_rtf()),
        ("doc", sample_doc(0)),
        ("xls", sample_xls(&[])),
        ("ppt", sample_ppt(0)),
    ]
}

fn converted(bytes: &[u8]) -> Converted {
    convert(&source(bytes, "a")).unwrap()
}

fn refused(bytes: &[u8]) -> Failure {
    convert(&source(bytes, "a")).unwrap_err()
}

fn code(bytes: &[u8], name: &str) -> String {
    match convert(&source(bytes, name)) {
        Ok(converted) => converted.format.name.into(),
        Err(failure) => failure.code,
    }
}

#[test]
fn a_document_is_what_it_holds_whatever_its_name() {
    for (format, bytes) in samples() {
        assert_eq!(code(&bytes, "a.xyz"), format);
    }
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    for (format, bytes) in samples() {
        assert_eq!(converted(&bytes), converted(&bytes), "{format}");
    }
}

#[test]
fn slides() {
    let done = converted(&sample_pptx());
    let expected = "## Title\n\n- one\n- two\n\nSales\n\n| | North |\n| --- | --- |\n| 2023 | 4.3 |\n| 2024 | 5 |\n\n$x^{2}$\n\n### Notes\n\nSay this\n\n\
                    ## Slide 2\n\nIn a box\n\n| wide | |\n| --- | --- |\n| 1 | 2 |\n";
    assert_eq!(done.markdown, expected);
    assert_eq!(done.page_count(), Some(2));
}

#[test]
fn sheets() {
    let done = converted(&sample_xlsx());
    let expected = "## First\n\n| Name | When | Share |\n| --- | --- | --- |\n| TRUE | 2024-01-01 12:00:00 | 12.5% |\n| #N/A | 0.3 |\n\n## Empty\n\n\
                    ## Third\n\n| a & b |\n| --- |\n";
    assert_eq!(done.markdown, expected);
    assert_eq!(done.page_count(), Some(3));
}

#[test]
fn texts_of_open_document() {
    let done = converted(&sample_odt());
    let expected = "## Head\n\nA **bold**  word[^1] and $\\frac{a}{b}$\n\n1. one\n   - a) sub\n2. two\n\n| wide | |\n| --- | --- |\n| 1 | 2 |\n\n\
                    [^1]: The note\n";
    assert_eq!(done.markdown, expected);
    let properties = &done.properties;
    assert_eq!((properties.title.as_deref(), properties.author.as_deref()), (Some("A title"), Some("Jane")));
    assert_eq!(
        (properties.language.as_deref(), properties.modification_date.as_deref()),
        (Some("fr-FR"), Some("2024-01-10T08:00:00Z"))
    );
}

#[test]
fn sheets_of_open_document() {
    let done = converted(&sample_ods());
    let expected =
        "## One\n\n| a | 7% | 7% |\n| --- | --- | --- |\n| 2024-01-10 | 01:02:03 |\n\n## Two\n\n| TRUE |\n| --- |\n";
    assert_eq!((done.markdown.as_str(), done.page_count()), (expected, Some(2)));
}

#[test]
fn slides_of_open_document() {
    let done = converted(&sample_odp());
    let expected = "## Title\n\nText\n\n### Notes\n\nSay this\n\n## Slide 2\n\nbox\n";
    assert_eq!((done.markdown.as_str(), done.page_count()), (expected, Some(2)));
}

#[test]
fn books() {
    let done = converted(&sample_epub());
    assert_eq!(done.markdown, "# One\n\nText &x; of one.\n\n# Two\n\nText of two.\n".replace("&x;", "\\&x;"));
    // The table of contents, and the chapters.
    assert_eq!((done.page_count(), done.pages[0].end), (Some(3), 0));
    let properties = &done.properties;
    assert_eq!((properties.title.as_deref(), properties.author.as_deref()), (Some("A book"), Some("Jo, Al")));
    assert_eq!(properties.creation_date.as_deref(), Some("2020-05-06"));
    assert_eq!(properties.modification_date.as_deref(), Some("2021-01-02T03:04:05Z"));
}

#[test]
fn rich_text() {
    let done = converted(&sample_rtf());
    assert_eq!(done.markdown, "# Head\n\nPříliš žlu\n\n| a | b |\n| --- | --- |\n\n1. item[^1]\n\n[^1]: note\n");
}

#[test]
fn documents_of_the_last_century() {
    assert_eq!(converted(&sample_doc(0)).markdown, "# Head\n\nText five.\n\n| a | b |\n| --- | --- |\n");
    let xls = converted(&sample_xls(&[]));
    assert_eq!(
        xls.markdown,
        "## Data\n\n| Name | 2024-01-01 | |\n| --- | --- | --- |\n| 12.34 | given |\n| | | #DIV/0! |\n"
    );
    assert_eq!(xls.page_count(), Some(1));
    let ppt = converted(&sample_ppt(0));
    assert_eq!(ppt.markdown, "## Title\n\n- één\n- twee\n");
    assert_eq!(ppt.page_count(), Some(2));
}

#[test]
fn a_sheet_of_excel_97_that_is_cut_says_so() {
    // 10,000 small numbers a record; the last two bytes are its last column.
    let row = |row: u16| {
        let cells = [0u8, 0, 2 | 1 << 2, 0, 0, 0].repeat(10_000);
        (0x00bd, [&row.to_le_bytes()[..], &[0, 0], &cells, &9_999u16.to_le_bytes()].concat())
    };
    let rows: Vec<_> = (0..201).map(row).collect();
    assert!(converted(&xls(&[], &rows[..1])).warnings.is_empty());
    let cut = converted(&xls(&[], &rows));
    assert_eq!(cut.warnings, ["sheet 1 has more cells than are converted: the rest is left out"]);
}

#[test]
fn the_numbers_of_a_chart_of_opendocument_are_told_without_the_cells_that_they_are_of() {
    let chart = "<office:document-content><office:body><office:chart><chart:chart><chart:title><text:p>Sales</text:p></chart:title>\
                 <table:table><table:table-row><table:table-cell><text:p/></table:table-cell><table:table-cell><text:p>North</text:p>\
                 <draw:g><svg:desc>Sheet2.B1:Sheet2.B1</svg:desc></draw:g></table:table-cell></table:table-row>\
                 <table:table-row><table:table-cell><text:p>2024</text:p></table:table-cell><table:table-cell office:value-type='float' office:value='5'>\
                 <text:p>5</text:p></table:table-cell></table:table-row></table:table></chart:chart></office:chart></office:body></office:document-content>";
    let body = "<office:text><text:p>Text</text:p><text:p><draw:frame><draw:object xlink:href='./Object 1'/></draw:frame></text:p></office:text>";
    let bytes = with_parts(&odf("text", body), &[("Object 1/content.xml", chart.as_bytes())]);
    assert_eq!(converted(&bytes).markdown, "Text\n\nSales\n\n| | North |\n| --- | --- |\n| 2024 | 5 |\n");
}

#[test]
fn only_the_pages_that_are_asked_for_are_converted() {
    for (format, bytes) in samples() {
        let mut source = source(&bytes, "a");
        let all = convert(&source).unwrap();
        let Some(count) = all.page_count().filter(|count| *count > 1 && format != "ppt") else { continue };
        let last = u32::try_from(count).unwrap();
        source.options.page_range = Some((last, last));
        let done = convert(&source).unwrap();
        assert_eq!(done.page_count(), Some(count), "{format}");
        assert_eq!(done.markdown, all.markdown[all.pages[count - 1].start..], "{format}");
    }
}

#[test]
fn pages_after_the_last_are_none_and_a_format_without_pages_is_whole() {
    for (format, bytes) in samples() {
        let mut source = source(&bytes, "a");
        let all = convert(&source).unwrap();
        source.options.page_range = Some((100, 200));
        match all.page_count() {
            Some(count) => {
                let failure = convert(&source).unwrap_err();
                assert_eq!(failure.code, "EMPTY_DOCUMENT", "{format}");
                assert!(
                    failure.message.contains(&format!("it has {count} pages, and the options page_range")),
                    "{failure}"
                );
            }
            None => assert_eq!(convert(&source).unwrap().markdown, all.markdown, "{format}"),
        }
    }
}

#[test]
fn an_encrypted_document_is_said_to_be_one() {
    let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    bytes.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(code(&bytes, "a.docx"), "ENCRYPTED_DOCUMENT");
    assert_eq!(refused(&ole(&[("/EncryptedPackage", b"x")])).code, "ENCRYPTED_DOCUMENT");
    let manifest = b"<manifest><file-entry full-path='content.xml'><encryption-data/></file-entry></manifest>";
    let odf = zip_of(&[
        ("mimetype", b"application/vnd.oasis.opendocument.text"),
        ("content.xml", b"\x01\x02"),
        ("META-INF/manifest.xml", manifest),
    ]);
    assert_eq!(refused(&odf).code, "ENCRYPTED_DOCUMENT");
    let rights = |name: &str| {
        format!(
            "<encryption><EncryptedData><CipherData><CipherReference URI='{name}'/></CipherData></EncryptedData></encryption>"
        )
    };
    let book = |name: &str| epub(&["<p>x</p>"], &[("META-INF/encryption.xml", rights(name).as_bytes())]);
    assert_eq!(refused(&book("OPS/text/c%201.xhtml")).code, "ENCRYPTED_DOCUMENT");
    assert_eq!(converted(&book("OPS/font.ttf")).markdown, "x\n");
    assert_eq!(refused(&sample_doc(0x0100)).code, "ENCRYPTED_DOCUMENT");
    assert_eq!(refused(&sample_xls(&[(0x002f, vec![0; 4])])).code, "ENCRYPTED_DOCUMENT");
    assert_eq!(refused(&sample_ppt(0xf3d1_c4df)).code, "ENCRYPTED_DOCUMENT");
}

#[test]
fn what_is_not_what_its_name_says_is_corrupt() {
    assert_eq!(code(b"", "a.docx"), "EMPTY_DOCUMENT");
    assert_eq!(code(b"hello", "a.docx"), "CORRUPT_DOCUMENT");
    assert_eq!(code(b"hello", "a.xyz"), "UNSUPPORTED_FORMAT");
    assert_eq!(code(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no more", "a.xls"), "CORRUPT_DOCUMENT");
    assert_eq!(code(&ole(&[("/__properties_version1.0", b"x")]), "a.msg"), "UNSUPPORTED_FORMAT");
    let docx = docx("<w:p/>");
    assert_eq!(code(&docx[..docx.len() / 2], "a.docx"), "CORRUPT_DOCUMENT");
    assert_eq!(code(&zip_of(&[("a.txt", b"text")]), "a.zip"), "UNSUPPORTED_FORMAT");
    // Documents within a zip are converted by `archive_conversion`.
    assert_eq!(code(&zip_of(&[("a.docx", &docx)]), "a.zip"), "UNSUPPORTED_FORMAT");
}

#[test]
fn documents_without_text_are_empty() {
    for bytes in [
        pptx(&["<p:pic/>"]).as_slice(),
        &xlsx(&[("Sheet", "")], &[]),
        &odf("text", "<office:text/>"),
        &odf("spreadsheet", "<office:spreadsheet><table:table table:name='A'/></office:spreadsheet>"),
        &odf("presentation", "<office:presentation><draw:page/></office:presentation>"),
        &epub(&["<html><body/></html>"], &[]),
    ] {
        // The first slide of this has notes all the same.
        if code(bytes, "a") != "pptx" {
            assert_eq!(refused(bytes).code, "EMPTY_DOCUMENT");
        }
    }
}

#[test]
fn a_part_that_is_missing_or_damaged_does_not_lose_the_rest() {
    let parts = [shape("title", "One"), format!("{}<p:sp>", shape("title", "Two"))];
    let done = converted(&pptx(&[&parts[0], &parts[1]]));
    assert!(done.markdown.contains("## One") && done.markdown.contains("## Two"), "{}", done.markdown);
    assert_eq!(done.warnings.len(), 1, "{:?}", done.warnings);
    let done = converted(&epub(&["<p>one</p>", &"<div>".repeat(5000)], &[]));
    assert_eq!((done.markdown.as_str(), done.warnings.len()), ("one\n", 1));
}

#[test]
fn sheets_that_claim_a_great_size_take_no_memory_for_it() {
    let corner = "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'><v>2</v></c></row><row r='4294967295'><c r='ZZZZZZ9'><v>3</v></c></row>";
    assert_eq!(converted(&xlsx(&[("A", corner)], &[])).markdown, "## A\n\n1\n\n2\n");
    let many: Vec<(String, String)> =
        (0..3000).map(|n| (format!("S{n}"), "<row><c><v>1</v></c></row>".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, rows)| (name.as_str(), rows.as_str())).collect();
    assert_eq!(converted(&xlsx(&many, &[])).page_count(), Some(3000));
    let repeated = "<office:spreadsheet><table:table><table:table-row table:number-rows-repeated='4000000000'><table:table-cell table:number-columns-repeated='4000000000'><text:p>x</text:p></table:table-cell></table:table-row></table:table></office:spreadsheet>";
    let done = converted(&odf("spreadsheet", repeated));
    assert!(done.markdown.len() < 8 << 20);
}

#[test]
fn a_text_that_is_shown_a_million_times_is_too_large() {
    let text = "lorem ipsum ".repeat(5000);
    let rows: String = (0..1000).map(|_| "<row><c t='s'><v>0</v></c></row>").collect();
    assert_eq!(refused(&xlsx(&[("A", &rows)], &[&text])).code, "DOCUMENT_TOO_LARGE");
}

#[test]
fn links_are_never_opened_and_macros_never_run() {
    let slide = shape("title", "Title");
    let relations = "<Relationships><Relationship Id='r2' Type='x/notesSlide' TargetMode='External' Target='file:///etc/passwd'/></Relationships>";
    let main = "<p:presentation xmlns:r='r'><p:sldId r:id='r1'/></p:presentation>";
    let own = "<Relationships><Relationship Id='r1' Type='x/slide' Target='../../slide.xml'/></Relationships>";
    let zip = zip_of(&[
        ("ppt/presentation.xml", main.as_bytes()),
        ("ppt/_rels/presentation.xml.rels", own.as_bytes()),
        ("slide.xml", format!("<p:sld><p:cSld><p:spTree>{slide}</p:spTree></p:cSld></p:sld>").as_bytes()),
        ("_rels/slide.xml.rels", relations.as_bytes()),
        ("ppt/vbaProject.bin", b"Sub AutoOpen()"),
    ]);
    assert_eq!(converted(&zip).markdown, "## Title\n");
}

/// A document of Word of one paragraph, in which `r9` is a link to an address.
fn docx_with_link(paragraph: &str, address: &str) -> Vec<u8> {
    let relations = format!(
        "<Relationships><Relationship Id='r9' Type='x/hyperlink' TargetMode='External' Target='{address}'/></Relationships>"
    );
    let bytes = docx(&format!("<w:p xmlns:r='r' xmlns:m='m'>{paragraph}</w:p>"));
    with_parts(&bytes, &[("word/_rels/document.xml.rels", relations.as_bytes())])
}

/// Each of these was HTML or a link once, made of parts that are neither by themselves.
#[test]
fn parts_of_a_text_make_no_markup_together() {
    let run =
        |style: &str, text: &str| format!("<w:r><w:rPr>{style}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>");
    let formula = |text: &str| format!("<m:oMath><m:r><m:t>{text}</m:t></m:r></m:oMath>");
    let link = |text: &str| format!("<w:hyperlink r:id='r9'>{}</w:hyperlink>", run("", text));
    let chapter = |body: &str| epub(&[&format!("<html><body>{body}</body></html>")], &[]);
    let documents = [
        docx_with_link(&(run("", "&lt;") + &run("<w:b/>", "img src=x\nonerror=alert(1)&gt;")), "x"),
        docx_with_link(&formula("&lt;img src=x onerror=alert(1)&gt;"), "x"),
        docx_with_link(&formula("[a](javascript:1)"), "x"),
        docx_with_link(&(run("", "[a]") + &link("(javascript:1)")), "x"),
        docx_with_link(&link("](javascript:1)[&lt;b&gt;"), "x"),
        chapter("<p>a &lt;<b>img src=x<br/>onerror=alert(1)&gt;</b></p>"),
        chapter("<p>a<math><mtext>&lt;img src=x onerror=alert(1)&gt;</mtext></math></p>"),
        chapter("<p>a | b<br/>-|-<br/><code>x|&lt;img src=x onerror=alert(1)&gt;</code></p>"),
        chapter("<ul><li><blockquote><p>&gt; &lt;b&gt;</p></blockquote></li></ul>"),
    ];
    for document in documents {
        let markdown = converted(&document).markdown;
        assert_eq!(addresses(&markdown).err(), None);
    }
}

#[test]
fn links_stay_where_a_reader_can_follow_them() {
    let in_docx = |address: &str| {
        let link = "<w:hyperlink r:id='r9'><w:r><w:t>a</w:t></w:r></w:hyperlink>";
        converted(&docx_with_link(link, address)).markdown
    };
    assert_eq!(in_docx("ftps://x.example/a"), "[a](ftps://x.example/a)\n");
    assert_eq!(in_docx("http://x.example/a b"), "[a](http://x.example/a%20b)\n");
    assert_eq!(in_docx("other.docx"), "[a](other.docx)\n");
    assert_eq!((in_docx("#part").as_str(), in_docx("javascript:1").as_str()), ("a\n", "a\n"));
    assert_eq!(in_docx(&format!("http://{}", "x".repeat(3000))), "a\n");
    // A chapter is no file that the markdown could lead to.
    let in_book = |address: &str| converted(&epub(&[&format!("<p><a href='{address}'>a</a></p>")], &[])).markdown;
    assert_eq!((in_book("c2.xhtml#x").as_str(), in_book("#x").as_str()), ("a\n", "a\n"));
    assert_eq!(in_book("https://x.example/"), "[a](https://x.example/)\n");
    assert_eq!(in_book("//x.example/"), "[a](//x.example/)\n");
}

fn converts_or_says_why(bytes: &[u8], name: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(broken(&convert(&source(bytes, name))), None);
    Ok(())
}

proptest! {
    // Whole documents through whole parsers: a case takes milliseconds.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_of_any_name(
        start in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"{\\rtf1", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"]),
        rest in proptest::collection::vec(any::<u8>(), 0..700),
        extension in prop::sample::select(vec!["docx", "xls", "rtf", "epub", "xyz", ""]),
    ) {
        converts_or_says_why(&[start, &rest].concat(), &format!("a.{extension}"))?;
    }

    #[test]
    fn damaged_documents(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        for (format, mut source) in samples() {
            let (len, name) = (source.len(), format!("a.{format}"));
            source[at.index(len)] = byte;
            converts_or_says_why(&source, &name)?;
            converts_or_says_why(&source[..cut.index(len)], &name)?;
        }
    }

    // Whatever a document says, its words become neither HTML nor a link that no reader should follow.
    #[test]
    fn no_words_become_markup(parts in proptest::collection::vec((prop::sample::select(MARKS.to_vec()), 0..5u8), 0..12)) {
        let xml = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut runs = String::new();
        let mut chapter = String::new();
        let mut open = String::new();
        let mut slide = String::new();
        let mut rich = String::new();
        for (text, kind) in &parts {
            let plain: String = text
                .chars()
                .map(|c| match c {
                    '\\' | '{' | '}' => format!("\\{c}"),
                    '\n' => "\\line ".into(),
                    c => c.into(),
                })
                .collect();
            rich += &match kind {
                0 => plain,
                1 => format!("{{\\b {plain}}}"),
                2 => format!("{{\\field{{\\*\\fldinst HYPERLINK \"http://x/\"}}{{\\fldrslt {plain}}}}}"),
                3 => format!("{{\\footnote {plain}}}"),
                _ => format!("{plain}\\par "),
            };
            let text = xml(text);
            open += &match kind {
                0 => text.clone(),
                1 => format!("<text:span text:style-name='B'>{text}</text:span>"),
                2 => format!("<text:a xlink:href='http://x/'>{text}</text:a>"),
                3 => format!("<text:note text:note-class='footnote'><text:note-body><text:p>{text}</text:p></text:note-body></text:note>"),
                _ => format!("{text}<text:line-break/>"),
            };
            slide += &match kind {
                0 => format!("<a:r><a:t>{text}</a:t></a:r>"),
                1 => format!("<a:r><a:rPr b='1'/><a:t>{text}</a:t></a:r>"),
                2 => format!("<m:oMath><m:r><m:t>{text}</m:t></m:r></m:oMath>"),
                3 => format!("<a:r><a:t>{text}</a:t></a:r><a:br/>"),
                _ => format!("<a:r><a:t>{text}</a:t></a:r></a:p><a:p>"),
            };
            let run = |style: &str| format!("<w:r><w:rPr>{style}</w:rPr><w:t xml:space='preserve'>{text}</w:t></w:r>");
            runs += &match kind {
                0 => run(""),
                1 => run("<w:b/>"),
                2 => run("<w:strike/>"),
                3 => format!("<w:hyperlink r:id='r9'>{}</w:hyperlink>", run("")),
                _ => format!("<m:oMath><m:r><m:t>{text}</m:t></m:r></m:oMath>"),
            };
            chapter += &match kind {
                0 => text,
                1 => format!("<code>{text}</code>"),
                2 => format!("<b>{text}</b><br/>"),
                3 => format!("<a href='http://x/'>{text}</a>"),
                _ => format!("<blockquote><ul><li>{text}</li></ul></blockquote>"),
            };
        }
        let words = xml(&parts.iter().map(|(text, _)| *text).collect::<String>());
        let name = words.replace(['\'', '"'], "").replace('\n', " ");
        let rows = "<row><c t='s'><v>0</v></c><c t='s'><v>0</v></c></row><row><c t='s'><v>0</v></c></row>";
        let body = format!("<office:text><text:h text:outline-level='1'>{open}</text:h><text:p>{open}</text:p><table:table><table:table-row><table:table-cell><text:p>{open}</text:p></table:table-cell></table:table-row></table:table></office:text>");
        let shapes = ["title", "body", ""].map(|place| {
            format!("<p:sp><p:nvSpPr><p:nvPr><p:ph type='{place}'/></p:nvPr></p:nvSpPr><p:txBody><a:p>{slide}</a:p></p:txBody></p:sp>")
        });
        let documents = [
            odf("text", &body),
            pptx(&[&shapes.concat()]),
            xlsx(&[(&name, rows)], &[&words]),
            format!("{{\\rtf1\\ansi {rich}\\par \\trowd\\cellx10\\pard\\intbl {rich}\\cell\\row\\pard}}").into_bytes(),
            docx_with_link(&runs, "x"),
            epub(&[&format!("<p>{chapter}</p>"), &format!("<table><tr><td>{chapter}</td></tr></table>")], &[])];
        for document in documents {
            match convert(&source(&document, "a")) {
                Ok(converted) => {
                    // It is there, and is text.
                    prop_assert_eq!(words.contains("script"), converted.markdown.contains("script"), "{}", converted.markdown);
                    prop_assert_eq!(addresses(&converted.markdown).err(), None, "{:?}", parts);
                }
                Err(failure) => prop_assert_eq!(failure.code, "EMPTY_DOCUMENT"),
            }
        }
    }

    // The parts themselves, since a zip finds out what was changed in it.
    #[test]
    fn damaged_streams(at in any::<prop::sample::Index>(), bytes in proptest::collection::vec(any::<u8>(), 1..9)) {
        let damage = |text: &[u8]| {
            let mut text = text.to_vec();
            let at = at.index(text.len());
            for (place, byte) in text[at..].iter_mut().zip(&bytes) {
                *place = *byte;
            }
            text
        };
        for (format, source) in samples() {
            let damaged = match format {
                "rtf" => damage(&source),
                "doc" | "xls" | "ppt" => testdata::in_ole(&source, damage),
                _ => testdata::in_zip(&source, damage),
            };
            converts_or_says_why(&damaged, &format!("a.{format}"))?;
        }
    }
}
