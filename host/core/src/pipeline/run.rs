//! Where a run of a pipeline stands. Each variant holds only what is valid there.

use super::totals::Totals;
use super::{Pipeline, Range};
use crate::Timestamp;
use crate::task::{Event, EventKind};
use std::collections::{BTreeMap, BTreeSet};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the contract's words")]
pub enum Ending {
    Completed,
    Failed,
    Cancelled,
}

/// How far a started run is, and what it has said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Overall progress, 0 to 100; never falls.
    pub percent: f64,
    /// Highest milestone (0, 25, 50, 75) that has been announced.
    pub announced: u8,
    /// When the (last) run started.
    pub started_at: Timestamp,
    pub(super) totals: Totals,
}

/// Where a run stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Run {
    /// Accepted; nothing has happened.
    Accepted,
    /// Started; step `next` has not.
    Ready {
        /// Step to start.
        next: usize,
        /// How far the run is.
        progress: Progress,
    },
    /// Step `step` has started and has not ended: it runs, or is to be run again, after a crash or a failure.
    InStep {
        /// Step that runs.
        step: usize,
        /// How often it has been run again after a failure, in this run of the task.
        retries: u32,
        /// How far the run is.
        progress: Progress,
    },
    /// Nothing can happen any more.
    Ended(Ending),
}

/// Where a log has led to, beside the progress.
#[derive(Clone, Copy)]
enum Place {
    Accepted,
    Ready(usize),
    /// The step, and how often it has been run again after a failure.
    InStep(usize, u32),
    Ended(Ending),
}

impl Place {
    /// The place after `events[index]`, and what the event says of progress.
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
            // Where it fails the task, the next event says so.
            (EventKind::StepSkipped { step, .. } | EventKind::StepFailed { step, .. }, _) => {
                pipeline.position(step).map_or(self, |step| Self::Ready(step + 1))
            }
            (EventKind::TaskCompleted { .. }, _) => Self::Ended(Ending::Completed),
            (EventKind::TaskFailed { .. }, _) => Self::Ended(Ending::Failed),
            (EventKind::TaskCancelled { .. }, _) => Self::Ended(Ending::Cancelled),
        }
    }
}

/// Index of the step that a run begins with.
fn first_step(pipeline: &Pipeline, started: &EventKind) -> usize {
    match started {
        EventKind::TaskStarted { retry: Some(retry) } => pipeline.position(&retry.from_step).unwrap_or(0),
        _ => 0,
    }
}

/// Completions that stand, by the step's index: what earlier runs brought before the step that the last run began with, and
/// what the last run has brought since. They are the inputs of what comes next.
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

/// Steps that are done with, by index: they completed, were left out, or failed and the task went on, before the step that the
/// last run began with or in the last run.
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

impl Run {
    /// Reads where a run stands out of its log. `live_percent` is the running step's last saved report. A task that was run
    /// again is where its last run is; progress and announcements go on from those before.
    pub fn resume(pipeline: &Pipeline, events: &[Event], live_percent: f64) -> Self {
        let Some(first) = events.first() else { return Self::Accepted };
        let mut place = Place::Accepted;
        let mut progress =
            Progress { percent: 0.0, announced: 0, started_at: first.timestamp, totals: Totals::default() };
        for (index, event) in events.iter().enumerate() {
            progress.percent = progress.percent.max(event.progress_percent);
            place = place.after(pipeline, events, index, &mut progress);
        }
        match place {
            Place::Accepted => Self::Accepted,
            Place::Ready(next) => Self::Ready { next, progress },
            Place::InStep(step, retries) => {
                // A live percent that is not in the running step's range is none: the step must still end where its range
                // does.
                let Range { start, end } = pipeline.range(step);
                progress.percent = progress.percent.max(live_percent.clamp(start, end));
                Self::InStep { step, retries, progress }
            }
            Place::Ended(ending) => Self::Ended(ending),
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
