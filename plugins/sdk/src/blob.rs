//! Traits of the files that a step reads and writes.

use crate::Failure;

/// A read-only file with random access.
pub trait Blob {
    /// Size in bytes.
    fn size(&self) -> u64;
    /// Media type.
    fn media_type(&self) -> String;
    /// Reads at most `len` bytes (at most 1 MiB per call) from `offset`; shorter only at the end.
    fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, Failure>;
    /// The host's file, if this is one: [`crate::Transcription`] passes it on instead of bytes.
    #[doc(hidden)]
    fn host_blob(&self) -> Option<&crate::bindings::morag::step::task::Blob> {
        None
    }
}

/// A file being written; it is visible only after `finish`, when the step succeeds.
pub trait Writer {
    /// Appends bytes of any length: more than a call takes are sent in several calls.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure>;
    /// Closes the file.
    fn finish(self: Box<Self>) -> Result<(), Failure>;
}

/// Reads a whole blob into memory.
pub fn blob_bytes(blob: &dyn Blob) -> Result<Vec<u8>, Failure> {
    // The host's limit per call is 1 MiB.
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
