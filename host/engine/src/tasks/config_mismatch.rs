//! Whether a step's stored configuration still fits the component that runs it.
//!
//! A task keeps the pipeline that it was accepted with. The pipelines of `morag.toml` were checked when the components were loaded; a
//! stored one that differs was not, or with other components: before a restart, or by another process.

use crate::App;
use morag_core::JsonObject;
use morag_core::pipeline::{Pipeline, StepDefinition};
use morag_core::plugin::{ConfigSchema, Descriptor, FailureCode};
use morag_core::task::StepFailure;

/// Why a step cannot run with its stored configuration; none where it can. The schema is compiled only for a configuration that is
/// not in `morag.toml`; its size was checked when the component was loaded.
pub(super) fn config_mismatch(
    app: &App,
    pipeline: &Pipeline,
    step: &StepDefinition,
    descriptor: &Descriptor,
) -> Option<StepFailure> {
    let is_checked = |now: &StepDefinition| now.components().eq(step.components()) && now.config == step.config;
    if app.pipelines.get(pipeline.name()).is_some_and(|now| now.steps().iter().any(is_checked)) {
        return None;
    }
    let problem = match ConfigSchema::new(&descriptor.config_schema) {
        Ok(schema) => schema.check(&step.config).err()?.to_string(),
        Err(problem) => format!("the schema of {}: {problem}", descriptor.name),
    };
    let Descriptor { name, version, .. } = descriptor;
    Some(StepFailure {
        code: FailureCode::ConfigInvalid.as_str().into(),
        message: format!(
            "the task was accepted with a configuration that {name} {version}, which runs the step now, does not take: {problem}; \
             submit it anew"
        ),
        details: JsonObject::new(),
        retryable: false,
    })
}
