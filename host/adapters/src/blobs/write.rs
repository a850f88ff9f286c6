//! Writes a file in parts.

use super::error::unavailable;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use morag_core::ports::{BlobError, BlobWriter};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use std::sync::Arc;

/// Bytes that are buffered before a part is written: the smallest part that S3 accepts.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// A file being written. One that fits into a single part is written when it is finished.
pub(super) struct Writer {
    store: Arc<dyn ObjectStore>,
    location: Path,
    gathered: BytesMut,
    /// Set from the first part until the upload is complete or aborted.
    upload: Option<Box<dyn MultipartUpload>>,
    /// Set when a part was lost: such a file must not be completed.
    broken: bool,
}

impl Writer {
    pub(super) fn new(store: Arc<dyn ObjectStore>, location: Path) -> Self {
        Self { store, location, gathered: BytesMut::new(), upload: None, broken: false }
    }

    async fn put_part(&mut self, part: Bytes) -> Result<(), BlobError> {
        // Set until the part is written: this future may be dropped half-way.
        self.broken = true;
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.store.put_multipart(&self.location).await.map_err(unavailable)?),
        };
        upload.put_part(part.into()).await.map_err(unavailable)?;
        self.broken = false;
        Ok(())
    }

    fn check(&self) -> Result<(), BlobError> {
        match self.broken {
            true => Err(BlobError::Unavailable("an earlier part of the file could not be written".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl BlobWriter for Writer {
    async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        self.check()?;
        // Copied, not kept: a small slice may keep a large buffer alive.
        while !bytes.is_empty() {
            let room = PART_BYTES - self.gathered.len();
            let piece = bytes.split_to(room.min(bytes.len()));
            self.gathered.extend_from_slice(&piece);
            if self.gathered.len() == PART_BYTES {
                let part = self.gathered.split().freeze();
                self.put_part(part).await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), BlobError> {
        self.check()?;
        let rest = self.gathered.split().freeze();
        if self.upload.is_some() && !rest.is_empty() {
            self.put_part(rest).await?;
        } else if self.upload.is_none() {
            return self.store.put(&self.location, rest.into()).await.map(drop).map_err(unavailable);
        }
        if let Some(upload) = &mut self.upload {
            upload.complete().await.map_err(unavailable)?;
        }
        self.upload = None;
        Ok(())
    }

    async fn abort(mut self: Box<Self>) {
        if let Some(upload) = self.upload.take() {
            give_up(upload, self.location.clone()).await;
        }
    }
}

impl Drop for Writer {
    /// Aborts an unfinished upload in the background. Without a runtime, a folder removes its temporary file itself; in a bucket the
    /// lifecycle rule does (see the module).
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(give_up(upload, self.location.clone()));
        }
    }
}

async fn give_up(mut upload: Box<dyn MultipartUpload>, location: Path) {
    match upload.abort().await {
        // Not found: the upload was completed although its response was lost.
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => {
            tracing::warn!(error = %unavailable(error), file = %location, "cannot abort an unfinished upload")
        }
    }
}
