//! The step: reads the markdown, writes `graph.json`.

use crate::extract::extract;
use crate::graph::Graph;
use morag_step::{Data, Descriptor, Failure, Level, Output, Step, Task, blob_bytes, data, host, json};

/// Entities listed in the step's data.
const TOP_ENTITIES: usize = 10;

/// Types that are values rather than things with a name: never among the top entities.
const VALUES: [&str; 4] = ["Date", "Amount", "Url", "Email"];

/// The step.
pub struct GraphExtraction;

impl Step for GraphExtraction {
    fn describe() -> Descriptor {
        Descriptor::new("graph_extraction", env!("CARGO_PKG_VERSION"), "Finds entities, relations and facts by rules")
            .reads("markdown.md")
            .reads_if_present("document.json")
            .writes(Output::new("graph.json", "application/json").published_as("graph_file_url"))
            .configured_by(json!({ "type": "object", "additionalProperties": false }))
    }

    fn run() -> Result<Data, Failure> {
        run(&host::TaskHandle)
    }
}

/// Reads `markdown.md`, writes `graph.json`, and answers the data of `step_completed`.
pub fn run(task: &dyn Task) -> Result<Data, Failure> {
    let markdown = task.artifact_text("markdown.md")?;
    let hint = task.info().language.or(document_language(task)?);
    let found = extract(&markdown, hint.as_deref(), &mut |fraction| task.report_progress(fraction, "reading the text"));
    for note in &found.notes {
        task.log(Level::Warn, note);
    }
    let graph = &found.graph;
    let message = format!("read as {:?}: {} entities", found.language, graph.entities.len());
    task.log(Level::Info, &message);
    task.report_progress(0.95, "writing the graph");
    let bytes = serde_json::to_vec(graph).map_err(|error| {
        Failure::new("GRAPH_NOT_WRITTEN", format!("the graph could not be written as JSON: {error}"))
    })?;
    task.write_artifact("graph.json", &bytes)?;
    task.report_progress(1.0, "graph written");
    Ok(data(json!({
        "entities_extracted": graph.entities.len(),
        "relations_extracted": graph.relations.len(),
        "facts_extracted": graph.facts.len(),
        "top_entities": top(graph),
        "extraction_time_seconds": task.elapsed_seconds(),
    })))
}

fn top(graph: &Graph) -> Vec<serde_json::Value> {
    let named = graph.entities.iter().filter(|entity| !VALUES.contains(&entity.kind)).take(TOP_ENTITIES);
    named.map(|entity| json!({ "name": entity.name, "type": entity.kind, "mentions": entity.mentions })).collect()
}

/// What the file itself says its language is.
fn document_language(task: &dyn Task) -> Result<Option<String>, Failure> {
    let Some(blob) = task.artifact("document.json") else { return Ok(None) };
    let document: serde_json::Value = serde_json::from_slice(&blob_bytes(blob.as_ref())?)
        .map_err(|error| Failure::new("INPUT_INVALID", format!("document.json is not JSON: {error}")))?;
    Ok(document["properties"]["language"].as_str().map(str::to_owned))
}
