//! Runs a step in its sandbox.

use super::{BlobPath, Revision};
use crate::JsonObject;
use crate::plugin::Descriptor;
use crate::task::{Artifact, ArtifactName, Resources, StepFailure, TaskRecord};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files that a step may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepInputs {
    /// The submitted document.
    pub source: BlobPath,
    /// Published artifacts of earlier steps, by the name under which the step opens them. The artifact's own name differs if
    /// it replaces the opened one.
    pub artifacts: BTreeMap<ArtifactName, Artifact>,
}

/// One call of a step.
#[derive(Clone)]
pub struct StepCall {
    /// The components to run: the first that takes the document.
    pub components: Vec<String>,
    /// Its configuration.
    pub config: JsonObject,
    /// The task.
    pub record: Arc<TaskRecord>,
    /// Number of the task's run, from 1.
    pub attempt: u32,
    /// Files that it may read.
    pub inputs: StepInputs,
    /// Called with progress: fraction (finite, 0 to 1, increasing) and message. Must not block.
    pub on_progress: Arc<dyn Fn(f64, String) + Send + Sync>,
}

/// A completely written, unpublished artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedArtifact {
    /// Its metadata.
    pub artifact: Artifact,
    /// Path of its file.
    pub path: BlobPath,
}

/// Result of a successful step.
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

/// Outcome of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct StepReport {
    /// The step's result. Failures of the sandbox have the codes of [`crate::plugin::FailureCode`]; for an exceeded limit the
    /// details contain `limit`, `allowed`, `measured` (if known) and `unit`.
    pub result: Result<StepSuccess, StepFailure>,
    /// The component that the result is of, if one was run.
    pub component: Option<String>,
    /// Resources used, by all components that were run.
    pub resources: Resources,
    /// The step's log, bounded.
    pub log: Vec<LogLine>,
}

/// Runs steps.
#[async_trait]
pub trait StepRunner: Send + Sync {
    /// Descriptor of a component; `None` if it is not loaded.
    fn descriptor(&self, component: &str) -> Option<Arc<Descriptor>>;

    /// The converters that [`crate::plugin::CONVERSION`] stands for, in the order in which they are asked.
    fn converters(&self) -> Vec<Arc<Descriptor>> {
        Vec::new()
    }

    /// Runs a step on a fresh instance of each component that is asked. Dropping the future stops the guest within one epoch tick (10 ms), frees its memory and
    /// removes unfinished artifacts.
    async fn run(&self, call: StepCall) -> StepReport;
}
