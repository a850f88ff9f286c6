//! Files that a step reads and writes, as traits.

use crate::Failure;

/// A read-only file with random access.
pub trait Blob {
    /// Size in bytes.
    fn size(&self) -> u64;
    /// Media type.
    fn media_type(&self) -> String;
    /// Reads at most `len` bytes (1 MiB a call at most) from `offset`; shorter only at the end.
    fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, Failure>;
    /// The host's file, where this is one: what [`crate::Transcription`] hands on instead of bytes.
    #[doc(hidden)]
    fn host_blob(&self) -> Option<&crate::bindings::morag::step::task::Blob> {
        None
    }
}

/// A file being written; it is visible only after `finish`, when the step succeeds.
pub trait Writer {
    /// Appends bytes, of any length: longer than a call takes are sent in pieces.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;
    /// Closes the file.
    fn finish(self: Box<Self>) -> Result<(), Failure>;
}

/// Reads a blob from its beginning to its end. Memory: the whole file.
pub fn blob_bytes(blob: &dyn Blob) -> Result<Vec<u8>, Failure> {
    // 1 MiB is what the host gives a call.
    const PIECE: u32 = 1 << 20;
    let mut bytes = Vec::with_capacity(blob.size() as usize);
    loop {
        let piece = blob.read(bytes.len() as u64, PIECE)?;
        if piece.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&piece);
    }
}
