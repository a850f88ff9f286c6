//! `embeddings`, `vectors` and `graph` of the real host.

use crate::bindings::morag::step::{embeddings, graph, vectors};
use crate::{CapabilityError, Data, Edge, Embeddings, Fact, Graph, Node, Point, Vectors};

/// The capability `embeddings`.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddingsHandle;

/// The capability `vectors`.
#[derive(Debug, Clone, Copy)]
pub struct VectorsHandle;

/// The capability `graph`.
#[derive(Debug, Clone, Copy)]
pub struct GraphHandle;

impl Embeddings for EmbeddingsHandle {
    fn model(&self) -> (String, u32) {
        let model = embeddings::model();
        (model.name, model.dimensions)
    }
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, CapabilityError> {
        Ok(embeddings::embed(texts)?)
    }
}

fn text(properties: Data) -> String {
    serde_json::Value::Object(properties).to_string()
}

impl Vectors for VectorsHandle {
    fn put(&self, model: &str, points: Vec<Point>) -> Result<u32, CapabilityError> {
        let points = points.into_iter().map(|point| vectors::Point {
            id: point.id,
            text: point.text,
            vector: point.vector,
            payload: text(point.payload),
        });
        Ok(vectors::put(model, &points.collect::<Vec<_>>())?)
    }
}

impl Graph for GraphHandle {
    fn put_nodes(&self, nodes: Vec<Node>) -> Result<u32, CapabilityError> {
        let nodes = nodes.into_iter().map(|node| graph::Node {
            key: node.key,
            name: node.name,
            kind: node.kind,
            mentions: node.mentions,
            properties: text(node.properties),
        });
        Ok(graph::put_nodes(&nodes.collect::<Vec<_>>())?)
    }
    fn put_edges(&self, edges: Vec<Edge>) -> Result<u32, CapabilityError> {
        let edges = edges.into_iter().map(|edge| graph::Edge {
            source: edge.source,
            target: edge.target,
            kind: edge.kind,
            properties: text(edge.properties),
        });
        Ok(graph::put_edges(&edges.collect::<Vec<_>>())?)
    }
    fn put_facts(&self, facts: Vec<Fact>) -> Result<u32, CapabilityError> {
        let facts = facts.into_iter().map(|fact| graph::Fact {
            subject: fact.subject,
            predicate: fact.predicate,
            object: fact.object,
            properties: text(fact.properties),
        });
        Ok(graph::put_facts(&facts.collect::<Vec<_>>())?)
    }
}
