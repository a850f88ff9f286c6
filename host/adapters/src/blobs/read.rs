//! Reading an opened file.

use super::error;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use morag_core::ports::{BlobError, BlobStream};
use object_store::{GetResult, GetResultPayload};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bytes of a chunk of a stream: the thread switch per chunk costs little against reading it, and a hundred readers hold 25 MiB.
const PIECE_BYTES: u64 = 256 * 1024;

/// An open file, positioned at the start of the range. It stays the same file if another is renamed over it.
pub(super) struct Opened {
    content: Content,
    left: u64,
}

enum Content {
    File(File),
    Stream(BlobStream),
}

impl Opened {
    pub(super) fn new(found: GetResult) -> Result<Self, BlobError> {
        let left = found.range.end - found.range.start;
        let content = match found.payload {
            GetResultPayload::File(mut file, _) => {
                file.seek(SeekFrom::Start(found.range.start)).map_err(unavailable)?;
                Content::File(file)
            }
            GetResultPayload::Stream(stream) => Content::Stream(stream.map_err(error::unavailable).boxed()),
        };
        Ok(Self { content, left })
    }
}

/// Reads the whole range at once.
pub(super) async fn whole(opened: Opened) -> Result<Bytes, BlobError> {
    match opened.content {
        Content::File(file) => blocking(move || read_piece(file, opened.left)).await.map(|(_, bytes)| bytes),
        Content::Stream(stream) => {
            let pieces: Vec<Bytes> = stream.try_collect().await?;
            Ok(pieces.concat().into())
        }
    }
}

/// Reads the range in chunks.
pub(super) fn pieces(opened: Opened) -> BlobStream {
    match opened.content {
        Content::File(file) => futures::stream::try_unfold((file, opened.left), |(file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let (file, bytes) = blocking(move || read_piece(file, left.min(PIECE_BYTES))).await?;
            match bytes.len() as u64 {
                0 => Err(BlobError::Unavailable("the file became shorter while it was read".into())),
                read => Ok(Some((bytes, (file, left - read)))),
            }
        })
        .boxed(),
        Content::Stream(stream) => stream,
    }
}

fn read_piece(mut file: File, length: u64) -> Result<(File, Bytes), BlobError> {
    let mut bytes = Vec::with_capacity(usize::try_from(length).map_err(|_| unavailable("the range is too long"))?);
    (&mut file).take(length).read_to_end(&mut bytes).map_err(unavailable)?;
    Ok((file, bytes.into()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    tokio::task::spawn_blocking(work).await.map_err(unavailable)?
}

fn unavailable(error: impl std::fmt::Display) -> BlobError {
    BlobError::Unavailable(error.to_string())
}
