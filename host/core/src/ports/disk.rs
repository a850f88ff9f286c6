//! Room on the disk that tasks and files are written to.

use async_trait::async_trait;

/// The room could not be asked for. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the room on the disk cannot be asked for: {0}")]
pub struct DiskError(pub String);

/// The file systems that a process writes to.
#[async_trait]
pub trait Disk: Send + Sync {
    /// Bytes that may still be written, of the file system that has the least. As it was a moment ago at most: cheap enough
    /// to be asked for every piece of an upload.
    async fn free_bytes(&self) -> Result<u64, DiskError>;
}
