//! Handles of files that a guest holds: the resources of `morag:step/task`.

use bytes::Bytes;
use morag_core::ports::{BlobPath, BlobWriter, Recording};
use morag_core::task::Artifact;
use sha2::Sha256;

/// A file that the guest reads.
pub struct GuestBlob {
    pub(crate) path: BlobPath,
    pub(crate) size: u64,
    pub(crate) media_type: String,
    /// The piece read last: its offset and bytes.
    pub(crate) window: (u64, Bytes),
}

impl GuestBlob {
    /// A file of which nothing is read yet; `size` in bytes.
    pub(crate) fn new(path: BlobPath, size: u64, media_type: String) -> Self {
        Self { path, size, media_type, window: (0, Bytes::new()) }
    }

    /// The file as a recording in an unknown language.
    pub(crate) fn as_recording(&self) -> Recording {
        Recording {
            path: self.path.clone(),
            size: self.size,
            file_name: self.path.name().to_owned(),
            media_type: self.media_type.clone(),
            language: None,
        }
    }
}

/// What becomes of a file that a guest writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileUse {
    /// It is published when the step succeeds.
    Artifact,
    /// It is deleted when the run ends.
    Temporary,
}

/// A file that the guest writes.
pub struct GuestWriter {
    pub(crate) file_use: FileUse,
    pub(crate) artifact: Artifact,
    pub(crate) path: BlobPath,
    pub(crate) hash: Sha256,
    /// None once it is finished.
    pub(crate) writer: Option<Box<dyn BlobWriter>>,
}
