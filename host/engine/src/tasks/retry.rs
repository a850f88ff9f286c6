//! Begins a new run of a task that has ended: the same task, from a step on.

use super::stamp::stamp;
use super::verify::damaged;
use crate::App;
use morag_core::pipeline::{
    Damage, DamagedFile, Draft, ExpectedFile, RetryRefused, attempt, retry as decide, standing_files, step_to_mend,
};
use morag_core::ports::{
    AcceptError, BlobError, Commit, CommitError, Flow, Guard, Next, RunAgainError, StoreError, TaskLimits, TaskLog,
};
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
    /// The submitted file is not there any more.
    #[error("step {step} needs {file}, which is not kept any more: submit the document anew")]
    InputGone {
        /// Step that the run was to begin with.
        step: String,
        /// Name of the file.
        file: String,
    },
    /// The submitted file is not what was submitted.
    #[error("the submitted file {0}: submit the document anew")]
    SourceDamaged(DamagedFile),
    /// It may not join those that wait.
    #[error(transparent)]
    NotAdmitted(AcceptError),
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

/// Begins a new run of a task that failed or was cancelled: from `from_step`, or from the first step that has not completed; from
/// an earlier one where a file that the run would go on with is damaged or missing, so that it is made again. Once
/// this returns, the run's `task_started` is in the log and the task is due. It waits at the end of the flow, within its limits.
pub async fn retry(
    app: &App,
    task: TaskId,
    from_step: Option<&str>,
    (flow, limits): (&Flow, TaskLimits),
) -> Result<Retried, RetryError> {
    // Before the log and the files are read, which takes longer than being refused.
    app.tasks.may_enter(flow, limits).await.map_err(RetryError::NotAdmitted)?;
    for _ in 0..RACES_MAX {
        let log = app.tasks.load(task).await?.ok_or(RetryError::Unknown)?;
        let draft = decide(&log.record.pipeline, &log.events, log.claims, from_step)?;
        let draft = match file_to_mend(app, &log, &first_step(&draft)?).await? {
            None => draft,
            Some((file, step)) => {
                let step = &log.record.pipeline.steps()[step].name;
                let draft = decide(&log.record.pipeline, &log.events, log.claims, Some(step))?;
                tracing::warn!(%task, step, reason = %file, "retry begins with an earlier step");
                Draft { message: format!("{}: {file}", draft.message), ..draft }
            }
        };
        let from_step = first_step(&draft)?;
        let (live_percent, now) = (draft.progress_percent, app.clock.now());
        let events = stamp(&log.events, vec![draft], now, None);
        let retried = Retried { attempt: attempt(&log.events) + 1, from_step };
        let commit = Commit {
            task,
            guard: Guard::Sequence(log.last_sequence()),
            events,
            live_percent,
            status: StatusWord::InProgress,
            next: Next::At(now),
        };
        let (tasks, flow) = (app.tasks.clone(), flow.clone());
        // Apart from who asked: one that goes away now must not leave a place among those that wait, and a task of its day, to a
        // task that does not run again.
        let running = tokio::spawn(async move { tasks.run_again(commit, &flow, limits).await });
        let lost = |error| StoreError::Unavailable(format!("running task {task} again: {error}"));
        match running.await.map_err(lost)? {
            Ok(()) => return Ok(retried),
            Err(RunAgainError::Commit(CommitError::Stale)) => {}
            Err(RunAgainError::Commit(CommitError::Unknown)) => return Err(RetryError::Unknown),
            Err(RunAgainError::Commit(CommitError::DuplicateDocument(holder))) => {
                return Err(RetryError::DuplicateDocument(holder));
            }
            // Deleted since it was looked at.
            Err(RunAgainError::Commit(CommitError::FilesGone)) => {
                let file = log.record.source.stored_as.to_string();
                return Err(RetryError::InputGone { step: retried.from_step, file });
            }
            Err(RunAgainError::Commit(CommitError::Store(error))) => return Err(error.into()),
            Err(RunAgainError::Admission(refused)) => return Err(RetryError::NotAdmitted(refused)),
        }
    }
    Err(StoreError::Unavailable(format!("the log of task {task} grew {RACES_MAX} times while it was being retried"))
        .into())
}

/// The step that the new run begins with.
fn first_step(draft: &Draft) -> Result<String, RetryError> {
    match &draft.kind {
        EventKind::TaskStarted { retry: Some(begun) } => Ok(begun.from_step.clone()),
        _ => Err(StoreError::Corrupt("a retry begins with task_started".into()).into()),
    }
}

/// Looks at the files that the run can read: the submitted one, and what the steps before have left. Which of them a step
/// does read, only a worker knows. Gives the first that is damaged or missing, with the step, by index, that the run must begin
/// with so that all of them are made again.
async fn file_to_mend(app: &App, log: &TaskLog, from_step: &str) -> Result<Option<(DamagedFile, usize)>, RetryError> {
    let (pipeline, source) = (&log.record.pipeline, ExpectedFile::from(&log.record.source));
    let source_name = source.name.clone();
    let mut files = vec![source];
    files.extend(standing_files(pipeline, &log.events, pipeline.position(from_step)));
    let damaged = damaged(app, log.record.id, files).await.map_err(RetryError::Files)?;
    if let Some(source) = damaged.iter().find(|file| file.name == source_name) {
        return Err(match source.damage {
            Damage::Missing => RetryError::InputGone { step: from_step.to_owned(), file: source_name.to_string() },
            Damage::Size { .. } | Damage::Digest => RetryError::SourceDamaged(source.clone()),
        });
    }
    let step = step_to_mend(pipeline, &log.events, &damaged);
    Ok(damaged.into_iter().next().zip(step))
}
