//! Writing a file in parts.

use super::store::blob_error;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use morag_core::ports::{BlobError, BlobWriter};
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use std::sync::Arc;

/// Bytes gathered before they are written: the least that S3 takes as a part.
const PART_BYTES: usize = 5 * 1024 * 1024;

/// A file being written. One that fits into a part is written at once when it is finished.
pub(super) struct Writer {
    store: Arc<dyn ObjectStore>,
    location: Path,
    gathered: BytesMut,
    /// From the first part on. Dropped unfinished, it removes what it has written.
    upload: Option<Box<dyn MultipartUpload>>,
    /// Set when a part was lost: such a file must never be finished.
    broken: bool,
}

impl Writer {
    pub(super) fn new(store: Arc<dyn ObjectStore>, location: Path) -> Self {
        Self { store, location, gathered: BytesMut::new(), upload: None, broken: false }
    }

    async fn put_part(&mut self, part: Bytes) -> Result<(), BlobError> {
        // Broken until the part is there: this call may be dropped half-way too.
        self.broken = true;
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => none.insert(self.store.put_multipart(&self.location).await.map_err(blob_error)?),
        };
        upload.put_part(part.into()).await.map_err(blob_error)?;
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
        // Copied, not kept: a small piece may hold on to a large buffer.
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
            return self.store.put(&self.location, rest.into()).await.map(drop).map_err(blob_error);
        }
        match &mut self.upload {
            Some(upload) => upload.complete().await.map(drop).map_err(blob_error),
            None => Ok(()),
        }
    }

    async fn abort(mut self: Box<Self>) {
        if let Some(mut upload) = self.upload.take()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, file = %self.location, "cannot remove a file that was given up");
        }
    }
}
