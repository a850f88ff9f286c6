//! File storage: the port `Blobs` on `object_store`.
//!
//! A file is written beside its place and moved there when it is finished, so it exists whole or not at all. A published
//! file (`…/files/…`) is on the disk when [`finish`](morag_core::ports::BlobWriter::finish) answers; a staged one is not
//! flushed, because a run that power loss ends is run again.

mod read;
mod store;
mod write;

pub use store::ObjectBlobs;
