//! Checks whether pipelines can run with the loaded components: at each start, and before a component is replaced.

use super::Pipelines;
use morag_core::pipeline::{Pipeline, StepDefinition};
use morag_core::plugin::{
    ConfigProblem, ConfigSchema, Descriptor, InvalidDataflow, NotLoaded, PlannedStep, UnusableSchema, check_dataflow,
    members,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A pipeline cannot run. The message names pipeline and step, and says what to do.
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
        /// The component that it needs.
        component: String,
    },
    /// A step reads an artifact that no step before it writes, or that may be missing then; two steps write the same one; or a
    /// replacement replaces nothing.
    #[error("pipeline {pipeline}: {problem}")]
    Dataflow {
        /// The pipeline.
        pipeline: String,
        /// The problem.
        problem: InvalidDataflow,
    },
    /// A step's configuration does not match the schema of its component.
    #[error("pipeline {pipeline}, step {step}: {problem}")]
    Config {
        /// The pipeline.
        pipeline: String,
        /// The step.
        step: String,
        /// The offending key and why.
        problem: ConfigProblem,
    },
    /// A component's schema cannot be used.
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

impl InvalidPipelines {
    /// The pipeline that cannot run.
    pub fn pipeline(&self) -> &str {
        match self {
            Self::NotLoaded { pipeline, .. }
            | Self::Dataflow { pipeline, .. }
            | Self::Config { pipeline, .. }
            | Self::Schema { pipeline, .. } => pipeline,
        }
    }
}

/// The first problem of each pipeline that cannot run, by the pipeline's name.
pub type Problems = BTreeMap<String, InvalidPipelines>;

/// Looks up loaded components by name.
pub type DescriptorOf<'a> = &'a dyn Fn(&str) -> Option<Arc<Descriptor>>;

/// Checks every pipeline: each step's component is loaded, or the step is optional; each artifact that is read is always written before,
/// and by one step only; each step's configuration matches its component's JSON Schema. `descriptor_of`: the descriptor of a loaded
/// component; `converters`: what the standard conversion stands for.
pub fn check(pipelines: &Pipelines, descriptor_of: DescriptorOf<'_>, converters: &[Arc<Descriptor>]) -> Problems {
    let checked = pipelines.all().map(|one| (one.pipeline.name(), check_one(&one.pipeline, descriptor_of, converters)));
    checked.filter_map(|(name, checked)| Some((name.to_owned(), checked.err()?))).collect()
}

/// Whether the problem keeps a server from starting. An error of `morag.toml` does: it was just edited, and its author sees the failed
/// start. A bad or missing component does not, because files change without the operator: that applies to the standard pipelines, and to
/// steps whose component was refused (`is_refused`). Only the affected pipeline cannot run then.
pub fn stops_start(pipelines: &Pipelines, problem: &InvalidPipelines, is_refused: impl Fn(&str) -> bool) -> bool {
    let standard = Pipelines::standard();
    let pipeline = pipelines.get(problem.pipeline());
    let is_standard = pipeline.is_some() && pipeline == standard.get(problem.pipeline());
    match problem {
        _ if is_standard => false,
        InvalidPipelines::NotLoaded { component, .. } => {
            let is_standard_step =
                standard.ingest().steps().iter().any(|step| step.components().any(|name| name == component));
            !is_standard_step && !is_refused(component)
        }
        InvalidPipelines::Dataflow { .. } | InvalidPipelines::Config { .. } | InvalidPipelines::Schema { .. } => true,
    }
}

fn check_one(
    pipeline: &Pipeline,
    descriptor_of: DescriptorOf<'_>,
    converters: &[Arc<Descriptor>],
) -> Result<(), InvalidPipelines> {
    let mut chains: Vec<(&StepDefinition, Vec<Arc<Descriptor>>)> = Vec::new();
    for step in pipeline.steps() {
        let chain = match members(step.components(), descriptor_of, converters) {
            Ok(chain) => chain,
            Err(_) if step.optional => Vec::new(),
            Err(NotLoaded(component)) => {
                return Err(InvalidPipelines::NotLoaded {
                    pipeline: pipeline.name().into(),
                    step: step.name.clone(),
                    component,
                });
            }
        };
        chain.iter().try_for_each(|member| check_config(pipeline, step, member))?;
        chains.push((step, chain));
    }
    // Each component of a chain takes the step's place once.
    let longest = chains.iter().map(|(_, chain)| chain.len()).max().unwrap_or_default().max(1);
    (0..longest).try_for_each(|turn| {
        let at = |chain: &[Arc<Descriptor>]| chain.get(turn).or(chain.last()).cloned();
        let planned: Vec<PlannedStep<'_>> = chains.iter().map(|(step, chain)| (*step, at(chain))).collect();
        check_dataflow(&planned)
            .map_err(|problem| InvalidPipelines::Dataflow { pipeline: pipeline.name().into(), problem })
    })
}

fn check_config(pipeline: &Pipeline, step: &StepDefinition, descriptor: &Descriptor) -> Result<(), InvalidPipelines> {
    let (name, pipeline) = (step.name.clone(), pipeline.name().to_owned());
    let schema = ConfigSchema::new(&descriptor.config_schema).map_err(|problem| InvalidPipelines::Schema {
        pipeline: pipeline.clone(),
        step: name.clone(),
        component: descriptor.name.clone(),
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

    /// A component that reads and writes these artifacts, with a schema.
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
            formats: None,
        })
    }

    fn loaded(name: &str) -> Option<Arc<Descriptor>> {
        let redact = json!({"properties": {"kinds": {"items": {"enum": ["email"]}}}, "additionalProperties": false});
        let component = match name {
            "convert" => component(&[], &["markdown.md"], json!({"type": "object"})),
            "redact" => component(&["markdown.md"], &["redacted.md"], redact),
            "hostile" => component(&[], &[], json!({"$ref": "#"})),
            _ => return None,
        };
        Some(Arc::new(Descriptor { name: name.into(), ..Descriptor::clone(&component) }))
    }

    fn checked(steps: Vec<StepDefinition>) -> Result<(), InvalidPipelines> {
        check_one(&Pipeline::new("own", steps).unwrap(), &loaded, &[])
    }

    fn step(name: &str, config: Value) -> StepDefinition {
        StepDefinition { config: config.as_object().unwrap().clone(), ..StepDefinition::plain(name, name, name, 1) }
    }

    #[test]
    fn every_pipeline_of_a_server_is_checked() {
        let own =
            Configured { pipeline: Pipeline::new("own", vec![step("nowhere", json!({}))]).unwrap(), stores: false };
        let any = |_: &str| Some(component(&[], &[], json!({})));
        assert_eq!(check(&Pipelines::with(std::slice::from_ref(&own)), &any, &[]), Problems::new());
        let all_but = |name: &str| any(name).filter(|_| name != "nowhere");
        let problems = check(&Pipelines::with(&[own]), &all_but, &[]);
        assert_eq!(problems.keys().collect::<Vec<_>>(), ["own"]);
        assert!(matches!(&problems["own"], InvalidPipelines::NotLoaded { .. }), "{problems:?}");
        let problems = check(&Pipelines::standard(), &|name| any(name).filter(|_| name != "chunking"), &[]);
        assert_eq!(problems.keys().collect::<Vec<_>>(), ["ingest", "process"], "convert can run");
    }

    #[test]
    fn errors_of_morag_toml_stop_the_start_and_bad_components_do_not() {
        let own = |steps| Configured { pipeline: Pipeline::new("own", steps).unwrap(), stores: false };
        let stops = |own: Configured, refused: &str| {
            let pipelines = Pipelines::with(&[own]);
            let problems = check(&pipelines, &loaded, &[]);
            assert!(problems.contains_key("ingest") && problems.contains_key("own"), "{problems:?}");
            let stopping = problems.values().filter(|one| stops_start(&pipelines, one, |name| name == refused));
            stopping.map(|problem| problem.pipeline().to_owned()).collect::<Vec<_>>()
        };
        let none: [&str; 0] = [];
        assert_eq!(stops(own(vec![step("nowhere", json!({}))]), ""), ["own"], "a wrong name");
        assert_eq!(stops(own(vec![step("nowhere", json!({}))]), "nowhere"), none, "its component was refused");
        assert_eq!(stops(own(vec![step("chunking", json!({}))]), ""), none, "a standard step is missing");
        let wrong = || own(vec![step("convert", json!({})), step("redact", json!({"color": 1}))]);
        assert_eq!(stops(wrong(), "redact"), ["own"], "a wrong configuration");
        // The operator's own `ingest` is not a standard pipeline.
        let ingest = Pipeline::new("ingest", vec![step("nowhere", json!({}))]).unwrap();
        let pipelines = Pipelines::with(&[Configured { pipeline: ingest, stores: false }]);
        assert!(stops_start(&pipelines, &check(&pipelines, &loaded, &[])["ingest"], |_| false));
    }

    #[test]
    fn errors_name_pipeline_step_and_key() {
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
                vec![convert(), step("redact", json!({"kind": ["email"]}))],
                "config.kind: the step has no such setting: did you mean kinds?",
            ),
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
