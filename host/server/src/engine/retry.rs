//! Begins a new run of a task that has ended: the same task, from a step on.

use super::run::stamp;
use crate::App;
use morag_core::pipeline::{Pipeline, RetryRefused, attempt, completions, retry as decide};
use morag_core::ports::{BlobError, BlobPath, Commit, CommitError, Guard, Next, StoreError, TaskLog};
use morag_core::task::{EventKind, StatusWord, TaskId};

/// How often a retry meets a log that has just grown. An ended task's log grows only by another retry, after which this one
/// is refused; more races than this mean something else is wrong.
const RACES_MAX: usize = 10;

/// A task runs again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// Run of the task, from 2.
    pub attempt: u32,
    /// Step that it begins with.
    pub from_step: String,
}

/// Why a task does not run again. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetryError {
    /// There is no such task.
    #[error("there is no such task")]
    Unknown,
    /// It cannot be, by what has happened to it.
    #[error(transparent)]
    Refused(#[from] RetryRefused),
    /// A file that the run would read is not there any more.
    #[error("step {step} needs {file}, which is not kept any more: {hint}")]
    InputGone {
        /// Step that the run was to begin with.
        step: String,
        /// Name of the file.
        file: String,
        /// What can be done.
        hint: &'static str,
    },
    /// Its document is another task's by now.
    #[error("the document belongs to task {0}")]
    DuplicateDocument(TaskId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files cannot be looked at.
    #[error(transparent)]
    Files(BlobError),
}

/// Begins a new run of a task that failed or was cancelled: from `from_step`, or from the first step that has not completed.
/// Once this returns, the run's `task_started` is in the log and the task is due.
pub async fn retry(app: &App, task: TaskId, from_step: Option<&str>) -> Result<Retried, RetryError> {
    for _ in 0..RACES_MAX {
        let log = app.tasks.load(task).await?.ok_or(RetryError::Unknown)?;
        let draft = decide(&log.record.pipeline, &log.events, log.claims, from_step)?;
        let EventKind::TaskStarted { retry: Some(begun) } = &draft.kind else {
            return Err(StoreError::Corrupt("a retry begins with task_started".into()).into());
        };
        let from_step = begun.from_step.clone();
        check_inputs(app, &log, &from_step).await?;
        let (live_percent, now) = (draft.progress_percent, app.clock.now());
        let events = stamp(&log.events, vec![draft], now);
        let retried = Retried { attempt: attempt(&log.events) + 1, from_step };
        let commit = Commit {
            task,
            guard: Guard::Sequence(log.last_sequence()),
            events,
            live_percent,
            status: StatusWord::InProgress,
            next: Next::At(now),
        };
        match app.tasks.commit(commit).await {
            Ok(()) => return Ok(retried),
            Err(CommitError::Stale) => {}
            Err(CommitError::Unknown) => return Err(RetryError::Unknown),
            Err(CommitError::DuplicateDocument(holder)) => return Err(RetryError::DuplicateDocument(holder)),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
    }
    Err(StoreError::Unavailable(format!("the log of task {task} grew {RACES_MAX} times while it was being retried"))
        .into())
}

/// Whether the files are there that the run can read: the submitted one, and what the steps before have left. Which of
/// them a step does read, only a worker knows.
async fn check_inputs(app: &App, log: &TaskLog, from_step: &str) -> Result<(), RetryError> {
    let pipeline: &Pipeline = &log.record.pipeline;
    let from = pipeline.position(from_step).unwrap_or(0);
    let gone = |file: &str, hint| RetryError::InputGone { step: from_step.to_owned(), file: file.to_owned(), hint };
    let source = &log.record.source.stored_as;
    if !is_there(app, &BlobPath::file(log.record.id, source)).await? {
        return Err(gone(source.as_str(), "submit the document anew"));
    }
    for (_, kind) in completions(pipeline, &log.events).range(..from) {
        let EventKind::StepCompleted { artifacts, .. } = kind else { continue };
        for artifact in artifacts {
            if !is_there(app, &BlobPath::file(log.record.id, &artifact.name)).await? {
                return Err(gone(artifact.name.as_str(), "retry from an earlier step"));
            }
        }
    }
    Ok(())
}

async fn is_there(app: &App, path: &BlobPath) -> Result<bool, RetryError> {
    match app.blobs.stat(path).await {
        Ok(_) => Ok(true),
        Err(BlobError::NotFound) => Ok(false),
        Err(error) => Err(RetryError::Files(error)),
    }
}
