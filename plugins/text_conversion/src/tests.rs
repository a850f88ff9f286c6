//! The converter as the host sees it.

mod images;

use crate::{convert, run};
use morag_conversion::testdata::{MARKS, addresses, broken, source};
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

/// Links and pictures of what a document becomes, by their addresses.
fn links(name: &str, document: &str) -> Result<Vec<String>, String> {
    addresses(&convert(&source(document.as_bytes(), name)).unwrap().markdown)
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
        let addresses = links(name, document).unwrap();
        assert!(addresses.iter().all(|address| address.starts_with("good")), "{name}: {addresses:?}");
    }
}

/// Each of these was HTML or a link once, made of parts that are neither by themselves.
#[test]
fn parts_of_a_text_make_no_markup_together() {
    let outputs = |data: &str| {
        format!(
            r#"{{"cells": [{{"cell_type": "code", "source": "x", "outputs": [{{"output_type": "execute_result", "data": {data}}}]}}]}}"#
        )
    };
    let long = "x".repeat(66_000);
    let cut = format!(
        r#"{{"cells": [{{"cell_type": "code", "source": "x", "outputs": [{{"output_type": "execute_result", "data": {{"text/html": "<table><tr><td><pre><code>a\n{long}</code></pre></table>"}}}}]}},
        {{"cell_type": "code", "source": "<script>d</script>"}}]}}"#
    );
    let cases = [
        ("a.html", "<pre>&lt;script&gt;alert(1)&lt;/script&gt;</pre>"),
        ("a.html", "<pre><code class='language-x\n```\n\n<script>alert(1)</script>'>a</code></pre>"),
        ("a.html", "<p>a <code>a\n&lt;script&gt;alert(1)&lt;/script&gt;</code>"),
        ("a.html", "<p><code>&lt;img src=x onerror=alert(1)&gt;`</code><code class=x>c</code>"),
        ("a.html", "<span class='math math-inline'>&lt;img src=x onerror=alert(1)&gt;</span>"),
        ("a.html", "<span class='math math-display'>&lt;img src=x onerror=alert(1)&gt;</span>"),
        ("a.html", "<p>&lt;<span></span>script&gt;alert(1)&lt;<b></b>/script&gt;"),
        ("a.html", "<h2><pre>a\n&lt;script&gt;b</pre></h2>"),
        ("a.html", "<a href=x>a<pre>a\n&lt;script&gt;b</pre></a>"),
        ("a.html", "<table><tr><th>a<tr><td><pre>a\n&lt;script&gt;|&lt;b&gt;</pre></table>"),
        ("a.html", "<p>a | b<br>-|-<br><code>x|&lt;img src=x onerror=alert(1)&gt;</code>|"),
        ("a.txt", "a | b\n-|-\n`x|<img src=x onerror=alert(1)>` | c"),
        ("a.adoc", "= T\n\n<+script>alert(1)+<+/script>+"),
        ("a.adoc", "= T\n\nsee [a]+(javascript:1)+"),
        ("a.adoc", "= T\n\nlink:x<script>alert(1)</script>[]"),
        ("a.adoc", "= T\n\nstem:[<img src=x onerror=alert(1)>]"),
        ("a.rst", "T\n=\n\n.. math:: [a](javascript:1)\n"),
        ("a.adoc", "= T\n\nstem:[`] `<img src=x onerror=alert(1)>`"),
        ("a.adoc", "= T\n\n[stem]\n++++\n<script>alert(1)</script>\n++++"),
        ("a.adoc", "= T\n\n[stem]\n++++\n~~~\n++++\n\n----\n~~~\n<script>alert(1)</script>\n----"),
        ("a.adoc", "= T\n\n``<img src=x onerror=alert(1)>`x````b``"),
        ("a.adoc", "= T\n\nhttp://x`[] http://x` `<img src=x onerror=alert(1)>`"),
        ("a.adoc", "= T\n\na footnote:[javascript:1]"),
        ("a.rst", "T\n=\n\n.. math::\n\n   <script>alert(1)</script>\n"),
        ("a.rst", "T\n=\n\n.. math::\n\n   a\n\n   [a]: javascript:1\n\n.. math:: b [a]\n"),
        ("a.rst", "T\n=\n\na :math:`<img src=x onerror=alert(1)>`\n"),
        ("a.rst", "T\n=\n\na <\\ *b* <:sub:`img src=x onerror=alert(1)>`\n"),
        ("a.tex", "a $<img src=x onerror=alert(1)>$"),
        ("a.tex", "\\[<script>alert(1)</script>\\]"),
        ("a.tex", "[a]\\url{(javascript:1)}"),
        ("a.tex", "<\\url{script>alert(1)}<\\url{/script>}"),
        ("a.tex", "\\verb|<img src=x onerror=alert(1)>`x|\\verb|b|"),
        ("a.tex", "a\\footnote{b}(javascript:1)"),
        ("a.ipynb", &outputs(r#"{"text/latex": "$<img src=x onerror=alert(1)>$ [a](javascript:1)"}"#)),
        ("a.ipynb", &cut),
    ];
    let markup: Vec<String> = cases
        .into_iter()
        .filter_map(|(name, document)| links(name, document).err().map(|why| format!("{name}: {document}: {why}")))
        .collect();
    assert!(markup.is_empty(), "{}", markup.join("\n\n"));
}

/// Of which markup of the formats is made.
const OWN_MARKS: [&str; 45] = [
    "</div>",
    "&lt;img src=x onerror=1>",
    "\n\n",
    "``",
    "#",
    "- ",
    "    ",
    "**",
    "+",
    "++",
    "$$",
    "<b>",
    "</b>",
    "<code>",
    "</code>",
    "<pre>",
    "</pre>",
    "<br>",
    "<span>",
    "</span>",
    "<a href='javascript:1'>",
    "<a href=x>",
    "</a>",
    "<table><tr><th>",
    "<td>",
    "<li>",
    "<h2>",
    "\\url{",
    "\\verb|",
    "\\footnote{",
    "\\[",
    "\\]",
    "}",
    "{",
    "stem:[",
    "footnote:[",
    "link:x[",
    "http://a",
    "pass:[",
    "----\n",
    "++++\n",
    "\n.. math::\n\n   ",
    ":math:`",
    "`_",
    "|a|",
];

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

proptest! {
    // Short documents: a case takes half a millisecond.
    #![proptest_config(ProptestConfig::with_cases(1024))]

    // Whatever a document says, its words become neither HTML nor a link that no reader should follow.
    #[test]
    fn no_words_become_markup(
        parts in proptest::collection::vec(prop::sample::select([&MARKS[..], &OWN_MARKS].concat()), 0..12),
        extension in prop::sample::select(vec!["txt", "html", "csv", "json", "yaml", "tex", "adoc", "rst", "srt"]),
    ) {
        let words = parts.concat();
        let document = match extension {
            "html" => format!("<html><body>{words}"),
            "json" => serde_json::to_string(&json!({"a": words, (words.clone()): [{"b": words}, {"b": "c"}]})).unwrap(),
            "yaml" => format!("a: {}\n", serde_json::to_string(&words).unwrap()),
            "tex" => format!("\\section{{T}} a\n\n{words}"),
            "adoc" => format!("= T\n\n{words}"),
            "rst" => format!("T\n=\n\n{words}"),
            "srt" => format!("1\n00:00:01,000 --> 00:00:02,000\n{words}\n"),
            _ => words,
        };
        if let Ok(converted) = convert(&source(document.as_bytes(), &format!("a.{extension}"))) {
            prop_assert_eq!(addresses(&converted.markdown).err(), None, "{}: {}", extension, document);
        }
    }
}
