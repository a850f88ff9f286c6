//! The uploaded file on its way to the storage.

use super::file_name;
use crate::App;
use crate::api::ApiError;
use crate::disk::DiskReserve;
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use morag_core::ports::{BlobPath, Blobs};
use morag_core::task::{ArtifactName, TaskId};
use multer::Field;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// What was stored.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// Name in the storage.
    pub stored_as: ArtifactName,
    /// Name as submitted, reduced.
    pub file_name: String,
    /// Media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// The files of a task that does not exist yet: dropped without [`Upload::keep`], they are deleted. So a refused request
/// and a client that goes away leave nothing behind.
pub struct Upload {
    blobs: Arc<dyn Blobs>,
    disk: DiskReserve,
    task: TaskId,
    stored: bool,
}

impl Upload {
    /// Nothing stored yet, for a task to be.
    pub fn new(app: &App) -> Self {
        Self { blobs: app.blobs.clone(), disk: app.disk.clone(), task: TaskId::random(), stored: false }
    }

    /// The task to be.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// Stores the file part of a form while it is read.
    pub async fn store(&mut self, field: Field<'static>, max_bytes: u64) -> Result<StoredFile, ApiError> {
        let file_name = file_name::reduce(field.file_name().unwrap_or_default());
        let media_type = file_name::media_type(field.content_type().map(AsRef::as_ref), &file_name);
        let pieces = field.map_err(|error| super::form::broken(&error, max_bytes));
        self.store_pieces(file_name, media_type, pieces, max_bytes).await
    }

    /// Stores a file of this (reduced) name while its pieces come.
    pub async fn store_pieces(
        &mut self,
        file_name: String,
        media_type: String,
        mut pieces: impl Stream<Item = Result<Bytes, ApiError>> + Unpin + Send,
        max_bytes: u64,
    ) -> Result<StoredFile, ApiError> {
        let stored_as = file_name::stored_as(&file_name);
        let mut writer = self.blobs.create(&BlobPath::file(self.task, &stored_as)).await?;
        self.stored = true;
        let (mut size, mut digest) = (0_u64, Sha256::new());
        while let Some(bytes) = pieces.try_next().await? {
            size += bytes.len() as u64;
            if size > max_bytes {
                writer.abort().await;
                return Err(ApiError::too_large(max_bytes));
            }
            // While it comes, others write too: an upload is not yet a task, and a task that runs must find room.
            if let Err(refused) = self.disk.check().await {
                writer.abort().await;
                return Err(refused);
            }
            digest.update(&bytes);
            writer.write(bytes).await?;
        }
        writer.finish().await?;
        Ok(StoredFile { stored_as, file_name, media_type, size, sha256: hex::encode(digest.finalize()) })
    }

    /// The task exists, or may exist: its files stay.
    pub fn keep(mut self) {
        self.stored = false;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.stored {
            return;
        }
        let (blobs, task) = (self.blobs.clone(), self.task);
        // Without a runtime the process is ending: the sweep at the next start finds the file.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = blobs.delete_all(&BlobPath::task(task)).await {
                tracing::warn!(%task, "the files of a refused upload stay until the next sweep: {error}");
            }
        });
    }
}
