//! Whether pipelines can run with the components that are loaded: at each start, and before a component is replaced.

use super::Pipelines;
use morag_core::pipeline::{Pipeline, StepDefinition};
use morag_core::plugin::{Descriptor, InvalidDataflow, PlannedStep, check_dataflow};
use morag_runtime::{ConfigProblem, ConfigSchema, UnusableSchema};
use std::sync::Arc;

/// A pipeline cannot run. The text names pipeline and step, and says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPipelines {
    /// A step has no component.
    #[error(
        "pipeline {pipeline}, step {step}: no component {component} is loaded: put its .wasm into the plugins folder, name \
         another by `plugin`, or give the step `optional = true`"
    )]
    NotLoaded {
        /// The pipeline.
        pipeline: String,
        /// The step.
        step: String,
        /// The component that it wants.
        component: String,
    },
    /// Its steps do not fit together.
    #[error("pipeline {pipeline}: {problem}")]
    Dataflow {
        /// The pipeline.
        pipeline: String,
        /// How.
        problem: InvalidDataflow,
    },
    /// A step's configuration is not as its component says.
    #[error("pipeline {pipeline}, step {step}: {problem}")]
    Config {
        /// The pipeline.
        pipeline: String,
        /// The step.
        step: String,
        /// The offending key.
        problem: ConfigProblem,
    },
    /// A component's schema is unusable.
    #[error(
        "pipeline {pipeline}, step {step}: the configuration schema of component {component} cannot be used, {problem}: its \
         author has to mend it"
    )]
    Schema {
        /// The pipeline.
        pipeline: String,
        /// The step.
        step: String,
        /// Its component.
        component: String,
        /// Why.
        problem: UnusableSchema,
    },
}

/// Checks every pipeline: that each step's component is loaded, or the step optional; that what is read is surely written
/// before, and once; and each step's configuration by its component's JSON Schema. `descriptor_of`: what the component of
/// that name says; none where it is not loaded.
///
/// # Errors
/// The first problem, in the order of the pipelines and their steps.
pub fn check(
    pipelines: &Pipelines,
    descriptor_of: &dyn Fn(&str) -> Option<Arc<Descriptor>>,
) -> Result<(), InvalidPipelines> {
    pipelines.all().try_for_each(|configured| check_one(&configured.pipeline, descriptor_of))
}

fn check_one(
    pipeline: &Pipeline,
    descriptor_of: &dyn Fn(&str) -> Option<Arc<Descriptor>>,
) -> Result<(), InvalidPipelines> {
    let mut planned: Vec<PlannedStep<'_>> = Vec::new();
    for step in pipeline.steps() {
        let descriptor = descriptor_of(&step.component);
        match &descriptor {
            Some(descriptor) => check_config(pipeline, step, descriptor)?,
            None if step.optional => {}
            None => {
                return Err(InvalidPipelines::NotLoaded {
                    pipeline: pipeline.name().into(),
                    step: step.name.clone(),
                    component: step.component.clone(),
                });
            }
        }
        planned.push((step, descriptor));
    }
    check_dataflow(&planned).map_err(|problem| InvalidPipelines::Dataflow { pipeline: pipeline.name().into(), problem })
}

fn check_config(pipeline: &Pipeline, step: &StepDefinition, descriptor: &Descriptor) -> Result<(), InvalidPipelines> {
    let (name, pipeline) = (step.name.clone(), pipeline.name().to_owned());
    let schema = ConfigSchema::new(&descriptor.config_schema).map_err(|problem| InvalidPipelines::Schema {
        pipeline: pipeline.clone(),
        step: name.clone(),
        component: step.component.clone(),
        problem,
    })?;
    schema.check(&step.config).map_err(|problem| InvalidPipelines::Config { pipeline, step: name, problem })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::Configured;
    use morag_core::plugin::{Input, Output};
    use serde_json::{Value, json};

    /// A component that reads and writes these, with a schema.
    fn component(inputs: &[&str], outputs: &[&str], config_schema: Value) -> Arc<Descriptor> {
        let output = |name: &&str| Output { name: name.parse().unwrap(), media_type: "t".into(), data_key: None };
        Arc::new(Descriptor {
            name: "s".into(),
            version: "1.0.0".into(),
            summary: String::new(),
            inputs: inputs.iter().map(|name| Input { name: name.parse().unwrap(), required: true }).collect(),
            outputs: outputs.iter().map(output).collect(),
            capabilities: vec![],
            config_schema,
        })
    }

    fn loaded(name: &str) -> Option<Arc<Descriptor>> {
        let redact = json!({"properties": {"kinds": {"items": {"enum": ["email"]}}}, "additionalProperties": false});
        Some(match name {
            "convert" => component(&[], &["markdown.md"], json!({"type": "object"})),
            "redact" => component(&["markdown.md"], &["redacted.md"], redact),
            "hostile" => component(&[], &[], json!({"$ref": "#"})),
            _ => return None,
        })
    }

    fn checked(steps: Vec<StepDefinition>) -> Result<(), InvalidPipelines> {
        check_one(&Pipeline::new("own", steps).unwrap(), &loaded)
    }

    fn step(name: &str, config: Value) -> StepDefinition {
        StepDefinition { config: config.as_object().unwrap().clone(), ..StepDefinition::plain(name, name, name, 1) }
    }

    #[test]
    fn every_pipeline_of_a_server_is_checked() {
        let own =
            Configured { pipeline: Pipeline::new("own", vec![step("nowhere", json!({}))]).unwrap(), stores: false };
        let any = |_: &str| Some(component(&[], &[], json!({})));
        assert_eq!(check(&Pipelines::with(std::slice::from_ref(&own)), &any), Ok(()));
        let all_but = |name: &str| any(name).filter(|_| name != "nowhere");
        let error = check(&Pipelines::with(&[own]), &all_but).unwrap_err();
        assert!(matches!(&error, InvalidPipelines::NotLoaded { pipeline, .. } if pipeline == "own"), "{error}");
    }

    #[test]
    fn what_is_wrong_names_pipeline_step_and_key() {
        let convert = || step("convert", json!({}));
        assert_eq!(checked(vec![convert(), step("redact", json!({"kinds": ["email"]}))]), Ok(()));
        let optional = StepDefinition { optional: true, ..step("nowhere", json!({"any": 1})) };
        assert_eq!(checked(vec![convert(), optional]), Ok(()));
        for (steps, said) in [
            (vec![step("nowhere", json!({}))], "pipeline own, step nowhere: no component nowhere is loaded"),
            (
                vec![convert(), step("redact", json!({"kinds": ["fax"]}))],
                "pipeline own, step redact: config.kinds[0]: ",
            ),
            (vec![convert(), step("redact", json!({"color": 1}))], "pipeline own, step redact: config.color: "),
            (
                vec![step("redact", json!({}))],
                "pipeline own: step redact reads markdown.md, which no step before it writes",
            ),
            (
                vec![convert(), StepDefinition { component: "convert".into(), ..step("again", json!({})) }],
                "pipeline own: steps convert and again both write markdown.md",
            ),
            (vec![step("hostile", json!({}))], "the configuration schema of component hostile cannot be used"),
        ] {
            let text = checked(steps).unwrap_err().to_string();
            assert!(text.contains(said), "{text}");
        }
    }
}
