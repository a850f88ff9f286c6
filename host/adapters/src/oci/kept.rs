//! What was pulled, by its digest.

use bytes::Bytes;
use morag_core::plugin::Digest;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files that are kept: a manifest and a component each of 64 plugins. The longest unused go first.
const FILES_MAX: usize = 128;

/// A folder of manifests and components. Nothing in it is trusted: a file counts if it has the digest it is named by.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    folder: PathBuf,
}

impl Kept {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("sha256-{digest}"))
    }

    /// What has this digest, if it is kept and whole.
    pub(super) async fn get(&self, digest: &Digest) -> Option<Bytes> {
        let (path, wanted) = (self.path(digest), digest.clone());
        let read = tokio::task::spawn_blocking(move || {
            let bytes = std::fs::read(&path).ok()?;
            if Digest::of(&bytes) != wanted {
                tracing::warn!(path = %path.display(), "a pulled component is damaged: pulling it again");
                return None;
            }
            // Used just now, so not the next to go. That this fails says nothing of the content.
            if let Ok(file) = std::fs::File::open(&path) {
                let _ = file.set_modified(SystemTime::now());
            }
            Some(Bytes::from(bytes))
        });
        read.await.ok().flatten()
    }

    /// Keeps what has this digest; the caller has checked it. That it cannot be kept only costs the next start a pull.
    pub(super) async fn put(&self, digest: &Digest, bytes: &Bytes) {
        let (this, path, bytes) = (self.clone(), self.path(digest), bytes.clone());
        // An error is a panic of what `write` calls, and says so itself.
        let _ = tokio::task::spawn_blocking(move || this.write(&path, &bytes)).await;
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        let write = || {
            std::fs::create_dir_all(&self.folder)?;
            let partial = path.with_extension(format!("partial-{}", uuid::Uuid::new_v4()));
            let written = std::fs::write(&partial, bytes).and_then(|()| std::fs::rename(&partial, path));
            if written.is_err() {
                let _ = std::fs::remove_file(&partial);
            }
            written?;
            self.tidy(path)
        };
        if let Err(error) = write() {
            tracing::warn!(folder = %self.folder.display(), %error, "a pulled component could not be kept");
        }
    }

    /// Removes the longest unused beyond what is kept, but never what was just written.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_is_checked_when_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(&folder.path().join("pulled"));
        let (bytes, digest) = (Bytes::from_static(b"component"), Digest::of(b"component"));
        assert_eq!(kept.get(&digest).await, None);
        kept.put(&digest, &bytes).await;
        assert_eq!(kept.get(&digest).await, Some(bytes));
        std::fs::write(kept.path(&digest), b"c0mponent").unwrap();
        assert_eq!(kept.get(&digest).await, None);
    }

    #[tokio::test]
    async fn the_folder_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::new(folder.path());
        for number in 0..=FILES_MAX {
            let bytes = Bytes::from(number.to_string());
            kept.put(&Digest::of(&bytes), &bytes).await;
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), FILES_MAX);
        let last = FILES_MAX.to_string();
        assert!(kept.get(&Digest::of(last.as_bytes())).await.is_some());
    }
}
