//! Forgets what is old: history and files of ended tasks, and files that no task owns.
//!
//! Any number of processes may do it at once: each deletion may meet another's, and what one leaves half done when it is
//! stopped, another's next round finds.

use crate::App;
use morag_core::Timestamp;
use morag_core::ports::{BlobError, BlobPath, StoreError};
use morag_core::task::{TaskId, TaskStatus};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two rounds. Retention is in hours and days.
const PAUSE: Duration = Duration::from_secs(15 * 60);

/// Tasks handled at a time, so that no round holds the store for long.
const BATCH: usize = 200;

/// Files without a task are left alone for so long: their task is perhaps being accepted now, by whichever process. No
/// upload takes half as long, so that files which are older than this will never have one.
pub const ORPHAN_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// Ids without a task and without a listed file, with the time at which they were first seen so: uploads that come in, and
/// what killed processes left of some. At most as many as there are.
type Unlisted = BTreeMap<TaskId, Timestamp>;

/// Tidies up now and then, until `shutdown`.
pub(super) async fn tidy(app: Arc<App>, shutdown: CancellationToken) {
    let mut unlisted = Unlisted::new();
    loop {
        let round = async {
            match round(&app, &unlisted).await {
                Ok(seen) => unlisted = seen,
                Err(error) => tracing::warn!(%error, "tidying up failed: it is tried again in the next round"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = round => {}
        }
    }
}

/// Deletes the files that no task owns, whatever their age. For start-up, before any upload can come in, here or in another
/// process: these are what a killed process left of uploads that were never accepted.
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

/// One round. Says which ids are unlisted now.
async fn round(app: &App, unlisted: &Unlisted) -> Result<Unlisted, TidyError> {
    let before = app.clock.now().minus(app.config.history_retention);
    loop {
        let expired = app.tasks.expire(before, BATCH).await?;
        for task in &expired {
            app.blobs.delete_all(&BlobPath::task(*task)).await?;
        }
        if expired.len() < BATCH {
            break;
        }
    }
    let (mut seen, mut after) = (Unlisted::new(), None);
    loop {
        let tasks = app.blobs.tasks(after, BATCH).await?;
        for task in &tasks {
            tidy_files(app, *task, unlisted, &mut seen).await?;
        }
        after = tasks.last().copied();
        if tasks.len() < BATCH {
            return Ok(seen);
        }
    }
}

async fn tidy_files(app: &App, task: TaskId, unlisted: &Unlisted, seen: &mut Unlisted) -> Result<(), TidyError> {
    let now = app.clock.now();
    let old = match app.tasks.load(task).await? {
        Some(log) => {
            let ended = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent).completed_at;
            ended.is_some_and(|ended| now.since(ended) > app.config.temp_retention)
        }
        None => {
            let files = app.blobs.list(&BlobPath::files(task)).await?;
            let newest = files.iter().map(|file| file.modified).max();
            // A file that is still being written is not listed: its age is how long we know of it.
            let since = newest.unwrap_or_else(|| *seen.entry(task).or_insert(*unlisted.get(&task).unwrap_or(&now)));
            now.since(since) > ORPHAN_AGE
        }
    };
    if old {
        app.blobs.delete_all(&BlobPath::task(task)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{Memory, app, record};
    use std::sync::Arc;

    const LITTLE: Duration = Duration::from_secs(1);

    struct Stage {
        memory: Arc<Memory>,
        app: Arc<App>,
        unlisted: Unlisted,
    }

    impl Stage {
        fn new() -> Self {
            let memory = Arc::new(Memory::default());
            Self { app: app(&memory, &[]), memory, unlisted: Unlisted::new() }
        }

        fn put(&self, path: String) {
            self.memory.files.lock().unwrap().insert(path, "x".into());
        }

        /// Whether there are files after a round at a time.
        async fn stays(&mut self, later: Duration) -> bool {
            *self.memory.later.lock().unwrap() = later;
            self.unlisted = round(&self.app, &self.unlisted).await.unwrap();
            !self.memory.paths().is_empty()
        }
    }

    #[tokio::test]
    async fn a_file_without_a_task_goes_at_its_age_and_not_before() {
        let mut stage = Stage::new();
        stage.put(format!("tasks/{}/files/original.md", TaskId::random()));
        assert!(stage.stays(Duration::ZERO).await && stage.stays(ORPHAN_AGE).await);
        assert!(!stage.stays(ORPHAN_AGE + LITTLE).await);
    }

    #[tokio::test]
    async fn a_file_whose_task_another_process_accepted_stays() {
        let mut stage = Stage::new();
        let task = stage.memory.add(record(), vec![]);
        stage.put(format!("tasks/{task}/files/original.md"));
        assert!(stage.stays(ORPHAN_AGE * 100).await);
    }

    #[tokio::test]
    async fn what_is_not_listed_goes_once_it_was_seen_for_as_long() {
        let mut stage = Stage::new();
        stage.put(format!("tasks/{}/part-of-an-upload", TaskId::random()));
        // Seen for the first time, whenever that is.
        let first = ORPHAN_AGE * 100;
        assert!(stage.stays(first).await && stage.stays(first + ORPHAN_AGE).await);
        assert!(!stage.stays(first + ORPHAN_AGE + LITTLE).await);
        assert!(!stage.stays(first + ORPHAN_AGE + LITTLE).await && stage.unlisted.is_empty());
    }
}
