//! File storage: uploads and artifacts.

use crate::Timestamp;
use crate::task::{ArtifactName, TaskId};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::ops::Range;

/// Path of a file. Built only from task ids and validated names, so that no outside name can escape the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobPath(String);

impl BlobPath {
    /// A published file of a task.
    pub fn file(task: TaskId, name: &ArtifactName) -> Self {
        Self(format!("tasks/{task}/files/{name}"))
    }

    /// A file of a running step, not yet published. `run` separates the files of this run from those of one that has lost
    /// its lease without noticing yet.
    pub fn staged(task: TaskId, run: uuid::Uuid, name: &ArtifactName) -> Self {
        Self(format!("tasks/{task}/staged/{run}/{name}"))
    }

    /// Folder of the unpublished files of one run of a step.
    pub fn staged_run(task: TaskId, run: uuid::Uuid) -> Self {
        Self(format!("tasks/{task}/staged/{run}"))
    }

    /// Folder of a task's unpublished files.
    pub fn staging(task: TaskId) -> Self {
        Self(format!("tasks/{task}/staged"))
    }

    /// The log of a step's latest run.
    pub fn step_log(task: TaskId, name: &ArtifactName) -> Self {
        Self(format!("tasks/{task}/logs/{name}"))
    }

    /// Folder of a task's published files.
    pub fn files(task: TaskId) -> Self {
        Self(format!("tasks/{task}/files"))
    }

    /// Folder of all files of a task.
    pub fn task(task: TaskId) -> Self {
        Self(format!("tasks/{task}"))
    }

    /// Marker that names the owning store, in storages that several stores could use.
    pub fn owner() -> Self {
        Self("owner".into())
    }

    /// The path as text, parts separated by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

/// Metadata of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobMeta {
    /// Its last path component.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
    /// Changes whenever the content is rewritten. For a file on disk it is derived from inode, size and modification time.
    pub etag: String,
}

/// Why a file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// The storage failed. The text is for the log only.
    #[error("the file storage is unavailable: {0}")]
    Unavailable(String),
    /// The storage has no space left. The text is for the log only.
    #[error("the file storage is full: {0}")]
    Full(String),
}

/// The content of a file, in chunks.
pub type BlobStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// A file being written. It exists, complete, after [`BlobWriter::finish`]; if dropped earlier, it leaves nothing behind. A
/// finished file at [`BlobPath::file`] survives power loss; one at [`BlobPath::staged`] or [`BlobPath::step_log`] does once it
/// is [published](Blobs::publish).
#[async_trait]
pub trait BlobWriter: Send {
    /// Appends bytes. Holds a few MiB of memory at most, whatever the file's size.
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError>;
    /// Completes the file, replacing any file at the same path.
    async fn finish(self: Box<Self>) -> Result<(), BlobError>;
    /// Discards the file.
    async fn abort(self: Box<Self>);
}

/// The file storage.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Creates a file for writing.
    async fn create(&self, path: &BlobPath) -> Result<Box<dyn BlobWriter>, BlobError>;
    /// Metadata of a file.
    async fn stat(&self, path: &BlobPath) -> Result<BlobMeta, BlobError>;
    /// Reads a range; the result is shorter only at the end of the file.
    async fn read(&self, path: &BlobPath, range: Range<u64>) -> Result<Bytes, BlobError>;
    /// Streams a range.
    async fn stream(&self, path: &BlobPath, range: Range<u64>) -> Result<BlobStream, BlobError>;
    /// Files directly below a path, by name; at most 10,000 (a task of a dozen steps that each write the
    /// [default limit](crate::plugin::Limits) of artifacts has a third of them).
    async fn list(&self, below: &BlobPath) -> Result<Vec<BlobMeta>, BlobError>;
    /// Moves files in order, replacing those at the targets, and flushes them together: when this returns, contents and names
    /// of all of them survive power loss, so that a commit may refer to them. After an error, some of the first moves may have
    /// been made. Repeating moves that were already made returns `NotFound`.
    async fn publish(&self, moves: &[(BlobPath, BlobPath)]) -> Result<(), BlobError>;
    /// Deletes all files below a path and returns their number.
    async fn delete_all(&self, below: &BlobPath) -> Result<u64, BlobError>;
    /// Ids of tasks that have files, in text order, without duplicates. Files created or deleted meanwhile may be missed. Used
    /// by the sweep for orphaned files.
    fn tasks(&self) -> BoxStream<'static, Result<TaskId, BlobError>>;
    /// Returns once the storage can serve requests.
    async fn ping(&self) -> Result<(), BlobError>;
}
