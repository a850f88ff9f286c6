//! A step's failure, as the submitter of the document sees it.

use crate::Data;
use crate::bindings::exports::morag::step::step as wit;

/// Why a step failed; see `failure` in `wit/step.wit`.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Stable and machine readable, upper snake case.
    pub code: String,
    /// What happened, to what, and what to do about it.
    pub message: String,
    /// Further keys of the `step_failed` event.
    pub details: Data,
    /// Whether a retry with the same input may succeed.
    pub retryable: bool,
}

impl Failure {
    /// A failure that would repeat with the same input.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), details: Data::new(), retryable: false }
    }

    /// A failure of a service behind the host; a retry may succeed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { retryable: true, ..Self::new("SERVICE_UNAVAILABLE", message) }
    }

    /// Adds a key to the `step_failed` event.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.details.insert(key.into(), value.into());
        self
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for wit::Failure {
    fn from(from: Failure) -> Self {
        Self {
            code: from.code,
            message: from.message,
            details: serde_json::Value::Object(from.details).to_string(),
            retryable: from.retryable,
        }
    }
}
