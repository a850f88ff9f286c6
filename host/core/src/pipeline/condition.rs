//! Conditions on the documents that a step runs for.

use crate::glob::is_match;
use crate::{JsonObject, is_depth_allowed};
use serde::{Deserialize, Serialize};

/// Maximum length of a pattern, bytes: the longest registered media types have some 100.
const PATTERN_LENGTH_MAX: usize = 128;

/// Maximum metadata values of a condition.
const METADATA_MAX: usize = 32;

/// A media type, or a pattern with `*` (any number of characters, including none), lower case, without parameters: `text/*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaTypeGlob(String);

/// Condition for a step to run; every part must hold. An empty condition always holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The document's media type matches one of these; empty: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    media_type: Vec<MediaTypeGlob>,
    /// The task's metadata contains all of these values, compared as JSON.
    #[serde(default, skip_serializing_if = "JsonObject::is_empty")]
    metadata: JsonObject,
}

/// Why a condition is invalid. The text says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCondition {
    /// Not a media type or pattern.
    #[error("{0:?} is not a media type or a pattern: use one like application/pdf or text/*")]
    MediaType(String),
    /// More than [`Condition::MEDIA_TYPES_MAX`] patterns.
    #[error("more than {} media types: use patterns like text/*", Condition::MEDIA_TYPES_MAX)]
    TooManyMediaTypes,
    /// More than `METADATA_MAX` values.
    #[error("more than {METADATA_MAX} metadata values")]
    TooMuchMetadata,
    /// A value nested deeper than [`crate::JSON_DEPTH_MAX`].
    #[error("a metadata value is nested too deeply")]
    TooDeep,
}

impl MediaTypeGlob {
    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a media type matches. Its parameters (`; charset=…`) and case are ignored.
    pub fn matches(&self, media_type: &str) -> bool {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        is_match(self.0.as_bytes(), essence.as_bytes())
    }
}

impl std::str::FromStr for MediaTypeGlob {
    type Err = InvalidCondition;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+*".contains(c);
        let part = |part: &str| !part.is_empty() && part.chars().all(plain);
        let sound = text == "*" || text.split_once('/').is_some_and(|(kind, sub)| part(kind) && part(sub));
        match sound && text.len() <= PATTERN_LENGTH_MAX {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(InvalidCondition::MediaType(text.chars().take(PATTERN_LENGTH_MAX).collect())),
        }
    }
}

impl TryFrom<String> for MediaTypeGlob {
    type Error = InvalidCondition;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MediaTypeGlob> for String {
    fn from(glob: MediaTypeGlob) -> Self {
        glob.0
    }
}

impl Condition {
    /// Patterns of media types that a condition may have: more than there are formats in one pipeline, few enough to be stored
    /// with every task.
    pub const MEDIA_TYPES_MAX: usize = 32;

    /// A condition on the document's media type and the task's metadata.
    pub fn new(media_type: Vec<MediaTypeGlob>, metadata: JsonObject) -> Result<Self, InvalidCondition> {
        match () {
            () if media_type.len() > Self::MEDIA_TYPES_MAX => Err(InvalidCondition::TooManyMediaTypes),
            () if metadata.len() > METADATA_MAX => Err(InvalidCondition::TooMuchMetadata),
            () if !is_depth_allowed(&metadata) => Err(InvalidCondition::TooDeep),
            () => Ok(Self { media_type, metadata }),
        }
    }

    /// Whether the condition is empty.
    pub fn is_always(&self) -> bool {
        self.media_type.is_empty() && self.metadata.is_empty()
    }

    /// Required media types; empty: any.
    pub fn media_types(&self) -> &[MediaTypeGlob] {
        &self.media_type
    }

    /// Required metadata values.
    pub fn metadata(&self) -> &JsonObject {
        &self.metadata
    }

    /// Whether this surely holds only where `other` does: it asks for the same or for more. Patterns are compared as they
    /// are written.
    pub fn implies(&self, other: &Self) -> bool {
        let narrower = !self.media_type.is_empty() && self.media_type.iter().all(|one| other.media_type.contains(one));
        (other.media_type.is_empty() || narrower)
            && other.metadata.iter().all(|(key, value)| self.metadata.get(key) == Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{StepDefinition, skip_reason};
    use crate::task::{SkipReason, TaskRecord};
    use serde_json::json;

    fn condition(media_types: &[&str], metadata: serde_json::Value) -> Condition {
        let serde_json::Value::Object(metadata) = metadata else { panic!() };
        Condition::new(media_types.iter().map(|text| text.parse().unwrap()).collect(), metadata).unwrap()
    }

    fn record(media_type: &str, metadata: serde_json::Value) -> TaskRecord {
        let mut record = TaskRecord::sample();
        record.source.media_type = media_type.into();
        record.metadata = metadata.as_object().unwrap().clone().into();
        record
    }

    #[test]
    fn all_of_a_condition_must_hold() {
        let both = condition(&["application/pdf", "text/*"], json!({"confidential": true, "tags": ["a"]}));
        let metadata = json!({"confidential": true, "tags": ["a"], "more": 1});
        assert!(both.holds(&record("application/pdf", metadata.clone())));
        assert!(both.holds(&record("Text/HTML; charset=utf-8", metadata.clone())));
        assert!(!both.holds(&record("application/pdfx", metadata.clone())));
        assert!(!both.holds(&record("image/text/x", metadata)));
        assert!(!both.holds(&record("text/plain", json!({"confidential": true, "tags": ["a", "b"]}))));
        assert!(!both.holds(&record("text/plain", json!({"confidential": "true", "tags": ["a"]}))));
        assert!(!both.holds(&record("text/plain", json!({}))));
        assert!(Condition::default().holds(&record("", json!({}))) && Condition::default().is_always());
    }

    #[test]
    fn what_is_no_media_type_is_refused() {
        for text in
            ["", "pdf", "/", "text/", "/plain", "text/plain; charset=utf-8", "a/b/c", "te xt/*", &"a/".repeat(70)]
        {
            assert!(text.parse::<MediaTypeGlob>().is_err(), "{text:?}");
        }
        for text in ["*", "*/*", "Application/VND.openxml+xml", "text/*"] {
            assert!(text.parse::<MediaTypeGlob>().is_ok(), "{text:?}");
        }
        let many = vec!["text/*".parse().unwrap(); Condition::MEDIA_TYPES_MAX + 1];
        assert_eq!(Condition::new(many, JsonObject::new()), Err(InvalidCondition::TooManyMediaTypes));
        let much = (0..=METADATA_MAX).map(|key| (key.to_string(), json!(1))).collect();
        assert_eq!(Condition::new(vec![], much), Err(InvalidCondition::TooMuchMetadata));
    }

    #[test]
    fn who_asks_for_more_implies_who_asks_for_less() {
        let (none, pdf) = (Condition::default(), condition(&["application/pdf"], json!({})));
        let (two, secret) = (condition(&["text/*", "application/pdf"], json!({})), condition(&[], json!({"s": 1})));
        let secret_pdf = condition(&["application/pdf"], json!({"s": 1, "t": 2}));
        for (one, other) in [(&pdf, &none), (&pdf, &pdf), (&pdf, &two), (&secret_pdf, &secret), (&secret_pdf, &two)] {
            assert!(one.implies(other), "{one:?} {other:?}");
        }
        for (one, other) in [(&none, &pdf), (&two, &pdf), (&secret, &secret_pdf), (&pdf, &secret), (&secret, &pdf)] {
            assert!(!one.implies(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_step_is_left_out_for_its_condition_or_for_want_of_its_component() {
        let mut step = StepDefinition::plain("a", "a", "a", 1);
        let task = record("text/plain", json!({}));
        assert_eq!(skip_reason(&step, &task, false), None, "it fails instead");
        step.optional = true;
        assert_eq!(skip_reason(&step, &task, true), None);
        assert_eq!(skip_reason(&step, &task, false), Some(SkipReason::ComponentNotLoaded));
        step.when = condition(&["image/*"], json!({}));
        assert_eq!(skip_reason(&step, &task, false), Some(SkipReason::ConditionNotMet));
    }
}
