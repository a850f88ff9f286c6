//! Reserved disk space in the data folder, for starting on a full disk.
//!
//! The embedded store writes when it is opened and when a task is deleted, so on a full disk the server could not start to
//! delete tasks. A file of zeros reserves space; the start removes it when the disk has too little free space.

use morag_adapters::disk;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Name of the file in the data folder.
const NAME: &str = "spare";

/// Size of the file: several times what opening both databases and some deletions write.
pub(super) const BYTES: usize = 4 << 20;

/// Free space required to create the file, so that it does not fill a small disk itself.
const CREATE_FREE_BYTES_MIN: u64 = 8 * BYTES as u64;

/// Removes the file if the disk has too little space to start, and creates it if there is plenty. The caller must hold the
/// folder's lock.
pub(super) fn prepare(data_dir: &Path) {
    let path = data_dir.join(NAME);
    let Ok(free) = disk::free(data_dir) else { return };
    let reserved = fs::metadata(&path).map_or(0, |found| found.len());
    let done = match free {
        free if free < BYTES as u64 && reserved > 0 => {
            tracing::warn!(free_bytes = free, "the disk of the data folder is full: releasing the reserved space");
            fs::remove_file(&path)
        }
        free if free >= CREATE_FREE_BYTES_MIN && reserved < BYTES as u64 => create(&path),
        _ => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "cannot change the reserved space in the data folder");
    }
}

/// Writes the bytes instead of setting the length: a sparse file reserves no space.
fn create(path: &Path) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(&vec![0; BYTES])?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_kept_where_there_is_plenty() {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let made = fs::metadata(folder.path().join(NAME)).unwrap();
        assert_eq!(made.len(), BYTES as u64);
        assert!(std::os::unix::fs::MetadataExt::blocks(&made) * 512 >= made.len(), "it has holes");
        prepare(folder.path());
        assert_eq!(fs::metadata(folder.path().join(NAME)).unwrap().modified().unwrap(), made.modified().unwrap());
    }
}
