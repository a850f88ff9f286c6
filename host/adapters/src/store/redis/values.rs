//! Values as they are stored, and as scripts answer them.

use morag_core::ports::StoreError;

/// A random text of 32 hexadecimal digits: tells a call that is sent again from another.
pub(super) fn token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Reads a stored text. `Corrupt` where it is not what was expected.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("{error} in a stored text")))
}

/// The text to store.
pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("a value cannot be written: {error}")))
}

/// The error for an answer that no script gives.
pub(super) fn unexpected_reply(answer: &impl std::fmt::Debug) -> StoreError {
    StoreError::Corrupt(format!("unexpected reply of a script: {answer:?}"))
}
