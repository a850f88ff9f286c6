//! The step: reads the artifacts, embeds, and stages everything.

use crate::input::{self, Chunks, Graph as GraphFile, Metadata};
use crate::parts::{self, BATCH_BYTES_MAX, BATCH_ITEMS_MAX};
use crate::records::{self, Common};
use morag_step::{
    CapabilityError, Data, Edge, Embeddings, Fact, Failure, Graph, Level, Node, Task, Vectors, data, json,
};
use std::collections::BTreeSet;

/// Bytes of nodes, edges or facts a call carries at most. The host has no such limit of its own, but it counts the bytes of host
/// calls, and 256 records of 64 KiB each would be 16 MiB in one.
const RECORD_BYTES_MAX: usize = 4 << 20;

/// What the step writes to.
pub struct Stores<'a> {
    /// Capability `embeddings`.
    pub embeddings: &'a dyn Embeddings,
    /// Capability `vectors`.
    pub vectors: &'a dyn Vectors,
    /// Capability `graph`.
    pub graph: &'a dyn Graph,
}

/// How far the step is, in items to stage.
struct Progress<'a> {
    task: &'a dyn Task,
    done: usize,
    total: usize,
}

impl Progress<'_> {
    fn advance(&mut self, items: usize, message: &str) {
        self.done += items;
        self.task.report_progress(self.done as f64 / self.total.max(1) as f64, message);
    }
}

/// Stages the document's points, nodes, edges and facts, and answers the data of `step_completed`.
///
/// Fails with `INPUT_MISSING`, `INPUT_INVALID`, `EMBEDDINGS_INVALID`, or the code of the capability that failed
/// (`CAPABILITY_INVALID`, `CAPABILITY_LIMIT`, and `SERVICE_UNAVAILABLE`, which may be tried again).
pub fn ingest(task: &dyn Task, stores: &Stores<'_>) -> Result<Data, Failure> {
    let info = task.info();
    let chunks: Chunks = task.artifact_json("chunks.json")?;
    let graph: GraphFile = input::optional(task, "graph.json")?;
    let common = Common::new(&info, &input::optional::<Metadata>(task, "metadata.json")?);

    let nodes = nodes(task, &graph);
    let keys: BTreeSet<&str> = nodes.iter().map(|node| node.key.as_str()).collect();
    let edges = edges(task, &graph, &keys, &info.document_id);
    let facts: Vec<Fact> = graph.facts.iter().map(|fact| records::fact(fact, &info.document_id)).collect();

    let total = chunks.chunks.len() + nodes.len() + edges.len() + facts.len();
    let mut progress = Progress { task, done: 0, total };
    let (points, chunks_ingested) = stage_points(&chunks, &common, stores, &mut progress)?;
    let nodes = stage(
        nodes,
        |node: &Node| records::size(&[&node.key, &node.name, &node.kind], &node.properties),
        |batch| stores.graph.put_nodes(batch),
        "entities",
        &mut progress,
    )?;
    let edges = stage(
        edges,
        |edge: &Edge| records::size(&[&edge.source, &edge.target, &edge.kind], &edge.properties),
        |batch| stores.graph.put_edges(batch),
        "relations",
        &mut progress,
    )?;
    let facts = stage(
        facts,
        |fact: &Fact| records::size(&[&fact.subject, &fact.predicate, &fact.object], &fact.properties),
        |batch| stores.graph.put_facts(batch),
        "facts",
        &mut progress,
    )?;

    Ok(data(json!({
        "embeddings_stored": points,
        "chunks_ingested": chunks_ingested,
        "facts_stored": facts,
        "entities_stored": nodes,
        "relations_stored": edges,
        "database_collection": info.collection,
        "processing_time_seconds": task.elapsed_seconds(),
        "storage_summary": { "qdrant_points": points, "neo4j_nodes": nodes, "neo4j_relationships": edges },
    })))
}

/// Embeds and stages every chunk; answers how many points were staged, and of how many chunks.
fn stage_points(
    file: &Chunks,
    common: &Common,
    stores: &Stores<'_>,
    progress: &mut Progress<'_>,
) -> Result<(u64, usize), Failure> {
    let chunks = &file.chunks;
    let mut indexes = BTreeSet::new();
    if let Some(twice) = chunks.iter().find(|chunk| !indexes.insert(chunk.index)) {
        let message =
            format!("chunks.json has two chunks of index {}: the step that writes it must number them", twice.index);
        return Err(Failure::new("INPUT_INVALID", message));
    }
    let parts = parts::parts(chunks, BATCH_BYTES_MAX);
    let ingested: BTreeSet<usize> = parts.iter().map(|part| part.chunk).collect();
    for chunk in chunks.iter().filter(|chunk| chunk.text.len() > BATCH_BYTES_MAX) {
        let message =
            format!("chunk {} has {} bytes: embedded in parts of at most 1 MiB", chunk.index, chunk.text.len());
        progress.task.log(Level::Warn, &message);
    }
    let blank = chunks.len() - ingested.len();
    if blank > 0 {
        progress.task.log(Level::Info, &format!("{blank} chunks of white space only are not embedded"));
        progress.done += blank;
    }
    if parts.is_empty() {
        return Ok((0, 0));
    }

    let (model, dimensions) = stores.embeddings.model();
    let mut staged = 0;
    let mut chunks_done = 0;
    for range in parts::batches(parts.iter().map(|part| part.text.len()), BATCH_ITEMS_MAX, BATCH_BYTES_MAX) {
        let batch = &parts[range];
        let texts: Vec<String> = batch.iter().map(|part| part.text.to_owned()).collect();
        let vectors = stores.embeddings.embed(&texts).map_err(|error| failed("embedding chunks", error, staged))?;
        if vectors.len() != texts.len() || vectors.iter().any(|vector| vector.len() != dimensions as usize) {
            let message = format!(
                "the embedding model {model} answered {} vectors for {} texts, or vectors of other than {dimensions} numbers: \
                 check the model's configuration",
                vectors.len(),
                texts.len()
            );
            return Err(Failure::new("EMBEDDINGS_INVALID", message));
        }
        let pairs = batch.iter().zip(vectors);
        let points = pairs.map(|(part, vector)| records::point(common, &chunks[part.chunk], part, vector)).collect();
        staged +=
            u64::from(stores.vectors.put(&model, points).map_err(|error| failed("storing vectors", error, staged))?);
        let whole = batch.iter().filter(|part| part.part == 0).count();
        chunks_done += whole;
        progress.advance(whole, &format!("{chunks_done} of {} chunks embedded", ingested.len()));
    }
    Ok((staged, ingested.len()))
}

/// Stages records in batches; answers how many the host has staged.
fn stage<T>(
    mut records: Vec<T>,
    size: impl Fn(&T) -> usize,
    put: impl Fn(Vec<T>) -> Result<u32, CapabilityError>,
    what: &str,
    progress: &mut Progress<'_>,
) -> Result<u64, Failure> {
    let total = records.len();
    let sizes: Vec<usize> = records.iter().map(size).collect();
    let mut staged = 0;
    for range in parts::batches(sizes, BATCH_ITEMS_MAX, RECORD_BYTES_MAX) {
        let batch: Vec<T> = records.drain(..range.len()).collect();
        staged += u64::from(put(batch).map_err(|error| failed(&format!("storing {what}"), error, staged))?);
        progress.advance(range.len(), &format!("{} of {total} {what} stored", range.end));
    }
    Ok(staged)
}

/// The nodes of the graph, each key once: a later entity of the same id adds its mentions to the first.
fn nodes(task: &dyn Task, graph: &GraphFile) -> Vec<Node> {
    let mut places = std::collections::BTreeMap::new();
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.entities.len());
    for entity in graph.entities.iter().filter(|entity| !entity.id.is_empty()) {
        let node = records::node(entity);
        match places.get(&node.key) {
            Some(place) => {
                let first: &mut Node = &mut nodes[*place];
                first.mentions = first.mentions.saturating_add(node.mentions);
            }
            None => {
                places.insert(node.key.clone(), nodes.len());
                nodes.push(node);
            }
        }
    }
    let left_out = graph.entities.len() - nodes.len();
    if left_out > 0 {
        task.log(
            Level::Warn,
            &format!("{left_out} entities of graph.json have no id or one of an earlier entity: merged or left out"),
        );
    }
    nodes
}

/// The edges whose both ends are nodes: the host refuses any other.
fn edges(task: &dyn Task, graph: &GraphFile, keys: &BTreeSet<&str>, document_id: &str) -> Vec<Edge> {
    let edges = graph.relations.iter().map(|relation| records::edge(relation, document_id));
    let edges: Vec<Edge> =
        edges.filter(|edge| keys.contains(edge.source.as_str()) && keys.contains(edge.target.as_str())).collect();
    let left_out = graph.relations.len() - edges.len();
    if left_out > 0 {
        task.log(Level::Warn, &format!("{left_out} relations of graph.json name an entity it does not have: left out"));
    }
    edges
}

fn failed(doing: &str, error: CapabilityError, staged: u64) -> Failure {
    let mut failure = Failure::from(error);
    failure.message = format!("{doing} failed after {staged} were staged (nothing was changed): {}", failure.message);
    failure.with("stage", doing)
}
