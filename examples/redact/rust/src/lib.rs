//! Masks personal data in the markdown of a document; see ../../README.md.

mod scanner;

use morag_step::{Data, Descriptor, Failure, Output, Step, Task, host, json};
use scanner::{Finding, Kind, PASSES};
use serde::{Deserialize, Serialize};

/// In the order they are written.
const KINDS: [Kind; 4] = [Kind::Email, Kind::Phone, Kind::Iban, Kind::Card];

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    kinds: Vec<Kind>,
    mask: char,
}

impl Default for Config {
    fn default() -> Self {
        Self { kinds: KINDS.to_vec(), mask: 'x' }
    }
}

/// `redactions.json`; its keys are written in the order of the fields.
#[derive(Serialize)]
struct Redactions<'a> {
    version: u32,
    mask: char,
    kinds: &'a [Kind],
    findings: &'a [Finding],
}

fn redact(task: &dyn Task) -> Result<Data, Failure> {
    let Config { kinds: wanted, mask } = task.config()?;
    let mut text = task.artifact_bytes("markdown.md")?;
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|kind| wanted.contains(kind)).collect();

    let mut work = text.clone();
    let mut findings = Vec::new();
    let mut counts = Data::new();
    for (place, kind) in PASSES.into_iter().filter(|kind| kinds.contains(kind)).enumerate() {
        let found = scanner::pass(&mut work, kind);
        task.report_progress((place + 1) as f64 / (kinds.len() + 1) as f64, &format!("{kind}: {} found", found.len()));
        counts.insert(kind.to_string(), found.len().into());
        findings.extend(found);
    }
    findings.sort_by_key(|finding| finding.start);

    for finding in &findings {
        text[finding.start..finding.end].fill(mask as u8);
    }
    let masked: usize = findings.iter().map(|finding| finding.end - finding.start).sum();
    let line = format!("masked {} finding(s), {masked} of {} bytes", findings.len(), text.len());
    task.log(morag_step::Level::Info, &line);

    task.write_artifact("redacted.md", &text)?;
    let redactions = Redactions { version: 1, mask, kinds: &kinds, findings: &findings };
    let mut line = serde_json::to_vec(&redactions).map_err(|error| Failure::new("INTERNAL", error.to_string()))?;
    line.push(b'\n');
    task.write_artifact("redactions.json", &line)?;
    Ok(morag_step::data(json!({ "redactions": counts, "redacted_bytes": masked })))
}

struct Redact;

impl Step for Redact {
    fn describe() -> Descriptor {
        let summary = "Masks e-mail addresses, phone numbers, IBANs and card numbers, byte for byte";
        Descriptor::new("redact", env!("CARGO_PKG_VERSION"), summary)
            .reads("markdown.md")
            .writes(Output::new("redacted.md", "text/markdown").published_as("redacted_file_url"))
            .writes(Output::new("redactions.json", "application/json"))
            .configured_by(json!({
                "type": "object",
                "properties": {
                    "kinds": {
                        "type": "array",
                        "items": { "enum": KINDS },
                        "minItems": 1,
                        "uniqueItems": true,
                        "default": KINDS,
                    },
                    "mask": { "enum": ["x", "X", "#", "*", "_"], "default": "x" },
                },
                "additionalProperties": false,
            }))
    }
    fn run() -> Result<Data, Failure> {
        redact(&host::TaskHandle)
    }
}

morag_step::export_step!(Redact);

#[cfg(test)]
mod tests {
    use super::*;
    use morag_step::mock::MockTask;

    #[test]
    fn the_file_keeps_its_length_and_the_rest_of_its_bytes() {
        let text = "Größe: jane.doe@example.org, +49 30 1234567.";
        let task = MockTask::new("a.md", "").with_artifact("markdown.md", text);
        let data = redact(&task).unwrap();
        let redacted = String::from_utf8(task.file("redacted.md").unwrap()).unwrap();
        assert_eq!(redacted, "Größe: xxxxxxxxxxxxxxxxxxxx, xxxxxxxxxxxxxx.");
        assert_eq!(data["redactions"], json!({"email": 1, "phone": 1, "iban": 0, "card": 0}));
    }

    #[test]
    fn only_configured_kinds_are_masked() {
        let mut task = MockTask::new("a.md", "").with_artifact("markdown.md", "a@example.org +49 30 1234567");
        task.config = morag_step::data(json!({ "kinds": ["phone"], "mask": "#" }));
        redact(&task).unwrap();
        assert_eq!(task.file("redacted.md").unwrap(), b"a@example.org ##############");
    }
}
