//! Free disk space, by `statvfs`.

use async_trait::async_trait;
use morag_core::ports::{Disk, DiskError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// How long a result is reused. Short against the time it takes to fill the reserve; long against the interval between chunks of uploads,
/// of which there are thousands a second.
const STALE_MAX: Duration = Duration::from_millis(500);

/// Timeout of `statvfs`: on an unreachable network file system it never returns.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// The file systems of some folders.
pub struct FolderDisk {
    folders: Vec<PathBuf>,
    cached: Mutex<Cached>,
}

type Answer = Result<u64, DiskError>;

#[derive(Default)]
struct Cached {
    last: Option<(Instant, Answer)>,
    /// A call that timed out and still blocks a thread: no second one is started beside it.
    running: Option<JoinHandle<Answer>>,
}

impl FolderDisk {
    /// Folders may be missing: then the nearest existing parent counts.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders, cached: Mutex::default() }
    }
}

#[async_trait]
impl Disk for FolderDisk {
    async fn free_bytes(&self) -> Result<u64, DiskError> {
        // The lock is held while asking: concurrent callers share one result.
        let mut cached = self.cached.lock().await;
        if let Some((_, answer)) = cached.last.as_ref().filter(|(at, _)| at.elapsed() < STALE_MAX) {
            return answer.clone();
        }
        let folders = self.folders.clone();
        let ask = move || folders.iter().map(|folder| free(folder)).try_fold(u64::MAX, least);
        let running = cached.running.get_or_insert_with(|| tokio::task::spawn_blocking(ask));
        let answer = match tokio::time::timeout(ANSWER_MAX, running).await {
            Ok(answered) => {
                cached.running = None;
                answered.unwrap_or_else(|error| Err(DiskError(error.to_string())))
            }
            Err(_) => Err(DiskError(format!("no answer within {} s", ANSWER_MAX.as_secs()))),
        };
        cached.last = Some((Instant::now(), answer.clone()));
        answer
    }
}

fn least(least: u64, free: Result<u64, DiskError>) -> Result<u64, DiskError> {
    free.map(|free| free.min(least))
}

/// Free space for an unprivileged process. Blocks.
///
/// # Errors
/// If `statvfs` fails.
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
        assert_eq!(disk.free_bytes().await, Ok(free), "queried only once");
    }
}
