//! The converter as the host sees it.

mod images;

use crate::{convert, run};
use morag_conversion::testdata::{broken, source};
use morag_step::mock::MockTask;
use proptest::prelude::*;
use pulldown_cmark::{Event, Parser, Tag};
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

/// Links and pictures of what a document becomes, by their addresses; raw HTML in it fails.
fn addresses(name: &str, document: &str) -> Vec<String> {
    let markdown = convert(&source(document.as_bytes(), name)).unwrap().markdown;
    let mut addresses = Vec::new();
    for event in Parser::new(&markdown) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                addresses.push(dest_url.into_string());
            }
            Event::Html(html) | Event::InlineHtml(html) => panic!("{name}: {html} of {markdown}"),
            _ => {}
        }
    }
    addresses
}

#[test]
fn no_markup_leads_to_a_script() {
    for (name, document) in [
        (
            "a.adoc",
            "= T\n\nlink:javascript:1[a] link:good[](javascript:1)[b] image:data:text/html,x[c] <script>d</script>",
        ),
        (
            "a.adoc",
            "= T\n\n[a *b*](javascript:1)\n\nimage::good[](x) <script> ![b]\n\npass:[<script>e</script>]\n\n++++\n<script>\n++++",
        ),
        ("a.rst", "T\n=\n\n`a <javascript:1>`_ `b](javascript:1) <good>`_ [a *b*](javascript:1) <script>c</script>\n"),
        (
            "a.rst",
            "T\n=\n\n.. image:: good\n   :alt: ](javascript:1) <script> ![b\n\n.. image:: javascript:1\n\n.. raw:: html\n\n   <script>d</script>\n",
        ),
        (
            "a.tex",
            "\\section{T} \\href{javascript:1}{a} \\href{good}{b](javascript:1)} \\url{<script>c</script>} [a \\textbf{b}](javascript:1) \\includegraphics{javascript:1}",
        ),
        (
            "a.ipynb",
            r#"{"cells": [{"cell_type": "raw", "source": "<script>"}, {"cell_type": "code", "source": "x", "outputs": [{"output_type": "execute_result",
            "data": {"text/html": "<a href='javascript:1'>a</a><img alt='](javascript:1)' src=good>"}}]}]}"#,
        ),
    ] {
        let addresses = addresses(name, document);
        assert!(addresses.iter().all(|address| address.starts_with("good")), "{name}: {addresses:?}");
    }
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
