//! Rich Text Format.

mod properties;
mod reader;
mod state;
mod table;

use morag_conversion::rtf_lexer::Lexer;
use morag_conversion::{Converted, Images, failures, formats};
use morag_step::Failure;
use reader::Reader;

/// Bytes of a document. Its pictures are written in letters and left out; what is kept is a fraction of this.
const BYTES_MAX: usize = 128 << 20;

/// Whether a file begins as this format does.
pub fn is_rtf(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(16)];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    start.starts_with(b"{\\rtf")
}

/// Converts a document.
///
/// # Errors
/// `CORRUPT_DOCUMENT` for groups within groups without end, `DOCUMENT_TOO_LARGE`, `EMPTY_DOCUMENT`.
pub fn convert(bytes: &[u8], images: &Images<'_>) -> Result<Converted, Failure> {
    if bytes.len() > BYTES_MAX {
        return Err(failures::too_large(format!(
            "it has {} bytes, and at most {BYTES_MAX} are converted",
            bytes.len()
        )));
    }
    let mut reader = Reader::new(images);
    for token in Lexer::new(bytes) {
        reader.token(token).map_err(|reason| failures::corrupt(&formats::RTF, reason))?;
    }
    let mut warnings = Vec::new();
    if reader.is_open() {
        warnings.push("the document's end is missing".to_owned());
    }
    let (markdown, properties) = reader.finish()?;
    if markdown.is_empty() {
        return Err(match warnings.first() {
            Some(warning) => failures::corrupt(&formats::RTF, warning),
            None => failures::empty("the document has no text"),
        });
    }
    Ok(Converted { properties, warnings, ..Converted::without_pages(&formats::RTF, markdown) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn converted(body: &str) -> String {
        let source = format!(
            "{{\\rtf1\\ansi\\ansicpg1252\\deff0{{\\fonttbl{{\\f0 A;}}{{\\f1\\fcharset128 B;}}{{\\f2\\fcharset238 C;}}}}{body}}}"
        );
        convert(source.as_bytes(), &Images::none()).unwrap().markdown
    }

    #[test]
    fn characters_of_all_kinds() {
        assert_eq!(
            converted("caf\\'e9 \\u26085?\\u-10179?\\u-8704? {\\uc2\\u233\\'c3\\'a9}\\emdash\\~x\\_y\\{\\}"),
            "café 日😀 é—\u{a0}x\u{2011}y{}\n"
        );
        assert_eq!(converted("{\\f1\\'93\\'fa\\'96\\'7b} {\\f2\\'f8\\'e8} \\'f8"), "日本 řč ø\n");
        assert_eq!(converted("\\u55357 ?a"), "\u{fffd}a\n");
    }

    #[test]
    fn paragraphs_headings_and_emphasis() {
        let styles = "{\\stylesheet{\\s1\\outlinelevel0 heading 1;}{\\s2 heading 2;}{\\s3 Normal;}}";
        let body = format!(
            "{styles}\\pard\\s1 One\\par\\pard\\s2 Two\\par\\pard\\s3 plain {{\\b bold}} \\i it\\i0  end\\par\\pard\\outlinelevel2 Three\\par"
        );
        assert_eq!(converted(&body), "# One\n\n## Two\n\nplain **bold** *it* end\n\n### Three\n");
    }

    #[test]
    fn lists_have_the_marks_that_are_written() {
        let body = "{\\listtext 1.\\tab}\\ls1\\ilvl0 one\\par{\\listtext\\'b7\\tab}\\ilvl1 dot\\par{\\pntext 2)\\tab}\\ilvl0 two\\par\
                    {\\listtext b.\\tab}\\ilvl1 letter\\par";
        assert_eq!(converted(body), "1. one\n   - dot\n2. two\n   - b. letter\n");
    }

    #[test]
    fn tables_are_aligned_by_the_edges_of_their_cells() {
        let body = "\\trowd\\cellx100\\cellx200\\cellx300\\pard\\intbl a\\cell b\\cell c\\cell\\row\
                    \\trowd\\cellx200\\cellx300\\pard\\intbl wide\\cell d\\par e\\cell\\row\\pard after\\par";
        assert_eq!(converted(body), "| a | b | c |\n| --- | --- | --- |\n| wide | | d e |\n\nafter\n");
    }

    #[test]
    fn notes_fields_and_what_is_no_text() {
        let body = "{\\header H\\par}{\\pict\\pngblip 89504e47}text{\\footnote \\chftn  note} \
                    {\\field{\\*\\fldinst HYPERLINK \"https://a.example/\"}{\\fldrslt link}}{\\*\\generator G;}{\\v hidden}{\\object{\\result shown}}\\bin5 \\}}}}.\\par";
        assert_eq!(converted(body), "text[^1] [link](https://a.example/)shown.\n\n[^1]: note\n");
    }

    #[test]
    fn properties_are_read() {
        let source = "{\\rtf1\\ansi\\deflang1031{\\info{\\title T\\'e4}{\\author A}{\\creatim\\yr2024\\mo2\\dy3\\hr4\\min5}{\\keywords a, b}}x}";
        let properties = convert(source.as_bytes(), &Images::none()).unwrap().properties;
        assert_eq!(properties.title.as_deref(), Some("Tä"));
        assert_eq!(properties.author.as_deref(), Some("A"));
        assert_eq!(properties.creation_date.as_deref(), Some("2024-02-03"));
        assert_eq!(properties.language.as_deref(), Some("de-DE"));
        assert_eq!(properties.keywords, ["a", "b"]);
    }

    #[test]
    fn damage_ends_in_its_own_code() {
        assert_eq!(convert(b"{\\rtf1 text", &Images::none()).unwrap().warnings.len(), 1);
        assert_eq!(convert(b"{\\rtf1 ", &Images::none()).unwrap_err().code, "CORRUPT_DOCUMENT");
        assert_eq!(convert(b"{\\rtf1 }", &Images::none()).unwrap_err().code, "EMPTY_DOCUMENT");
        let deep = format!("{{\\rtf1 {}", "{".repeat(1_000_000));
        assert!(convert(deep.as_bytes(), &Images::none()).unwrap_err().message.contains("within"));
        let notes = format!("{{\\rtf1 x{}", "{\\footnote ".repeat(1000));
        assert!(convert(notes.as_bytes(), &Images::none()).is_ok());
    }

    proptest! {
        #[test]
        fn any_words_are_some_document(parts in proptest::collection::vec(
            prop_oneof![Just("{"), Just("}"), Just("\\par "), Just("\\cell "), Just("\\row "), Just("\\intbl "), Just("\\trowd\\cellx9 "),
                Just("\\u-1?"), Just("\\uc9 "), Just("\\'e"), Just("\\'e9"), Just("\\bin9999 "), Just("\\*\\x "), Just("{\\footnote "),
                Just("{\\field{\\*\\fldinst HYPERLINK x}"), Just("{\\fldrslt "), Just("\\f-2147483648 "), Just("text"), Just("\\"), Just("{\\shptxt ")],
            0..40,
        )) {
            match convert(format!("{{\\rtf1 {}", parts.concat()).as_bytes(), &Images::none()) {
                Ok(converted) => prop_assert!(converted.markdown.ends_with('\n')),
                Err(failure) => prop_assert!(["CORRUPT_DOCUMENT", "EMPTY_DOCUMENT"].contains(&failure.code.as_str())),
            }
        }
    }
}
