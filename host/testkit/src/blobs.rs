//! File storage in memory.

use crate::NOW;
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use morag_core::ports::{BlobError, BlobMeta, BlobPath, BlobStream, BlobWriter, Blobs};
use morag_core::task::TaskId;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Longest chunk of a stream, bytes.
const PIECE_BYTES: usize = 1 << 20;

/// Most files that [`Blobs::list`] returns, as the port promises.
const LIST_MAX: usize = 10_000;

/// File storage in memory. The modification time of all files is [`NOW`]; the ETag is derived from the content.
#[derive(Default)]
pub struct MemoryBlobs {
    /// Files by path. Tests may modify them directly.
    pub files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    /// Tasks whose files cannot be deleted.
    pub undeletable: Mutex<Vec<TaskId>>,
    /// How often [`Blobs::ping`] was called.
    pub pings: Mutex<usize>,
    /// Holds the files that are completed from now on.
    pub hold: Mutex<Option<Arc<Hold>>>,
}

/// Holds a file between the call that completes it and its appearance. As in a folder, it appears even if the caller is gone.
#[derive(Default)]
pub struct Hold {
    /// Notified when a file is held.
    pub held: Notify,
    /// To be notified for the file to appear.
    pub release: Notify,
    /// Notified when the file has appeared.
    pub appeared: Notify,
}

impl MemoryBlobs {
    /// Stores a file.
    pub fn put(&self, path: impl Into<String>, content: impl Into<Bytes>) {
        self.files.lock().unwrap().insert(path.into(), content.into());
    }

    /// Paths of all files, in order.
    pub fn paths(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }

    /// Paths of the files below a path, in order.
    fn below(&self, path: &BlobPath) -> Vec<String> {
        let folder = format!("{}/", path.as_str());
        self.paths().into_iter().filter(|path| path.starts_with(&folder)).collect()
    }

    /// Number of a task's files.
    pub(crate) fn count(&self, task: TaskId) -> usize {
        self.below(&BlobPath::task(task)).len()
    }

    fn file(&self, path: &str) -> Result<Bytes, BlobError> {
        self.files.lock().unwrap().get(path).cloned().ok_or(BlobError::NotFound)
    }

    fn meta(&self, path: &str) -> Result<BlobMeta, BlobError> {
        let content = self.file(path)?;
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let etag = hex::encode(&Sha256::digest(&content)[..4]);
        Ok(BlobMeta { name, size: content.len() as u64, modified: NOW, etag })
    }

    /// The part of a file in the range.
    fn part(&self, path: &BlobPath, range: Range<u64>) -> Result<Bytes, BlobError> {
        let content = self.file(path.as_str())?;
        let end = range.end.min(content.len() as u64);
        Ok(content.slice(range.start.min(end) as usize..end as usize))
    }
}

struct Writer {
    files: Arc<Mutex<BTreeMap<String, Bytes>>>,
    hold: Option<Arc<Hold>>,
    path: String,
    content: Vec<u8>,
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.content.extend_from_slice(&bytes);
        Ok(())
    }
    async fn finish(self: Box<Self>) -> Result<(), BlobError> {
        let Self { files, hold, path, content } = *self;
        let Some(hold) = hold else {
            files.lock().unwrap().insert(path, content.into());
            return Ok(());
        };
        let appears = tokio::spawn(async move {
            hold.held.notify_one();
            hold.release.notified().await;
            files.lock().unwrap().insert(path, content.into());
            hold.appeared.notify_one();
        });
        appears.await.map_err(|error| BlobError::Unavailable(error.to_string()))
    }
    async fn abort(self: Box<Self>) {}
}

#[async_trait]
impl Blobs for MemoryBlobs {
    async fn create(&self, path: &BlobPath) -> Result<Box<dyn BlobWriter>, BlobError> {
        let (files, hold) = (self.files.clone(), self.hold.lock().unwrap().clone());
        Ok(Box::new(Writer { files, hold, path: path.as_str().into(), content: vec![] }))
    }
    async fn stat(&self, path: &BlobPath) -> Result<BlobMeta, BlobError> {
        self.meta(path.as_str())
    }
    async fn read(&self, path: &BlobPath, range: Range<u64>) -> Result<Bytes, BlobError> {
        self.part(path, range)
    }
    async fn stream(&self, path: &BlobPath, range: Range<u64>) -> Result<BlobStream, BlobError> {
        let content = self.part(path, range)?;
        let pieces = (0..content.len()).step_by(PIECE_BYTES);
        let pieces = pieces.map(move |start| Ok(content.slice(start..content.len().min(start + PIECE_BYTES))));
        Ok(futures::stream::iter(pieces).boxed())
    }
    async fn list(&self, below: &BlobPath) -> Result<Vec<BlobMeta>, BlobError> {
        let depth = below.as_str().split('/').count() + 1;
        let paths = self.below(below).into_iter().filter(|path| path.split('/').count() == depth);
        paths.take(LIST_MAX).map(|path| self.meta(&path)).collect()
    }
    async fn publish(&self, moves: &[(BlobPath, BlobPath)]) -> Result<(), BlobError> {
        let mut files = self.files.lock().unwrap();
        for (from, to) in moves {
            let content = files.remove(from.as_str()).ok_or(BlobError::NotFound)?;
            files.insert(to.as_str().to_owned(), content);
        }
        Ok(())
    }
    async fn delete_all(&self, below: &BlobPath) -> Result<u64, BlobError> {
        let is_undeletable =
            |task: &TaskId| format!("{}/", below.as_str()).starts_with(&format!("{}/", BlobPath::task(*task).as_str()));
        if self.undeletable.lock().unwrap().iter().any(is_undeletable) {
            return Err(BlobError::Unavailable("secret".into()));
        }
        let paths = self.below(below);
        let mut files = self.files.lock().unwrap();
        Ok(paths.iter().filter_map(|path| files.remove(path)).count() as u64)
    }
    fn tasks(&self) -> BoxStream<'static, Result<TaskId, BlobError>> {
        let ids =
            self.paths().into_iter().filter_map(|path| path.strip_prefix("tasks/")?.split('/').next()?.parse().ok());
        let mut ids: Vec<TaskId> = ids.collect();
        ids.dedup();
        futures::stream::iter(ids.into_iter().map(Ok)).boxed()
    }
    async fn ping(&self) -> Result<(), BlobError> {
        *self.pings.lock().unwrap() += 1;
        Ok(())
    }
}
