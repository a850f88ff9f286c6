//! Identifiers (`docs/http-api.md#identifiers`).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// UUID v4 of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(Uuid);

impl TaskId {
    /// A new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// The 16 bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl From<Uuid> for TaskId {
    fn from(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl std::fmt::Display for TaskId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for TaskId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only the hyphenated form, so that each task has one URL.
        match text.len() {
            36 => Ok(Self(text.parse()?)),
            _ => Err(Uuid::parse_str("").err().unwrap_or_else(|| unreachable!("the empty text is not a UUID"))),
        }
    }
}

/// The caller's id of a document: 1 to 255 characters, none of `< > " ' &`, CR, LF, TAB or another control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentId(String);

/// The text is not a document id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("document_id must have 1 to 255 characters, and none of < > \" ' & or control characters")]
pub struct InvalidDocumentId;

impl DocumentId {
    /// A generated id (UUID v4), for documents without one from the caller.
    pub fn random() -> Self {
        Self(Uuid::new_v4().to_string())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DocumentId {
    type Error = InvalidDocumentId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let refused = |c: char| matches!(c, '<' | '>' | '"' | '\'' | '&') || c.is_control();
        match (1..=255).contains(&text.chars().count()) && !text.chars().any(refused) {
            true => Ok(Self(text)),
            false => Err(InvalidDocumentId),
        }
    }
}

impl From<DocumentId> for String {
    fn from(id: DocumentId) -> Self {
        id.0
    }
}

impl std::fmt::Display for DocumentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_ids_follow_the_contract() {
        for bad in ["", "a<b", "a>b", "a\"b", "a'b", "a&b", "a\rb", "a\nb", "a\tb", &"x".repeat(256)] {
            assert!(DocumentId::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
        for good in ["my-document-456", "ä", "a/b c", &"ü".repeat(255)] {
            assert!(DocumentId::try_from(good.to_owned()).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_task_id_has_one_spelling_length() {
        let id = TaskId::random();
        assert_eq!(id.to_string().parse::<TaskId>().unwrap(), id);
        assert!(id.to_string().replace('-', "").parse::<TaskId>().is_err());
    }
}
