//! Counts the words of a document.

use morag_step::{Data, Descriptor, Failure, Output, Step, Task, host, json};
use serde::{Deserialize, Serialize};

/// The step's configuration, as the pipeline gives it.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Shorter words are not counted.
    least_letters: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { least_letters: 1 }
    }
}

/// What `word_count.json` holds.
#[derive(Serialize)]
struct Count<'a> {
    words: usize,
    longest: &'a str,
}

fn count_words(task: &dyn Task) -> Result<Data, Failure> {
    let config: Config = task.config()?;
    let text = task.artifact_text("markdown.md")?;
    let letters = |word: &str| word.chars().count();

    let words: Vec<&str> = text.split_whitespace().filter(|word| letters(word) >= config.least_letters).collect();
    // The first of the longest.
    let longest = words.iter().rev().max_by_key(|word| letters(word)).copied().unwrap_or_default();
    task.report_progress(0.5, &format!("counted {} words", words.len()));

    task.write_json("word_count.json", &Count { words: words.len(), longest })?;
    Ok(morag_step::data(json!({ "words": words.len() })))
}

struct CountWords;

impl Step for CountWords {
    fn describe() -> Descriptor {
        Descriptor::new("{{name}}", env!("CARGO_PKG_VERSION"), "Counts the words of a document")
            .reads("markdown.md")
            .writes(Output::new("word_count.json", "application/json").published_as("word_count_file_url"))
            .configured_by(json!({
                "type": "object",
                "properties": { "least_letters": { "type": "integer", "minimum": 1, "default": 1 } },
                "additionalProperties": false,
            }))
    }
    fn run() -> Result<Data, Failure> {
        count_words(&host::TaskHandle)
    }
}

morag_step::export_step!(CountWords);

#[cfg(test)]
mod tests {
    use super::*;
    use morag_step::mock::MockTask;

    #[test]
    fn words_are_counted() {
        let task = MockTask::new("a.md", "").with_artifact("markdown.md", "one two three");
        assert_eq!(count_words(&task).unwrap()["words"], 3);
        assert_eq!(task.file("word_count.json").unwrap(), b"{\"words\":3,\"longest\":\"three\"}\n");
    }

    #[test]
    fn a_document_without_markdown_is_a_failure() {
        assert_eq!(count_words(&MockTask::new("a.md", "")).unwrap_err().code, "INPUT_MISSING");
    }
}
