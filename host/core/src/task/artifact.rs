//! Files of a task.

use super::id::TaskId;
use serde::{Deserialize, Serialize};

/// Name of an artifact: 1 to 64 characters of `a-z A-Z 0-9 . _ -`, not starting with a dot, so that no name can escape the
/// task's folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactName(String);

/// The text is not an artifact name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a file name of a task: use 1 to 64 of the characters a-z A-Z 0-9 . _ - and no dot at the start")]
pub struct InvalidArtifactName;

impl ArtifactName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ArtifactName {
    type Error = InvalidArtifactName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match (1..=64).contains(&text.len()) && !text.starts_with('.') && text.chars().all(plain) {
            true => Ok(Self(text)),
            false => Err(InvalidArtifactName),
        }
    }
}

impl std::str::FromStr for ArtifactName {
    type Err = InvalidArtifactName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<ArtifactName> for String {
    fn from(name: ArtifactName) -> Self {
        name.0
    }
}

impl std::fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file that a step has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Name within the task.
    pub name: ArtifactName,
    /// Media type the step declared.
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub sha256: String,
    /// Whether callers may see it although the step's data does not have its URL: a file of a pattern ([`crate::plugin::OutputName`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
}

/// Path under which the API serves a file of a task. Steps' data and events contain it, so stored events do as well.
pub fn file_url(task: TaskId, name: &str) -> String {
    format!("/api/files/temp/{task}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_the_folder() {
        for bad in ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a\nb", "ä", "a b", &"x".repeat(65)] {
            assert!(bad.parse::<ArtifactName>().is_err(), "{bad:?}");
        }
        for good in ["markdown.md", "original.PDF", "a", "a..b", "chunk-1_2.json"] {
            assert!(good.parse::<ArtifactName>().is_ok(), "{good:?}");
        }
    }
}
