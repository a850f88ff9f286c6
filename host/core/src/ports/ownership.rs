//! Whether the files that a server works with are its store's.
//!
//! A store deletes files of tasks that it does not know. So a folder and a bucket say whose they are, which is compared at the start and,
//! because it may change while the server runs (the bucket is given to another store, a Redis is emptied), before anything is tidied up.

use async_trait::async_trait;

/// Whose the files are.
#[async_trait]
pub trait Ownership: Send + Sync {
    /// Makes them this store's, or finds that they are. At the start, before any file is stored or deleted.
    ///
    /// # Errors
    /// Where they are another store's, with what to do; where that cannot be told.
    async fn claim(&self) -> Result<(), Disowned>;

    /// Asks whether they still are. Costs a look at the folder and a call of the store, or one of the bucket.
    async fn confirm(&self) -> Result<(), Disowned>;
}

/// Why files are not to be deleted. The texts are for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disowned {
    /// They are another store's.
    #[error("{0}")]
    Another(String),
    /// It cannot be told whose they are: something does not answer, or cannot be read or written.
    #[error("{0}")]
    Unclear(String),
}

/// Files that no other store can have: their folder is locked, or there are none.
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
