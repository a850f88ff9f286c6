//! Whether files are as the log says: their size always, their SHA-256 once a process for each time they were written.

use crate::App;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use morag_core::pipeline::{Damage, DamagedFile, ExpectedFile};
use morag_core::ports::{BlobError, BlobPath};
use morag_core::task::{Artifact, TaskId};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Files looked at side by side: in a bucket each look is a request.
const CHECKS_MAX: usize = 8;

/// Files that are remembered as verified; between one and two times as many. Some 200 bytes each. What is forgotten is hashed
/// once more.
const REMEMBERED_MAX: usize = 8192;

/// Files whose content this process has hashed and found right, as they were then: by path, the etag (in a folder: inode, size
/// and time of the last write) and the digest.
#[derive(Debug, Default)]
pub struct Verified(Mutex<Generations>);

/// When the younger is full it becomes the older, and what is in neither is forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashMap<BlobPath, Seen>,
    old: HashMap<BlobPath, Seen>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    etag: String,
    sha256: String,
}

impl Verified {
    /// Whether the file had this digest when it had this etag.
    pub fn is(&self, path: &BlobPath, etag: &str, sha256: &str) -> bool {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = generations.young.get(path).or_else(|| generations.old.get(path));
        seen.is_some_and(|seen| seen.etag == etag && seen.sha256 == sha256)
    }

    /// Remembers that it has.
    pub fn note(&self, path: BlobPath, etag: String, sha256: String) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= REMEMBERED_MAX {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(path, Seen { etag, sha256 });
    }
}

/// How a file of a task differs from what was written; none where it does not. It is read whole unless this process has
/// read it before and it has not been written since. Held in memory is a piece of it.
pub async fn damage(app: &App, task: TaskId, file: &ExpectedFile) -> Result<Option<Damage>, BlobError> {
    let path = BlobPath::file(task, &file.name);
    let meta = match app.blobs.stat(&path).await {
        Ok(meta) => meta,
        Err(BlobError::NotFound) => return Ok(Some(Damage::Missing)),
        Err(error) => return Err(error),
    };
    if meta.size != file.size {
        return Ok(Some(Damage::Size { found: meta.size, expected: file.size }));
    }
    if app.verified.is(&path, &meta.etag, &file.sha256) {
        return Ok(None);
    }
    let mut pieces = match app.blobs.stream(&path, 0..meta.size).await {
        Err(BlobError::NotFound) => return Ok(Some(Damage::Missing)),
        pieces => pieces?,
    };
    let mut digest = Sha256::new();
    while let Some(piece) = pieces.try_next().await? {
        digest.update(&piece);
    }
    if hex::encode(digest.finalize()) != file.sha256 {
        return Ok(Some(Damage::Digest));
    }
    app.verified.note(path, meta.etag, file.sha256.clone());
    Ok(None)
}

/// Those of a task's files that differ, in the order given.
pub async fn damaged(app: &App, task: TaskId, files: Vec<ExpectedFile>) -> Result<Vec<DamagedFile>, BlobError> {
    let checks: Vec<_> = files.into_iter().map(|file| check(app, task, file).boxed()).collect();
    let found: Vec<Option<DamagedFile>> = stream::iter(checks).buffered(CHECKS_MAX).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

async fn check(app: &App, task: TaskId, file: ExpectedFile) -> Result<Option<DamagedFile>, BlobError> {
    let damage = damage(app, task, &file).await?;
    Ok(damage.map(|damage| DamagedFile { name: file.name, damage }))
}

/// Remembers files that this process has just written, with the digests that it made of them meanwhile. One that cannot be
/// looked at is hashed when somebody reads it.
pub(super) async fn note_written(app: &App, task: TaskId, artifacts: &[Artifact]) {
    let notes: Vec<_> = artifacts.iter().map(|artifact| note_one(app, task, artifact).boxed()).collect();
    stream::iter(notes).buffer_unordered(CHECKS_MAX).collect::<()>().await;
}

async fn note_one(app: &App, task: TaskId, artifact: &Artifact) {
    let path = BlobPath::file(task, &artifact.name);
    if let Ok(meta) = app.blobs.stat(&path).await
        && meta.size == artifact.size
    {
        app.verified.note(path, meta.etag, artifact.sha256.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> BlobPath {
        BlobPath::file(TaskId::from(uuid::Uuid::nil()), &name.parse().unwrap())
    }

    #[test]
    fn a_file_is_verified_as_it_was() {
        let verified = Verified::default();
        verified.note(path("a"), "e1".into(), "s1".into());
        assert!(verified.is(&path("a"), "e1", "s1"));
        assert!(!verified.is(&path("a"), "e2", "s1") && !verified.is(&path("a"), "e1", "s2"));
        assert!(!verified.is(&path("b"), "e1", "s1"));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_latest_stays() {
        let verified = Verified::default();
        let name = |n: usize| path(&format!("f{n}"));
        for n in 0..REMEMBERED_MAX * 3 {
            verified.note(name(n), "e".into(), "s".into());
        }
        let kept = (0..REMEMBERED_MAX * 3).filter(|n| verified.is(&name(*n), "e", "s")).count();
        assert!((REMEMBERED_MAX..=REMEMBERED_MAX * 2).contains(&kept), "{kept}");
        assert!(verified.is(&name(REMEMBERED_MAX * 2), "e", "s"));
    }
}
