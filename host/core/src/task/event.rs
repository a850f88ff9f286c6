//! Events of a task. The log of events is the task's only source of truth.

use super::{Artifact, ArtifactName};
use crate::trace::TraceContext;
use crate::{JsonObject, Timestamp};
use serde::{Deserialize, Serialize};

/// One entry of a task's log. Persisted; a field may be added with a default, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the task's log, from 1, without gaps.
    pub sequence: u64,
    /// When it was committed.
    pub timestamp: Timestamp,
    /// Overall progress at this event, 0 to 100; never falls within a task.
    pub progress_percent: f64,
    /// One line for humans.
    pub message: String,
    /// Span of the run that it happened in, if the run was traced: later runs are linked to it, and deliveries of the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<TraceContext>,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event_type", rename_all = "snake_case")]
pub enum EventKind {
    /// A run started; its first step is about to run.
    TaskStarted {
        /// Set if the task had ended and was restarted, or returned to a step because of a damaged file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry: Option<Retry>,
    },
    /// Overall progress reached a milestone.
    TaskProgress {
        /// 25, 50 or 75.
        milestone: u8,
        /// Step that was running or had just completed.
        step: String,
        /// Stage of that step.
        stage: String,
    },
    /// A step started. Not repeated when the step is run again after a crash.
    StepStarted {
        /// Name of the step.
        step: String,
        /// Its stage.
        stage: String,
    },
    /// A step succeeded.
    StepCompleted {
        /// Name of the step.
        step: String,
        /// Its stage.
        stage: String,
        /// The step-specific keys, with artifact URLs.
        data: JsonObject,
        /// Files it wrote.
        artifacts: Vec<Artifact>,
        /// Resources that the run used.
        resources: Resources,
    },
    /// A step was skipped, without a `step_started` before, and the task continues. Only steps that have a condition or are
    /// optional can be skipped.
    StepSkipped {
        /// Name of the step.
        step: String,
        /// Its stage.
        stage: String,
        /// Why.
        reason: SkipReason,
    },
    /// A step failed and is run again later, in the same run of the task, without a second `step_started`.
    StepRetrying {
        /// Name of the step.
        step: String,
        /// Its stage.
        stage: String,
        /// Why it failed.
        failure: StepFailure,
        /// Resources that the failed run used.
        resources: Resources,
        /// Number of the coming retry, from 1.
        retry_number: u32,
        /// Maximum number of retries.
        retries_max: u32,
        /// Time from this event to the retry, milliseconds.
        delay_ms: u64,
    },
    /// A step failed. The task fails with it, unless the next event is of a later step or completes the task.
    StepFailed {
        /// Name of the step.
        step: String,
        /// Its stage.
        stage: String,
        /// Why.
        failure: StepFailure,
        /// Resources that the run used.
        resources: Resources,
    },
    /// Every step completed, or was skipped as the pipeline allows.
    TaskCompleted {
        /// Totals over the steps (`docs/http-api.md#events`).
        result: JsonObject,
    },
    /// The task failed because of a step.
    TaskFailed {
        /// Name of the step.
        step: String,
        /// Its stage.
        stage: String,
        /// Why.
        failure: StepFailure,
    },
    /// A caller cancelled the task.
    TaskCancelled {
        /// Step that was running, if one was.
        step: Option<String>,
        /// Its stage.
        stage: Option<String>,
    },
}

/// Why a step was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// The document does not satisfy its `when`.
    ConditionNotMet,
    /// It is optional, and its component is not loaded.
    ComponentNotLoaded,
}

/// A new run of a task that had failed or was cancelled, or whose files were damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// First step of the run. Results of earlier steps remain valid.
    pub from_step: String,
    /// Claims of the task before the run; only later claims count against the run.
    pub claims_before: u64,
    /// Damaged file that caused the restart; `None` if a caller requested it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<ArtifactName>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepFailure {
    /// Stable and machine readable: the step's own, or `PLUGIN_…` if a limit or trap of the sandbox stopped it.
    pub code: String,
    /// What happened, to what, and what to do.
    pub message: String,
    /// Further keys from the step.
    pub details: JsonObject,
    /// Whether the same input could succeed later.
    pub retryable: bool,
}

/// Resources that a run of a step used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Wall-clock time of the call, milliseconds.
    pub wall_ms: u64,
    /// Processor time of the guest and of the host on the same thread, milliseconds.
    pub cpu_ms: u64,
    /// Largest linear memory, bytes.
    pub peak_memory_bytes: u64,
    /// Calls from the guest to the host.
    pub host_calls: u64,
    /// Bytes the guest read from the host.
    pub bytes_in: u64,
    /// Bytes the guest wrote to artifacts.
    pub bytes_out: u64,
    // The following fields were added later; older logs lack them.
    /// Requests to other hosts.
    #[serde(default)]
    pub http_requests: u64,
    /// Lines that the guest logged or printed, stored or not.
    #[serde(default)]
    pub log_lines: u64,
    /// Their bytes.
    #[serde(default)]
    pub log_bytes: u64,
}

impl Resources {
    /// What both used together, one after the other.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let sum = u64::saturating_add;
        Self {
            wall_ms: sum(self.wall_ms, other.wall_ms),
            cpu_ms: sum(self.cpu_ms, other.cpu_ms),
            peak_memory_bytes: self.peak_memory_bytes.max(other.peak_memory_bytes),
            host_calls: sum(self.host_calls, other.host_calls),
            bytes_in: sum(self.bytes_in, other.bytes_in),
            bytes_out: sum(self.bytes_out, other.bytes_out),
            http_requests: sum(self.http_requests, other.http_requests),
            log_lines: sum(self.log_lines, other.log_lines),
            log_bytes: sum(self.log_bytes, other.log_bytes),
        }
    }
}

impl EventKind {
    /// The contract's name of the event type.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::TaskStarted { .. } => "task_started",
            Self::TaskProgress { .. } => "task_progress",
            Self::StepStarted { .. } => "step_started",
            Self::StepCompleted { .. } => "step_completed",
            Self::StepSkipped { .. } => "step_skipped",
            Self::StepRetrying { .. } => "step_retrying",
            Self::StepFailed { .. } => "step_failed",
            Self::TaskCompleted { .. } => "task_completed",
            Self::TaskFailed { .. } => "task_failed",
            Self::TaskCancelled { .. } => "task_cancelled",
        }
    }

    /// The contract's `status` word of the event.
    pub fn status(&self) -> &'static str {
        match self {
            Self::TaskStarted { .. } | Self::StepStarted { .. } => "started",
            Self::TaskProgress { .. } => "progress",
            Self::StepCompleted { .. } | Self::TaskCompleted { .. } => "completed",
            Self::StepSkipped { .. } => "skipped",
            Self::StepRetrying { .. } => "retrying",
            Self::StepFailed { .. } | Self::TaskFailed { .. } => "failed",
            Self::TaskCancelled { .. } => "cancelled",
        }
    }

    /// Step and stage the event belongs to.
    pub fn place(&self) -> Option<(&str, &str)> {
        match self {
            Self::TaskStarted { .. } | Self::TaskCompleted { .. } => None,
            Self::TaskCancelled { step, stage } => Some((step.as_deref()?, stage.as_deref()?)),
            Self::TaskProgress { step, stage, .. }
            | Self::StepStarted { step, stage }
            | Self::StepCompleted { step, stage, .. }
            | Self::StepSkipped { step, stage, .. }
            | Self::StepRetrying { step, stage, .. }
            | Self::StepFailed { step, stage, .. }
            | Self::TaskFailed { step, stage, .. } => Some((step, stage)),
        }
    }

    /// Whether it is about one step rather than the task.
    pub fn is_step_event(&self) -> bool {
        match self {
            Self::StepStarted { .. }
            | Self::StepCompleted { .. }
            | Self::StepSkipped { .. }
            | Self::StepRetrying { .. }
            | Self::StepFailed { .. } => true,
            Self::TaskStarted { .. }
            | Self::TaskProgress { .. }
            | Self::TaskCompleted { .. }
            | Self::TaskFailed { .. }
            | Self::TaskCancelled { .. } => false,
        }
    }

    /// Total size of the files written with this event, bytes.
    pub fn written_bytes(&self) -> u64 {
        match self {
            Self::StepCompleted { artifacts, .. } => {
                artifacts.iter().fold(0, |sum, artifact| sum.saturating_add(artifact.size))
            }
            Self::TaskStarted { .. }
            | Self::TaskProgress { .. }
            | Self::StepStarted { .. }
            | Self::StepSkipped { .. }
            | Self::StepRetrying { .. }
            | Self::StepFailed { .. }
            | Self::TaskCompleted { .. }
            | Self::TaskFailed { .. }
            | Self::TaskCancelled { .. } => 0,
        }
    }

    /// Whether no event can follow in the same run.
    pub fn ends_task(&self) -> bool {
        match self {
            Self::TaskCompleted { .. } | Self::TaskFailed { .. } | Self::TaskCancelled { .. } => true,
            Self::TaskStarted { .. }
            | Self::TaskProgress { .. }
            | Self::StepStarted { .. }
            | Self::StepCompleted { .. }
            | Self::StepSkipped { .. }
            | Self::StepRetrying { .. }
            | Self::StepFailed { .. } => false,
        }
    }
}
