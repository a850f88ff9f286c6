//! Where a run of a pipeline stands. Each variant holds only what is valid there.

use super::totals::Totals;
use super::{Pipeline, Range};
use crate::Timestamp;
use crate::task::{Event, EventKind};

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
    /// When the run started.
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
    /// Step `step` has started and has not ended: it runs, or is to be run again after a crash.
    InStep {
        /// Step that runs.
        step: usize,
        /// How far the run is.
        progress: Progress,
    },
    /// Nothing can happen any more.
    Ended(Ending),
}

impl Run {
    /// Reads where a run stands out of its log. `live_percent` is the running step's last saved report.
    pub fn resume(pipeline: &Pipeline, events: &[Event], live_percent: f64) -> Self {
        let mut run = Self::Accepted;
        for event in events {
            run = run.after(pipeline, event);
        }
        if let Self::InStep { step, progress } = &mut run {
            // A live percent that is not in the running step's range is none: the step must still end where its range does.
            let Range { start, end } = pipeline.range(*step);
            progress.percent = progress.percent.max(live_percent.clamp(start, end));
        }
        run
    }

    fn after(self, pipeline: &Pipeline, event: &Event) -> Self {
        let mut progress = match self {
            Self::Ended(_) => return self,
            Self::Accepted => {
                Progress { percent: 0.0, announced: 0, started_at: event.timestamp, totals: Totals::default() }
            }
            Self::Ready { ref progress, .. } | Self::InStep { ref progress, .. } => progress.clone(),
        };
        progress.percent = progress.percent.max(event.progress_percent);
        match &event.kind {
            EventKind::TaskStarted => Self::Ready { next: 0, progress },
            EventKind::TaskProgress { milestone, .. } => {
                progress.announced = progress.announced.max(*milestone);
                match self {
                    Self::InStep { step, .. } => Self::InStep { step, progress },
                    Self::Ready { next, .. } => Self::Ready { next, progress },
                    Self::Accepted | Self::Ended(_) => self,
                }
            }
            EventKind::StepStarted { step, .. } => match pipeline.position(step) {
                Some(step) => Self::InStep { step, progress },
                None => self,
            },
            EventKind::StepCompleted { step, data, .. } => match pipeline.position(step) {
                Some(step) => {
                    progress.totals.add(data);
                    Self::Ready { next: step + 1, progress }
                }
                None => self,
            },
            EventKind::StepFailed { .. } => self,
            EventKind::TaskCompleted { .. } => Self::Ended(Ending::Completed),
            EventKind::TaskFailed { .. } => Self::Ended(Ending::Failed),
            EventKind::TaskCancelled { .. } => Self::Ended(Ending::Cancelled),
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
