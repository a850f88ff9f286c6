//! Reads files up to a size limit.

use bytes::Bytes;
use morag_core::plugin::COMPONENT_BYTES_MAX;
use morag_core::ports::ComponentError;
use std::fs::Metadata;
use std::io;
use std::path::Path;
use tokio::io::AsyncReadExt as _;

/// Reads a component's file.
pub(super) async fn component(path: &Path) -> Result<Bytes, ComponentError> {
    let unreadable = |error: io::Error| ComponentError::Unreadable(error.to_string());
    let bytes = bounded(path, COMPONENT_BYTES_MAX).await.map_err(unreadable)?;
    bytes.ok_or(ComponentError::TooLarge(COMPONENT_BYTES_MAX))
}

/// The content of a file; none if it is longer than `bytes_max`. The limit is checked while reading: the file may grow.
pub(super) async fn bounded(path: &Path, bytes_max: u64) -> io::Result<Option<Bytes>> {
    // Checked before opening: opening a pipe blocks until a writer comes.
    regular(&tokio::fs::metadata(path).await?)?;
    let file = tokio::fs::File::open(path).await?;
    regular(&file.metadata().await?)?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes).await?;
    Ok((bytes.len() as u64 <= bytes_max).then(|| bytes.into()))
}

fn regular(meta: &Metadata) -> io::Result<()> {
    match (meta.is_file(), meta.is_dir()) {
        (true, _) => Ok(()),
        (false, true) => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        (false, false) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a pipe or a device, not a file")),
    }
}
