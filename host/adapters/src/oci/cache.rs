//! The cache of pulled manifests and components, by digest.

use bytes::Bytes;
use morag_core::Timestamp;
use morag_core::plugin::Digest;
use morag_core::ports::Clock;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{fmt, io};

/// Most files in the cache: a manifest and a component for each of 64 plugins. The least recently used are deleted first.
const FILES_MAX: usize = 128;

/// The cache folder. It is not trusted: a file is valid only if it has the digest in its name.
#[derive(Clone)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Dates the use of files.
    clock: Arc<dyn Clock>,
    /// Notes when a file was used.
    touch: fn(&Path, Timestamp) -> io::Result<()>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Cache {
    /// The folder is created with its first file.
    pub(super) fn new(folder: &Path, clock: Arc<dyn Clock>) -> Self {
        Self { folder: folder.to_owned(), clock, touch }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("sha256-{digest}"))
    }

    /// The content with this digest, if it is present and undamaged.
    pub(super) async fn get(&self, digest: &Digest) -> Option<Bytes> {
        let (path, wanted, now, touch) = (self.path(digest), digest.clone(), self.clock.now(), self.touch);
        let read = tokio::task::spawn_blocking(move || {
            let bytes = std::fs::read(&path).ok()?;
            if Digest::of(&bytes) != wanted {
                tracing::warn!(path = %path.display(), "a pulled component is damaged: pulling it again");
                return None;
            }
            // Marks the file as used. The content is valid even if this fails.
            let _ = touch(&path, now);
            Some(Bytes::from(bytes))
        });
        read.await.ok().flatten()
    }

    /// Stores content whose digest the caller has checked. If that fails, the next start pulls it again.
    pub(super) async fn put(&self, digest: &Digest, bytes: &Bytes) {
        let (this, path, bytes) = (self.clone(), self.path(digest), bytes.clone());
        // An error here is a panic in `write`, which was printed already.
        let _ = tokio::task::spawn_blocking(move || this.write(&path, &bytes)).await;
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            let partial = path.with_extension(format!("partial-{}", uuid::Uuid::new_v4()));
            let written = std::fs::write(&partial, bytes).and_then(|()| {
                // Not every file system stores times; without one the file is only deleted in another order.
                let _ = (self.touch)(&partial, self.clock.now());
                std::fs::rename(&partial, path)
            });
            if written.is_err() {
                let _ = std::fs::remove_file(&partial);
            }
            written?;
            self.tidy(path)
        };
        if let Err(error) = write() {
            tracing::warn!(folder = %self.folder.display(), %error, "a pulled component could not be cached");
        }
    }

    /// Deletes the least recently used files beyond [`FILES_MAX`], but never the one just written.
    fn tidy(&self, fresh: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort();
        let surplus = files.len().saturating_sub(FILES_MAX);
        for (_, path) in files.into_iter().filter(|(_, path)| path != fresh).take(surplus) {
            std::fs::remove_file(path)?;
        }
        Ok(())
    }
}

fn touch(path: &Path, now: Timestamp) -> io::Result<()> {
    std::fs::File::open(path)?.set_modified(system_time(now))
}

fn system_time(at: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    /// A clock that advances by a second with each reading.
    #[derive(Default)]
    struct Ticking(AtomicI64);

    impl Clock for Ticking {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1000 * self.0.fetch_add(1, Ordering::SeqCst))
        }
    }

    fn folder_of(path: &Path) -> Cache {
        Cache::new(path, Arc::new(Ticking::default()))
    }

    #[tokio::test]
    async fn a_cached_file_is_checked_when_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder_of(&folder.path().join("pulled"));
        let (bytes, digest) = (Bytes::from_static(b"component"), Digest::of(b"component"));
        assert_eq!(cache.get(&digest).await, None);
        cache.put(&digest, &bytes).await;
        assert_eq!(cache.get(&digest).await, Some(bytes));
        std::fs::write(cache.path(&digest), b"c0mponent").unwrap();
        assert_eq!(cache.get(&digest).await, None);
    }

    #[tokio::test]
    async fn a_file_system_that_takes_no_times_keeps_files_too() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache { touch: |_, _| Err(io::ErrorKind::Unsupported.into()), ..folder_of(folder.path()) };
        for number in 0..=FILES_MAX {
            let bytes = Bytes::from(number.to_string());
            cache.put(&Digest::of(&bytes), &bytes).await;
            assert_eq!(cache.get(&Digest::of(&bytes)).await, Some(bytes));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), FILES_MAX, "and no partial one");
    }

    #[tokio::test]
    async fn the_folder_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder_of(folder.path());
        for number in 0..=FILES_MAX {
            let bytes = Bytes::from(number.to_string());
            cache.put(&Digest::of(&bytes), &bytes).await;
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), FILES_MAX);
        let last = FILES_MAX.to_string();
        assert!(cache.get(&Digest::of(last.as_bytes())).await.is_some());
    }

    #[tokio::test]
    async fn the_longest_unused_file_is_deleted_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder_of(folder.path());
        let content = |number: usize| Bytes::from(number.to_string());
        let digest = |number| Digest::of(&content(number));
        for number in 0..FILES_MAX {
            cache.put(&digest(number), &content(number)).await;
        }
        // The oldest is read, so the next one is the least recently used.
        assert!(cache.get(&digest(0)).await.is_some());
        cache.put(&digest(FILES_MAX), &content(FILES_MAX)).await;
        assert!(cache.get(&digest(0)).await.is_some() && cache.get(&digest(2)).await.is_some());
        assert_eq!(cache.get(&digest(1)).await, None);
    }
}
