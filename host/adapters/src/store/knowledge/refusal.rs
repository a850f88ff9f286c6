//! Why something is not staged or published, in the same words by every store.

use morag_core::ports::{CapabilityError, StoreError};

/// Rows of each kind that a revision may have: a book of a thousand pages has some thousands.
pub(in crate::store) const ROWS_MAX: i64 = 1_000_000;

/// Replaced revisions of a document that are remembered, so that publishing one of them again changes nothing. A run that
/// comes too late comes after one or two others.
pub(in crate::store) const REMEMBERED_MAX: i64 = 16;

const OTHER_DOCUMENT: &str = "the revision belongs to another document or collection";

/// Why nothing was staged.
#[derive(Debug)]
pub(in crate::store) enum StageError {
    Refused(CapabilityError),
    Store(StoreError),
}

impl From<StoreError> for StageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<CapabilityError> for StageError {
    fn from(refused: CapabilityError) -> Self {
        Self::Refused(refused)
    }
}

impl StageError {
    /// What a step is told. What the store says of itself goes to the log alone.
    pub(in crate::store) fn told(self) -> CapabilityError {
        match self {
            Self::Refused(refused) => refused,
            Self::Store(error) => {
                tracing::error!(%error, "cannot stage");
                CapabilityError::Unavailable("the store of vectors and graph failed: try again later".into())
            }
        }
    }
}

fn invalid(text: String) -> CapabilityError {
    CapabilityError::Invalid(text)
}

pub(in crate::store) fn other_document() -> CapabilityError {
    invalid(OTHER_DOCUMENT.into())
}

/// The same, told to who publishes.
pub(in crate::store) fn published_elsewhere() -> StoreError {
    StoreError::Unavailable(OTHER_DOCUMENT.into())
}

pub(in crate::store) fn published() -> CapabilityError {
    invalid("the revision is published: nothing can be added to it".into())
}

pub(in crate::store) fn too_many(total: impl std::fmt::Display, kind: &str) -> CapabilityError {
    CapabilityError::Limit(format!("the document would have {total} {kind}: at most {ROWS_MAX} are taken"))
}

pub(in crate::store) fn another_model(collection: &str, of: &str, given: &str) -> CapabilityError {
    invalid(format!(
        "the collection {collection:?} has vectors of the model {of:?}, these are of {given:?}: use another collection"
    ))
}

pub(in crate::store) fn another_length(collection: &str, of: impl std::fmt::Display, given: usize) -> CapabilityError {
    invalid(format!("the collection {collection:?} has vectors of {of} numbers, these have {given}"))
}

pub(in crate::store) fn staged_already(id: &str) -> CapabilityError {
    invalid(format!("the point {id:?} is staged already: ids are unique within a document"))
}

pub(in crate::store) fn missing_end(end: &str) -> CapabilityError {
    invalid(format!("an edge has the end {end:?}, which is no staged node: stage the node first"))
}
