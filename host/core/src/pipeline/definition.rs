//! Pipelines: ordered steps, each with its share of the progress bar.

use super::{Condition, OnFailure};
use crate::JsonObject;
use crate::task::ArtifactName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Maximum steps of a pipeline: more than any real one, few enough to keep logs small.
const STEPS_MAX: usize = 32;

/// Maximum artifacts that one step may replace: more than the standard steps write together.
const REPLACES_MAX: usize = 32;

/// One step of a pipeline. Persisted with each task: fields may be added with a default, never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepDefinition {
    /// Name in events; unique within the pipeline.
    pub name: String,
    /// Component that runs it.
    pub component: String,
    /// Further components: a document that the ones before do not take is run by the first that does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// Stage it belongs to, for `task_progress` and error details.
    pub stage: String,
    /// Share of the progress bar relative to the other steps; at least 1.
    pub weight: u32,
    /// The component's configuration.
    #[serde(default)]
    pub config: JsonObject,
    /// Documents that the step runs for; it is skipped for others.
    #[serde(default, skip_serializing_if = "Condition::is_always")]
    pub when: Condition,
    /// What happens to the task when the step fails.
    #[serde(default, skip_serializing_if = "OnFailure::is_fail")]
    pub on_failure: OnFailure,
    /// Whether the step is skipped if its component is not loaded, and the task continues after its final failure.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
    /// Artifacts of earlier steps, each mapped to the artifact of this step that later steps read instead.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replaces: BTreeMap<ArtifactName, ArtifactName>,
}

/// What follows a step's failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// The task fails.
    Fail,
    /// The task continues with the next step.
    GoOn,
    /// The step is run again.
    Retry {
        /// Number of this retry, from 1.
        retry: u32,
        /// Maximum number of retries.
        retries_max: u32,
        /// Delay after the failure.
        delay: Duration,
    },
}

impl StepDefinition {
    /// A step that always runs and whose failure fails the task.
    pub fn plain(name: impl Into<String>, component: impl Into<String>, stage: impl Into<String>, weight: u32) -> Self {
        Self {
            name: name.into(),
            component: component.into(),
            alternatives: Vec::new(),
            stage: stage.into(),
            weight,
            config: JsonObject::new(),
            when: Condition::default(),
            on_failure: OnFailure::default(),
            optional: false,
            replaces: BTreeMap::new(),
        }
    }

    /// The components that run it, in the order in which they are asked.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.component).chain(&self.alternatives).map(String::as_str)
    }

    /// Whether the task continues after the step's final failure.
    pub fn fails_softly(&self) -> bool {
        self.optional || self.on_failure == OnFailure::Skip
    }

    /// What follows a failure after `retries` retries in this run of the task.
    pub fn after_failure(&self, retries: u32) -> AfterFailure {
        match self.on_failure {
            OnFailure::Retry(policy) if retries < policy.times() => {
                AfterFailure::Retry { retry: retries + 1, retries_max: policy.times(), delay: policy.delay() }
            }
            _ if self.fails_softly() => AfterFailure::GoOn,
            _ => AfterFailure::Fail,
        }
    }
}

/// Ordered steps. Never empty, names unique, weights positive: checked by the constructor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct Pipeline {
    name: String,
    steps: Vec<StepDefinition>,
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    name: String,
    steps: Vec<StepDefinition>,
}

/// A section of the progress bar, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Overall progress when the step starts.
    pub start: f64,
    /// Overall progress when it has completed.
    pub end: f64,
}

/// Why steps do not form a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPipeline {
    /// No step.
    #[error("pipeline {0} has no step: give it at least one")]
    Empty(String),
    /// Too many steps.
    #[error("pipeline {0} has more than {STEPS_MAX} steps")]
    TooLong(String),
    /// Two steps with the same name.
    #[error("pipeline {0} has two steps named {1}: give each its own name")]
    DuplicateStep(String, String),
    /// A step with weight 0.
    #[error("step {1} of pipeline {0} has weight 0: give it at least 1")]
    NoWeight(String, String),
    /// A step that replaces more than `REPLACES_MAX` artifacts.
    #[error("step {1} of pipeline {0} replaces more than {REPLACES_MAX} artifacts")]
    ReplacesTooMuch(String, String),
}

impl Pipeline {
    /// Creates a pipeline of checked steps.
    pub fn new(name: impl Into<String>, steps: Vec<StepDefinition>) -> Result<Self, InvalidPipeline> {
        let name = name.into();
        if steps.is_empty() {
            return Err(InvalidPipeline::Empty(name));
        }
        if steps.len() > STEPS_MAX {
            return Err(InvalidPipeline::TooLong(name));
        }
        for (index, step) in steps.iter().enumerate() {
            if steps[..index].iter().any(|earlier| earlier.name == step.name) {
                return Err(InvalidPipeline::DuplicateStep(name, step.name.clone()));
            }
            if step.weight == 0 {
                return Err(InvalidPipeline::NoWeight(name, step.name.clone()));
            }
            if step.replaces.len() > REPLACES_MAX {
                return Err(InvalidPipeline::ReplacesTooMuch(name, step.name.clone()));
            }
        }
        Ok(Self { name, steps })
    }

    /// The standard pipeline of six steps, with the progress ranges of `docs/http-api.md#events`.
    pub fn standard() -> Self {
        let step = |name: &str, stage: &str, weight| StepDefinition::plain(name, name, stage, weight);
        let steps = vec![
            step("markdown_conversion", "content_processing", 25),
            step("metadata_extraction", "content_processing", 15),
            step("content_processing", "content_processing", 30),
            step("chunking", "chunking", 10),
            step("graph_extraction", "graph_extraction", 10),
            step("ingestion", "storage", 10),
        ];
        Self { name: "ingest".into(), steps }
    }

    /// The first `count` steps (at least one) as a pipeline of another name.
    #[must_use]
    pub fn first(&self, count: usize, name: impl Into<String>) -> Self {
        let count = count.clamp(1, self.steps.len());
        Self { name: name.into(), steps: self.steps[..count].to_vec() }
    }

    /// Name of the pipeline.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The steps in order.
    pub fn steps(&self) -> &[StepDefinition] {
        &self.steps
    }

    /// Index of a step, by name.
    pub fn position(&self, step: &str) -> Option<usize> {
        self.steps.iter().position(|definition| definition.name == step)
    }

    /// Section of the progress bar of the step at `index`.
    pub fn range(&self, index: usize) -> Range {
        share(self.steps.iter().map(|step| step.weight), index)
    }
}

/// Section of the progress bar of the step at `index`, among steps with these weights.
pub(crate) fn share(weights: impl Iterator<Item = u32> + Clone, index: usize) -> Range {
    let sum = |count: usize| weights.clone().take(count).map(u64::from).sum::<u64>() as f64;
    let total = sum(usize::MAX);
    let at = |count: usize| 100.0 * sum(count) / total;
    Range { start: at(index), end: at(index.saturating_add(1)) }
}

impl TryFrom<Unchecked> for Pipeline {
    type Error = InvalidPipeline;
    fn try_from(unchecked: Unchecked) -> Result<Self, Self::Error> {
        Self::new(unchecked.name, unchecked.steps)
    }
}

impl From<Pipeline> for Unchecked {
    fn from(pipeline: Pipeline) -> Self {
        Self { name: pipeline.name, steps: pipeline.steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Retries;

    #[test]
    fn the_standard_ranges_are_the_guides() {
        let pipeline = Pipeline::standard();
        let ranges: Vec<_> = (0..6).map(|index| (pipeline.range(index).start, pipeline.range(index).end)).collect();
        assert_eq!(ranges, [(0.0, 25.0), (25.0, 40.0), (40.0, 70.0), (70.0, 80.0), (80.0, 90.0), (90.0, 100.0)]);
    }

    #[test]
    fn a_pipeline_names_what_is_wrong_with_it() {
        let step = |name: &str, weight| StepDefinition::plain(name, name, "s", weight);
        assert_eq!(Pipeline::new("p", vec![]), Err(InvalidPipeline::Empty("p".into())));
        assert_eq!(
            Pipeline::new("p", vec![step("a", 1), step("a", 1)]),
            Err(InvalidPipeline::DuplicateStep("p".into(), "a".into()))
        );
        assert_eq!(Pipeline::new("p", vec![step("a", 0)]), Err(InvalidPipeline::NoWeight("p".into(), "a".into())));
    }
    #[test]
    fn a_failure_is_retried_then_skipped_or_the_tasks() {
        let retries = OnFailure::Retry(Retries::new(2, Duration::from_secs(3)).unwrap());
        let step =
            |on_failure, optional| StepDefinition { on_failure, optional, ..StepDefinition::plain("a", "a", "a", 1) };
        let again = |retry| AfterFailure::Retry { retry, retries_max: 2, delay: Duration::from_secs(3) };
        assert_eq!(step(OnFailure::Fail, false).after_failure(0), AfterFailure::Fail);
        assert_eq!(step(OnFailure::Skip, false).after_failure(0), AfterFailure::GoOn);
        assert_eq!(step(OnFailure::Fail, true).after_failure(0), AfterFailure::GoOn);
        let retried =
            |optional| [0, 1, 2, 9].map(|retries_so_far| step(retries, optional).after_failure(retries_so_far));
        assert_eq!(retried(false), [again(1), again(2), AfterFailure::Fail, AfterFailure::Fail]);
        assert_eq!(retried(true), [again(1), again(2), AfterFailure::GoOn, AfterFailure::GoOn]);
    }
}
