//! The converter as the host sees it.

mod images;
mod scans;

use crate::{PdfConversion, convert, run};
use morag_conversion::testdata::{broken, pdf, source};
use morag_step::Step;
use morag_step::mock::{MockOcr, MockTask};
use proptest::prelude::*;
use serde_json::{Value, json};

#[test]
fn a_pdf_task_writes_both_artifacts_and_its_data() {
    let source = pdf(&[vec![(12, "One page.")], vec![(12, "Another page.")]], &[]);
    let task = MockTask::new("report.pdf", source.clone());
    let data = run(&task, &MockOcr::reading([])).unwrap();
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
fn what_is_no_pdf_is_passed_on_or_corrupt_by_its_name() {
    let code = |bytes: &[u8], name: &str| {
        convert(&source(bytes, name), &MockOcr::reading([]), &mut |_, _| {}).unwrap_err().code
    };
    assert_eq!(code(b"", "a.pdf"), "EMPTY_DOCUMENT");
    assert_eq!(code(b"hello", "a.pdf"), "CORRUPT_DOCUMENT");
    assert_eq!(code(b"hello", "a.txt"), "UNSUPPORTED_FORMAT");
}

#[test]
fn the_model_of_the_host_is_asked_for() {
    assert_eq!(PdfConversion::describe().capabilities, ["ocr"]);
}

fn converts_or_says_why(bytes: &[u8], name: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(broken(&convert(&source(bytes, name), &MockOcr::reading(["Hello"]), &mut |_, _| {})), None);
    Ok(())
}

proptest! {
    // Whole documents through whole parsers: a case takes milliseconds.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_of_any_name(
        start in prop::sample::select(vec!["", "%PDF-1.4\n"]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
        extension in prop::sample::select(vec!["pdf", "txt", ""]),
    ) {
        converts_or_says_why(&[start.as_bytes(), &rest].concat(), &format!("a.{extension}"))?;
    }

    #[test]
    fn damaged_documents(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut source = pdf(&[vec![(18, "First"), (12, "Text.")]], &[("First", 1)]);
        let len = source.len();
        source[at.index(len)] = byte;
        converts_or_says_why(&source, "a.pdf")?;
        converts_or_says_why(&source[..cut.index(len)], "a.pdf")?;
    }

    #[test]
    fn damaged_scans(at in any::<prop::sample::Index>(), bytes in proptest::collection::vec(any::<u8>(), 1..4)) {
        let mut source = scans::small_scan();
        let start = at.index(source.len() - bytes.len());
        source[start..start + bytes.len()].copy_from_slice(&bytes);
        converts_or_says_why(&source, "a.pdf")?;
    }
}
