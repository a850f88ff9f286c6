//! Running one step in its sandbox.

use super::{BlobPath, Revision};
use crate::JsonObject;
use crate::plugin::Descriptor;
use crate::task::{Artifact, ArtifactName, Resources, StepFailure, TaskRecord};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A file a step may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepInputs {
    /// The document that was submitted.
    pub source: BlobPath,
    /// Published artifacts of earlier steps, by the name under which the step asks for them. The artifact has its own name,
    /// which is that of its file: another one where it replaces what is asked for.
    pub artifacts: BTreeMap<ArtifactName, Artifact>,
}

/// One call of a step.
#[derive(Clone)]
pub struct StepCall {
    /// Component to run.
    pub component: String,
    /// Its configuration.
    pub config: JsonObject,
    /// The task.
    pub record: Arc<TaskRecord>,
    /// Run of the task, from 1.
    pub attempt: u32,
    /// What it may read.
    pub inputs: StepInputs,
    /// Told of progress: fraction (finite, 0 to 1, rising) and message. Must return at once.
    pub on_progress: Arc<dyn Fn(f64, String) + Send + Sync>,
}

/// An artifact that is written whole and not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedArtifact {
    /// What it is.
    pub artifact: Artifact,
    /// Where it lies.
    pub path: BlobPath,
}

/// What a step brought.
#[derive(Debug, Clone, PartialEq)]
pub struct StepSuccess {
    /// The step-specific keys, with artifact URLs.
    pub data: JsonObject,
    /// Files to publish.
    pub artifacts: Vec<StagedArtifact>,
    /// Staged writes to publish, if the step made any or holds a storing capability.
    pub revision: Option<Revision>,
}

/// A line of a step's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The line, control characters escaped, at most 4 KiB.
    pub message: String,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// Its result. Outcomes of the sandbox have the codes of [`crate::plugin::FailureCode`]; where a limit was reached, the
    /// details say which: `limit`, `allowed`, `measured` where it could be, and `unit`.
    pub result: Result<StepSuccess, StepFailure>,
    /// What it took.
    pub resources: Resources,
    /// Its log, bounded.
    pub log: Vec<LogLine>,
}

/// Runs steps.
#[async_trait]
pub trait StepRunner: Send + Sync {
    /// What a component says it is; none where no such component is loaded.
    fn descriptor(&self, component: &str) -> Option<Arc<Descriptor>>;

    /// Runs a step on a fresh instance. Dropping the future stops the guest within one epoch tick (10 ms), frees its
    /// memory and leaves no artifact that was not finished.
    async fn run(&self, call: StepCall) -> StepReport;
}
