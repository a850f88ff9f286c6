//! Stops a task: its cancellation is committed first, so the run's own later commits are refused, wherever it runs.

use super::stamp::stamp;
use super::store_commit::store_commit;
use crate::App;
use morag_core::pipeline::{Input, RunState, transition};
use morag_core::ports::{Commit, CommitError, Guard, Next, StoreError};
use morag_core::task::{StatusWord, TaskId};

/// How often a cancellation meets a log that has just grown. A task has a few dozen events, and each try is one
/// commit, so losing so many races in a row means something else is wrong.
const RACES_MAX: usize = 50;

/// What became of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The task is cancelled now.
    Cancelled,
    /// It had ended already.
    AlreadyEnded,
    /// There is no such task.
    Unknown,
}

/// Cancels a task. Once this returns, `task_cancelled` is in its log and a running step is being stopped: at once where it
/// runs in this process, else when its worker next commits or renews its lease (a third of the lease at the latest).
pub async fn cancel(app: &App, task: TaskId) -> Result<CancelOutcome, StoreError> {
    for _ in 0..RACES_MAX {
        let Some(log) = app.tasks.load(task).await? else { return Ok(CancelOutcome::Unknown) };
        let pipeline = &log.record.pipeline;
        let run = RunState::resume(pipeline, &log.events, log.live_percent);
        let percent = run.percent();
        let now = app.clock.now();
        let Ok(decision) = transition(pipeline, run, Input::Cancel, now) else {
            return Ok(CancelOutcome::AlreadyEnded);
        };
        let commit = Commit {
            task,
            guard: Guard::Sequence(log.last_sequence()),
            events: stamp(&log.events, decision.events, now, None),
            live_percent: percent,
            status: StatusWord::Cancelled,
            next: Next::Done,
        };
        match store_commit(app, commit).await {
            Ok(()) => {
                app.running.stop(task);
                return Ok(CancelOutcome::Cancelled);
            }
            // All but the first are of tasks that begin again, which a cancelled one does not.
            Err(CommitError::Stale | CommitError::DuplicateDocument(_) | CommitError::FilesGone) => {}
            Err(CommitError::Unknown) => return Ok(CancelOutcome::Unknown),
            Err(CommitError::Store(error)) => return Err(error),
        }
    }
    Err(StoreError::Unavailable(format!("the log of task {task} grew {RACES_MAX} times while it was being cancelled")))
}
