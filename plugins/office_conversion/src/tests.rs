//! The converter as the host sees it.

use crate::convert;
use morag_conversion::document::pages_cover;
use morag_conversion::testdata::{docx, sample_docx, zip_of};
use morag_conversion::{Options, Source};
use proptest::prelude::*;

const CODES: [&str; 6] =
    ["ENCRYPTED_DOCUMENT", "NO_TEXT", "CORRUPT_DOCUMENT", "EMPTY_DOCUMENT", "DOCUMENT_TOO_LARGE", "UNSUPPORTED_FORMAT"];

fn source(bytes: &[u8], name: &str) -> Source {
    let options = Options::default();
    Source { bytes: bytes.to_vec(), file_name: name.into(), media_type: String::new(), language: None, options }
}

fn code(bytes: &[u8], name: &str) -> String {
    match convert(&source(bytes, name)) {
        Ok(converted) => converted.format.name.into(),
        Err(failure) => failure.code,
    }
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let source = source(&sample_docx(), "a.docx");
    assert_eq!(convert(&source).unwrap(), convert(&source).unwrap());
}

#[test]
fn an_encrypted_document_is_said_to_be_one() {
    let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    bytes.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(code(&bytes, "a.docx"), "ENCRYPTED_DOCUMENT");
}

#[test]
fn what_is_not_what_its_name_says_is_corrupt() {
    assert_eq!(code(b"", "a.docx"), "EMPTY_DOCUMENT");
    assert_eq!(code(b"hello", "a.docx"), "CORRUPT_DOCUMENT");
    assert_eq!(code(b"hello", "a.xyz"), "UNSUPPORTED_FORMAT");
    let docx = docx("<w:p/>");
    assert_eq!(code(&docx[..docx.len() / 2], "a.docx"), "CORRUPT_DOCUMENT");
    assert_eq!(code(&zip_of(&[("a.txt", b"text")]), "a.zip"), "UNSUPPORTED_FORMAT");
}

fn converts_or_says_why(bytes: &[u8], name: &str) -> Result<(), TestCaseError> {
    match convert(&source(bytes, name)) {
        Ok(converted) => {
            prop_assert!(pages_cover(&converted.pages, converted.markdown.len()));
            prop_assert!(!converted.markdown.contains('\r'));
            prop_assert!(converted.markdown.ends_with('\n'));
        }
        Err(failure) => prop_assert!(CODES.contains(&failure.code.as_str()), "{failure}"),
    }
    Ok(())
}

proptest! {
    // Whole documents through whole parsers: a case takes milliseconds.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_of_any_name(
        start in prop::sample::select(vec!["", "PK\u{3}\u{4}"]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
        extension in prop::sample::select(vec!["docx", "xyz", ""]),
    ) {
        converts_or_says_why(&[start.as_bytes(), &rest].concat(), &format!("a.{extension}"))?;
    }

    #[test]
    fn damaged_documents(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut source = sample_docx();
        let len = source.len();
        source[at.index(len)] = byte;
        converts_or_says_why(&source, "a.docx")?;
        converts_or_says_why(&source[..cut.index(len)], "a.docx")?;
    }
}
