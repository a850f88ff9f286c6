//! File storage: the port `Blobs` on `object_store`, in a folder or in an S3-compatible bucket.
//!
//! # In a folder
//!
//! A file is written to a temporary name and renamed when it is complete, so it exists whole or not at all. A submitted file (`…/files/…`)
//! is on the disk when [`finish`](morag_core::ports::BlobWriter::finish) returns. Staged files of a step are not flushed until the step has
//! succeeded, because a run that a power loss ends is run again. Then all its files are moved and flushed together (`flush`), which takes
//! the journal about as long as one file.
//!
//! # In a bucket
//!
//! - A file of up to one part (5 MiB) is one PUT, a larger one a multipart upload. Both are atomic, and durable once they are acknowledged.
//! - A dropped upload is aborted. That of a killed process remains, invisible and billed, and is not cleaned up here: add a lifecycle rule
//!   to the bucket (`AbortIncompleteMultipartUpload`, one day).
//! - A move is a copy and a deletion, as S3 has no rename. A crash between the two leaves the file in both places: the copy is whole, and
//!   the staged original is deleted with the task's staging folder or with the task. Moving again is harmless. S3 copies at most 5 GiB at a
//!   time, which is more than an artifact may have.
//! - The key needs `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject`, `s3:AbortMultipartUpload` and `s3:ListBucket`: without the last, S3
//!   reports a missing file as forbidden.
//! - Directory buckets (S3 Express) are not supported: they list in no order.

mod bucket;
mod error;
mod flush;
mod folder;
mod read;
mod store;
mod write;

pub use bucket::S3Settings;
pub use store::ObjectBlobs;
