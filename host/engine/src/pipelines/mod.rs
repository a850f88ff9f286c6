//! The pipelines that requests can select, and whether they can run with the loaded components.

mod check;

pub use check::{InvalidPipelines, Problems, check, stops_start};

use morag_core::pipeline::Pipeline;

/// A pipeline as configured by the operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Configured {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Whether the operator declares that it stores the document.
    pub stores: bool,
}

/// The pipelines that requests can select, by name. The three standard ones always exist; one of the operator's with the same name replaces
/// them. `morag.toml` limits their number.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipelines {
    ingest: Configured,
    process: Configured,
    convert: Configured,
    others: Vec<Configured>,
}

impl Pipelines {
    /// The standard pipelines: `ingest` has all six steps, `process` all but storing, `convert` conversion alone.
    pub fn standard() -> Self {
        let ingest = Pipeline::standard();
        let standard = |pipeline| Configured { pipeline, stores: false };
        Self {
            process: standard(ingest.first(5, "process")),
            convert: standard(ingest.first(1, "convert")),
            ingest: standard(ingest),
            others: Vec::new(),
        }
    }

    /// The standard pipelines with the operator's, which replace those of the same name.
    pub fn with(configured: &[Configured]) -> Self {
        let mut pipelines = Self::standard();
        for one in configured {
            let of_name = pipelines.all_mut().find(|other| other.pipeline.name() == one.pipeline.name());
            match of_name {
                Some(other) => *other = one.clone(),
                None => pipelines.others.push(one.clone()),
            }
        }
        pipelines
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Configured> {
        [&mut self.ingest, &mut self.process, &mut self.convert].into_iter().chain(&mut self.others)
    }

    /// Every pipeline: the three that routes select by default, then the operator's others in their order.
    pub fn all(&self) -> impl Iterator<Item = &Configured> {
        [&self.ingest, &self.process, &self.convert].into_iter().chain(&self.others)
    }

    /// The default pipeline for ingesting a document.
    pub fn ingest(&self) -> &Pipeline {
        &self.ingest.pipeline
    }

    /// The pipeline of `mode=process`.
    pub fn process(&self) -> &Pipeline {
        &self.process.pipeline
    }

    /// The pipeline of `mode=convert`.
    pub fn convert(&self) -> &Pipeline {
        &self.convert.pipeline
    }

    /// Finds a pipeline by name.
    pub fn get(&self, name: &str) -> Option<&Pipeline> {
        self.all().map(|configured| &configured.pipeline).find(|pipeline| pipeline.name() == name)
    }

    /// The names, separated by commas.
    pub fn names(&self) -> String {
        self.all().map(|configured| configured.pipeline.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether a pipeline stores the document, so that its id is claimed: it has a step of the component `ingestion`, or the operator
    /// declares it.
    pub fn stores(&self, pipeline: &Pipeline) -> bool {
        let said = self.all().any(|one| one.stores && one.pipeline.name() == pipeline.name());
        said || pipeline.steps().iter().any(|step| step.component == "ingestion")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::pipeline::StepDefinition;

    fn configured(name: &str, component: &str, stores: bool) -> Configured {
        let steps = vec![StepDefinition::plain("only", component, "s", 1)];
        Configured { pipeline: Pipeline::new(name, steps).unwrap(), stores }
    }

    #[test]
    fn configured_pipelines_extend_or_replace_the_standard_ones() {
        let own = [configured("ingest", "mine", false), configured("b", "mine", true), configured("a", "mine", false)];
        let pipelines = Pipelines::with(&own);
        assert_eq!(pipelines.names(), "ingest, process, convert, b, a");
        assert_eq!(pipelines.ingest(), &own[0].pipeline);
        assert_eq!((pipelines.process().steps().len(), pipelines.convert().steps().len()), (5, 1));
        assert_eq!(pipelines.get("a"), Some(&own[2].pipeline));
        assert_eq!(pipelines.get("c"), None);
    }

    #[test]
    fn a_pipeline_stores_by_its_component_or_because_the_operator_says_so() {
        let own = [configured("a", "mine", false), configured("b", "mine", true), configured("c", "ingestion", false)];
        let pipelines = Pipelines::with(&own);
        let stores: Vec<_> = pipelines.all().map(|one| pipelines.stores(&one.pipeline)).collect();
        assert_eq!(stores, [true, false, false, false, true, true]);
    }
}
