//! Forgets what is old: history and files of ended tasks, and files that no task owns.

use crate::App;
use morag_core::ports::{BlobError, BlobPath, StoreError};
use morag_core::task::{TaskId, TaskStatus};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two rounds. Retention is in hours and days.
const PAUSE: Duration = Duration::from_secs(15 * 60);

/// Tasks handled at a time, so that no round holds the store for long.
const BATCH: usize = 200;

/// Files without a task are left alone for so long: an upload that is still running has none yet.
const ORPHAN_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// Tidies up now and then, until `shutdown`.
pub(super) async fn tidy(app: Arc<App>, shutdown: CancellationToken) {
    loop {
        if let Err(error) = round(&app, &shutdown).await {
            tracing::warn!(%error, "tidying up failed: it is tried again in the next round");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

/// Deletes the files that no task owns, whatever their age. For start-up, before any upload can come in: these are what
/// a killed process left of uploads that were never accepted.
pub(super) async fn clear_orphans(app: &App) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let tasks = app.blobs.tasks(after, BATCH).await?;
        for task in &tasks {
            if app.tasks.load(*task).await?.is_none() {
                app.blobs.delete_all(&BlobPath::task(*task)).await?;
            }
        }
        after = tasks.last().copied();
        if tasks.len() < BATCH {
            return Ok(());
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum TidyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

async fn round(app: &App, shutdown: &CancellationToken) -> Result<(), TidyError> {
    let before = app.clock.now().minus(app.config.history_retention);
    loop {
        let expired = app.tasks.expire(before, BATCH).await?;
        for task in &expired {
            app.blobs.delete_all(&BlobPath::task(*task)).await?;
        }
        if expired.len() < BATCH || shutdown.is_cancelled() {
            break;
        }
    }
    let mut after = None;
    loop {
        let tasks = app.blobs.tasks(after, BATCH).await?;
        for task in &tasks {
            tidy_files(app, *task).await?;
        }
        after = tasks.last().copied();
        if tasks.len() < BATCH || shutdown.is_cancelled() {
            return Ok(());
        }
    }
}

async fn tidy_files(app: &App, task: TaskId) -> Result<(), TidyError> {
    let now = app.clock.now();
    let old = match app.tasks.load(task).await? {
        Some(log) => {
            let ended = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent).completed_at;
            ended.is_some_and(|ended| now.since(ended) > app.config.temp_retention)
        }
        None => {
            // An upload that is still coming in is listed nowhere: nothing listed says nothing of its age. What a killed
            // process left so is cleared at the next start.
            let files = app.blobs.list(&BlobPath::files(task)).await?;
            !files.is_empty() && files.iter().all(|file| now.since(file.modified) > ORPHAN_AGE)
        }
    };
    if old {
        app.blobs.delete_all(&BlobPath::task(task)).await?;
    }
    Ok(())
}
