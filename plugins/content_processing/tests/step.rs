//! The step over a task in memory.

use content_processing::run;
use content_processing::summary::SUMMARY_CHARS_MAX;
use morag_step::json;
use morag_step::mock::MockTask;
use proptest::prelude::*;

const ENGLISH: &str = "# Rivers\n\nRivers carry water from the mountains to the sea. Many cities were built beside rivers, \
    because rivers give water and carry ships. A river shapes the valley that it flows through.\n\n## Floods\n\nAfter \
    heavy rain a river can flood its valley. Floods damage cities, but they also make the valley fertile.\n";

fn task(markdown: &str) -> MockTask {
    MockTask::new("a.md", "").with_artifact("markdown.md", markdown)
}

#[test]
fn data_has_the_guides_keys() {
    let data = run(&task(ENGLISH)).unwrap();
    let keys: Vec<&str> = data.keys().map(String::as_str).collect();
    assert_eq!(keys, ["summary", "content_length", "language", "detected_topics", "processing_time_seconds"]);
    assert_eq!(data["content_length"], ENGLISH.chars().count());
    assert_eq!(data["language"], "en");
    assert!(data["summary"].as_str().unwrap().contains("Rivers carry water"));
    assert!(data["detected_topics"].as_array().unwrap().len() > 1);
}

#[test]
fn the_callers_language_wins() {
    let mut given = task(ENGLISH);
    given.info.language = Some("DE".into());
    assert_eq!(run(&given).unwrap()["language"], "de");
    given.info.language = Some("klingon".into());
    assert_eq!(run(&given).unwrap()["language"], "en");
    assert_eq!(given.lines.borrow().len(), 1);
}

#[test]
fn the_sources_language_is_the_last_resort() {
    let document = json!({ "format": "pdf", "properties": { "language": "fr-FR" } }).to_string();
    assert_eq!(run(&task("42\n").with_artifact("document.json", document.clone())).unwrap()["language"], "fr");
    assert_eq!(run(&task(ENGLISH).with_artifact("document.json", document)).unwrap()["language"], "en");
}

#[test]
fn no_text_has_no_summary_and_still_reports_progress() {
    for text in ["", "\n \n"] {
        let task = task(text);
        let data = run(&task).unwrap();
        assert!(data["summary"].is_null() && data["language"].is_null());
        assert_eq!(data["detected_topics"], json!([]));
        let fractions: Vec<f64> = task.progress.borrow().iter().map(|(fraction, _)| *fraction).collect();
        assert_eq!(fractions, [0.1, 0.2, 0.34, 0.67, 1.0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_gives_the_same_answer_twice_within_its_limits(
        text in "([A-Z][a-zé ]{0,40}[.!?] |[#|`*-]{1,3} ?|\\PC{0,20}|日本語。|\n\n?){0,40}",
    ) {
        let data = run(&task(&text)).unwrap();
        prop_assert_eq!(&data, &run(&task(&text)).unwrap());
        if let Some(summary) = data["summary"].as_str() {
            prop_assert!(!summary.trim().is_empty() && summary.chars().count() <= SUMMARY_CHARS_MAX);
        }
    }
}
