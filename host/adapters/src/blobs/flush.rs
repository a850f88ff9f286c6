//! Moving files and flushing them to the disk together.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

/// Files and folders flushed at once. A journalling file system writes what comes together in one go, so more at once are hardly
/// slower than one; a step has 16 files where nothing else is set, and a log.
const FLUSHES_MAX: usize = 20;

/// Moves files, replacing those at the targets, then flushes their content and their names. Blocks.
///
/// Moved first: one flush of the journal then has the content and the new name of every file. A loss of power in between can
/// leave a name without its content, of which no log tells.
pub(super) fn publish(moves: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    let mut folders = BTreeSet::new();
    for (from, to) in moves {
        let folder = to.parent().unwrap_or(Path::new("."));
        if folders.insert(folder) && !folder.is_dir() {
            make_folder(folder)?;
        }
        std::fs::rename(from, to)?;
    }
    let all: Vec<&Path> = moves.iter().map(|(_, to)| to.as_path()).chain(folders).collect();
    all.chunks(FLUSHES_MAX).try_for_each(flush_all)
}

/// Makes a folder and those above it, with their names on the disk.
fn make_folder(folder: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let new: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    std::fs::create_dir_all(folder)?;
    new.into_iter().filter_map(Path::parent).try_for_each(flush)
}

/// Each on a thread of its own but the last, which the caller's takes.
fn flush_all(paths: &[&Path]) -> io::Result<()> {
    let Some((last, others)) = paths.split_last() else { return Ok(()) };
    thread::scope(|scope| {
        let others: Vec<_> = others.iter().map(|path| scope.spawn(|| flush(path))).collect();
        let flushed = flush(last);
        let joined = others.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a file could not be flushed: its thread panicked")))
        });
        joined.fold(flushed, io::Result::and)
    })
}

/// Waits until what was written to a file, or the names in a folder, are on the disk.
pub(super) fn flush(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_are_moved_into_folders_that_are_made() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: String| root.path().join(name);
        let count = FLUSHES_MAX * 2 + 1;
        let moves: Vec<_> = (0..count).map(|n| (at(format!("from-{n}")), at(format!("a/b{}/{n}", n % 3)))).collect();
        for (from, _) in &moves {
            std::fs::write(from, from.to_str().unwrap()).unwrap();
        }
        publish(&moves).unwrap();
        for (from, to) in &moves {
            assert_eq!(std::fs::read_to_string(to).unwrap(), from.to_str().unwrap());
            assert!(!from.exists());
        }
        assert_eq!(publish(&moves[..1]).unwrap_err().kind(), io::ErrorKind::NotFound);
        publish(&[]).unwrap();
    }
}
