//! The converter as the host sees it, and what the tests of all formats share.

use crate::{ArchiveConversion, convert, run};
use morag_conversion::testdata::zip_of;
use morag_conversion::{Converted, Options, Source};
use morag_step::mock::{MockConversion, MockTask};
use morag_step::{CapabilityError, Conversion, ConvertedDocument, Data, Failure, Refused, Step, json};
use proptest::prelude::*;

const CODES: [&str; 6] = [
    "ENCRYPTED_DOCUMENT",
    "CORRUPT_DOCUMENT",
    "EMPTY_DOCUMENT",
    "DOCUMENT_TOO_LARGE",
    "UNSUPPORTED_FORMAT",
    "NO_CONVERTIBLE_DOCUMENT",
];

/// Converters of texts, which give them back, Rich Text too, of pages, whose tags they drop, and of messages and archives: those are converted here.
pub fn converters() -> MockConversion {
    converters_of(&["txt", "md", "html", "rtf", "eml", "msg", "zip"])
}

/// Those of some formats.
pub fn converters_of(formats: &'static [&str]) -> MockConversion {
    MockConversion::by(|name, bytes| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let done =
            |markdown: String, document: Data| Ok(ConvertedDocument { markdown, document, component: "texts".into() });
        let format = |name: &str| json!({ "format": name }).as_object().cloned().unwrap();
        match name.rsplit('.').next().filter(|format| formats.contains(format)) {
            Some("txt" | "md" | "rtf") => done(text, format("txt")),
            Some("html") => done(text.replace("<p>", "").replace("<h1>", "# "), format("html")),
            Some("eml" | "msg" | "zip") => {
                let refused = |failure: Failure| Refused { code: failure.code, message: failure.message };
                let inner = convert_as(bytes, name).map_err(refused)?;
                done(inner.markdown.clone(), inner.document_json().as_object().cloned().unwrap())
            }
            _ => Err(Refused { code: "UNSUPPORTED_FORMAT".into(), message: format!("no converter takes {name}") }),
        }
    })
}

pub fn source(bytes: &[u8], name: &str) -> Source {
    let options = Options::default();
    Source { bytes: bytes.to_vec(), file_name: name.into(), media_type: String::new(), language: None, options }
}

pub fn convert_as(bytes: &[u8], name: &str) -> Result<Converted, Failure> {
    convert(&MockTask::new(name, ""), &converters(), &source(bytes, name))
}

/// Name, format and text of each part, or its code.
pub fn parts(converted: &Converted) -> Vec<(String, String)> {
    let text = |part: &morag_conversion::Part| match &part.error_code {
        Some(code) => code.clone(),
        None => converted.markdown[part.start..part.end].to_owned(),
    };
    converted.parts.iter().map(|part| (part.name.clone(), text(part))).collect()
}

/// Converters that are away, or at their limit.
pub struct Failing(pub CapabilityError);

impl Conversion for Failing {
    fn convert(
        &self,
        _: &dyn morag_step::Blob,
        _: &str,
    ) -> Result<Result<ConvertedDocument, Refused>, CapabilityError> {
        Err(self.0.clone())
    }
}

#[test]
fn it_asks_for_the_capability_it_uses() {
    assert_eq!(ArchiveConversion::describe().capabilities, ["conversion"]);
}

#[test]
fn parts_are_in_the_document() {
    let task = MockTask::new("a.zip", zip_of(&[("a.txt", b"one"), ("b.bin", b"two")]));
    run(&task, &converters()).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&task.file("document.json").unwrap()).unwrap();
    let one =
        json!({ "name": "a.txt", "format": "txt", "component": "texts", "start": 9, "end": 13, "error_code": null });
    let two = json!({ "name": "b.bin", "format": null, "component": null, "start": 13, "end": 13, "error_code": "UNSUPPORTED_FORMAT" });
    assert_eq!(document["parts"], json!([one, two]));
    assert_eq!(task.text("markdown.md"), "# a.txt\n\none\n");
    assert_eq!(task.progress.borrow().len(), 2);
}

#[test]
fn what_a_retry_may_cure_is_the_tasks_failure() {
    let failing = Failing(CapabilityError::Unavailable("away".into()));
    for (bytes, name) in
        [(zip_of(&[("a.txt", b"a")]), "a.zip"), (b"From: a\nContent-Type: text/html\n\n<p>a".to_vec(), "a.eml")]
    {
        let failure = convert(&MockTask::new(name, ""), &failing, &source(&bytes, name)).unwrap_err();
        assert!(failure.retryable, "{failure}");
    }
}

#[test]
fn documents_beyond_a_limit_of_the_host_are_parts_with_its_code() {
    let failing = Failing(CapabilityError::Limit("nested too deep".into()));
    let bytes = b"From: a\nContent-Type: text/html\n\n<p>hello".to_vec();
    let converted = convert(&MockTask::new("a.eml", ""), &failing, &source(&bytes, "a.eml")).unwrap();
    assert!(converted.markdown.ends_with("hello\n"), "{}", converted.markdown);
    assert!(converted.warnings[0].contains("nested too deep"), "{:?}", converted.warnings);
    let names: Vec<String> = (0..9).map(|number| format!("{number}.txt")).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"a"[..])).collect();
    let failure = convert(&MockTask::new("a.zip", ""), &failing, &source(&zip_of(&entries), "a.zip")).unwrap_err();
    assert_eq!(failure.code, "NO_CONVERTIBLE_DOCUMENT");
    assert_eq!(failure.details["parts"][8]["error_code"], "CAPABILITY_LIMIT");
}

pub fn converts_or_says_why(bytes: &[u8], name: &str) -> Result<(), TestCaseError> {
    match convert_as(bytes, name) {
        Ok(converted) => {
            prop_assert!(converted.markdown.ends_with('\n'));
            for part in &converted.parts {
                prop_assert!(converted.markdown.get(part.start..part.end).is_some(), "{part:?}");
                prop_assert_eq!(part.error_code.is_some(), part.component.is_none());
            }
        }
        Err(failure) => prop_assert!(CODES.contains(&failure.code.as_str()), "{failure}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_of_any_name(
        start in prop::sample::select(vec![&b""[..], b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"From: a\nSubject: b\n", b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
        extension in prop::sample::select(vec!["eml", "msg", "zip", "xyz", ""]),
    ) {
        converts_or_says_why(&[start, &rest].concat(), &format!("a.{extension}"))?;
    }

    #[test]
    fn damaged_archives(cut in 0usize..400, at in 0usize..400, byte in any::<u8>()) {
        let inner = zip_of(&[("x.txt", b"# inner\n")]);
        let mut bytes = zip_of(&[("a/b.txt", b"# text\n\nmore"), ("c.zip", &inner), ("d.eml", b"From: a\n\ntext")]);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len().max(cut) - cut.min(bytes.len()) / 8);
        converts_or_says_why(&bytes, "a.zip")?;
    }

    #[test]
    fn any_lines_are_some_message(lines in proptest::collection::vec(prop::sample::select(vec![
        "From: a <b@c>", "Subject: =?utf-8?Q?x=E2=82=AC?=", "Content-Type: multipart/mixed; boundary=b", "Content-Type: text/html",
        "Content-Type: message/rfc822", "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.txt",
        "Content-Type: multipart/alternative; boundary=\"b c\"", "", "", "--b", "--b--", "--b c", "text", "PGEgaHJlZj0=", " folded", "\u{fffd}é",
    ]), 0..40)) {
        converts_or_says_why(lines.join("\r\n").as_bytes(), "a.eml")?;
    }
}
