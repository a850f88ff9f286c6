//! The storage: stat, list, move and delete.

use super::bucket::{Bucket, S3Settings};
use super::error::{blob_error, unavailable};
use super::folder::Folder;
use super::read;
use super::write::Writer;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use morag_core::Timestamp;
use morag_core::ports::{BlobError, BlobMeta, BlobPath, BlobStream, BlobWriter, Blobs};
use morag_core::task::TaskId;
use object_store::path::Path;
use object_store::{GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use std::ops::Range;
use std::sync::Arc;

/// Most files that [`Blobs::list`] returns, as the port promises.
const LIST_MAX: usize = 10_000;

/// Folder with a subfolder for each task (see [`BlobPath`]).
const TASKS: &str = "tasks";

/// File that [`Blobs::ping`] writes in a folder, to detect a full disk.
const PROBE: &str = "probe";

/// Largest end of a range: many stores parse it as a signed 64-bit number, and no file is so long.
const RANGE_END_MAX: u64 = i64::MAX as u64;

/// Files in a local folder or in a bucket.
#[derive(Clone)]
pub struct ObjectBlobs {
    /// Flushes to the disk.
    durable: Arc<dyn ObjectStore>,
    /// The same storage without flushing, where that makes a difference.
    plain: Arc<dyn ObjectStore>,
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Folder(Folder),
    Bucket(Bucket),
}

impl ObjectBlobs {
    /// Files in a folder. It is created if missing, and made private because it holds users' documents.
    ///
    /// # Errors
    /// `Unavailable` if the folder cannot be created, opened or made private.
    pub fn local(path: impl AsRef<std::path::Path>) -> Result<Self, BlobError> {
        let folder = Folder::open(path.as_ref())?;
        let (durable, plain) = (folder.store()?.with_fsync(true), folder.store()?);
        Ok(Self { durable: Arc::new(durable), plain: Arc::new(plain), backend: Backend::Folder(folder) })
    }

    /// Files in an S3-compatible bucket: `s3://BUCKET` or `s3://BUCKET/PREFIX`, which no other installation may use. Does not connect;
    /// [`Blobs::ping`] does. A request without a response fails within two minutes. A process-wide `rustls` provider must be installed.
    ///
    /// # Errors
    /// `Unavailable` if an address or a setting is malformed. Errors contain no key.
    pub fn s3(url: &str, settings: S3Settings) -> Result<Self, BlobError> {
        let bucket = Bucket::open(url, settings)?;
        Ok(Self { durable: bucket.store(), plain: bucket.store(), backend: Backend::Bucket(bucket) })
    }

    fn location(&self, path: &str) -> Result<Path, BlobError> {
        match &self.backend {
            Backend::Folder(_) => Path::parse(path),
            Backend::Bucket(bucket) => Path::parse(bucket.at(path)),
        }
        .map_err(|error| BlobError::Unavailable(error.to_string()))
    }

    fn meta(&self, meta: ObjectMeta) -> BlobMeta {
        let modified = match &self.backend {
            Backend::Folder(_) => meta.last_modified.timestamp_millis(),
            // Rounded to seconds: HEAD gives no more, although some stores list more.
            Backend::Bucket(_) => meta.last_modified.timestamp() * 1000,
        };
        BlobMeta {
            name: meta.location.filename().unwrap_or_default().to_owned(),
            size: meta.size,
            modified: Timestamp::from_millis(modified),
            etag: meta.e_tag.unwrap_or_else(|| format!("{modified:x}-{:x}", meta.size)),
        }
    }
}

impl std::fmt::Debug for ObjectBlobs {
    /// Shows the location only: the stores hold keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.backend {
            Backend::Folder(folder) => write!(f, "ObjectBlobs({folder:?})"),
            Backend::Bucket(bucket) => write!(f, "ObjectBlobs({bucket:?})"),
        }
    }
}

#[async_trait]
impl Blobs for ObjectBlobs {
    async fn create(&self, path: &BlobPath) -> Result<Box<dyn BlobWriter>, BlobError> {
        let is_published = path.as_str().split('/').nth(2) == Some("files");
        let store = if is_published { &self.durable } else { &self.plain };
        Ok(Box::new(Writer::new(Arc::clone(store), self.location(path.as_str())?)))
    }

    async fn stat(&self, path: &BlobPath) -> Result<BlobMeta, BlobError> {
        let found = self.plain.head(&self.location(path.as_str())?).await;
        found.map(|meta| self.meta(meta)).map_err(blob_error)
    }

    async fn read(&self, path: &BlobPath, range: Range<u64>) -> Result<Bytes, BlobError> {
        match self.open(path, range).await? {
            Some(file) => read::whole(file).await,
            None => Ok(Bytes::new()),
        }
    }

    async fn stream(&self, path: &BlobPath, range: Range<u64>) -> Result<BlobStream, BlobError> {
        Ok(match self.open(path, range).await? {
            Some(file) => read::pieces(file),
            None => futures::stream::empty().boxed(),
        })
    }

    async fn list(&self, below: &BlobPath) -> Result<Vec<BlobMeta>, BlobError> {
        let found = self.plain.list_with_delimiter(Some(&self.location(below.as_str())?)).await.map_err(unavailable)?;
        let mut files: Vec<BlobMeta> = found.objects.into_iter().map(|meta| self.meta(meta)).collect();
        files.sort_by(|one, other| one.name.cmp(&other.name));
        files.truncate(LIST_MAX);
        Ok(files)
    }

    async fn publish(&self, moves: &[(BlobPath, BlobPath)]) -> Result<(), BlobError> {
        match &self.backend {
            Backend::Folder(folder) => {
                let paths = moves.iter().map(|(from, to)| (from.as_str().to_owned(), to.as_str().to_owned()));
                folder.publish(paths.collect()).await
            }
            // An acknowledged write is durable in a bucket.
            Backend::Bucket(_) => {
                for (from, to) in moves {
                    let (from, to) = (self.location(from.as_str())?, self.location(to.as_str())?);
                    self.plain.rename(&from, &to).await.map_err(blob_error)?;
                }
                Ok(())
            }
        }
    }

    async fn delete_all(&self, below: &BlobPath) -> Result<u64, BlobError> {
        let mut deleted = 0;
        let files = self.plain.list(Some(&self.location(below.as_str())?)).map_ok(|meta| meta.location).boxed();
        let mut deletions = self.plain.delete_stream(files);
        while let Some(outcome) = deletions.next().await {
            match outcome.map_err(blob_error) {
                Ok(_) => deleted += 1,
                // It was deleted concurrently.
                Err(BlobError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        if let Backend::Folder(folder) = &self.backend {
            folder.remove(below.as_str()).await?;
        }
        Ok(deleted)
    }

    /// In a folder, this includes tasks that have only temporary files left by a crash.
    fn tasks(&self) -> BoxStream<'static, Result<TaskId, BlobError>> {
        let each = |page: Vec<TaskId>| futures::stream::iter(page.into_iter().map(Ok));
        match self.backend.clone() {
            Backend::Folder(folder) => {
                futures::stream::once(async move { folder.tasks(TASKS).await }).map_ok(each).try_flatten().boxed()
            }
            Backend::Bucket(bucket) => bucket.tasks(TASKS).map_ok(each).try_flatten().boxed(),
        }
    }

    async fn ping(&self) -> Result<(), BlobError> {
        match &self.backend {
            Backend::Folder(_) => {
                let probe = self.location(PROBE)?;
                self.plain.put(&probe, Bytes::new().into()).await.map(drop).map_err(unavailable)
            }
            Backend::Bucket(bucket) => bucket.ping().await,
        }
    }
}

impl ObjectBlobs {
    /// Opens a file at a range; none where the range is empty.
    async fn open(&self, path: &BlobPath, range: Range<u64>) -> Result<Option<read::Opened>, BlobError> {
        let mut options = object_store::GetOptions::default();
        if range.start < range.end {
            options.range = Some(match range.end {
                end if end > RANGE_END_MAX => GetRange::Offset(range.start),
                _ => range.clone().into(),
            });
        }
        match self.plain.get_opts(&self.location(path.as_str())?, options).await {
            Ok(found) if range.start < range.end => read::Opened::new(found).map(Some),
            Ok(_) => Ok(None),
            Err(error) => match blob_error(error) {
                BlobError::NotFound => Err(BlobError::NotFound),
                // A range past the end is an error in `object_store`, but an empty range for the port.
                error => match self.stat(path).await {
                    Ok(meta) if meta.size <= range.start => Ok(None),
                    _ => Err(error),
                },
            },
        }
    }
}
