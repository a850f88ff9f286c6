//! Moves files and flushes them to the disk together.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Concurrent flushes. A journalling file system commits concurrent flushes together, so they take about as long as one. By default a step
/// has at most 16 files and a log.
const FLUSHES_MAX: usize = 20;

/// Moves files, replacing existing ones, then flushes their contents and names.
///
/// Moving comes first, so that one commit of the journal has the content and the new name of every file. A power loss in between can leave
/// a name without its content, but no event refers to it yet.
pub(super) async fn publish(moves: Vec<(PathBuf, PathBuf)>) -> io::Result<()> {
    let moved = blocking(move || move_all(moves)).await?;
    let flushes = moved.into_iter().map(|path| blocking(move || flush(&path)));
    stream::iter(flushes).buffer_unordered(FLUSHES_MAX).try_collect().await
}

/// Moves the files and returns the paths to flush: the files and their folders.
fn move_all(moves: Vec<(PathBuf, PathBuf)>) -> io::Result<Vec<PathBuf>> {
    let (mut folders, mut moved) = (BTreeSet::new(), Vec::new());
    for (from, to) in moves {
        let folder = to.parent().unwrap_or(Path::new(".")).to_owned();
        if !folders.contains(&folder) && !folder.is_dir() {
            make_folder(&folder)?;
        }
        folders.insert(folder);
        std::fs::rename(from, &to)?;
        moved.push(to);
    }
    moved.extend(folders);
    Ok(moved)
}

/// Runs on the runtime's pool of blocking threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Creates a folder with its parents, and flushes their names.
fn make_folder(folder: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let new: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    std::fs::create_dir_all(folder)?;
    new.into_iter().filter_map(Path::parent).try_for_each(flush)
}

/// Waits until the content of a file, or the names in a folder, are on the disk.
pub(super) fn flush(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn many_files_are_moved_into_folders_that_are_made() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: String| root.path().join(name);
        let count = FLUSHES_MAX * 2 + 1;
        let moves: Vec<_> = (0..count).map(|n| (at(format!("from-{n}")), at(format!("a/b{}/{n}", n % 3)))).collect();
        for (from, _) in &moves {
            std::fs::write(from, from.to_str().unwrap()).unwrap();
        }
        publish(moves.clone()).await.unwrap();
        for (from, to) in &moves {
            assert_eq!(std::fs::read_to_string(to).unwrap(), from.to_str().unwrap());
            assert!(!from.exists());
        }
        assert_eq!(publish(moves[..1].to_vec()).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        publish(Vec::new()).await.unwrap();
    }
}
