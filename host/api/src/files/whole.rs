//! Verifies files before they are sent: a damaged file is never sent as a whole.
//!
//! The size is always compared. The SHA-256 of a small file is computed before the first byte is sent, that of a large one while it
//! is sent: its last piece is held back until the digest is known. If the digest differs the answer breaks off, so that a client
//! never takes it for the whole file.

use crate::Api;
use crate::ApiError;
use crate::status::is_ended;
use axum::http::StatusCode;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use morag_core::pipeline::{Damage, DamagedFile, ExpectedFile};
use morag_core::ports::{BlobError, BlobMeta, BlobPath, BlobStream, TaskLog};
use morag_core::task::{Artifact, ArtifactName, EventKind, StatusWord, TaskId, TaskStatus, file_url};
use morag_engine as engine;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Largest file that is hashed before its first byte is sent, bytes: it takes some tens of milliseconds, which is not noticed
/// before a download.
const HASHED_FIRST_BYTES_MAX: u64 = 8 << 20;

/// The expected size and digest of each file that callers may see, by name: the submitted one; those whose URL a completed step
/// announced, of several runs the last that wrote it; and those of a pattern that the last run of their step wrote, because an earlier
/// run may have written more of them. Other files are only passed between steps. Only the log is used, because this process may have no
/// steps loaded.
pub fn announced(log: &TaskLog) -> BTreeMap<&str, ExpectedFile> {
    announced_where(log, |_| true)
}

/// The same of the files whose names are wanted.
fn announced_where(log: &TaskLog, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<&str, ExpectedFile> {
    let (mut found, mut later) = (BTreeMap::<&str, (&Artifact, bool)>::new(), BTreeSet::new());
    for event in log.events.iter().rev() {
        let EventKind::StepCompleted { step, data, artifacts, .. } = &event.kind else { continue };
        let is_last = later.insert(step);
        let of_run = artifacts.iter().filter(|artifact| is_last || !artifact.listed);
        for artifact in of_run.filter(|artifact| is_wanted(artifact.name.as_str())) {
            let name = artifact.name.as_str();
            let (_, is_announced) = found.entry(name).or_insert((artifact, false));
            // A step has few files that are not listed.
            let has_url = |url: String| data.values().any(|value| value.as_str() == Some(&url));
            *is_announced = *is_announced || artifact.listed || has_url(file_url(log.record.id, name));
        }
    }
    let mut files: BTreeMap<_, _> = found
        .into_iter()
        .filter(|(_, (_, is_announced))| *is_announced)
        .map(|(name, (artifact, _))| (name, ExpectedFile::from(artifact)))
        .collect();
    let source = &log.record.source;
    if is_wanted(source.stored_as.as_str()) {
        files.insert(source.stored_as.as_str(), ExpectedFile::from(source));
    }
    files
}

/// Finds a stored file and verifies its size and, if it is small, its digest. `load` reads the task's log: if the file differs, the
/// log is read once more, because a step may just be publishing the file.
///
/// # Errors
/// 404 for a file that does not exist or is not announced; 500 or 503 for a damaged one.
pub async fn find<Load: Future<Output = Result<TaskLog, ApiError>>>(
    app: &Api,
    name: &ArtifactName,
    load: impl Fn() -> Load,
) -> Result<(TaskLog, ExpectedFile, BlobMeta), ApiError> {
    let mut is_second_try = false;
    loop {
        let log = load().await?;
        let mut wanted = announced_where(&log, |one| one == name.as_str());
        let file = wanted.remove(name.as_str()).ok_or(BlobError::NotFound)?;
        match verify(app, log.record.id, &file).await? {
            Ok(meta) => return Ok((log, file, meta)),
            Err(damage) if is_second_try => return Err(refused(&log, DamagedFile { name: file.name, damage })),
            Err(_) => is_second_try = true,
        }
    }
}

/// A file of a task in memory; none if the task's files were deleted.
///
/// # Errors
/// 500 or 503 for a damaged file.
pub async fn read(app: &Api, log: &TaskLog, file: ExpectedFile) -> Result<Option<Bytes>, ApiError> {
    let task = log.record.id;
    match verify(app, task, &file).await {
        Ok(Ok(meta)) => {
            let bytes = app.blobs.read(&BlobPath::file(task, &file.name), 0..meta.size).await?;
            match hex::encode(Sha256::digest(&bytes)) == file.sha256 {
                true => Ok(Some(bytes)),
                false => Err(refused(log, DamagedFile { name: file.name, damage: Damage::Digest })),
            }
        }
        Ok(Err(damage)) => Err(refused(log, DamagedFile { name: file.name, damage })),
        Err(BlobError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn verify(app: &Api, task: TaskId, file: &ExpectedFile) -> Result<Result<BlobMeta, Damage>, BlobError> {
    let meta = match app.blobs.stat(&BlobPath::file(task, &file.name)).await {
        Ok(meta) => meta,
        // If all files of the task are missing they were deleted: that is no damage.
        Err(BlobError::NotFound) => {
            return match app.blobs.list(&BlobPath::files(task)).await?.is_empty() {
                true => Err(BlobError::NotFound),
                false => Ok(Err(Damage::Missing)),
            };
        }
        Err(error) => return Err(error),
    };
    if meta.size != file.size {
        return Ok(Err(Damage::Size { found: meta.size, expected: file.size }));
    }
    let damage = match meta.size <= HASHED_FIRST_BYTES_MAX {
        true => engine::damage(app, task, file).await?,
        false => None,
    };
    Ok(damage.map_or(Ok(meta), Err))
}

/// The error of a damaged file. Its code has a page in `docs/errors`.
fn refused(log: &TaskLog, file: DamagedFile) -> ApiError {
    let is_source = file.name == log.record.source.stored_as;
    let code = if is_source { "source_damaged" } else { "artifact_damaged" };
    let status = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent).word;
    let advice = match status {
        StatusWord::Completed => "submit the document anew with replace_existing=true",
        _ if is_source => "submit the document anew",
        StatusWord::Failed | StatusWord::Cancelled => "retry the task, which makes it again",
        StatusWord::Pending | StatusWord::InProgress => "try again when the task has ended",
    };
    let text = format!("The stored file {file}: {advice}");
    let log_text = format!("task {}: the stored file {file}", log.record.id);
    match is_ended(log) {
        true => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, code, text).with_log(log_text),
        false => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, text).retry_after().with_log(log_text),
    }
}

/// The bytes of a whole file. The last piece is only sent if the digest is right.
///
/// # Errors
/// For a file that cannot be read; in the stream, for a damaged one.
pub async fn stream(app: &Arc<Api>, task: TaskId, file: ExpectedFile, meta: BlobMeta) -> Result<BlobStream, BlobError> {
    let path = BlobPath::file(task, &file.name);
    let pieces = app.blobs.stream(&path, 0..meta.size).await?;
    if app.verified.is(&path, &meta.etag, &file.sha256) {
        return Ok(pieces);
    }
    let app = Arc::clone(app);
    Ok(checked(pieces, move |digest| {
        if digest == file.sha256 {
            app.verified.note(path, meta.etag, digest);
            return Ok(());
        }
        let damage = Damage::Digest;
        tracing::error!(%task, file = %file.name, %damage, "stored file is damaged: a download breaks off");
        Err(BlobError::Unavailable(format!("{} {damage}", file.name)))
    }))
}

/// Passes pieces on, each when the next has arrived, and the last when `judge` accepts the digest.
fn checked(pieces: BlobStream, judge: impl FnOnce(String) -> Result<(), BlobError> + Send + 'static) -> BlobStream {
    let start = (pieces, Sha256::new(), None::<Bytes>, Some(judge));
    futures::stream::try_unfold(start, |(mut pieces, mut digest, mut held, mut judge)| async move {
        loop {
            match pieces.try_next().await? {
                Some(piece) => {
                    digest.update(&piece);
                    if let Some(earlier) = held.replace(piece) {
                        return Ok(Some((earlier, (pieces, digest, held, judge))));
                    }
                }
                None => {
                    let Some(judge) = judge.take() else { return Ok(None) };
                    judge(hex::encode(digest.finalize_reset()))?;
                    return Ok(held.take().map(|last| (last, (pieces, digest, None, None))));
                }
            }
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(texts: &[&'static str]) -> BlobStream {
        let pieces: Vec<_> = texts.iter().map(|text| Ok(Bytes::from_static(text.as_bytes()))).collect();
        futures::stream::iter(pieces).boxed()
    }

    async fn sent(texts: &[&'static str], is_right: bool) -> Vec<Result<Bytes, BlobError>> {
        let expected = hex::encode(Sha256::digest(texts.concat()));
        let judge = move |digest: String| {
            assert_eq!(digest, expected);
            if is_right { Ok(()) } else { Err(BlobError::Unavailable("damaged".into())) }
        };
        checked(pieces(texts), judge).collect().await
    }

    #[tokio::test]
    async fn the_last_piece_goes_with_the_verdict() {
        let ok = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        assert_eq!(sent(&["a", "b", "c"], true).await, [ok("a"), ok("b"), ok("c")]);
        let damaged = Err(BlobError::Unavailable("damaged".into()));
        assert_eq!(sent(&["a", "b", "c"], false).await, [ok("a"), ok("b"), damaged.clone()]);
        assert_eq!(sent(&["a"], false).await, std::slice::from_ref(&damaged));
        assert_eq!(sent(&[], true).await, []);
        assert_eq!(sent(&[], false).await, [damaged]);
    }

    #[tokio::test]
    async fn a_storage_that_fails_on_the_way_breaks_off() {
        let away = || Err(BlobError::Unavailable("away".into()));
        let broken = futures::stream::iter([Ok(Bytes::from_static(b"a")), away()]).boxed();
        let sent: Vec<_> = checked(broken, |_| panic!("there is no digest")).collect().await;
        assert_eq!(sent, [away()]);
    }
}
