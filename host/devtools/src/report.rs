//! The report of a run as stored in golden files, and differences between two reports. Reports contain no values that change
//! from run to run, such as times and ids.

use morag_core::task::{Artifact, StepFailure};
use morag_core::{JsonObject, ports::StepReport};
use serde_json::{Value, json};
use similar::TextDiff;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest search for a minimal difference; after it, a larger one is used. Two long texts without a common line would take
/// minutes.
const DIFF_TIME_MAX: Duration = Duration::from_secs(2);

/// Most lines of a difference to show.
const LINES_MAX: usize = 80;

/// Most characters of a line to show: a whole document may be one line.
const LINE_CHARS_MAX: usize = 300;

/// Unchanged lines shown around a difference.
const CONTEXT_LINES: usize = 3;

/// The result of a run, actual or expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Contents of `report.json`.
    pub json: Value,
    /// Contents of the artifacts, by name.
    pub artifacts: BTreeMap<String, Vec<u8>>,
}

/// A file that differs from the expected one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path in the golden folder: `report.json` or `artifacts/NAME`.
    pub file: String,
    /// Description of the difference, possibly several lines.
    pub text: String,
}

impl Report {
    /// Builds the report of a run from its progress events, its result, and the artifacts with their contents.
    pub fn of(progress: &[(f64, String)], report: &StepReport, contents: Vec<(Artifact, Vec<u8>)>) -> Self {
        let mut contents = contents;
        // Sorted by name: the order in which a step finishes its files is not part of its result.
        contents.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let mut events: Vec<Value> = progress
            .iter()
            .map(|(fraction, message)| json!({"event": "progress", "fraction": fraction, "message": message}))
            .collect();
        let (result, data) = match &report.result {
            Ok(success) => {
                events.push(json!({"event": "step_completed"}));
                ("completed", success.data.clone())
            }
            Err(failure) => {
                events.push(failed(failure));
                ("failed", JsonObject::new())
            }
        };
        let listed: Vec<_> = contents.iter().map(|(artifact, _)| json!(artifact)).collect();
        Self {
            json: json!({"result": result, "data": data, "artifacts": listed, "events": events}),
            artifacts: contents.into_iter().map(|(artifact, bytes)| (artifact.name.to_string(), bytes)).collect(),
        }
    }

    /// The error code, or `None` if the step completed.
    pub fn error_code(&self) -> Option<&str> {
        self.json["events"].as_array()?.last()?["error_code"].as_str()
    }

    /// The text of `report.json`.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.json)
    }
}

fn failed(failure: &StepFailure) -> Value {
    json!({
        "event": "step_failed",
        "error_code": failure.code,
        "error_message": failure.message,
        "details": failure.details,
        "retryable": failure.retryable,
    })
}

/// The differences of `got` from `expected`.
pub fn differences(expected: &Report, got: &Report) -> Vec<Difference> {
    let names: std::collections::BTreeSet<_> = expected.artifacts.keys().chain(got.artifacts.keys()).collect();
    let artifacts = names.into_iter().filter_map(|name| {
        let text = match (expected.artifacts.get(name), got.artifacts.get(name)) {
            (Some(expected), Some(got)) if expected == got => return None,
            (Some(expected), Some(got)) => bytes_difference(expected, got),
            (Some(_), None) => "expected, but the step did not write it".to_owned(),
            (None, _) => "written by the step, but not expected: accept it with `--bless`".to_owned(),
        };
        Some(Difference { file: format!("artifacts/{name}"), text })
    });
    // The order of keys does not matter.
    let (was, is) = (format!("{:#}\n", sorted(&expected.json)), format!("{:#}\n", sorted(&got.json)));
    let report = (was != is).then(|| Difference { file: "report.json".into(), text: text_difference(&was, &is) });
    report.into_iter().chain(artifacts).collect()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            keys.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(keys.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

fn bytes_difference(expected: &[u8], got: &[u8]) -> String {
    match (std::str::from_utf8(expected), std::str::from_utf8(got)) {
        (Ok(expected), Ok(got)) => text_difference(expected, got),
        _ => {
            let at = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
            format!("{} bytes instead of {}; the first difference is at byte {at}", got.len(), expected.len())
        }
    }
}

/// A unified diff: lines with `-` are expected, lines with `+` are actual.
fn text_difference(expected: &str, got: &str) -> String {
    let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_lines(expected, got);
    let shown = diff.unified_diff().context_radius(CONTEXT_LINES).header("expected", "got").to_string();
    let mut lines: Vec<String> = shown.lines().take(LINES_MAX).map(plain).collect();
    let more = shown.lines().count().saturating_sub(LINES_MAX);
    if more > 0 {
        lines.push(format!("… {more} more lines"));
    }
    lines.join("\n")
}

/// Shortens a line and replaces its control characters, for output to a terminal.
fn plain(line: &str) -> String {
    let mut shown: String =
        line.chars().take(LINE_CHARS_MAX).map(|c| if c.is_control() && c != '\t' { '·' } else { c }).collect();
    if line.chars().nth(LINE_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::ports::StepSuccess;
    use morag_core::task::Resources;

    fn completed(data: Value, artifacts: &[(&str, &[u8])]) -> Report {
        let Value::Object(data) = data else { panic!("an object") };
        let success = StepSuccess { data, artifacts: vec![], revision: None };
        let report = StepReport { result: Ok(success), component: None, resources: Resources::default(), log: vec![] };
        let contents = artifacts.iter().map(|(name, bytes)| {
            let artifact = Artifact {
                name: name.parse().unwrap(),
                media_type: "text/plain".into(),
                size: bytes.len() as u64,
                sha256: "0".repeat(64),
                listed: false,
            };
            (artifact, bytes.to_vec())
        });
        Report::of(&[(0.5, "half".into())], &report, contents.collect())
    }

    #[test]
    fn a_success_has_its_data_files_and_events() {
        let report = completed(json!({"b": 1, "a": 2}), &[("z.md", b"z"), ("a.md", b"a")]);
        let file = |name: &str| json!({"name": name, "media_type": "text/plain", "size": 1, "sha256": "0".repeat(64)});
        let expected = json!({
            "result": "completed",
            "data": {"b": 1, "a": 2},
            "artifacts": [file("a.md"), file("z.md")],
            "events": [{"event": "progress", "fraction": 0.5, "message": "half"}, {"event": "step_completed"}],
        });
        assert_eq!(report.json, expected);
        assert!(report.text().starts_with("{\n  \"result\"") && report.text().ends_with("}\n"));
    }

    #[test]
    fn a_failure_has_its_code_and_no_files() {
        let failure = StepFailure {
            code: "NO_TEXT".into(),
            message: "nothing".into(),
            details: JsonObject::new(),
            retryable: true,
        };
        let report = StepReport { result: Err(failure), component: None, resources: Resources::default(), log: vec![] };
        let json = Report::of(&[], &report, vec![]).json;
        assert_eq!((&json["result"], &json["data"], &json["artifacts"]), (&json!("failed"), &json!({}), &json!([])));
        let event = json!({"event": "step_failed", "error_code": "NO_TEXT", "error_message": "nothing", "details": {}, "retryable": true});
        assert_eq!(json["events"], json!([event]));
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let (one, two) = (
            completed(json!({"a": 1, "b": {"c": 1, "d": 2}}), &[]),
            completed(json!({"b": {"d": 2, "c": 1}, "a": 1}), &[]),
        );
        assert_eq!(differences(&one, &two), []);
        // The order of a list does.
        let (one, two) = (completed(json!({"a": [1, 2]}), &[]), completed(json!({"a": [2, 1]}), &[]));
        assert_eq!(differences(&one, &two).len(), 1);
    }

    #[test]
    fn differences_are_shown_by_line() {
        let (one, two) = (
            completed(json!({"found": 3}), &[("a.md", b"x\ny\nz\n")]),
            completed(json!({"found": 4}), &[("a.md", b"x\nY\nz\n")]),
        );
        let found = differences(&one, &two);
        assert_eq!(found.iter().map(|one| one.file.as_str()).collect::<Vec<_>>(), ["report.json", "artifacts/a.md"]);
        assert!(found[0].text.contains("-    \"found\": 3\n+    \"found\": 4"), "{}", found[0].text);
        assert!(found[1].text.contains(" x\n-y\n+Y\n z"), "{}", found[1].text);
    }

    #[test]
    fn missing_and_unexpected_files_are_differences() {
        let (one, two) = (completed(json!({}), &[("old.md", b"")]), completed(json!({}), &[("new.md", b"")]));
        let found = differences(&one, &two);
        let text = |file: &str| found.iter().find(|one| one.file == file).unwrap().text.clone();
        assert!(text("artifacts/old.md").contains("did not write it"));
        assert!(text("artifacts/new.md").contains("--bless"));
    }

    #[test]
    fn differences_of_binary_files_and_long_texts_are_short() {
        assert_eq!(
            bytes_difference(&[1, 2, 255], &[1, 3, 255, 0]),
            "4 bytes instead of 3; the first difference is at byte 1"
        );
        let (old, new): (String, String) = ((0..9999).map(|n| format!("{n}\n")).collect(), "\u{1b}[31m".repeat(1000));
        let text = text_difference(&old, &new);
        assert_eq!(text.lines().count(), LINES_MAX + 1);
        assert!(text.ends_with("more lines"));
        assert!(!text_difference("", &new).contains('\u{1b}'));
    }
}
