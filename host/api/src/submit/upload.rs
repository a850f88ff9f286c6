//! Storing an uploaded file while it arrives.

use super::file_name;
use super::uploading::CountedBytes;
use super::writing::Writing;
use crate::Api;
use crate::ApiError;
use crate::caller::Caller;
use crate::over_quota;
use bytes::Bytes;
use futures::{Stream, TryStreamExt as _};
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota};
use morag_core::ports::{BlobPath, Blobs, StoreError, Tasks};
use morag_core::task::{ArtifactName, TaskId};
use morag_engine::disk::DiskReserve;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Bytes of an upload between two reads of its tenant's stored bytes: other uploads become tasks meanwhile.
const QUOTA_READ_BYTES: u64 = 16 << 20;

/// A stored file.
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

/// The files of a task that does not exist yet. They are deleted when this is dropped without [`Upload::keep`], so that refused
/// requests and disconnected clients leave nothing behind.
pub struct Upload {
    blobs: Arc<dyn Blobs>,
    tasks: Arc<dyn Tasks>,
    disk: DiskReserve,
    task: TaskId,
    stored: bool,
    /// The file that is being written.
    writing: Option<Writing>,
    counted: CountedBytes,
    quota: BytesQuota,
}

/// The caller's quota for all files of its tenant.
struct BytesQuota {
    limit: Option<u64>,
    /// Bytes that were stored at the last read, and the upload's size at which to read them again.
    stored: u64,
    read_at: u64,
    /// Whether a file beyond the quota is read on without being stored: the request may have been accepted before, which only its
    /// digest tells.
    reads_on: bool,
    is_over: bool,
}

impl Upload {
    /// An upload for a new task. `reads_on` is for requests with an `Idempotency-Key`: they are recognised even if the caller's quota has
    /// no room for the file any more.
    pub fn new(app: &Api, caller: &Caller, reads_on: bool) -> Self {
        let limit = caller.quotas().stored_bytes;
        Self {
            blobs: app.blobs.clone(),
            tasks: app.tasks.clone(),
            disk: app.disk.clone(),
            task: TaskId::random(),
            stored: false,
            writing: None,
            counted: CountedBytes::new(app.fair.uploads.clone(), caller.tenant().clone()),
            quota: BytesQuota { limit, stored: 0, read_at: 0, reads_on, is_over: false },
        }
    }

    /// The id of the new task.
    pub fn task(&self) -> TaskId {
        self.task
    }

    /// Stores a file with this (sanitized) name while its pieces arrive.
    pub async fn store(
        &mut self,
        file_name: String,
        media_type: String,
        mut pieces: impl Stream<Item = Result<Bytes, ApiError>> + Unpin + Send,
        max_bytes: u64,
    ) -> Result<StoredFile, ApiError> {
        let stored_as = file_name::stored_as(&file_name);
        let writer = self.blobs.create(&BlobPath::file(self.task, &stored_as)).await?;
        self.stored = true;
        self.writing = Some(Writing::start(writer));
        let (mut size, mut digest) = (0_u64, Sha256::new());
        while let Some(bytes) = pieces.try_next().await? {
            size += bytes.len() as u64;
            let refused = match size > max_bytes {
                true => Some(ApiError::too_large(max_bytes)),
                false => self.refused(size, bytes.len() as u64).await?,
            };
            if let Some(refused) = refused {
                self.discard().await;
                return Err(refused);
            }
            if self.quota.is_over && self.writing.is_some() {
                self.discard().await;
                self.counted.forget();
            }
            digest.update(&bytes);
            if let Some(writing) = &mut self.writing {
                writing.write(bytes).await?;
            }
        }
        if let Some(writing) = &mut self.writing {
            writing.finish().await?;
            self.writing = None;
        }
        Ok(StoredFile { stored_as, file_name, media_type, size, sha256: hex::encode(digest.finalize()) })
    }

    /// Discards the file that is being written.
    async fn discard(&mut self) {
        let ended = self.writing.take().and_then(Writing::abandon);
        if let Some(ended) = ended {
            // The file is not wanted: that it could not be written is no matter.
            let _ = ended.await;
        }
    }

    /// Why the rest of the file is not accepted, if so. `size` is with the `more` bytes that have just arrived.
    async fn refused(&mut self, size: u64, more: u64) -> Result<Option<ApiError>, StoreError> {
        if self.quota.is_over {
            return Ok(None);
        }
        let of_all = self.counted.add(more);
        if let Some(limit) = self.quota.limit {
            if size >= self.quota.read_at {
                self.quota.stored = self.tasks.stored_bytes(self.counted.tenant()).await?;
                self.quota.read_at = size.saturating_add(QUOTA_READ_BYTES);
            }
            self.quota.is_over = self.quota.stored.saturating_add(of_all) > limit;
        }
        if self.quota.is_over {
            return Ok(self.within_quota().err().filter(|_| !self.quota.reads_on));
        }
        // Checked again while the file arrives: other uploads and running tasks write too.
        Ok(self.disk.check().await.err().map(ApiError::from))
    }

    /// Checks that the file was stored.
    ///
    /// # Errors
    /// 403 if it exceeds the caller's quota.
    pub fn within_quota(&self) -> Result<(), ApiError> {
        match self.quota.limit.filter(|_| self.quota.is_over) {
            // It is not known when there will be room.
            Some(limit) => {
                let over = OverQuota { quota: Quota::StoredBytes, limit, resets_at: None };
                Err(over_quota::over(over, Timestamp::from_millis(0)))
            }
            None => Ok(()),
        }
    }

    /// Keeps the files: the task exists, or may exist.
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
        let writing = self.writing.take().and_then(Writing::abandon);
        // Without a runtime the process is ending: the janitor deletes the files after the next start.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Some(writing) = writing {
                // Nothing may be written after the deletion. Whether it could be written is no matter.
                let _ = writing.await;
            }
            if let Err(error) = blobs.delete_all(&BlobPath::task(task)).await {
                tracing::warn!(%task, %error, "cannot delete the files of a refused upload: the janitor will delete them");
            }
        });
    }
}
