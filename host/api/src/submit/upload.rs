//! The uploaded file on its way to the storage.

use super::file_name;
use super::uploading::CountedBytes;
use crate::Api;
use crate::ApiError;
use crate::auth::Caller;
use crate::quota;
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota};
use morag_core::ports::{BlobPath, Blobs, StoreError, Tasks};
use morag_core::task::{ArtifactName, TaskId};
use morag_engine::disk::DiskReserve;
use multer::Field;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Bytes of an upload after which is asked anew how many its tenant has stored: other uploads become tasks meanwhile.
const LOOK_BYTES: u64 = 16 << 20;

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
    tasks: Arc<dyn Tasks>,
    disk: DiskReserve,
    task: TaskId,
    stored: bool,
    counted: CountedBytes,
    quota: BytesQuota,
}

/// What the tenant's files may have in all, for the caller.
struct BytesQuota {
    limit: Option<u64>,
    /// What was stored at the last look, and the upload's size at which to look again.
    stored: u64,
    look_at: u64,
    /// Whether what is beyond it is read on, without being kept: the request may have been accepted before, which its digest
    /// tells.
    reads_on: bool,
    is_over: bool,
}

impl Upload {
    /// Nothing stored yet, for a task to be. `reads_on`: with an `Idempotency-Key`, so that the request is known again where the
    /// caller's quota has no room for the file any more.
    pub fn new(app: &Api, caller: &Caller, reads_on: bool) -> Self {
        let limit = caller.quotas().stored_bytes;
        Self {
            blobs: app.blobs.clone(),
            tasks: app.tasks.clone(),
            disk: app.disk.clone(),
            task: TaskId::random(),
            stored: false,
            counted: CountedBytes::new(app.fair.uploads.clone(), caller.tenant().clone()),
            quota: BytesQuota { limit, stored: 0, look_at: 0, reads_on, is_over: false },
        }
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
        let writer = self.blobs.create(&BlobPath::file(self.task, &stored_as)).await?;
        self.stored = true;
        let mut writer = Some(writer);
        let (mut size, mut digest) = (0_u64, Sha256::new());
        while let Some(bytes) = pieces.try_next().await? {
            size += bytes.len() as u64;
            let refused = match size > max_bytes {
                true => Some(ApiError::too_large(max_bytes)),
                false => self.refused(size, bytes.len() as u64).await?,
            };
            if let Some(refused) = refused {
                if let Some(writer) = writer.take() {
                    writer.abort().await;
                }
                return Err(refused);
            }
            if self.quota.is_over
                && let Some(writer) = writer.take()
            {
                writer.abort().await;
                self.counted.forget();
            }
            digest.update(&bytes);
            if let Some(writer) = &mut writer {
                writer.write(bytes).await?;
            }
        }
        if let Some(writer) = writer {
            writer.finish().await?;
        }
        Ok(StoredFile { stored_as, file_name, media_type, size, sha256: hex::encode(digest.finalize()) })
    }

    /// Why no more of the file is taken, if so: it has this size with the bytes that have just come.
    async fn refused(&mut self, size: u64, more: u64) -> Result<Option<ApiError>, StoreError> {
        if self.quota.is_over {
            return Ok(None);
        }
        let of_all = self.counted.add(more);
        if let Some(limit) = self.quota.limit {
            if size >= self.quota.look_at {
                self.quota.stored = self.tasks.stored_bytes(self.counted.tenant()).await?;
                self.quota.look_at = size.saturating_add(LOOK_BYTES);
            }
            self.quota.is_over = self.quota.stored.saturating_add(of_all) > limit;
        }
        if self.quota.is_over {
            return Ok(self.within_quota().err().filter(|_| !self.quota.reads_on));
        }
        // While it comes, others write too: an upload is not yet a task, and a task that runs must find room.
        Ok(self.disk.check().await.err().map(ApiError::from))
    }

    /// 403 where the file was too much for the caller's quota, and so is not there.
    pub fn within_quota(&self) -> Result<(), ApiError> {
        match self.quota.limit.filter(|_| self.quota.is_over) {
            // No time is known at which there will be more room.
            Some(limit) => {
                let over = OverQuota { quota: Quota::StoredBytes, limit, resets_at: None };
                Err(quota::over(over, Timestamp::from_millis(0)))
            }
            None => Ok(()),
        }
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
