//! The step as the host sees it.

use crate::testdata::{pdf, sample_docx};
use crate::{convert, document, run};
use morag_step::mock::MockTask;
use proptest::prelude::*;
use serde_json::{Value, json};

const CODES: [&str; 6] =
    ["ENCRYPTED_DOCUMENT", "NO_TEXT", "CORRUPT_DOCUMENT", "EMPTY_DOCUMENT", "DOCUMENT_TOO_LARGE", "UNSUPPORTED_FORMAT"];

#[test]
fn a_pdf_task_writes_both_artifacts_and_its_data() {
    let source = pdf(&[vec![(12, "One page.")], vec![(12, "Another page.")]], &[]);
    let task = MockTask::new("report.pdf", source.clone());
    let data = run(&task).unwrap();
    let markdown = String::from_utf8(task.file("markdown.md").unwrap()).unwrap();
    assert_eq!(markdown, "One page.\n\nAnother page.\n");
    let meta = &data["conversion_metadata"];
    assert_eq!(meta["original_format"], "pdf");
    assert_eq!(meta["file_size_bytes"], source.len());
    assert_eq!(meta["content_length"], markdown.chars().count());
    assert_eq!(meta["page_count"], 2);
    assert!(meta["conversion_time_seconds"].is_number());
    assert!(!data.contains_key("markdown_file_url"), "the host adds it");
    let document: Value = serde_json::from_slice(&task.file("document.json").unwrap()).unwrap();
    assert_eq!(document["media_type"], "application/pdf");
    assert_eq!(document["pages"][1], json!({ "number": 2, "start": 11, "end": markdown.len() }));
    assert_eq!(document["properties"]["modification_date"], Value::Null);
    assert_eq!(task.progress.borrow().as_slice(), [(0.5, "page 1 of 2".to_owned()), (1.0, "page 2 of 2".to_owned())]);
}

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

#[test]
fn the_same_document_gives_the_same_bytes() {
    let source = sample_docx();
    let once = || convert(&source, "a.docx", "", &mut |_, _| {}).unwrap();
    assert_eq!(once(), once());
}

fn converts_or_says_why(bytes: &[u8], name: &str) -> Result<(), TestCaseError> {
    match convert(bytes, name, "", &mut |_, _| {}) {
        Ok(converted) => {
            prop_assert!(document::pages_cover(&converted.pages, converted.markdown.len()));
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
        start in prop::sample::select(vec!["", "%PDF-1.4\n", "PK\u{3}\u{4}", "<html>", "\u{feff}"]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
        extension in prop::sample::select(vec!["pdf", "docx", "txt", "md", "html", "csv", "xyz", ""]),
    ) {
        converts_or_says_why(&[start.as_bytes(), &rest].concat(), &format!("a.{extension}"))?;
    }

    #[test]
    fn damaged_documents(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let outline = [("First", 1)];
        for (mut source, name) in [(pdf(&[vec![(18, "First"), (12, "Text.")]], &outline), "a.pdf"), (sample_docx(), "a.docx")] {
            let len = source.len();
            source[at.index(len)] = byte;
            converts_or_says_why(&source, name)?;
            converts_or_says_why(&source[..cut.index(len)], name)?;
        }
    }
}
