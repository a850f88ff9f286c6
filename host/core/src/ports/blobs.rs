//! Files: uploads and artifacts.

use crate::Timestamp;
use crate::task::{ArtifactName, TaskId};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::ops::Range;

/// Where a file lies. Made of a task's id and checked names only, so that no name from outside can leave the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobPath(String);

impl BlobPath {
    /// A published file of a task.
    pub fn file(task: TaskId, name: &ArtifactName) -> Self {
        Self(format!("tasks/{task}/files/{name}"))
    }

    /// A file that a running step has written and that is not published yet. `run` tells the files of one run from those
    /// of another that has lost its lease and does not know it yet.
    pub fn staged(task: TaskId, run: uuid::Uuid, name: &ArtifactName) -> Self {
        Self(format!("tasks/{task}/staged/{run}/{name}"))
    }

    /// What steps of a task have written and not published.
    pub fn staging(task: TaskId) -> Self {
        Self(format!("tasks/{task}/staged"))
    }

    /// The log of a step's latest run.
    pub fn step_log(task: TaskId, name: &ArtifactName) -> Self {
        Self(format!("tasks/{task}/logs/{name}"))
    }

    /// The published files of a task.
    pub fn files(task: TaskId) -> Self {
        Self(format!("tasks/{task}/files"))
    }

    /// Everything of a task.
    pub fn task(task: TaskId) -> Self {
        Self(format!("tasks/{task}"))
    }

    /// Says whose the storage is, where it could be several stores'.
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

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobMeta {
    /// Its last path component.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: Timestamp,
    /// Changes whenever the content is written anew. In a folder it is made of inode, size and time of the last write.
    pub etag: String,
}

/// A file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// There is no such file.
    #[error("no such file")]
    NotFound,
    /// The storage failed. The text is for the log.
    #[error("the file storage is unavailable: {0}")]
    Unavailable(String),
    /// The storage has no room. The text is for the log.
    #[error("the file storage is full: {0}")]
    Full(String),
}

/// The content of a file, in pieces.
pub type BlobStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// A file being written. It exists, whole, after [`BlobWriter::finish`]; dropped before, it leaves nothing. A file at
/// [`BlobPath::file`] survives a loss of power from then on; one at [`BlobPath::staged`] or [`BlobPath::step_log`] does when it was
/// [published](Blobs::publish).
#[async_trait]
pub trait BlobWriter: Send {
    /// Appends bytes. Memory held: a few MiB, whatever the file's size.
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError>;
    /// Closes the file, replacing one of the same path.
    async fn finish(self: Box<Self>) -> Result<(), BlobError>;
    /// Gives the file up.
    async fn abort(self: Box<Self>);
}

/// The file storage.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Starts a file.
    async fn create(&self, path: &BlobPath) -> Result<Box<dyn BlobWriter>, BlobError>;
    /// What is known of a file.
    async fn stat(&self, path: &BlobPath) -> Result<BlobMeta, BlobError>;
    /// Reads a range; shorter only at the file's end.
    async fn read(&self, path: &BlobPath, range: Range<u64>) -> Result<Bytes, BlobError>;
    /// Streams a range.
    async fn stream(&self, path: &BlobPath, range: Range<u64>) -> Result<BlobStream, BlobError>;
    /// Files directly below a path, by name. At most 1,000: a task has at most a few dozen.
    async fn list(&self, below: &BlobPath) -> Result<Vec<BlobMeta>, BlobError>;
    /// Moves files, replacing those at the targets, and flushes them together: when it answers, content and names of all of
    /// them survive a loss of power, so that a commit may tell of them. In the order given; after an error, those before it
    /// may have been moved. Doing it again where some of them have been moved already is `NotFound`.
    async fn publish(&self, moves: &[(BlobPath, BlobPath)]) -> Result<(), BlobError>;
    /// Deletes every file below a path. Says how many there were.
    async fn delete_all(&self, below: &BlobPath) -> Result<u64, BlobError>;
    /// Ids of tasks that have files, in the order of their text, each once; what comes or goes meanwhile may be missing. For the
    /// sweep of files that no task owns.
    fn tasks(&self) -> BoxStream<'static, Result<TaskId, BlobError>>;
    /// Answers when the storage can serve.
    async fn ping(&self) -> Result<(), BlobError>;
}
