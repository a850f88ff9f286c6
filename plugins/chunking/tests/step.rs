//! The step over a task in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use chunking::{Chunking, run};
use morag_step::mock::MockTask;
use morag_step::{Level, Step, json};
use serde_json::Value;

fn task(markdown: &str) -> MockTask {
    MockTask::new("a.md", "").with_artifact("markdown.md", markdown)
}

fn chunks(task: &MockTask) -> Vec<Value> {
    let file: Value = serde_json::from_slice(&task.file("chunks.json").unwrap()).unwrap();
    file["chunks"].as_array().unwrap().clone()
}

const SENTENCE: &str = "The river carries water from the hills to the sea. ";

#[test]
fn every_chunk_is_its_range_of_the_markdown() {
    let text =
        format!("# Wasser & Flüsse\n\n{}\n\n## Täler\n\n- a\n- b\n\n{}\n", SENTENCE.repeat(30), SENTENCE.repeat(3));
    for strategy in ["semantic", "sentence", "paragraph", "fixed", "page"] {
        let task = task(&text).with_option("chunking_strategy", strategy).with_option("chunk_overlap", "80");
        let data = run(&task).unwrap();
        let chunks = chunks(&task);
        assert_eq!(data["chunks_created"], chunks.len());
        assert!(chunks.len() > 1);
        let sizes: Vec<u64> =
            chunks.iter().map(|chunk| chunk["text"].as_str().unwrap().chars().count() as u64).collect();
        assert_eq!(data["chunk_size_range"], json!({ "min": sizes.iter().min(), "max": sizes.iter().max() }));
        for (index, chunk) in chunks.iter().enumerate() {
            let at = |key: &str| chunk[key].as_u64().unwrap() as usize;
            assert_eq!(chunk["index"], index);
            assert_eq!(chunk["text"], text[at("start")..at("end")]);
            let by_chars: String =
                text.chars().skip(at("char_start")).take(at("char_end") - at("char_start")).collect();
            assert_eq!(chunk["text"], by_chars);
            assert_eq!(chunk["heading_path"][0], "Wasser & Flüsse");
            assert!(chunk["pages"].as_array().unwrap().is_empty());
        }
    }
}

#[test]
fn data_has_the_guides_keys() {
    let data = run(&task("Hello.\n")).unwrap();
    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(keys, ["chunks_created", "chunking_strategy", "average_chunk_size", "chunk_size_range"]);
    assert_eq!(data["average_chunk_size"], 6);
    let described = Chunking::describe();
    assert_eq!(described.outputs[0].data_key.as_deref(), Some("chunks_file_url"));
}

#[test]
fn blank_markdown_makes_no_chunks() {
    for text in ["", " \n\n\t\n"] {
        for strategy in ["semantic", "sentence", "paragraph", "fixed", "page"] {
            let task = task(text).with_option("chunking_strategy", strategy);
            let data = run(&task).unwrap();
            assert_eq!(data["chunks_created"], 0);
            assert_eq!(data["average_chunk_size"], 0);
            assert_eq!(data["chunk_size_range"], json!({ "min": 0, "max": 0 }));
            assert!(chunks(&task).is_empty());
            assert!(task.progress.borrow().iter().any(|(fraction, _)| *fraction >= 0.5));
        }
    }
}

#[test]
fn sections_are_chunks_with_their_heading_path() {
    let body = SENTENCE.repeat(6);
    let text = format!("# Top\n\n## One\n\n{body}\n\n## Two\n\n{body}\n\n### Deep\n\n{body}\n\n# Other\n\nshort\n");
    let task = task(&text).with_option("chunk_size", 400);
    run(&task).unwrap();
    let chunks = chunks(&task);
    let paths: Vec<&Value> = chunks.iter().map(|chunk| &chunk["heading_path"]).collect();
    assert_eq!(
        paths,
        [&json!(["Top", "One"]), &json!(["Top", "Two"]), &json!(["Top", "Two", "Deep"]), &json!(["Other"])]
    );
    assert!(chunks.iter().all(|chunk| chunk["method"] == "structural"));
}

#[test]
fn long_prose_is_cut_where_the_topic_shifts() {
    let cats = "Cats purr and cats hunt mice. The cat sleeps while kittens play with mice. A cat hunts at night. ";
    let taxes = "Taxes finance the state budget. The budget plans taxes and spending. State spending needs taxes. ";
    let text = cats.repeat(5) + &taxes.repeat(4);
    let task = task(&text).with_option("chunk_size", 700);
    run(&task).unwrap();
    let chunks = chunks(&task);
    assert_eq!(chunks.len(), 2, "{chunks:#?}");
    assert!(chunks[1]["text"].as_str().unwrap().starts_with("Taxes finance"));
    assert!(chunks.iter().all(|chunk| chunk["method"] == "lexical"));
}

#[test]
fn lists_and_tables_stay_whole_where_they_fit() {
    let list: String = (0..8).map(|at| format!("- item number {at} of the list\n")).collect();
    let table: String = (0..8).map(|at| format!("| row {at} | value |\n")).collect();
    let text = format!("{}\n\n{list}\n{}\n\n| a | b |\n|---|---|\n{table}", SENTENCE.repeat(4), SENTENCE.repeat(3));
    let task = task(&text).with_option("chunk_size", 300);
    run(&task).unwrap();
    let chunks = chunks(&task);
    let holds = |part: &str| chunks.iter().any(|chunk| chunk["text"].as_str().unwrap().contains(part.trim()));
    assert!(holds(&list) && holds(&table), "{chunks:#?}");
}

#[test]
fn pages_come_from_the_document() {
    let text = format!("{}\n\n{}\n\n{}", SENTENCE.repeat(40), SENTENCE.repeat(2), SENTENCE.repeat(9));
    let (second, third) = (40 * SENTENCE.len() + 2, 42 * SENTENCE.len() + 4);
    let document = json!({ "format": "pdf", "page_count": 3, "pages": [
        { "number": 1, "start": 0, "end": second },
        { "number": 2, "start": second, "end": third },
        { "number": 3, "start": third, "end": text.len() },
    ]});
    let paged = |strategy: &str| {
        let task = task(&text).with_artifact("document.json", document.to_string());
        let task = task.with_option("chunking_strategy", strategy);
        run(&task).unwrap();
        chunks(&task).iter().map(|chunk| chunk["pages"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(paged("page"), [json!([1]), json!([2]), json!([3])]);
    assert!(paged("fixed").contains(&json!([1, 2, 3])));
}

#[test]
fn without_pages_paragraphs_are_used_and_said() {
    let task = task("One.\n\nTwo.\n").with_option("chunking_strategy", "page");
    let data = run(&task).unwrap();
    assert_eq!(data["chunking_strategy"], "paragraph");
    assert!(task.lines.borrow().iter().any(|(level, line)| *level == Level::Warn && line.contains("no pages")));
}

#[test]
fn a_bad_option_fails_before_anything_is_written() {
    let task = task("One.").with_option("chunk_size", "0");
    let failure = run(&task).unwrap_err();
    assert_eq!(failure.code, "INVALID_OPTION");
    assert!(!failure.retryable);
    assert!(task.file("chunks.json").is_none());
}

#[test]
fn an_overlap_that_explodes_is_refused() {
    let text = SENTENCE.repeat(5000);
    let task = task(&text)
        .with_option("chunking_strategy", "fixed")
        .with_option("chunk_size", 20_000)
        .with_option("chunk_overlap", 19_999);
    assert_eq!(run(&task).unwrap_err().code, "TOO_MANY_CHUNKS");
}

#[test]
fn progress_passes_one_half() {
    let task = task("# T\n\ntext\n");
    run(&task).unwrap();
    let fractions: Vec<f64> = task.progress.borrow().iter().map(|(fraction, _)| *fraction).collect();
    assert_eq!(fractions, [0.25, 0.5, 0.75, 1.0]);
}
