//! Free disk space for tasks and files.

use async_trait::async_trait;

/// The free space could not be determined. The text is for the log only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot determine the free disk space: {0}")]
pub struct DiskError(pub String);

/// The file systems that a process writes to.
#[async_trait]
pub trait Disk: Send + Sync {
    /// Free bytes of the file system that has the least. May be slightly out of date; cheap enough to call for every chunk of
    /// an upload.
    async fn free_bytes(&self) -> Result<u64, DiskError>;
}
