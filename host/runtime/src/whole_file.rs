//! Files that another process sees whole or not at all.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes a file whole, for its owner alone: another process never reads half of it.
pub(crate) fn write_whole(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let partial = write_partial(path, parts)?;
    std::fs::rename(&partial, path).inspect_err(|_| drop(std::fs::remove_file(&partial)))
}

/// Writes a file under a temporary name beside `path`, and returns that name.
pub(crate) fn write_partial(path: &Path, parts: &[&[u8]]) -> std::io::Result<PathBuf> {
    let partial = path.with_extension(format!("partial-{}", uuid::Uuid::new_v4()));
    let written = (|| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        parts.iter().try_for_each(|part| file.write_all(part))
    })();
    match written {
        Ok(()) => Ok(partial),
        Err(error) => {
            let _ = std::fs::remove_file(&partial);
            Err(error)
        }
    }
}
