//! Whether files are as the log says: their size always, their SHA-256 once a process for each time they were written.

use crate::App;
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use morag_core::pipeline::{Damage, DamagedFile, ExpectedFile};
use morag_core::ports::{BlobError, BlobPath};
use morag_core::task::{Artifact, TaskId};
use sha2::{Digest as _, Sha256};

/// Files looked at side by side: in a bucket each look is a request.
const CHECKS_MAX: usize = 8;

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
