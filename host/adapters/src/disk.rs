//! Room on the disk, asked by `statvfs`.

use async_trait::async_trait;
use morag_core::ports::{Disk, DiskError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// How old an answer may be. Short beside the time in which anybody fills a disk by what is kept free; long beside the
/// pieces of an upload, of which there are thousands a second.
const STALE_MAX: Duration = Duration::from_millis(500);

/// How long a file system may take to answer: one on a network that has gone away never does.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// The file systems of some folders.
pub struct FolderDisk {
    folders: Vec<PathBuf>,
    known: Mutex<Known>,
}

type Answer = Result<u64, DiskError>;

#[derive(Default)]
struct Known {
    last: Option<(Instant, Answer)>,
    /// A question that was not answered in time: no other is asked beside it, for each holds a thread.
    asked: Option<JoinHandle<Answer>>,
}

impl FolderDisk {
    /// Of folders that need not be there yet: then their nearest parent counts.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders, known: Mutex::default() }
    }
}

#[async_trait]
impl Disk for FolderDisk {
    async fn free_bytes(&self) -> Result<u64, DiskError> {
        // Of many who ask at once one does, and the others get its answer.
        let mut known = self.known.lock().await;
        if let Some((_, answer)) = known.last.as_ref().filter(|(at, _)| at.elapsed() < STALE_MAX) {
            return answer.clone();
        }
        let folders = self.folders.clone();
        let ask = move || folders.iter().map(|folder| free(folder)).try_fold(u64::MAX, least);
        let asked = known.asked.get_or_insert_with(|| tokio::task::spawn_blocking(ask));
        let answer = match tokio::time::timeout(ANSWER_MAX, asked).await {
            Ok(answered) => {
                known.asked = None;
                answered.unwrap_or_else(|error| Err(DiskError(error.to_string())))
            }
            Err(_) => Err(DiskError(format!("no answer within {} s", ANSWER_MAX.as_secs()))),
        };
        known.last = Some((Instant::now(), answer.clone()));
        answer
    }
}

fn least(least: u64, free: Result<u64, DiskError>) -> Result<u64, DiskError> {
    free.map(|free| free.min(least))
}

/// What a process without special rights may still write there. Waits for the file system.
///
/// # Errors
/// Where it does not say.
pub fn free(folder: &Path) -> Result<u64, DiskError> {
    let there = folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let told = rustix::fs::statvfs(there).map_err(|error| DiskError(format!("{}: {error}", there.display())))?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_that_is_not_there_yet_has_the_room_of_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a/b");
        let disk = FolderDisk::new(vec![missing, folder.path().to_owned()]);
        let free = disk.free_bytes().await.unwrap();
        assert!(free > 0 && free < u64::MAX, "{free}");
        assert_eq!(disk.free_bytes().await, Ok(free), "asked once within a moment");
    }
}
