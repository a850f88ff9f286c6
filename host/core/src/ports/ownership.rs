//! Ownership of file storage by a store.
//!
//! A server deletes files of tasks that its store does not know. Therefore folders and buckets record the store that owns them. The
//! owner is compared at start-up, and again before each clean-up, because it may change while the server runs (another store
//! takes the bucket, or Redis is emptied).

use async_trait::async_trait;

/// Ownership of a file storage.
#[async_trait]
pub trait Ownership: Send + Sync {
    /// Takes the files for this store, or verifies that it owns them. Called at start-up, before any file is written or deleted.
    ///
    /// # Errors
    /// They belong to another store (the text says what to do), or the owner cannot be determined.
    async fn claim(&self) -> Result<(), Disowned>;

    /// Verifies the ownership again. Costs a read of the folder and a store call, or one call of the bucket.
    async fn confirm(&self) -> Result<(), Disowned>;
}

/// Why files must not be deleted. The texts are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disowned {
    /// They belong to another store.
    #[error("{0}")]
    Another(String),
    /// The owner cannot be determined: a service does not respond, or a file cannot be read or written.
    #[error("{0}")]
    Unclear(String),
}

/// Ownership of files that no other store can use: their folder is locked, or there are none.
pub struct Sole;

#[async_trait]
impl Ownership for Sole {
    async fn claim(&self) -> Result<(), Disowned> {
        Ok(())
    }

    async fn confirm(&self) -> Result<(), Disowned> {
        Ok(())
    }
}
