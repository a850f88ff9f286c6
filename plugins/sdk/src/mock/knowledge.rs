//! Embeddings, vectors and graph in memory.

use crate::{CapabilityError, Edge, Embeddings, Fact, Graph, Node, Point, Vectors};
use std::cell::RefCell;

/// A store in memory with a model of two dimensions: the length of the text and its number of spaces.
#[derive(Debug, Default)]
pub struct MockStore {
    /// Staged points.
    pub points: RefCell<Vec<Point>>,
    /// Staged nodes.
    pub nodes: RefCell<Vec<Node>>,
    /// Staged edges.
    pub edges: RefCell<Vec<Edge>>,
    /// Staged facts.
    pub facts: RefCell<Vec<Fact>>,
    /// When set, every call fails with it.
    pub failing: Option<CapabilityError>,
}

impl MockStore {
    fn stage<T>(&self, into: &RefCell<Vec<T>>, items: Vec<T>) -> Result<u32, CapabilityError> {
        if let Some(error) = &self.failing {
            return Err(error.clone());
        }
        if items.len() > 256 {
            return Err(CapabilityError::Limit("at most 256 items a call".into()));
        }
        let staged = items.len() as u32;
        into.borrow_mut().extend(items);
        Ok(staged)
    }
}

impl Embeddings for MockStore {
    fn model(&self) -> (String, u32) {
        ("mock-2".into(), 2)
    }
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, CapabilityError> {
        if let Some(error) = &self.failing {
            return Err(error.clone());
        }
        if texts.len() > 256 || texts.iter().map(String::len).sum::<usize>() > 1 << 20 {
            return Err(CapabilityError::Limit("at most 256 texts and 1 MiB a call".into()));
        }
        Ok(texts.iter().map(|text| vec![text.len() as f32, text.matches(' ').count() as f32]).collect())
    }
}

impl Vectors for MockStore {
    fn put(&self, _model: &str, points: Vec<Point>) -> Result<u32, CapabilityError> {
        self.stage(&self.points, points)
    }
}

impl Graph for MockStore {
    fn put_nodes(&self, nodes: Vec<Node>) -> Result<u32, CapabilityError> {
        self.stage(&self.nodes, nodes)
    }
    fn put_edges(&self, edges: Vec<Edge>) -> Result<u32, CapabilityError> {
        self.stage(&self.edges, edges)
    }
    fn put_facts(&self, facts: Vec<Fact>) -> Result<u32, CapabilityError> {
        self.stage(&self.facts, facts)
    }
}
