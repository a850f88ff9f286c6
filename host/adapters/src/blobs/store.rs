//! The storage itself: looking, listing, moving and deleting.

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

/// Most files that [`Blobs::list`] gives: the port's number.
const LIST_MAX: usize = 1000;

/// Folder with a folder for each task (see [`BlobPath`]).
const TASKS: &str = "tasks";

/// What [`Blobs::ping`] writes in a folder: a full disk is found out so.
const PROBE: &str = "probe";

/// Ends of ranges that many a store cannot read as a number; no file is so long.
const RANGE_END_MAX: u64 = i64::MAX as u64;

/// Files in a local folder or in a bucket.
#[derive(Clone)]
pub struct ObjectBlobs {
    /// Flushes what it writes to the disk.
    durable: Arc<dyn ObjectStore>,
    /// The same place, without flushing where that makes a difference.
    plain: Arc<dyn ObjectStore>,
    place: Place,
}

#[derive(Clone)]
enum Place {
    Folder(Folder),
    Bucket(Bucket),
}

impl ObjectBlobs {
    /// Files in a folder, which is made where there is none and taken from group and others: it holds people's documents.
    ///
    /// # Errors
    /// `Unavailable` where the folder cannot be made, opened or made private.
    pub fn local(path: impl AsRef<std::path::Path>) -> Result<Self, BlobError> {
        let folder = Folder::open(path.as_ref())?;
        let (durable, plain) = (folder.store()?.with_fsync(true), folder.store()?);
        Ok(Self { durable: Arc::new(durable), plain: Arc::new(plain), place: Place::Folder(folder) })
    }

    /// Files in a bucket of S3 or of a store that speaks its protocol: `s3://BUCKET` or `s3://BUCKET/PREFIX`, which must be
    /// this installation's own. Does not connect; [`Blobs::ping`] does. A request that the store does not answer fails
    /// within two minutes. A process-wide `rustls` provider must be installed.
    ///
    /// # Errors
    /// `Unavailable` where an address or a setting is malformed. No error holds a key.
    pub fn s3(url: &str, settings: S3Settings) -> Result<Self, BlobError> {
        let bucket = Bucket::open(url, settings)?;
        Ok(Self { durable: bucket.store(), plain: bucket.store(), place: Place::Bucket(bucket) })
    }

    fn location(&self, path: &str) -> Result<Path, BlobError> {
        match &self.place {
            Place::Folder(_) => Path::parse(path),
            Place::Bucket(bucket) => Path::parse(bucket.at(path)),
        }
        .map_err(|error| BlobError::Unavailable(error.to_string()))
    }

    fn meta(&self, meta: ObjectMeta) -> BlobMeta {
        let modified = match &self.place {
            Place::Folder(_) => meta.last_modified.timestamp_millis(),
            // To the second, which is all that a HEAD gives; some stores list more.
            Place::Bucket(_) => meta.last_modified.timestamp() * 1000,
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
    /// Where the files are. Not the stores: they hold keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Folder(folder) => write!(f, "ObjectBlobs({folder:?})"),
            Place::Bucket(bucket) => write!(f, "ObjectBlobs({bucket:?})"),
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
        match &self.place {
            Place::Folder(folder) => {
                let paths = moves.iter().map(|(from, to)| (from.as_str().to_owned(), to.as_str().to_owned()));
                folder.publish(paths.collect()).await
            }
            // What a bucket has acknowledged is durable there.
            Place::Bucket(_) => {
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
                // Somebody else was faster.
                Err(BlobError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        if let Place::Folder(folder) = &self.place {
            folder.remove(below.as_str()).await?;
        }
        Ok(deleted)
    }

    /// In a folder, also gives a task that has nothing but parts of files that a crash left.
    fn tasks(&self) -> BoxStream<'static, Result<TaskId, BlobError>> {
        let each = |page: Vec<TaskId>| futures::stream::iter(page.into_iter().map(Ok));
        match self.place.clone() {
            Place::Folder(folder) => {
                futures::stream::once(async move { folder.tasks(TASKS).await }).map_ok(each).try_flatten().boxed()
            }
            Place::Bucket(bucket) => bucket.tasks(TASKS).map_ok(each).try_flatten().boxed(),
        }
    }

    async fn ping(&self) -> Result<(), BlobError> {
        match &self.place {
            Place::Folder(_) => {
                let probe = self.location(PROBE)?;
                self.plain.put(&probe, Bytes::new().into()).await.map(drop).map_err(unavailable)
            }
            Place::Bucket(bucket) => bucket.ping().await,
        }
    }
}

impl ObjectBlobs {
    /// Opens a file at a range; none where the range holds nothing.
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
                // A range past the end is an error to `object_store`, and nothing to the port.
                error => match self.stat(path).await {
                    Ok(meta) if meta.size <= range.start => Ok(None),
                    _ => Err(error),
                },
            },
        }
    }
}
