//! Cuts the secrets that a guest was given out of all its output: log, progress, failure and data.
//!
//! A secret is found only as it was given: a guest that hides it on purpose (reversed, in pieces) is not stopped. The operator
//! decides which step gets a secret; this protects against a careless step, not against a hostile one. A secret of less than
//! [`SECRET_BYTES_MIN`] is not searched for: it occurs in other texts by chance, which would be damaged.

use morag_core::plugin::FailureCode;
use morag_core::ports::StepReport;
use morag_core::{JsonObject, Secret};
use serde_json::Value;
use std::ops::Range;

/// Text that replaces a secret.
const IN_ITS_PLACE: &str = "[redacted]";

/// Bytes of a secret's beginning that count as the secret at the end of a text, where the rest may have been cut off.
const BEGINNING_BYTES_MIN: usize = 4;

/// Bytes that a secret, or a line of one of several lines, must have to be searched for: a shorter one (`true`, `8080`) occurs in
/// any text, and useful tokens and passwords are longer. `docs/capabilities.md` says so.
const SECRET_BYTES_MIN: usize = 8;

/// The secrets given to a guest so far.
#[derive(Debug, Default)]
pub(crate) struct Redactor(Vec<Secret>);

impl Redactor {
    /// Adds a secret that the guest is given now.
    pub(crate) fn learn(&mut self, secret: &Secret) {
        if secret.expose().len() < SECRET_BYTES_MIN || self.0.contains(secret) {
            return;
        }
        self.note(secret.expose());
        // In the log's escaping.
        self.note(&secret.expose().chars().map(escaped).collect::<String>());
        // When it is printed, each of its lines is a line of the log.
        if secret.expose().contains('\n') {
            let lines = secret.expose().lines().map(str::trim).filter(|line| line.len() >= SECRET_BYTES_MIN);
            lines.for_each(|line| self.note(line));
        }
    }

    fn note(&mut self, text: &str) {
        let secret = Secret::new(text);
        if !self.0.contains(&secret) {
            self.0.push(secret);
        }
    }

    /// A whole text without the secrets.
    fn clean(&self, text: String) -> String {
        let places = self.places(&text);
        replaced(text, places)
    }

    /// A text without the secrets that may have been cut off, so that the beginning of a secret at its end counts too.
    pub(crate) fn clean_cut(&self, text: String) -> String {
        let mut places = self.places(&text);
        // The log ends a line that was cut with an ellipsis.
        let end = text.strip_suffix('…').unwrap_or(&text);
        if let Some(bytes) = self.0.iter().filter_map(|secret| beginning_at_end(end, secret.expose())).max() {
            places.push(end.len() - bytes..text.len());
        }
        replaced(text, places)
    }

    /// Ranges of the secrets in a text.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let of_one =
            |secret: &str| text.match_indices(secret).map(|(at, found)| at..at + found.len()).collect::<Vec<_>>();
        self.0.iter().flat_map(|secret| of_one(secret.expose())).collect()
    }

    /// A report without the secrets.
    pub(crate) fn clean_report(&self, mut report: StepReport) -> StepReport {
        if self.0.is_empty() {
            return report;
        }
        for line in &mut report.log {
            line.message = self.clean_cut(std::mem::take(&mut line.message));
        }
        match &mut report.result {
            Ok(success) => success.data = self.clean_object(std::mem::take(&mut success.data)),
            Err(failure) => {
                failure.message = self.clean_cut(std::mem::take(&mut failure.message));
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

    // The recursion is as deep as the object, which the runner has bounded.
    fn clean_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.clean(text)),
            Value::Array(items) => Value::Array(items.into_iter().map(|item| self.clean_value(item)).collect()),
            Value::Object(object) => Value::Object(self.clean_object(object)),
            // A secret may consist of digits.
            Value::Number(number) => {
                let (text, clean) = (number.to_string(), self.clean(number.to_string()));
                if clean == text { Value::Number(number) } else { Value::String(clean) }
            }
            other => other,
        }
    }
}

/// A text with [`IN_ITS_PLACE`] at these ranges, which are those of the original text: the replacement is not searched again.
fn replaced(text: String, mut places: Vec<Range<usize>>) -> String {
    if places.is_empty() {
        return text;
    }
    places.sort_by_key(|place| place.start);
    let (mut clean, mut kept_to) = (String::with_capacity(text.len()), 0);
    for place in places {
        // A range that overlaps the one before it is covered by the same replacement.
        if place.start >= kept_to {
            clean.push_str(&text[kept_to..place.start]);
            clean.push_str(IN_ITS_PLACE);
        }
        kept_to = kept_to.max(place.end);
    }
    clean.push_str(&text[kept_to..]);
    clean
}

fn escaped(c: char) -> String {
    if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
}

/// Bytes of a secret's beginning at the end of a text, if they are enough to count.
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

    fn clean_cut(secrets: &[&str], text: &str) -> String {
        redactor(secrets).clean_cut(text.to_owned())
    }

    #[test]
    fn a_secret_is_gone_wherever_it_stands() {
        assert_eq!(clean(&["s3cr3t-1"], "a s3cr3t-1, and s3cr3t-1s3cr3t-1"), "a [redacted], and [redacted][redacted]");
        assert_eq!(
            clean(&["token-no", "token-no-1"], "token-no-1 token-no"),
            "[redacted] [redacted]",
            "one in another"
        );
        assert_eq!(clean(&["abcdefgh", "efgh1234"], "<abcdefgh1234>"), "<[redacted]>", "one over another");
        assert_eq!(clean(&["s3cr3t-1"], "nothing of it"), "nothing of it");
    }

    #[test]
    fn what_stands_in_its_place_is_not_looked_at() {
        assert_eq!(clean(&["password", "[redacted]", "redacted"], "password redacted"), "[redacted] [redacted]");
        assert_eq!(clean_cut(&["s3cr3t-1", "cted]xxxxx"], "a s3cr3t-1"), "a [redacted]");
    }

    #[test]
    fn a_short_one_cuts_no_text_to_pieces() {
        assert_eq!(
            clean(&["", "a", "true", "1234567"], "it is true that 1234567 has an a"),
            "it is true that 1234567 has an a"
        );
    }

    #[test]
    fn one_that_was_cut_off_is_gone_where_texts_are_cut() {
        assert_eq!(clean_cut(&["abcdefgh"], "it said: abcdef"), "it said: [redacted]");
        assert_eq!(clean_cut(&["abcdefgh"], "it said: abcd…"), "it said: [redacted]");
        assert_eq!(clean_cut(&["abcdefgh"], "the abc"), "the abc", "too little to be it");
        assert_eq!(clean_cut(&["äöüß1234"], "x äöü"), "x [redacted]");
        assert_eq!(clean(&["https://a.example/token"], "https"), "https", "a whole text was not cut");
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
            code: "S3CR3T-7".into(),
            message: "with S3CR3T-7".into(),
            details:
                json!({"a": ["S3CR3T-7"], "S3CR3T-7": {"b": "xS3CR3T-7x", "n": 1, "pin": 1234567890, "port": 8080}})
                    .as_object()
                    .unwrap()
                    .clone(),
            retryable: false,
        };
        let report = StepReport {
            component: None,
            result: Err(failure),
            resources: Resources::default(),
            log: vec![line("S3CR3T-7"), line("nothing")],
        };
        let redactor = redactor(&["S3CR3T-7", "1234567890"]);
        let clean = redactor.clean_report(report);
        let text = format!("{clean:?}");
        assert!(!text.contains("S3CR3T-7") && text.contains("nothing") && text.contains("8080"), "{text}");
        assert!(!text.contains("1234567890"), "{text}");
        assert!(!format!("{redactor:?}").contains("S3CR3T-7"));
    }
}
