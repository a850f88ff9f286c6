//! State of a task, folded from its log.

use super::{Event, EventKind, StepFailure};
use crate::pipeline::{Pipeline, Range};
use crate::{JsonObject, Timestamp};
use serde::{Deserialize, Serialize};

/// The contract's words for a task's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's words")]
pub enum StatusWord {
    Pending,
    InProgress,
    Completed,
    Failed,
    Cancelled,
}

impl StatusWord {
    /// Every state, in the order of a task's life.
    pub const ALL: [Self; 5] = [Self::Pending, Self::InProgress, Self::Completed, Self::Failed, Self::Cancelled];

    /// The contract's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether the task has ended: it changes only if it is asked to run again.
    pub fn is_ended(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled => true,
            Self::Pending | Self::InProgress => false,
        }
    }
}

impl std::str::FromStr for StatusWord {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|word| word.as_str() == text).ok_or(())
    }
}

/// State of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the contract's words")]
pub enum StepState {
    Pending,
    InProgress,
    Completed,
    /// Skipped, as the pipeline allows.
    Skipped,
    /// Failed; the task may have continued.
    Failed,
    Cancelled,
}

/// One step of the status body.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StepStatus {
    /// Name of the step.
    pub step: String,
    /// State of the step.
    pub status: StepState,
    /// Overall progress (0 to 100) that the step has reached, or at which it begins while it is pending.
    pub progress_percent: f64,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}

/// State of a task.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskStatus {
    /// The contract's word.
    pub word: StatusWord,
    /// Overall progress, 0 to 100.
    pub progress_percent: f64,
    /// Number of the run, from 1. A run resumed after a crash keeps its number.
    pub attempt: u32,
    /// Step that is running, or ran last when the task failed.
    pub current_step: Option<String>,
    /// One line for humans.
    pub message: String,
    /// Totals of a completed task.
    pub result: Option<JsonObject>,
    /// Why it failed: the step's name, stage and failure.
    pub failure: Option<(String, String, StepFailure)>,
    /// When the (last) run started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub completed_at: Option<Timestamp>,
    /// Every step of the pipeline, in order.
    pub steps: Vec<StepStatus>,
}

impl TaskStatus {
    /// Folds a log. `live_percent`: last progress report of the running step, which is not an event.
    pub fn fold(pipeline: &Pipeline, events: &[Event], live_percent: f64) -> Self {
        let mut status = Self::pending(pipeline);
        events.iter().for_each(|event| status.apply(event));
        if !status.word.is_ended()
            && let Some(index) = status.steps.iter().position(|step| step.status == StepState::InProgress)
        {
            // Within the running step's range, as when the run is resumed.
            let Range { start, end } = pipeline.range(index);
            status.progress_percent = status.progress_percent.max(live_percent.clamp(start, end));
            status.steps[index].progress_percent = status.progress_percent;
        }
        status
    }

    fn pending(pipeline: &Pipeline) -> Self {
        let step = |(index, step): (usize, &crate::pipeline::StepDefinition)| StepStatus {
            step: step.name.clone(),
            status: StepState::Pending,
            progress_percent: pipeline.range(index).start,
            started_at: None,
            completed_at: None,
            error: None,
        };
        Self {
            word: StatusWord::Pending,
            progress_percent: 0.0,
            attempt: 1,
            current_step: None,
            message: "Task is waiting for a worker".into(),
            result: None,
            failure: None,
            started_at: None,
            completed_at: None,
            steps: pipeline.steps().iter().enumerate().map(step).collect(),
        }
    }

    fn apply(&mut self, event: &Event) {
        self.progress_percent = self.progress_percent.max(event.progress_percent);
        self.message.clone_from(&event.message);
        let at = event.timestamp;
        match &event.kind {
            EventKind::TaskStarted { retry } => {
                self.word = StatusWord::InProgress;
                self.started_at = Some(at);
                if let Some(retry) = retry {
                    self.begin_again(&retry.from_step);
                }
            }
            // A step that will be retried still counts as in progress.
            EventKind::TaskProgress { .. } | EventKind::StepRetrying { .. } => {}
            EventKind::StepSkipped { step, .. } => {
                self.step(step, |step| {
                    step.status = StepState::Skipped;
                    step.progress_percent = event.progress_percent;
                    step.completed_at = Some(at);
                });
            }
            EventKind::StepStarted { step, .. } => {
                self.current_step = Some(step.clone());
                self.step(step, |step| {
                    step.status = StepState::InProgress;
                    step.started_at = Some(at);
                });
            }
            EventKind::StepCompleted { step, .. } => {
                self.step(step, |step| {
                    step.status = StepState::Completed;
                    step.progress_percent = event.progress_percent;
                    step.completed_at = Some(at);
                });
            }
            EventKind::StepFailed { step, failure, .. } => {
                self.step(step, |step| {
                    step.status = StepState::Failed;
                    step.progress_percent = event.progress_percent;
                    step.completed_at = Some(at);
                    step.error = Some(failure.message.clone());
                });
            }
            EventKind::TaskCompleted { result } => {
                self.word = StatusWord::Completed;
                self.completed_at = Some(at);
                self.current_step = None;
                self.result = Some(result.clone());
            }
            EventKind::TaskFailed { step, stage, failure } => {
                self.word = StatusWord::Failed;
                self.completed_at = Some(at);
                self.failure = Some((step.clone(), stage.clone(), failure.clone()));
            }
            EventKind::TaskCancelled { .. } => {
                self.word = StatusWord::Cancelled;
                self.completed_at = Some(at);
                self.current_step = None;
                for step in self.steps.iter_mut().filter(|step| step.status == StepState::InProgress) {
                    step.status = StepState::Cancelled;
                    step.progress_percent = event.progress_percent;
                    step.completed_at = Some(at);
                }
            }
        }
    }

    /// Starts a new run at this step. The progress is kept.
    fn begin_again(&mut self, from_step: &str) {
        self.attempt += 1;
        (self.completed_at, self.current_step, self.result, self.failure) = (None, None, None, None);
        for step in self.steps.iter_mut().skip_while(|step| step.step != from_step) {
            step.status = StepState::Pending;
            (step.started_at, step.completed_at, step.error) = (None, None, None);
        }
    }

    fn step(&mut self, name: &str, change: impl FnOnce(&mut StepStatus)) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.step == name) {
            change(step);
        }
    }
}
