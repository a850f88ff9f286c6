//! The storage itself: looking, listing, moving and deleting.

use super::read;
use super::write::Writer;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use morag_core::Timestamp;
use morag_core::ports::{BlobError, BlobMeta, BlobPath, BlobStream, BlobWriter, Blobs};
use morag_core::task::TaskId;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Most files that [`Blobs::list`] gives: the port's number.
const LIST_MAX: usize = 1000;

/// Folder with a folder for each task (see [`BlobPath`]).
const TASKS: &str = "tasks";

/// What [`Blobs::ping`] writes.
const PROBE: &str = "probe";

/// Files in a local folder.
#[derive(Debug, Clone)]
pub struct ObjectBlobs {
    /// Flushes what it writes to the disk.
    durable: Arc<LocalFileSystem>,
    /// The same folder, without flushing.
    plain: Arc<LocalFileSystem>,
    folder: PathBuf,
}

impl ObjectBlobs {
    /// Files in a folder, which is made where there is none and taken from group and others: it holds people's documents.
    ///
    /// # Errors
    /// `Unavailable` where the folder cannot be made, opened or made private.
    pub fn local(path: impl AsRef<std::path::Path>) -> Result<Self, BlobError> {
        let path = path.as_ref();
        let folder = make_private(path).map_err(|error| {
            let shown = path.display();
            BlobError::Unavailable(format!("cannot open the folder {shown}: {error}; check it and its permissions"))
        })?;
        let open = || LocalFileSystem::new_with_prefix(&folder).map_err(blob_error);
        Ok(Self { durable: Arc::new(open()?.with_fsync(true)), plain: Arc::new(open()?), folder })
    }

    /// Runs file operations that `object_store` has no call for.
    async fn on_folder<T: Send + 'static>(
        &self,
        below: &str,
        work: impl FnOnce(PathBuf) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let folder = self.folder.join(below);
        let run = move || {
            let shown = folder.display().to_string();
            work(folder).map_err(|error| BlobError::Unavailable(format!("{shown}: {error}")))
        };
        tokio::task::spawn_blocking(run).await.map_err(|error| BlobError::Unavailable(error.to_string()))?
    }
}

#[async_trait]
impl Blobs for ObjectBlobs {
    async fn create(&self, path: &BlobPath) -> Result<Box<dyn BlobWriter>, BlobError> {
        let staged = path.as_str().split('/').nth(2) == Some("staged");
        let store = if staged { &self.plain } else { &self.durable };
        Ok(Box::new(Writer::new(Arc::<LocalFileSystem>::clone(store), location(path)?)))
    }

    async fn stat(&self, path: &BlobPath) -> Result<BlobMeta, BlobError> {
        self.plain.head(&location(path)?).await.map(blob_meta).map_err(blob_error)
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
        let found = self.plain.list_with_delimiter(Some(&location(below)?)).await.map_err(blob_error)?;
        let mut files: Vec<BlobMeta> = found.objects.into_iter().map(blob_meta).collect();
        files.sort_by(|one, other| one.name.cmp(&other.name));
        files.truncate(LIST_MAX);
        Ok(files)
    }

    async fn rename(&self, from: &BlobPath, to: &BlobPath) -> Result<(), BlobError> {
        self.plain.rename(&location(from)?, &location(to)?).await.map_err(blob_error)
    }

    async fn delete_all(&self, below: &BlobPath) -> Result<u64, BlobError> {
        let mut deleted = 0;
        let files = self.plain.list(Some(&location(below)?)).map_ok(|meta| meta.location).boxed();
        let mut deletions = self.plain.delete_stream(files);
        while let Some(outcome) = deletions.next().await {
            match outcome.map_err(blob_error) {
                Ok(_) => deleted += 1,
                // Somebody else was faster.
                Err(BlobError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        // The folders, and parts of files that a crash left and the listing hides.
        let remove = |folder: PathBuf| match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        self.on_folder(below.as_str(), remove).await?;
        Ok(deleted)
    }

    /// Also gives a task whose folder holds nothing but parts of files that a crash left.
    async fn tasks(&self, after: Option<TaskId>, limit: usize) -> Result<Vec<TaskId>, BlobError> {
        self.on_folder(TASKS, move |folder| first_tasks(folder, after.map(|id| id.to_string()), limit)).await
    }

    async fn ping(&self) -> Result<(), BlobError> {
        self.plain.put(&Path::from(PROBE), Bytes::new().into()).await.map(drop).map_err(blob_error)
    }
}

impl ObjectBlobs {
    /// Opens a file at a range; none where the range holds nothing.
    async fn open(&self, path: &BlobPath, range: Range<u64>) -> Result<Option<read::Opened>, BlobError> {
        let mut options = object_store::GetOptions::default();
        if range.start < range.end {
            options.range = Some(range.clone().into());
        }
        match self.plain.get_opts(&location(path)?, options).await {
            Ok(found) if range.start < range.end => read::Opened::new(found).map(Some),
            Ok(_) => Ok(None),
            Err(error) => match blob_error(error) {
                BlobError::NotFound => Err(BlobError::NotFound),
                // A range past the end is an error to `object_store`, and nothing to the port.
                error => match self.stat(path).await?.size <= range.start {
                    true => Ok(None),
                    false => Err(error),
                },
            },
        }
    }
}

/// The `limit` smallest ids after `after`. Holds no more than these, however many tasks there are.
fn first_tasks(folder: PathBuf, after: Option<String>, limit: usize) -> std::io::Result<Vec<TaskId>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut first = BTreeSet::new();
    for entry in entries {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let Ok(id) = name.parse::<TaskId>() else { continue };
        if after.as_ref().is_none_or(|after| name > *after) {
            first.insert((name, id));
            if first.len() > limit {
                first.pop_last();
            }
        }
    }
    Ok(first.into_iter().map(|(_, id)| id).collect())
}

fn make_private(path: &std::path::Path) -> std::io::Result<PathBuf> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    builder.create(path)?;
    path.canonicalize()
}

fn location(path: &BlobPath) -> Result<Path, BlobError> {
    Path::parse(path.as_str()).map_err(|error| BlobError::Unavailable(error.to_string()))
}

fn blob_meta(meta: ObjectMeta) -> BlobMeta {
    let modified = meta.last_modified.timestamp_millis();
    BlobMeta {
        name: meta.location.filename().unwrap_or_default().to_owned(),
        size: meta.size,
        modified: Timestamp::from_millis(modified),
        etag: meta.e_tag.unwrap_or_else(|| format!("{modified:x}-{:x}", meta.size)),
    }
}

pub(super) fn blob_error(error: object_store::Error) -> BlobError {
    match error {
        object_store::Error::NotFound { .. } => BlobError::NotFound,
        error => BlobError::Unavailable(error.to_string()),
    }
}
