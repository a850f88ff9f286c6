//! Room in the data folder for a start on a full disk.
//!
//! The embedded store writes when it is opened, and when a task is deleted: on a disk without any room there would be no server to
//! ask for deletions. So a file of nothing is kept, which a start gives up when there is too little room without it.

use morag_adapters::disk;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// Its name in the data folder.
const NAME: &str = "spare";

/// Its size: what opening both databases and some deletions write, several times over.
pub(super) const BYTES: usize = 4 << 20;

/// Room that must be there before it is made: it must not be what fills a small disk.
const MAKE_FROM_BYTES: u64 = 8 * BYTES as u64;

/// Gives the spare room up where a start has too little without it, and makes it where there is plenty. The folder's lock must be
/// held.
pub(super) fn prepare(data_dir: &Path) {
    let path = data_dir.join(NAME);
    let Ok(free) = disk::free(data_dir) else { return };
    let there = fs::metadata(&path).map_or(0, |found| found.len());
    let done = match free {
        few if few < BYTES as u64 && there > 0 => {
            tracing::warn!(free_bytes = few, "the disk of the data folder is full: its spare room is used to start");
            fs::remove_file(&path)
        }
        many if many >= MAKE_FROM_BYTES && there < BYTES as u64 => make(&path),
        _ => Ok(()),
    };
    if let Err(error) = done {
        tracing::warn!(%error, "the spare room in the data folder cannot be changed");
    }
}

/// Written, not set to a length: a file with holes takes no room.
fn make(path: &Path) -> io::Result<()> {
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
