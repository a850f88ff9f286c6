//! Secrets that a guest was given are kept out of what it says: log, progress, failure and data. The one place for it.
//!
//! Only what is written as it was given is found: a guest that hides a secret on purpose (turned round, in pieces) is not stopped.
//! Whom a secret is given to is the operator's decision; this is against a careless step, not against a hostile one.

use morag_core::plugin::FailureCode;
use morag_core::ports::StepReport;
use morag_core::{JsonObject, Secret};
use serde_json::Value;

/// What stands in the place of a secret.
const IN_ITS_PLACE: &str = "[redacted]";

/// Bytes of a secret's beginning that are taken for it at the end of a text, where the rest may have been cut off.
const BEGINNING_BYTES_MIN: usize = 4;

/// Bytes that a line of a secret of several lines must have to be taken for it: a shorter one is in any text.
const LINE_BYTES_MIN: usize = 8;

/// The secrets given to a guest so far.
#[derive(Debug, Default)]
pub(crate) struct Redactor(Vec<Secret>);

impl Redactor {
    /// Notes a secret that is given out now.
    pub(crate) fn learn(&mut self, secret: &Secret) {
        if secret.expose().is_empty() || self.0.contains(secret) {
            return;
        }
        self.note(secret.expose());
        // As the log writes it.
        self.note(&secret.expose().chars().map(escaped).collect::<String>());
        // Printed, each of its lines is one of the log's.
        if secret.expose().contains('\n') {
            let lines = secret.expose().lines().map(str::trim).filter(|line| line.len() >= LINE_BYTES_MIN);
            lines.for_each(|line| self.note(line));
        }
        // The longest first: one may be part of another.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
    }

    fn note(&mut self, text: &str) {
        let secret = Secret::new(text);
        if !self.0.contains(&secret) {
            self.0.push(secret);
        }
    }

    /// A text without them.
    pub(crate) fn clean(&self, mut text: String) -> String {
        for secret in &self.0 {
            if text.contains(secret.expose()) {
                text = text.replace(secret.expose(), IN_ITS_PLACE);
            }
        }
        // The log ends a line that was cut with an ellipsis.
        let end = text.strip_suffix('…').unwrap_or(&text);
        let cut = self.0.iter().filter_map(|secret| beginning_at_end(end, secret.expose())).max();
        if let Some(bytes) = cut {
            text.truncate(end.len() - bytes);
            text.push_str(IN_ITS_PLACE);
        }
        text
    }

    /// A report without them.
    pub(crate) fn clean_report(&self, mut report: StepReport) -> StepReport {
        if self.0.is_empty() {
            return report;
        }
        for line in &mut report.log {
            line.message = self.clean(std::mem::take(&mut line.message));
        }
        match &mut report.result {
            Ok(success) => success.data = self.clean_object(std::mem::take(&mut success.data)),
            Err(failure) => {
                failure.message = self.clean(std::mem::take(&mut failure.message));
                failure.details = self.clean_object(std::mem::take(&mut failure.details));
                if self.clean(failure.code.clone()) != failure.code {
                    failure.code = FailureCode::ResultInvalid.as_str().into();
                }
            }
        }
        report
    }

    fn clean_object(&self, object: JsonObject) -> JsonObject {
        object.into_iter().map(|(key, value)| (self.clean(key), self.clean_value(value))).collect()
    }

    // As deep as the object is, which the runner has bounded.
    fn clean_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean(text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.clean_value(item)).collect()),
            Value::Object(object) => Value::Object(self.clean_object(object)),
            other => other,
        }
    }
}

fn escaped(c: char) -> String {
    if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
}

/// How much of a secret's beginning a text ends with, if it is enough to be taken for it.
fn beginning_at_end(text: &str, secret: &str) -> Option<usize> {
    let longest = text.len().min(secret.len().saturating_sub(1));
    (BEGINNING_BYTES_MIN..=longest)
        .rev()
        .find(|bytes| secret.is_char_boundary(*bytes) && text.ends_with(&secret[..*bytes]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::ports::LogLine;
    use morag_core::task::{Resources, StepFailure};
    use serde_json::json;

    fn redactor(secrets: &[&str]) -> Redactor {
        let mut redactor = Redactor::default();
        secrets.iter().for_each(|secret| redactor.learn(&Secret::new(*secret)));
        redactor
    }

    fn clean(secrets: &[&str], text: &str) -> String {
        redactor(secrets).clean(text.to_owned())
    }

    #[test]
    fn a_secret_is_gone_wherever_it_stands() {
        assert_eq!(clean(&["s3cr3t"], "a s3cr3t, and s3cr3ts3cr3t"), "a [redacted], and [redacted][redacted]");
        assert_eq!(clean(&["tok", "token-1"], "token-1 tok"), "[redacted] [redacted]", "the longer one first");
        assert_eq!(clean(&[""], "unchanged"), "unchanged");
        assert_eq!(clean(&["s3cr3t"], "nothing of it"), "nothing of it");
    }

    #[test]
    fn one_that_was_cut_off_is_gone_too() {
        assert_eq!(clean(&["abcdefgh"], "it said: abcdef"), "it said: [redacted]");
        assert_eq!(clean(&["abcdefgh"], "it said: abcd…"), "it said: [redacted]");
        assert_eq!(clean(&["abcdefgh"], "the abc"), "the abc", "too little to be it");
        assert_eq!(clean(&["äöüß1"], "x äöü"), "x [redacted]");
    }

    #[test]
    fn one_of_several_lines_is_gone_as_the_log_has_it() {
        let key = "-----BEGIN-----\nMIIEvQIBADANBg\n-----END-----";
        assert_eq!(clean(&[key], "-----BEGIN-----\\nMIIEvQIBADANBg\\n-----END-----"), "[redacted]");
        assert_eq!(clean(&[key], "line: MIIEvQIBADANBg"), "line: [redacted]");
    }

    #[test]
    fn a_report_has_none() {
        let line = |message: &str| LogLine { level: "info".into(), message: message.into() };
        let failure = StepFailure {
            code: "S3CR3T".into(),
            message: "with S3CR3T".into(),
            details: json!({"a": ["S3CR3T"], "S3CR3T": {"b": "xS3CR3Tx", "n": 1}}).as_object().unwrap().clone(),
            retryable: false,
        };
        let report = StepReport {
            result: Err(failure),
            resources: Resources::default(),
            log: vec![line("S3CR3T"), line("nothing")],
        };
        let redactor = redactor(&["S3CR3T"]);
        let clean = redactor.clean_report(report);
        let text = format!("{clean:?}");
        assert!(!text.contains("S3CR3T") && text.contains("nothing"), "{text}");
        assert!(!format!("{redactor:?}").contains("S3CR3T"));
    }
}
