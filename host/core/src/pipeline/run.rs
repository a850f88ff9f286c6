//! State of a pipeline run. Each variant holds only what is valid in that state.

use super::totals::Totals;
use super::{Pipeline, Range};
use crate::Timestamp;
use crate::task::{Event, EventKind};
use std::collections::{BTreeMap, BTreeSet};

/// Outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's words")]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
}

/// Progress of a started run, and what of it has been announced.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Overall progress, 0 to 100; never decreases.
    pub percent: f64,
    /// Highest announced milestone (0, 25, 50, 75).
    pub announced: u8,
    /// Start of the last run.
    pub started_at: Timestamp,
    pub(super) totals: Totals,
}

/// State of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunState {
    /// Accepted, not started.
    Accepted,
    /// Started; the next step is not.
    Ready {
        /// Step to start.
        next: usize,
        /// Progress of the run.
        progress: Progress,
    },
    /// Step `step` has started and not ended: it is running, or will be run again after a crash or a failure.
    InStep {
        /// The step that runs.
        step: usize,
        /// Retries of the step in this run of the task.
        retries: u32,
        /// Progress of the run.
        progress: Progress,
    },
    /// Ended; only a new run can follow.
    Ended(Ending),
}

/// [`RunState`] without the progress, while a log is folded.
#[derive(Clone, Copy)]
enum State {
    Accepted,
    Ready(usize),
    /// Index of the step, and its retries after failures.
    InStep(usize, u32),
    Ended(Ending),
}

impl State {
    /// The state after `events[index]`; also updates `progress`.
    fn after(self, pipeline: &Pipeline, events: &[Event], index: usize, progress: &mut Progress) -> Self {
        let event = &events[index];
        match (&event.kind, self) {
            (EventKind::TaskStarted { .. }, _) => {
                progress.started_at = event.timestamp;
                progress.totals = totals(&completions(pipeline, &events[..=index]));
                Self::Ready(first_step(pipeline, &event.kind))
            }
            // Only a new run can follow.
            (_, Self::Ended(_)) => self,
            (EventKind::TaskProgress { milestone, .. }, _) => {
                progress.announced = progress.announced.max(*milestone);
                self
            }
            (EventKind::StepStarted { step, .. }, _) => {
                pipeline.position(step).map_or(self, |step| Self::InStep(step, 0))
            }
            (EventKind::StepCompleted { step, data, .. }, _) => match pipeline.position(step) {
                Some(step) => {
                    progress.totals.add(data);
                    Self::Ready(step + 1)
                }
                None => self,
            },
            (EventKind::StepRetrying { step, .. }, Self::InStep(at, retries))
                if pipeline.position(step) == Some(at) =>
            {
                Self::InStep(at, retries.saturating_add(1))
            }
            (EventKind::StepRetrying { .. }, _) => self,
            // If the failure fails the task, the next event says so.
            (EventKind::StepSkipped { step, .. } | EventKind::StepFailed { step, .. }, _) => {
                pipeline.position(step).map_or(self, |step| Self::Ready(step + 1))
            }
            (EventKind::TaskCompleted { .. }, _) => Self::Ended(Ending::Completed),
            (EventKind::TaskFailed { .. }, _) => Self::Ended(Ending::Failed),
            (EventKind::TaskCancelled { .. }, _) => Self::Ended(Ending::Cancelled),
        }
    }
}

/// Index of the first step of a run.
fn first_step(pipeline: &Pipeline, started: &EventKind) -> usize {
    match started {
        EventKind::TaskStarted { retry: Some(retry) } => pipeline.position(&retry.from_step).unwrap_or(0),
        _ => 0,
    }
}

/// Valid completions by step index: those of earlier runs for steps before the last run's first step, and those of the last
/// run. Later steps read their artifacts.
pub fn completions<'a>(pipeline: &Pipeline, events: &'a [Event]) -> BTreeMap<usize, &'a EventKind> {
    let mut standing = BTreeMap::new();
    for event in events {
        match &event.kind {
            kind @ EventKind::TaskStarted { .. } => drop(standing.split_off(&first_step(pipeline, kind))),
            kind @ EventKind::StepCompleted { step, .. } => {
                if let Some(step) = pipeline.position(step) {
                    standing.insert(step, kind);
                }
            }
            EventKind::TaskProgress { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepSkipped { .. }
            | EventKind::StepRetrying { .. }
            | EventKind::StepFailed { .. }
            | EventKind::TaskCompleted { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskCancelled { .. } => {}
        }
    }
    standing
}

/// Steps that were passed, by index: completed, skipped, or failed while the task continued, either before the last run's
/// first step or in the last run.
pub fn passed(pipeline: &Pipeline, events: &[Event]) -> BTreeSet<usize> {
    let mut passed = BTreeSet::new();
    for event in events {
        match &event.kind {
            kind @ EventKind::TaskStarted { .. } => drop(passed.split_off(&first_step(pipeline, kind))),
            EventKind::StepCompleted { step, .. }
            | EventKind::StepSkipped { step, .. }
            | EventKind::StepFailed { step, .. } => passed.extend(pipeline.position(step)),
            EventKind::TaskFailed { step, .. } => {
                pipeline.position(step).map(|step| passed.remove(&step));
            }
            EventKind::TaskProgress { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepRetrying { .. }
            | EventKind::TaskCompleted { .. }
            | EventKind::TaskCancelled { .. } => {}
        }
    }
    passed
}

fn totals(standing: &BTreeMap<usize, &EventKind>) -> Totals {
    let mut totals = Totals::default();
    for kind in standing.values() {
        if let EventKind::StepCompleted { data, .. } = kind {
            totals.add(data);
        }
    }
    totals
}

impl RunState {
    /// Folds a log into the state of its last run. `live_percent`: last saved progress report of the running step. Progress
    /// and announced milestones carry over from earlier runs.
    pub fn resume(pipeline: &Pipeline, events: &[Event], live_percent: f64) -> Self {
        let Some(first) = events.first() else { return Self::Accepted };
        let mut state = State::Accepted;
        let mut progress =
            Progress { percent: 0.0, announced: 0, started_at: first.timestamp, totals: Totals::default() };
        for (index, event) in events.iter().enumerate() {
            progress.percent = progress.percent.max(event.progress_percent);
            state = state.after(pipeline, events, index, &mut progress);
        }
        match state {
            State::Accepted => Self::Accepted,
            State::Ready(next) => Self::Ready { next, progress },
            State::InStep(step, retries) => {
                // The saved percent may be of another step; the step must still end where its range does.
                let Range { start, end } = pipeline.range(step);
                progress.percent = progress.percent.max(live_percent.clamp(start, end));
                Self::InStep { step, retries, progress }
            }
            State::Ended(ending) => Self::Ended(ending),
        }
    }

    /// Overall progress, 0 to 100.
    pub fn percent(&self) -> f64 {
        match self {
            Self::Accepted => 0.0,
            Self::Ready { progress, .. } | Self::InStep { progress, .. } => progress.percent,
            Self::Ended(_) => 100.0,
        }
    }
}
