//! Forgets what is old: history and files of ended tasks, and files that no task owns.
//!
//! Any number of processes may do it at once: each deletion may meet another's, and what one leaves half done when it is
//! stopped, another's next round finds.

use crate::App;
use crate::config::Config;
use futures::TryStreamExt as _;
use morag_core::ports::{BlobError, BlobPath, Disowned, StoreError};
use morag_core::task::{TaskId, TaskStatus};
use morag_core::{SteadyTime, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Longest time between two rounds: little beside the retention that is usual, of days.
const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// Shortest time between two rounds, each of which looks at all tasks that have files.
const PAUSE_MIN: Duration = Duration::from_secs(10);

/// Tasks handled at a time, so that no round holds the store for long.
const BATCH: usize = 200;

/// Files without a task are left alone for so long: their task is perhaps being accepted now, by whichever process. No
/// upload takes half as long, so that an id which is known for longer than this will never have one.
///
/// It is how long this process has known the id without a task, by its steady clock, whatever the storage says of the files'
/// age: a process whose time of day is wrong, or not the storage's, would take an upload of this minute for an old one.
pub const ORPHAN_AGE: Duration = Duration::from_secs(6 * 60 * 60);

/// Ids that have files and no task, with the steady time at which they were first seen so: uploads that come in, and what
/// killed processes left of some. At most as many as there are.
type Unlisted = BTreeMap<TaskId, SteadyTime>;

/// Tasks named in warnings that their files stay: enough to see what they have in common, and some 50 KB.
const WARNED_MAX: usize = 1000;

/// Tasks of which it was said that their files stay. It is said once of each, and not in every round.
#[derive(Default)]
struct Warned(BTreeSet<TaskId>);

impl Warned {
    /// Says that a task's files stay, and why, unless that was said. They are tried again in every round.
    fn files_stay(&mut self, task: TaskId, why: &dyn std::fmt::Display) {
        if self.0.len() == WARNED_MAX || !self.0.insert(task) {
            return;
        }
        tracing::warn!(%task, error = %why, "the files of a task stay: they are tried again in every round, without another warning");
        if self.0.len() == WARNED_MAX {
            tracing::warn!("the files of {WARNED_MAX} tasks stay: no further ones are named");
        }
    }
}

/// Tidies up now and then, until `shutdown`.
pub(crate) async fn tidy(app: Arc<App>, shutdown: CancellationToken) {
    let mut unlisted = Unlisted::new();
    let mut warned = Warned::default();
    let pause = pause(&app.config);
    loop {
        let round = async {
            let now = app.time_of_day.now(&*app.clock);
            match may_tidy(&app, &mut unlisted).await {
                false => {}
                true => match round(&app, now, &unlisted, &mut warned).await {
                    Ok(seen) => unlisted = seen,
                    Err(error) => tracing::warn!(%error, "tidying up failed: it is tried again in the next round"),
                },
            }
            tokio::time::sleep(pause).await;
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = round => {}
        }
    }
}

/// Whether the files are this store's still. Where they are another's, no id counts as known for long when they are this one's again.
async fn may_tidy(app: &App, unlisted: &mut Unlisted) -> bool {
    match app.ownership.confirm().await {
        Ok(()) => return true,
        Err(Disowned::Another(why)) => {
            unlisted.clear();
            tracing::error!("nothing is tidied up: {why}");
        }
        Err(Disowned::Unclear(why)) => {
            tracing::warn!("nothing is tidied up, it is tried again in the next round: {why}");
        }
    }
    false
}

/// The time between two rounds: no longer than the shortest retention, so that nothing stays for more than twice as long.
fn pause(config: &Config) -> Duration {
    config.history_retention.min(config.temp_retention).clamp(PAUSE_MIN, PAUSE_MAX)
}

/// Deletes the files that no task owns, whatever their age. For the start on a folder that is this process's alone, before any
/// upload can come in, here or in another process: these are what a killed process left of uploads that were never accepted. Says
/// how many tasks' folders it cleared. One that cannot be deleted is left for later rounds.
pub(crate) async fn clear_orphans(app: &App) -> anyhow::Result<u64> {
    let (mut tasks, mut cleared, mut warned) = (app.blobs.tasks(), 0, Warned::default());
    while let Some(task) = tasks.try_next().await? {
        match app.tasks.mark(task).await {
            Ok(None) => match app.blobs.delete_all(&BlobPath::task(task)).await {
                Ok(_) => cleared += 1,
                Err(error) => warned.files_stay(task, &error),
            },
            // One that cannot be read is one.
            Ok(Some(_)) | Err(StoreError::Corrupt(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(cleared)
}

/// Why a task's files stay.
#[derive(Debug, thiserror::Error)]
enum TidyError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// One round. Says which ids are unlisted now. Without the time of day, ended tasks are left alone. It ends early only where the
/// store fails, which it would for every task: files that cannot be deleted must not hold up the others, round for round.
async fn round(
    app: &App,
    now: Option<Timestamp>,
    unlisted: &Unlisted,
    warned: &mut Warned,
) -> Result<Unlisted, StoreError> {
    if let Some(now) = now {
        match expire(app, now.minus(app.config.history_retention), warned).await {
            Err(StoreError::Corrupt(error)) => {
                tracing::warn!(%error, "history stays: the store holds an ended task that cannot be read");
            }
            expired => expired?,
        }
    }
    let mut seen = Unlisted::new();
    let mut tasks = app.blobs.tasks();
    loop {
        let task = match tasks.try_next().await {
            Ok(Some(task)) => task,
            Ok(None) => return Ok(seen),
            Err(error) => {
                tracing::warn!(%error, "files are not tidied up further: the tasks that have some cannot be listed");
                // Those that were not looked at are as they were.
                for (task, since) in unlisted {
                    seen.entry(*task).or_insert(*since);
                }
                return Ok(seen);
            }
        };
        match tidy_files(app, task, now, unlisted, &mut seen).await {
            Ok(()) => {}
            Err(error @ (TidyError::Store(StoreError::Corrupt(_)) | TidyError::Blob(_))) => {
                warned.files_stay(task, &error);
            }
            Err(TidyError::Store(error)) => return Err(error),
        }
    }
}

/// Forgets the tasks that ended before a time. Files that stay are then those of no task, and go by their age.
async fn expire(app: &App, before: Timestamp, warned: &mut Warned) -> Result<(), StoreError> {
    loop {
        let expired = app.tasks.expire(before, BATCH).await?;
        for task in &expired {
            if let Err(error) = app.blobs.delete_all(&BlobPath::task(*task)).await {
                warned.files_stay(*task, &error);
            }
        }
        if expired.len() < BATCH {
            return Ok(());
        }
    }
}

async fn tidy_files(
    app: &App,
    task: TaskId,
    now: Option<Timestamp>,
    unlisted: &Unlisted,
    seen: &mut Unlisted,
) -> Result<(), TidyError> {
    let mark = app.tasks.mark(task).await?;
    let is_known = mark.is_some();
    let old = match mark {
        // No more is read of it before it has ended.
        Some(mark) if !mark.status.is_ended() => false,
        Some(_) => {
            let ended = app
                .tasks
                .load(task)
                .await?
                .and_then(|log| TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent).completed_at);
            now.zip(ended).is_some_and(|(now, ended)| now.since(ended) > app.config.temp_retention)
        }
        None => {
            let steady = app.clock.steady();
            let since = *seen.entry(task).or_insert(*unlisted.get(&task).unwrap_or(&steady));
            // A round may take long, and a store that has lost the files in between, or was emptied, knows none of the tasks.
            steady.since(since) > ORPHAN_AGE && app.ownership.confirm().await.is_ok()
        }
    };
    if old {
        // First, for a round that is stopped in between leaves files, which the next one finds.
        if is_known && !app.tasks.files_deleted(task).await? {
            // It runs again since it was looked at.
            return Ok(());
        }
        app.blobs.delete_all(&BlobPath::task(task)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, NOW, app, event, record};
    use futures::FutureExt as _;
    use morag_core::ports::Clock as _;
    use morag_core::task::EventKind;

    const LITTLE: Duration = Duration::from_secs(1);
    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Where the steady clock begins.
    const START: SteadyTime = SteadyTime::from_millis(NOW.as_millis());

    struct Stage {
        memory: Arc<Memory>,
        app: App,
        unlisted: Unlisted,
        warned: Warned,
    }

    impl Stage {
        fn new() -> Self {
            let memory = Arc::new(Memory::default());
            let mut app = Arc::into_inner(app(&memory, &[])).unwrap();
            // Longer than any of these tests: they are about files whose task is still known.
            app.config.history_retention = 2 * YEAR;
            Self { memory, app, unlisted: Unlisted::new(), warned: Warned::default() }
        }

        fn put(&self, path: String) {
            self.memory.blobs.put(path, "x");
        }

        /// A task that ended now, with a file.
        fn put_ended(&self) -> TaskId {
            let ended = event(1, EventKind::TaskCancelled { step: None, stage: None });
            let task = self.memory.store.add(record(), vec![ended]);
            self.put(format!("tasks/{task}/files/original.md"));
            task
        }

        /// Sets the time of day.
        fn set(&self, now: Timestamp) {
            let clock = &self.memory.clock;
            clock.set((now.as_millis() - clock.now().as_millis()) / 1000);
        }

        /// Whether there are files after a round, some time later than the last one.
        async fn stays(&mut self, passes: Duration) -> bool {
            self.memory.clock.advance(passes);
            let now = self.app.time_of_day.now(&*self.app.clock);
            self.unlisted = round(&self.app, now, &self.unlisted, &mut self.warned).await.unwrap();
            !self.memory.blobs.paths().is_empty()
        }
    }

    #[tokio::test]
    async fn a_file_without_a_task_goes_once_it_was_known_for_as_long() {
        for name in ["files/original.md", "part-of-an-upload"] {
            let mut stage = Stage::new();
            stage.put(format!("tasks/{}/{name}", TaskId::random()));
            // Seen for the first time, whenever that is.
            assert!(stage.stays(ORPHAN_AGE * 100).await && stage.stays(ORPHAN_AGE).await);
            assert!(!stage.stays(LITTLE).await);
            assert!(!stage.stays(LITTLE).await && stage.unlisted.is_empty());
        }
    }

    #[tokio::test]
    async fn a_file_without_a_task_goes_by_what_passed_whatever_the_time_of_day() {
        let mut stage = Stage::new();
        stage.put(format!("tasks/{}/files/original.md", TaskId::random()));
        assert!(stage.stays(Duration::ZERO).await);
        stage.set(NOW.plus(YEAR));
        assert!(stage.stays(ORPHAN_AGE).await, "the clock was set, and no more passed");
        stage.set(NOW.minus(YEAR));
        assert!(!stage.stays(LITTLE).await, "as much passed, though the clock was set back");
    }

    #[tokio::test]
    async fn a_start_clears_the_folders_that_no_task_has_and_counts_them() {
        let stage = Stage::new();
        stage.put_ended();
        for name in ["a", "b"] {
            stage.put(format!("tasks/{}/files/{name}", TaskId::random()));
        }
        assert_eq!((clear_orphans(&stage.app).await.unwrap(), stage.memory.blobs.paths().len()), (2, 1));
        assert_eq!(clear_orphans(&stage.app).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_file_whose_task_another_process_accepted_stays() {
        let mut stage = Stage::new();
        let task = stage.memory.store.add(record(), vec![]);
        stage.put(format!("tasks/{task}/files/original.md"));
        assert!(stage.stays(Duration::ZERO).await && stage.stays(ORPHAN_AGE * 100).await);
    }

    #[tokio::test]
    async fn an_ended_tasks_files_go_at_their_age_and_not_before() {
        let mut stage = Stage::new();
        stage.put_ended();
        let age = stage.app.config.temp_retention;
        assert!(stage.stays(age).await);
        assert!(!stage.stays(LITTLE).await);
    }

    #[tokio::test]
    async fn the_bytes_are_given_back_before_the_files_go() {
        let mut stage = Stage::new();
        let task = stage.put_ended();
        assert!(!stage.stays(stage.app.config.temp_retention * 2).await);
        // Killed in between, it leaves files, which the next round finds; bytes without files nobody would find.
        assert_eq!(*stage.memory.store.uncounted.lock().unwrap(), [(task, 1)]);
    }

    #[tokio::test]
    async fn a_task_that_cannot_be_read_keeps_its_files_and_holds_up_no_other() {
        let mut stage = Stage::new();
        let mut tasks = [stage.put_ended(), stage.put_ended(), stage.put_ended()];
        tasks.sort();
        stage.memory.store.unreadable.lock().unwrap().push(tasks[0]);
        assert!(stage.stays(stage.app.config.temp_retention * 2).await);
        assert_eq!(stage.memory.blobs.paths(), [format!("tasks/{}/files/original.md", tasks[0])]);
    }

    #[tokio::test]
    async fn files_of_a_task_that_runs_again_meanwhile_stay() {
        let mut stage = Stage::new();
        let task = stage.put_ended();
        *stage.memory.store.runs_meanwhile.lock().unwrap() = Some(task);
        for _ in 0..2 {
            assert!(stage.stays(stage.app.config.temp_retention * 2).await);
        }
        assert_eq!(*stage.memory.store.uncounted.lock().unwrap(), []);
    }

    #[tokio::test]
    async fn files_that_cannot_be_deleted_hold_up_no_others_and_are_told_of_once() {
        let mut stage = Stage::new();
        let mut tasks = [0; 3].map(|_| stage.put_ended());
        tasks.sort();
        let mut nobodys = [0; 3].map(|_| TaskId::random());
        nobodys.sort();
        for task in nobodys {
            stage.put(format!("tasks/{task}/files/original.md"));
        }
        *stage.memory.blobs.undeletable.lock().unwrap() = vec![tasks[0], nobodys[0]];
        assert!(stage.stays(Duration::ZERO).await);
        let left = |stuck: [TaskId; 2]| {
            let mut paths = stuck.map(|task| format!("tasks/{task}/files/original.md"));
            paths.sort();
            paths
        };
        for _ in 0..2 {
            assert!(stage.stays(stage.app.config.temp_retention * 2 + ORPHAN_AGE * 2).await);
            assert_eq!(stage.memory.blobs.paths(), left([tasks[0], nobodys[0]]));
            assert_eq!(stage.warned.0, BTreeSet::from([tasks[0], nobodys[0]]));
        }
        assert_eq!(stage.unlisted.keys().collect::<Vec<_>>(), [&nobodys[0]], "its age is still known");
        stage.memory.blobs.undeletable.lock().unwrap().clear();
        assert!(!stage.stays(LITTLE).await, "they are tried again");
    }

    #[test]
    fn what_was_told_of_is_bounded() {
        let mut warned = Warned::default();
        for _ in 0..WARNED_MAX + 10 {
            warned.files_stay(TaskId::random(), &"the disk fails");
        }
        assert_eq!(warned.0.len(), WARNED_MAX);
    }

    #[tokio::test]
    async fn a_start_goes_on_where_files_cannot_be_deleted() {
        let stage = Stage::new();
        let mut tasks = [0; 3].map(|_| TaskId::random());
        tasks.sort();
        for task in tasks {
            stage.put(format!("tasks/{task}/files/original.md"));
        }
        *stage.memory.blobs.undeletable.lock().unwrap() = vec![tasks[0]];
        crate::recover(&stage.app).await.unwrap();
        assert_eq!(stage.memory.blobs.paths(), [format!("tasks/{}/files/original.md", tasks[0])]);
    }

    #[tokio::test]
    async fn a_start_clears_nothing_of_a_bucket() {
        let memory = Arc::new(Memory::default());
        let app = app(&memory, &[("MORAG_BLOBS_URL", "s3://documents")]);
        let path = format!("tasks/{}/files/original.md", TaskId::random());
        memory.blobs.put(path.clone(), "x");
        crate::recover(&app).await.unwrap();
        assert_eq!(memory.blobs.paths(), [path]);
    }

    #[tokio::test]
    async fn a_start_clears_what_no_task_owns_and_goes_on_with_a_task_that_cannot_be_read() {
        let stage = Stage::new();
        let task = stage.put_ended();
        stage.memory.store.unreadable.lock().unwrap().push(task);
        stage.put(format!("tasks/{}/files/original.md", TaskId::random()));
        crate::recover(&stage.app).await.unwrap();
        assert_eq!(stage.memory.blobs.paths(), [format!("tasks/{task}/files/original.md")]);
    }

    #[test]
    fn rounds_come_as_often_as_the_shortest_retention_asks() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let mut config = Stage::new().app.config;
        for (history, temp, expected) in [
            (YEAR, YEAR, PAUSE_MAX),
            (YEAR, minutes(2), minutes(2)),
            (minutes(3), YEAR, minutes(3)),
            (YEAR, Duration::ZERO, PAUSE_MIN),
        ] {
            (config.history_retention, config.temp_retention) = (history, temp);
            assert_eq!(pause(&config), expected, "history for {history:?}, files for {temp:?}");
        }
    }

    #[tokio::test]
    async fn nothing_of_an_ended_task_goes_after_the_clock_was_set() {
        let mut stage = Stage::new();
        stage.put_ended();
        stage.set(NOW.plus(YEAR));
        assert!(stage.stays(Duration::ZERO).await && stage.stays(YEAR).await);
        stage.set(NOW.plus(YEAR).minus(crate::time_of_day::CLOCK_APART_MAX));
        assert!(!stage.stays(Duration::ZERO).await, "the clock is right again");
    }

    #[tokio::test]
    async fn files_without_a_task_stay_where_the_storage_is_another_store_s_meanwhile() {
        for disowned in [Disowned::Another("taken over".into()), Disowned::Unclear("away".into())] {
            let mut stage = Stage::new();
            stage.put(format!("tasks/{}/files/original.md", TaskId::random()));
            assert!(stage.stays(Duration::ZERO).await);
            *stage.memory.disowned.lock().unwrap() = Some(disowned);
            assert!(stage.stays(ORPHAN_AGE + LITTLE).await, "deleted, though the files are another's");
            *stage.memory.disowned.lock().unwrap() = None;
            assert!(!stage.stays(LITTLE).await);
        }
    }

    #[tokio::test]
    async fn a_store_that_has_lost_its_files_tidies_nothing_up_and_begins_anew_when_it_has_them_again() {
        let stage = Stage::new();
        let seen = || Unlisted::from([(TaskId::random(), START)]);
        let (mut lost, mut away) = (seen(), seen());
        *stage.memory.disowned.lock().unwrap() = Some(Disowned::Another("taken over".into()));
        assert!(!may_tidy(&stage.app, &mut lost).await && lost.is_empty());
        *stage.memory.disowned.lock().unwrap() = Some(Disowned::Unclear("away".into()));
        assert!(!may_tidy(&stage.app, &mut away).await && away.len() == 1);
        *stage.memory.disowned.lock().unwrap() = None;
        assert!(may_tidy(&stage.app, &mut away).await && away.len() == 1);
    }

    #[tokio::test]
    async fn a_server_whose_files_are_another_store_s_deletes_none() {
        let stage = Stage::new();
        stage.put_ended();
        stage.memory.clock.advance(YEAR);
        let (memory, app) = (stage.memory, Arc::new(stage.app));
        *memory.disowned.lock().unwrap() = Some(Disowned::Another("taken over".into()));
        // Nothing in memory is waited for, so that it comes as far as the pause after a round at once.
        let first_round = || tidy(app.clone(), CancellationToken::new()).now_or_never();
        assert!(first_round().is_none() && memory.blobs.paths().len() == 1);
        *memory.disowned.lock().unwrap() = None;
        assert!(first_round().is_none() && memory.blobs.paths().is_empty(), "they are its own again");
    }
}
