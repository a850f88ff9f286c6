//! What a commit of a task does beside appending its events.

use crate::ports::{Commit, CommitError, Guard};
use crate::task::{Event, EventKind, StatusWord};

/// What a store knows of a task when a commit arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TaskFacts {
    /// The task's state.
    pub status: StatusWord,
    /// Sequence of the task's last event; 0 before the first.
    pub last_sequence: u64,
    /// The running step's last saved report, overall percent.
    pub live_percent: f64,
    /// Whether the task was asked to run again and no commit has come since.
    pub waits_again: bool,
    /// Whether the lease that the commit names is the task's last and was not given back. Not read for [`Guard::Sequence`].
    pub lease_is_held: bool,
    /// Whether the task's files are deleted ([`crate::ports::Tasks::files_deleted`]).
    pub files_are_deleted: bool,
}

/// What a commit changes beside the log. The place in the due-queue is [`Commit::next`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CommitPlan<'a> {
    /// The claim on the task's document, for a task that has one.
    pub document: DocumentPlan,
    /// Set where the task is one of those that wait for a worker, and leaves them.
    pub leaves_queue: Option<Left>,
    /// When the task ended.
    pub end_time: EndTime,
    /// The step whose reports are the task's live progress.
    pub running_step: RunningStep<'a>,
    /// Highest progress of the new events, overall percent; 0 without events.
    pub reached_percent: f64,
    /// Bytes of the files that are new with the commit.
    pub written_bytes: u64,
    /// The task's cursors that wait for an event.
    pub cursors: WaitingCursors,
}

/// What becomes of a task's claim on its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentPlan {
    /// As it was.
    Unchanged,
    /// The task has completed: it keeps the claim, and every task that completed before gives its claim up.
    Keep,
    /// The task has ended without its document: the claim goes.
    GiveUp,
    /// The task had ended and runs again: it claims its document as a new task does, or is refused.
    ClaimAgain,
}

/// How a task leaves those that wait for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It has begun: its flow has had a turn.
    Begun,
    /// It was cancelled before it began: no turn was taken.
    Cancelled,
}

/// What becomes of the time at which a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndTime {
    /// As it was: the task still runs, or had ended before.
    Unchanged,
    /// The task ends with the commit: the time of the commit.
    Set,
    /// The task runs again: it has none.
    Clear,
}

/// The step whose reports are the task's live progress, after a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunningStep<'a> {
    /// The same as before.
    Unchanged,
    /// None: the task is between steps, or has ended.
    None,
    /// The step of this name.
    Step(&'a str),
}

/// What becomes of the task's cursors in [`super::CursorState::Waiting`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitingCursors {
    /// They go on waiting: the commit has no event.
    Wait,
    /// They come due now.
    Wake,
}

/// What a commit does to a task.
///
/// # Errors
/// [`CommitError::Stale`] where the committer's lease or log is not the task's, and [`CommitError::FilesGone`] for a task that would
/// run again without its files. Nothing may be changed then.
pub fn plan_commit<'a>(facts: &TaskFacts, commit: &'a Commit) -> Result<CommitPlan<'a>, CommitError> {
    let follows = commit.events.iter().zip(facts.last_sequence + 1..).all(|(event, next)| event.sequence == next);
    if !is_allowed(facts, commit) || !follows {
        return Err(CommitError::Stale);
    }
    if reopens(facts.status, commit.status) && facts.files_are_deleted {
        return Err(CommitError::FilesGone);
    }
    Ok(CommitPlan {
        document: claim_after(facts.status, commit.status),
        leaves_queue: leaves_queue(facts.status, facts.waits_again, commit.status),
        end_time: end_time(facts.status, commit.status),
        running_step: running_step(&commit.events),
        reached_percent: reached_percent(&commit.events),
        written_bytes: written_bytes(&commit.events),
        cursors: if commit.events.is_empty() { WaitingCursors::Wait } else { WaitingCursors::Wake },
    })
}

fn is_allowed(facts: &TaskFacts, commit: &Commit) -> bool {
    match commit.guard {
        Guard::Lease(_) => facts.lease_is_held,
        Guard::Sequence(seen) => {
            // A commit that ends the task below the shown progress has not seen all that was shown.
            let falls = commit.status.is_ended() && commit.live_percent < facts.live_percent;
            seen == facts.last_sequence && !falls
        }
    }
}

/// Whether a task that had ended runs again. Decided by its state, not by its events: a run that goes back to a step whose file
/// is damaged begins with the same event and reopens nothing.
pub fn reopens(before: StatusWord, after: StatusWord) -> bool {
    before.is_ended() && !after.is_ended()
}

/// Whether a commit of these events may be one that [`reopens`] its task: for a store that must prepare for that before it knows the
/// task's state.
pub fn may_reopen(events: &[Event]) -> bool {
    events.iter().any(|event| match &event.kind {
        EventKind::TaskStarted { retry } => retry.is_some(),
        EventKind::StepStarted { .. }
        | EventKind::StepCompleted { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::StepFailed { .. }
        | EventKind::StepRetrying { .. }
        | EventKind::TaskProgress { .. }
        | EventKind::TaskCompleted { .. }
        | EventKind::TaskFailed { .. }
        | EventKind::TaskCancelled { .. } => false,
    })
}

/// What becomes of the claim on the document of a task that goes from one state to another.
pub fn claim_after(before: StatusWord, after: StatusWord) -> DocumentPlan {
    match (before.is_ended(), after) {
        (true, StatusWord::Pending | StatusWord::InProgress) => DocumentPlan::ClaimAgain,
        (false, StatusWord::Completed) => DocumentPlan::Keep,
        (false, StatusWord::Failed | StatusWord::Cancelled) => DocumentPlan::GiveUp,
        (false, StatusWord::Pending | StatusWord::InProgress)
        | (true, StatusWord::Completed | StatusWord::Failed | StatusWord::Cancelled) => DocumentPlan::Unchanged,
    }
}

/// Whether a task leaves those that wait for a worker, and how. `waits_again`: it was asked to run again and no commit has come
/// since. Its state does not say that it waits.
pub fn leaves_queue(before: StatusWord, waits_again: bool, after: StatusWord) -> Option<Left> {
    let waited = waits_again || before == StatusWord::Pending;
    match after {
        // Also a task that waits again: its next commit begins it.
        StatusWord::Pending => waits_again.then_some(Left::Begun),
        StatusWord::InProgress | StatusWord::Completed | StatusWord::Failed => waited.then_some(Left::Begun),
        StatusWord::Cancelled => waited.then_some(Left::Cancelled),
    }
}

/// What becomes of the time at which a task ended.
pub fn end_time(before: StatusWord, after: StatusWord) -> EndTime {
    match (before.is_ended(), after.is_ended()) {
        (false, true) => EndTime::Set,
        (true, false) => EndTime::Clear,
        (true, true) | (false, false) => EndTime::Unchanged,
    }
}

/// The step that runs after these events.
pub fn running_step(events: &[Event]) -> RunningStep<'_> {
    events.iter().fold(RunningStep::Unchanged, |running, event| match &event.kind {
        EventKind::StepStarted { step, .. } => RunningStep::Step(step),
        EventKind::TaskStarted { .. }
        | EventKind::StepCompleted { .. }
        | EventKind::StepSkipped { .. }
        | EventKind::StepFailed { .. }
        | EventKind::TaskCompleted { .. }
        | EventKind::TaskFailed { .. }
        | EventKind::TaskCancelled { .. } => RunningStep::None,
        // A step that is run again keeps its progress.
        EventKind::TaskProgress { .. } | EventKind::StepRetrying { .. } => running,
    })
}

/// Highest progress of these events, overall percent; 0 without events.
pub fn reached_percent(events: &[Event]) -> f64 {
    events.iter().map(|event| event.progress_percent).fold(0.0, f64::max)
}

/// Bytes of the files that are new with these events.
pub fn written_bytes(events: &[Event]) -> u64 {
    events.iter().fold(0, |sum, event| sum.saturating_add(event.kind.written_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Next;
    use crate::task::{Resources, SkipReason, StepFailure, TaskId};
    use crate::{JsonObject, Timestamp};

    const ALL: [StatusWord; 5] = StatusWord::ALL;

    fn facts(status: StatusWord) -> TaskFacts {
        TaskFacts {
            status,
            last_sequence: 3,
            live_percent: 40.0,
            waits_again: false,
            lease_is_held: true,
            files_are_deleted: false,
        }
    }

    fn event(sequence: u64, kind: EventKind) -> Event {
        let progress_percent = 10.0 * sequence as f64;
        Event {
            sequence,
            timestamp: Timestamp::from_millis(0),
            progress_percent,
            message: String::new(),
            span: None,
            kind,
        }
    }

    fn commit(guard: Guard, status: StatusWord, sequences: impl IntoIterator<Item = u64>) -> Commit {
        let events = sequences.into_iter().map(|sequence| event(sequence, EventKind::TaskStarted { retry: None }));
        let task = TaskId::from(uuid::Uuid::from_u128(1));
        Commit { task, guard, events: events.collect(), live_percent: 40.0, status, next: Next::Keep }
    }

    #[test]
    fn a_commit_needs_its_lease_or_the_whole_log() {
        let running = facts(StatusWord::InProgress);
        let is_stale = |facts: &TaskFacts, commit: &Commit| plan_commit(facts, commit) == Err(CommitError::Stale);
        let by_lease = commit(Guard::Lease(7), StatusWord::InProgress, [4, 5]);
        assert!(!is_stale(&running, &by_lease));
        assert!(is_stale(&TaskFacts { lease_is_held: false, ..running }, &by_lease));
        for (seen, stale) in [(2, true), (3, false), (4, true)] {
            let seen = commit(Guard::Sequence(seen), StatusWord::InProgress, [4]);
            // Whether a lease is held is nothing to it.
            for lease_is_held in [true, false] {
                assert_eq!(is_stale(&TaskFacts { lease_is_held, ..running }, &seen), stale, "{seen:?}");
            }
        }
        for gap in [vec![3], vec![5], vec![4, 6], vec![4, 4]] {
            assert!(is_stale(&running, &commit(Guard::Lease(7), StatusWord::InProgress, gap)));
        }
    }

    #[test]
    fn a_commit_that_ends_the_task_below_what_was_shown_is_stale() {
        for status in ALL {
            let lower = Commit { live_percent: 39.0, ..commit(Guard::Sequence(3), status, []) };
            let refused = plan_commit(&facts(StatusWord::InProgress), &lower).is_err();
            assert_eq!(refused, status.is_ended(), "{status:?}");
            let leased = Commit { guard: Guard::Lease(7), ..lower };
            assert!(plan_commit(&facts(StatusWord::InProgress), &leased).is_ok(), "the worker's own report may fall");
        }
    }

    #[test]
    fn only_a_task_that_runs_again_needs_its_files() {
        for before in ALL {
            for after in ALL {
                let without_files = TaskFacts { files_are_deleted: true, ..facts(before) };
                let refused = plan_commit(&without_files, &commit(Guard::Sequence(3), after, [])).is_err();
                assert_eq!(refused, before.is_ended() && !after.is_ended(), "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn what_a_retry_commits_may_reopen_its_task_and_nothing_else_may() {
        let ended = EventKind::TaskCancelled { step: None, stage: None };
        let log = [event(1, EventKind::TaskStarted { retry: None }), event(2, ended)];
        assert!(!may_reopen(&log) && !may_reopen(&[]));
        let again = crate::pipeline::retry(&crate::pipeline::Pipeline::standard(), &log, 1, None).unwrap();
        assert!(may_reopen(&[event(3, again.kind.clone())]));
        let report = EventKind::TaskProgress { milestone: 25, step: "s".into(), stage: "g".into() };
        assert!(may_reopen(&[event(3, report), event(4, again.kind)]), "wherever it stands");
    }

    #[test]
    fn a_claim_ends_with_the_task_and_comes_back_with_it() {
        use DocumentPlan::{ClaimAgain, GiveUp, Keep, Unchanged};
        let of = |before| ALL.map(|after| claim_after(before, after));
        for running in [StatusWord::Pending, StatusWord::InProgress] {
            assert_eq!(of(running), [Unchanged, Unchanged, Keep, GiveUp, GiveUp]);
        }
        for ended in [StatusWord::Completed, StatusWord::Failed, StatusWord::Cancelled] {
            assert_eq!(of(ended), [ClaimAgain, ClaimAgain, Unchanged, Unchanged, Unchanged]);
        }
    }

    #[test]
    fn a_task_leaves_those_that_wait_once() {
        use Left::{Begun, Cancelled};
        let of = |before, waits_again| ALL.map(|after| leaves_queue(before, waits_again, after));
        assert_eq!(of(StatusWord::Pending, false), [None, Some(Begun), Some(Begun), Some(Begun), Some(Cancelled)]);
        for before in ALL.into_iter().filter(|before| *before != StatusWord::Pending) {
            assert_eq!(of(before, false), [None; 5], "{before:?}");
            let left = [Some(Begun), Some(Begun), Some(Begun), Some(Begun), Some(Cancelled)];
            assert_eq!(of(before, true), left, "{before:?} that runs again");
        }
    }

    #[test]
    fn the_time_of_the_end_is_that_of_the_first_commit_that_ends_the_task() {
        for before in ALL {
            for after in ALL {
                let expected = match (before.is_ended(), after.is_ended()) {
                    (false, true) => EndTime::Set,
                    (true, false) => EndTime::Clear,
                    _ => EndTime::Unchanged,
                };
                assert_eq!(end_time(before, after), expected, "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn the_running_step_is_the_one_that_started_last_and_has_not_ended() {
        let (step, stage) = (|| "s".to_owned(), || "g".to_owned());
        let failure =
            || StepFailure { code: "X".into(), message: String::new(), details: JsonObject::new(), retryable: true };
        let resources = Resources::default();
        let started = || EventKind::StepStarted { step: step(), stage: stage() };
        let running = |kinds: Vec<EventKind>| {
            let events: Vec<_> = kinds.into_iter().zip(1..).map(|(kind, sequence)| event(sequence, kind)).collect();
            match running_step(&events) {
                RunningStep::Unchanged => "unchanged".to_owned(),
                RunningStep::None => "none".to_owned(),
                RunningStep::Step(name) => format!("step {name}"),
            }
        };
        assert_eq!(running(vec![]), "unchanged");
        assert_eq!(running(vec![started()]), "step s");
        let reported = EventKind::TaskProgress { milestone: 25, step: step(), stage: stage() };
        let retrying = EventKind::StepRetrying {
            step: step(),
            stage: stage(),
            failure: failure(),
            resources,
            retry_number: 1,
            retries_max: 2,
            delay_ms: 1,
        };
        for during in [reported, retrying] {
            assert_eq!(running(vec![during.clone()]), "unchanged", "{during:?}");
            assert_eq!(running(vec![started(), during]), "step s");
        }
        let between = [
            EventKind::TaskStarted { retry: None },
            EventKind::StepCompleted {
                step: step(),
                stage: stage(),
                data: JsonObject::new(),
                artifacts: vec![],
                resources,
            },
            EventKind::StepSkipped { step: step(), stage: stage(), reason: SkipReason::ConditionNotMet },
            EventKind::StepFailed { step: step(), stage: stage(), failure: failure(), resources },
            EventKind::TaskCompleted { result: JsonObject::new() },
            EventKind::TaskFailed { step: step(), stage: stage(), failure: failure() },
            EventKind::TaskCancelled { step: Some(step()), stage: Some(stage()) },
        ];
        for kind in between {
            assert_eq!(running(vec![started(), kind.clone()]), "none", "{kind:?}");
            assert_eq!(running(vec![kind, started()]), "step s");
        }
    }

    #[test]
    fn a_plan_sums_up_the_events() {
        let two = commit(Guard::Lease(7), StatusWord::InProgress, [4, 5]);
        let plan = plan_commit(&facts(StatusWord::Pending), &two).unwrap();
        assert_eq!((plan.reached_percent, plan.written_bytes, plan.cursors), (50.0, 0, WaitingCursors::Wake));
        assert_eq!(plan.leaves_queue, Some(Left::Begun));
        let report = commit(Guard::Lease(7), StatusWord::InProgress, []);
        let plan = plan_commit(&facts(StatusWord::InProgress), &report).unwrap();
        assert_eq!((plan.reached_percent, plan.cursors), (0.0, WaitingCursors::Wait));
        assert_eq!(plan.running_step, RunningStep::Unchanged);
    }
}
