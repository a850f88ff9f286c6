//! The whole step over a task in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is the failure")]

use graph_extraction::step::run;
use graph_extraction::{builder, extract};
use morag_step::mock::MockTask;
use morag_step::{Step, json};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn graph(markdown: &str) -> serde_json::Value {
    serde_json::to_value(extract(markdown, None, &mut |_| {}).graph).unwrap()
}

/// Every rule of `docs/artifacts.md` for `graph.json`.
fn check(markdown: &str, graph: &serde_json::Value) {
    let slice = |place: &serde_json::Value| {
        let (start, end) = (place["start"].as_u64().unwrap() as usize, place["end"].as_u64().unwrap() as usize);
        assert!(start < end);
        markdown.get(start..end).expect("offsets are on boundaries")
    };
    let mut ids = BTreeSet::new();
    for entity in graph["entities"].as_array().unwrap() {
        assert!(ids.insert(entity["id"].as_str().unwrap()), "{entity} twice");
        assert!(!entity["name"].as_str().unwrap().is_empty());
        let spans = entity["spans"].as_array().unwrap();
        assert!(!spans.is_empty() && spans.len() <= entity["mentions"].as_u64().unwrap() as usize);
        spans.iter().for_each(|span| assert!(!slice(span).is_empty()));
    }
    for relation in graph["relations"].as_array().unwrap() {
        assert!(
            ids.contains(relation["source"].as_str().unwrap()) && ids.contains(relation["target"].as_str().unwrap())
        );
        assert!(["pattern", "co_occurrence"].contains(&relation["method"].as_str().unwrap()));
        assert_eq!(slice(&relation["evidence"]), relation["evidence"]["text"]);
    }
    for fact in graph["facts"].as_array().unwrap() {
        assert_eq!(slice(&fact["evidence"]), fact["evidence"]["text"]);
    }
}

#[test]
fn every_key_of_the_guide_is_there() {
    let markdown = "Jane Smith works for Acme Corp.\n\nJane Smith lives in Paris. See https://acme.example.\n";
    let task = MockTask::new("a.md", "").with_artifact("markdown.md", markdown);
    let data = run(&task).unwrap();
    let written: serde_json::Value = serde_json::from_slice(&task.file("graph.json").unwrap()).unwrap();
    check(markdown, &written);
    assert_eq!(data["entities_extracted"], written["entities"].as_array().unwrap().len());
    assert_eq!(data["relations_extracted"], written["relations"].as_array().unwrap().len());
    assert_eq!(data["facts_extracted"], written["facts"].as_array().unwrap().len());
    assert_eq!(data["top_entities"][0], json!({ "name": "Jane Smith", "type": "Person", "mentions": 2 }));
    assert!(data["top_entities"].as_array().unwrap().iter().all(|entity| entity["type"] != "Url"));
    assert_eq!(data["extraction_time_seconds"], 0.0);
    let relation =
        written["relations"].as_array().unwrap().iter().find(|relation| relation["type"] == "WORKS_FOR").unwrap();
    assert_eq!(relation["source"], "person:jane smith");
    assert_eq!(relation["target"], "organization:acme corp");
    assert_eq!(relation["evidence"], json!({ "text": "Jane Smith works for Acme Corp.", "start": 0, "end": 31 }));
    assert_eq!(task.progress.borrow().last().map(|report| report.0), Some(1.0));
    assert_eq!(graph_extraction::GraphExtraction::describe().outputs[0].data_key.as_deref(), Some("graph_file_url"));
}

#[test]
fn an_empty_document_has_an_empty_graph() {
    for markdown in ["", "\n \n", "---\n"] {
        let task = MockTask::new("a.md", "").with_artifact("markdown.md", markdown);
        let data = run(&task).unwrap();
        assert_eq!((&data["entities_extracted"], &data["top_entities"]), (&json!(0), &json!([])));
        assert_eq!(task.file("graph.json").unwrap(), br#"{"entities":[],"relations":[],"facts":[]}"#);
    }
}

#[test]
fn bad_input_says_which_file() {
    assert_eq!(run(&MockTask::new("a.md", "")).unwrap_err().code, "INPUT_MISSING");
    let broken = MockTask::new("a.md", "").with_artifact("markdown.md", "x").with_artifact("document.json", "{");
    let failure = run(&broken).unwrap_err();
    assert!(failure.code == "INPUT_INVALID" && failure.message.contains("document.json"), "{failure}");
}

#[test]
fn code_and_headings_name_nobody() {
    let markdown = "# Getting Started With Everything\n\n```\nJane Smith works for Acme Corp.\n```\n\nThe tool `Paul Weber` is fine.\n";
    assert_eq!(graph(markdown)["entities"], json!([]));
}

#[test]
fn names_written_in_several_ways_are_one_entity() {
    let markdown = "Jane Smith met Acme Corp in May 2024. Later Smith left. ACME Corp was sold. We use machine learning (ML). ML is new.\n\
                    On 10 January 2024 and January 10, 2024 it rained.\n";
    let graph = graph(markdown);
    let find = |id: &str| graph["entities"].as_array().unwrap().iter().find(|entity| entity["id"] == id).cloned();
    let mentions = |id: &str| find(id).unwrap_or_else(|| panic!("{id} in {graph:#}"))["mentions"].clone();
    assert_eq!(mentions("person:jane smith"), 2);
    assert_eq!(mentions("organization:acme corp"), 2);
    assert_eq!(mentions("concept:machine learning"), 3);
    assert_eq!(mentions("date:2024-01-10"), 2);
    assert_eq!(find("person:jane smith").unwrap()["aliases"], json!(["Smith"]));
}

#[test]
fn large_graphs_are_cut_and_say_so() {
    let mut markdown = String::new();
    for n in 0..builder::ENTITIES_MAX + 50 {
        markdown.push_str(&format!("We saw https://host-{n}.example/ there.\n\n"));
    }
    let task = MockTask::new("a.md", "").with_artifact("markdown.md", markdown);
    let data = run(&task).unwrap();
    assert_eq!(data["entities_extracted"], builder::ENTITIES_MAX);
    assert!(task.lines.borrow().iter().any(|(_, line)| line.contains("5050 entities found")), "{:?}", task.lines);
}

#[test]
fn long_documents_report_progress() {
    let paragraph =
        "Jane Smith of Acme Corp met Paul Weber in Paris on 10 January 2024 and paid $5 million for machine learning. ";
    let markdown = paragraph.repeat((600 << 10) / paragraph.len());
    let task = MockTask::new("a.md", "").with_artifact("markdown.md", markdown);
    let data = run(&task).unwrap();
    assert!(data["entities_extracted"].as_u64().unwrap() >= 7);
    let progress = task.progress.borrow();
    assert!(progress.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{progress:?}");
}

/// Inputs on which a careless scanner takes square time (measured in the README), or loses its place.
#[test]
fn hostile_text_gives_a_sound_graph() {
    for piece in [
        "<a",
        "[](",
        "`",
        "(A",
        "A.",
        "_",
        "www.",
        "a@",
        "Aa & ",
        "&a",
        "1.",
        "](",
        "of the University ",
        "''",
        "|",
        "\n> ",
        "A B ",
    ] {
        let markdown = piece.repeat((32 << 10) / piece.len());
        check(&markdown, &graph(&markdown));
    }
}

proptest! {
    #[test]
    fn any_text_gives_a_sound_graph_and_always_the_same(
        text in "((Jane Smith|Acme Corp|Paris|in|works for|founded|is a|ML|machine learning|the|1998|10 May 2020|\\$5|https://a.example|Dr)[ ,.\n(]{1,2}|[#>|`*_<(\\[\\])🦆ßÄ'&@-]){0,60}"
    ) {
        let first = graph(&text);
        check(&text, &first);
        prop_assert_eq!(first, graph(&text));
    }
}
