//! Errors of host functions: an error of the interface, which the guest receives, or a trap, which ends it.
//!
//! The generated code converts them (`trappable_error_type`), so that a host function returns one `Result`.

use morag_core::ports::CapabilityError;
use wasmtime::component::ResourceTableError;

/// Error of a function whose WIT error is `capability.error`.
#[derive(Debug)]
pub enum CallError {
    /// The guest receives it.
    Refused(CapabilityError),
    /// It ends the guest.
    Trap(wasmtime::Error),
}

impl CallError {
    /// The guest receives `limit` with this text.
    pub(crate) fn limit(text: String) -> Self {
        Self::Refused(CapabilityError::Limit(text))
    }

    /// The answer to a guest that asks whether there is a model: one that goes on without has not failed because of it.
    pub(crate) fn of_model(error: CapabilityError) -> Self {
        Self::Refused(match error {
            CapabilityError::NotUsable { text, .. } => CapabilityError::Unavailable(text),
            other => other,
        })
    }

    /// The guest receives `invalid` with this text.
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::Refused(CapabilityError::Invalid(text.into()))
    }
}

impl From<CapabilityError> for CallError {
    fn from(error: CapabilityError) -> Self {
        Self::Refused(error)
    }
}

impl From<wasmtime::Error> for CallError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

impl From<ResourceTableError> for CallError {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}

/// Error of a function whose WIT error is `task.file-error`. All but `Trap` reach the guest under the same name.
#[derive(Debug)]
pub enum FileCallError {
    /// No output of this name is declared.
    Undeclared(String),
    /// A limit is reached; the text names it.
    Limit(String),
    /// The writer is finished, or another writer of the name is open.
    Closed,
    /// The file storage failed.
    Unavailable(String),
    /// It ends the guest.
    Trap(wasmtime::Error),
}

impl From<wasmtime::Error> for FileCallError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

impl From<ResourceTableError> for FileCallError {
    fn from(error: ResourceTableError) -> Self {
        Self::Trap(error.into())
    }
}
