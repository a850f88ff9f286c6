//! File storage: the port `Blobs` on `object_store`, in a folder or in a bucket of S3 or a store that speaks its protocol.
//!
//! # In a folder
//!
//! A file is written beside its place and moved there when it is finished, so it exists whole or not at all. A submitted
//! file (`…/files/…`) is on the disk when [`finish`](morag_core::ports::BlobWriter::finish) answers. What a step has staged is not
//! flushed until the step has succeeded, because a run that power loss ends is run again: then all its files are moved, and
//! flushed at once (`flush`), for a journal takes as long for one as for all that come together.
//!
//! # In a bucket
//!
//! - A file of up to one part (5 MiB) is one PUT, a larger one a multipart upload; both are atomic at the store, and what is
//!   finished is durable there.
//! - An upload that is given up or dropped is aborted. One whose process was killed stays, invisible and paid for, and
//!   nothing here finds it: a lifecycle rule of the bucket (`AbortIncompleteMultipartUpload`, a day) clears it.
//! - Moving is a copy and a deletion, as S3 has no other way. A crash between the two leaves the file in both places: the
//!   copy is whole, and the staged original goes with the task's staging or with the task. Moving again is harmless. S3
//!   copies at most 5 GiB at a time, which is more than an artifact may have.
//! - The key needs `s3:GetObject`, `s3:PutObject`, `s3:DeleteObject`, `s3:AbortMultipartUpload` and `s3:ListBucket`: without
//!   the last, S3 calls a missing file forbidden.
//! - Directory buckets (S3 Express) list in no order, and are not for this.

mod bucket;
mod error;
mod flush;
mod folder;
mod read;
mod store;
mod write;

pub use bucket::S3Settings;
pub use store::ObjectBlobs;
