//! The whole step over a task and a store in memory.

use ingestion::store::{Stores, ingest};
use morag_step::mock::{MockStore, MockTask};
use morag_step::{CapabilityError, Data, Edge, Embeddings, Fact, Failure, Graph, Level, Node, Point, Vectors, json};
use std::cell::RefCell;

fn run(task: &MockTask, store: &MockStore) -> Result<Data, Failure> {
    ingest(task, &Stores { embeddings: store, vectors: store, graph: store })
}

fn task(chunks: &[&str]) -> MockTask {
    let mut start = 0;
    let chunks: Vec<_> = chunks
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let chunk = json!({ "index": index, "text": text, "method": "structural", "start": start, "end": start + text.len(),
                "char_start": 0, "char_end": text.chars().count(), "pages": [index + 1], "heading_path": ["Über", "Größe"] });
            start += text.len();
            chunk
        })
        .collect();
    let file = json!({ "chunking_strategy": "semantic", "chunk_size": 1000, "chunk_overlap": 0, "chunks": chunks });
    MockTask::new("a.md", "").with_artifact("chunks.json", file.to_string())
}

fn entities(count: usize) -> Vec<serde_json::Value> {
    (0..count)
        .map(|n| json!({ "id": format!("concept:{n}"), "name": format!("{n}"), "type": "Concept", "mentions": 2, "aliases": ["x"], "spans": [] }))
        .collect()
}

fn with_graph(task: MockTask, count: usize) -> MockTask {
    let evidence = json!({ "text": "s", "start": 0, "end": 1 });
    let relations: Vec<_> = (1..count)
        .map(|n| json!({ "source": "concept:0", "target": format!("concept:{n}"), "type": "USES", "method": "pattern", "evidence": evidence }))
        .collect();
    let facts: Vec<_> = (0..count)
        .map(|n| json!({ "subject": "a", "predicate": "uses", "object": format!("{n}"), "method": "pattern", "evidence": evidence }))
        .collect();
    let graph = json!({ "entities": entities(count), "relations": relations, "facts": facts });
    task.with_artifact("graph.json", graph.to_string())
}

#[test]
fn every_key_of_the_guide_is_there_and_true() {
    let metadata = json!({ "metadata": { "title": "Grüße", "author": null, "language": "de" }, "file_properties": {} });
    let task = with_graph(task(&["erster 🦆 Teil", "zweiter"]), 3).with_artifact("metadata.json", metadata.to_string());
    let store = MockStore::default();
    let data = run(&task, &store).unwrap();
    let want = json!({
        "embeddings_stored": 2, "chunks_ingested": 2, "facts_stored": 3, "entities_stored": 3, "relations_stored": 2,
        "database_collection": "documents", "processing_time_seconds": 0.0,
        "storage_summary": { "qdrant_points": 2, "neo4j_nodes": 3, "neo4j_relationships": 2 },
    });
    assert_eq!(serde_json::Value::Object(data), want);

    let points = store.points.borrow();
    assert_eq!(points.iter().map(|point| point.id.as_str()).collect::<Vec<_>>(), ["0", "1"]);
    assert_eq!(points[0].text, "erster 🦆 Teil");
    assert_eq!(points[0].vector, [points[0].text.len() as f32, 2.0]);
    let payload = &points[1].payload;
    assert_eq!(payload["document_id"], "document");
    assert_eq!(payload["index"], 1);
    assert_eq!(payload["pages"], json!([2]));
    assert_eq!(payload["heading_path"], json!(["Über", "Größe"]));
    assert_eq!(payload["title"], "Grüße");
    assert_eq!(payload["author"], json!(null));
    assert_eq!((&payload["start"], &payload["end"]), (&json!(16), &json!(23)));
    assert_eq!(store.edges.borrow()[0].properties["evidence"]["text"], "s");
    let progress = task.progress.borrow();
    assert!(progress.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    assert_eq!(progress.last().map(|report| report.0), Some(1.0));
}

#[test]
fn an_empty_document_stores_nothing_and_succeeds() {
    let store =
        MockStore { failing: Some(CapabilityError::Unavailable("asked for nothing".into())), ..MockStore::default() };
    let data = run(&task(&[]), &store).unwrap();
    assert_eq!(data["embeddings_stored"], 0);
    assert_eq!(data["storage_summary"], json!({ "qdrant_points": 0, "neo4j_nodes": 0, "neo4j_relationships": 0 }));
}

#[test]
fn white_space_is_neither_embedded_nor_counted() {
    let store = MockStore::default();
    let data = run(&task(&["a", " \n ", "b"]), &store).unwrap();
    assert_eq!((&data["embeddings_stored"], &data["chunks_ingested"]), (&json!(2), &json!(2)));
    assert_eq!(store.points.borrow()[1].id, "2");
}

#[test]
fn large_documents_go_in_batches_the_host_takes() {
    let texts: Vec<String> = (0..600).map(|n| format!("chunk {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let store = MockStore::default();
    let task = with_graph(task(&texts), 600);
    let data = run(&task, &store).unwrap();
    assert_eq!(data["embeddings_stored"], 600);
    assert_eq!(data["relations_stored"], 599);
    // 3 batches each of chunks, nodes, edges and facts.
    assert_eq!(task.progress.borrow().len(), 12);
}

#[test]
fn texts_of_more_than_a_mebibyte_are_spread_over_calls_and_one_alone_is_split() {
    let half = "wörd ".repeat(100_000);
    let huge = "漢字 ".repeat(400_000);
    let store = MockStore::default();
    let task = task(&[&half, &half, &huge]);
    let data = run(&task, &store).unwrap();
    assert_eq!(data["chunks_ingested"], 3);
    let points = store.points.borrow();
    assert_eq!(data["embeddings_stored"], points.len());
    assert_eq!(points.iter().map(|point| point.id.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "2.1", "2.2"]);
    let text: String = points[2..].iter().map(|point| point.text.as_str()).collect();
    assert_eq!(text, huge);
    assert_eq!(points[3].payload["start"], points[2].payload["end"]);
    assert!(task.lines.borrow().iter().any(|(level, line)| *level == Level::Warn && line.contains("chunk 2 has")));
}

#[test]
fn a_service_that_is_away_may_be_tried_again() {
    let store =
        MockStore { failing: Some(CapabilityError::Unavailable("model is away".into())), ..MockStore::default() };
    let failure = run(&task(&["a"]), &store).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("SERVICE_UNAVAILABLE", true));
    assert!(failure.message.contains("model is away"), "{failure}");
    assert_eq!(failure.details["stage"], "embedding chunks");

    let store = MockStore { failing: Some(CapabilityError::Invalid("other model".into())), ..MockStore::default() };
    let failure = run(&task(&["a"]), &store).unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("CAPABILITY_INVALID", false));
}

/// A store that fails at one call of one kind, and answers `vectors` vectors too few.
#[derive(Default)]
struct Broken {
    inner: MockStore,
    at: &'static str,
    missing: usize,
    calls: RefCell<usize>,
}

impl Broken {
    fn check(&self, call: &str) -> Result<(), CapabilityError> {
        *self.calls.borrow_mut() += 1;
        if self.at == call { Err(CapabilityError::Limit(format!("{call} is full"))) } else { Ok(()) }
    }
}

impl Embeddings for Broken {
    fn model(&self) -> (String, u32) {
        self.inner.model()
    }
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, CapabilityError> {
        self.inner.embed(&texts[self.missing..])
    }
}

impl Vectors for Broken {
    fn put(&self, model: &str, points: Vec<Point>) -> Result<u32, CapabilityError> {
        self.check("points")?;
        self.inner.put(model, points)
    }
}

impl Graph for Broken {
    fn put_nodes(&self, nodes: Vec<Node>) -> Result<u32, CapabilityError> {
        self.check("nodes")?;
        self.inner.put_nodes(nodes)
    }
    fn put_edges(&self, edges: Vec<Edge>) -> Result<u32, CapabilityError> {
        self.check("edges")?;
        self.inner.put_edges(edges)
    }
    fn put_facts(&self, facts: Vec<Fact>) -> Result<u32, CapabilityError> {
        self.check("facts")?;
        self.inner.put_facts(facts)
    }
}

#[test]
fn each_store_that_fails_fails_the_step() {
    for (at, stage) in [("points", "vectors"), ("nodes", "entities"), ("edges", "relations"), ("facts", "facts")] {
        let store = Broken { at, ..Broken::default() };
        let stores = Stores { embeddings: &store, vectors: &store, graph: &store };
        let failure = ingest(&with_graph(task(&["a"]), 2), &stores).unwrap_err();
        assert_eq!(failure.code, "CAPABILITY_LIMIT");
        assert_eq!(failure.details["stage"], format!("storing {stage}"));
        assert!(failure.message.contains(&format!("{at} is full")), "{failure}");
    }
}

#[test]
fn a_model_that_answers_too_few_vectors_fails_the_step() {
    let store = Broken { missing: 1, ..Broken::default() };
    let stores = Stores { embeddings: &store, vectors: &store, graph: &store };
    assert_eq!(ingest(&task(&["a", "b"]), &stores).unwrap_err().code, "EMBEDDINGS_INVALID");
    assert_eq!(*store.calls.borrow(), 0);
}

#[test]
fn a_graph_of_another_step_is_put_in_order() {
    let long = "é".repeat(400);
    let graph = json!({
        "entities": [
            { "id": "a", "name": "A", "type": "Concept", "mentions": 1 },
            { "id": "a", "name": "A again", "type": "Concept", "mentions": 2 },
            { "id": "", "name": "nothing", "type": "Concept" },
            { "id": long, "name": long, "type": "Url" },
        ],
        "relations": [
            { "source": "a", "target": long, "type": "USES" },
            { "source": "a", "target": "nobody", "type": "USES" },
        ],
    });
    let task = task(&["x"]).with_artifact("graph.json", graph.to_string());
    let store = MockStore::default();
    let data = run(&task, &store).unwrap();
    assert_eq!((&data["entities_stored"], &data["relations_stored"]), (&json!(2), &json!(1)));
    let nodes = store.nodes.borrow();
    assert_eq!((nodes[0].name.as_str(), nodes[0].mentions), ("A", 3));
    assert!(nodes[1].key.len() <= 255);
    assert_eq!(store.edges.borrow()[0].target, nodes[1].key);
    assert_eq!(task.lines.borrow().len(), 2);
}

#[test]
fn bad_input_says_which_file() {
    let missing = run(&MockTask::new("a.md", ""), &MockStore::default()).unwrap_err();
    assert_eq!(missing.code, "INPUT_MISSING");
    let broken = MockTask::new("a.md", "").with_artifact("chunks.json", "{\"chunks\": [{}]}");
    assert_eq!(run(&broken, &MockStore::default()).unwrap_err().code, "INPUT_INVALID");
    let graph = task(&["a"]).with_artifact("graph.json", "[");
    let failure = run(&graph, &MockStore::default()).unwrap_err();
    assert!(failure.code == "INPUT_INVALID" && failure.message.contains("graph.json"), "{failure}");
    let twice = json!({ "chunks": [{ "index": 1, "text": "a" }, { "index": 1, "text": "b" }] });
    let twice = MockTask::new("a.md", "").with_artifact("chunks.json", twice.to_string());
    assert!(run(&twice, &MockStore::default()).unwrap_err().message.contains("index 1"));
}
