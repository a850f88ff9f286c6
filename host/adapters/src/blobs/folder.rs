//! The parts that only a folder needs: file operations that `object_store` lacks.

use super::{error, flush};
use morag_core::ports::BlobError;
use morag_core::task::TaskId;
use object_store::local::LocalFileSystem;
use std::path::{Path, PathBuf};

/// A folder of files.
#[derive(Clone)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Creates the folder if it is missing, and removes access by group and others.
    pub(super) fn open(path: &Path) -> Result<Self, BlobError> {
        let folder = make_private(path).map_err(error_at(path))?;
        // Flushes the folder's own name, so that it survives a power loss.
        folder.parent().map_or(Ok(()), flush::flush).map_err(error_at(path))?;
        Ok(Self { path: folder })
    }

    /// The folder as a store.
    pub(super) fn store(&self) -> Result<LocalFileSystem, BlobError> {
        LocalFileSystem::new_with_prefix(&self.path).map_err(error::unavailable)
    }

    /// Moves files below the folder, replacing existing ones. On return, contents and names are on the disk.
    pub(super) async fn publish(&self, moves: Vec<(String, String)>) -> Result<(), BlobError> {
        let moves = moves.into_iter().map(|(from, to)| (self.path.join(from), self.path.join(to)));
        match flush::publish(moves.collect()).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(BlobError::NotFound),
            published => published.map_err(|error| {
                let shown = self.path.display();
                BlobError::Unavailable(format!("a step's files cannot be moved and flushed in {shown}: {error}"))
            }),
        }
    }

    /// Removes a subfolder, with temporary files that a crash left and that listings hide.
    pub(super) async fn remove(&self, below: &str) -> Result<(), BlobError> {
        let remove = |folder: PathBuf| match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        self.run(below, remove).await
    }

    /// The ids that are names of entries in the folder `below`, in order. All at once, 16 bytes each: a folder can only be read from its
    /// beginning, so paging would take quadratic time.
    pub(super) async fn tasks(&self, below: &str) -> Result<Vec<TaskId>, BlobError> {
        self.run(below, ids).await
    }

    async fn run<T: Send + 'static>(
        &self,
        below: &str,
        work: impl FnOnce(PathBuf) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let folder = self.path.join(below);
        let run = move || {
            let shown = folder.display().to_string();
            work(folder).map_err(|error| BlobError::Unavailable(format!("{shown}: {error}")))
        };
        tokio::task::spawn_blocking(run).await.map_err(|error| BlobError::Unavailable(error.to_string()))?
    }
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())
    }
}

fn error_at(path: &Path) -> impl Fn(std::io::Error) -> BlobError {
    move |error| {
        let shown = path.display();
        BlobError::Unavailable(format!("cannot open the folder {shown}: {error}; check it and its permissions"))
    }
}

/// Ids in the order of their bytes, which is also that of their texts.
fn ids(folder: PathBuf) -> std::io::Result<Vec<TaskId>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut ids = Vec::new();
    for entry in entries {
        ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<TaskId>().ok()));
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn make_private(path: &Path) -> std::io::Result<PathBuf> {
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
