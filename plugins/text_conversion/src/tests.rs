//! The converter as the host sees it.

mod images;

use crate::{convert, run};
use morag_conversion::testdata::{broken, source};
use morag_step::mock::MockTask;
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_format_without_pages_says_null() {
    let task = MockTask::new("a.txt", "Grüße");
    assert_eq!(run(&task).unwrap()["conversion_metadata"]["page_count"], Value::Null);
    assert_eq!(run(&task).unwrap()["conversion_metadata"]["content_length"], 6);
    let document: Value = serde_json::from_slice(&task.file("document.json").unwrap()).unwrap();
    assert_eq!(document["page_count"], Value::Null);
    assert_eq!(document["pages"], json!([]));
    assert_eq!(document["encoding"], "utf-8");
}

#[test]
fn a_refused_document_leaves_no_artifact() {
    let task = MockTask::new("notes.xyz", "text");
    assert_eq!(run(&task).unwrap_err().code, "UNSUPPORTED_FORMAT");
    assert_eq!(task.file("markdown.md"), None);
}

#[test]
fn a_source_over_the_limit_is_not_read() {
    let mut task = MockTask::new("a.txt", "text");
    task.info.size = u64::MAX;
    assert_eq!(run(&task).unwrap_err().code, "DOCUMENT_TOO_LARGE");
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
        start in prop::sample::select(vec!["", "<html>", "\u{feff}", "{", "[", "<?xml?><a>", "WEBVTT\n\n0:1 --> 0:2\n", "- a: "]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
        extension in prop::sample::select(vec![
            "txt", "md", "html", "csv", "json", "jsonl", "xml", "yaml", "ipynb", "vtt", "srt", "tex", "adoc", "rst", "xyz", "",
        ]),
    ) {
        converts_or_says_why(&[start.as_bytes(), &rest].concat(), &format!("a.{extension}"))?;
    }
}
