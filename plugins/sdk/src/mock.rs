//! A host in memory, for unit tests of a step's logic without wasm.

use crate::task::{
    Blob, CapabilityError, Edge, Embeddings, Fact, Graph, Info, Level, Node, Point, Task, Vectors, Writer,
};
use crate::{Data, Failure};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

type Files = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

/// A task in memory: its source, its artifacts, and what the step said.
#[derive(Debug, Default)]
pub struct MockTask {
    /// What `info` answers.
    pub info: Info,
    /// What `config` answers; empty means `{}`.
    pub config: Data,
    source: Rc<Vec<u8>>,
    files: Files,
    /// Every progress report: fraction and message.
    pub progress: RefCell<Vec<(f64, String)>>,
    /// Every log line.
    pub lines: RefCell<Vec<(Level, String)>>,
}

impl MockTask {
    /// A task over a document.
    pub fn new(file_name: &str, source: impl Into<Vec<u8>>) -> Self {
        let source = source.into();
        Self {
            info: Info {
                task_id: "00000000-0000-4000-8000-000000000000".into(),
                document_id: "document".into(),
                attempt: 1,
                file_name: file_name.into(),
                media_type: "application/octet-stream".into(),
                size: source.len() as u64,
                source_type: "document".into(),
                collection: "documents".into(),
                ..Info::default()
            },
            source: Rc::new(source),
            ..Self::default()
        }
    }

    /// Puts an artifact there, as an earlier step would have.
    #[must_use]
    pub fn with_artifact(self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.borrow_mut().insert(name.into(), bytes.into());
        self
    }

    /// Sets an option of the caller.
    #[must_use]
    pub fn with_option(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.info.options.insert(name.into(), value.into());
        self
    }

    /// The bytes of an artifact.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.files.borrow().get(name).cloned()
    }
}

struct MockBlob(Rc<Vec<u8>>);

impl Blob for MockBlob {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn media_type(&self) -> String {
        "application/octet-stream".into()
    }
    fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        let start = (offset as usize).min(self.0.len());
        let end = start.saturating_add(len as usize).min(self.0.len());
        Ok(self.0[start..end].to_vec())
    }
}

struct MockWriter {
    name: String,
    bytes: Vec<u8>,
    files: Files,
}

impl Writer for MockWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
    fn finish(self: Box<Self>) -> Result<(), Failure> {
        self.files.borrow_mut().insert(self.name, self.bytes);
        Ok(())
    }
}

impl Task for MockTask {
    fn info(&self) -> Info {
        self.info.clone()
    }
    fn config_json(&self) -> String {
        serde_json::Value::Object(self.config.clone()).to_string()
    }
    fn source(&self) -> Box<dyn Blob> {
        Box::new(MockBlob(self.source.clone()))
    }
    fn artifact(&self, name: &str) -> Option<Box<dyn Blob>> {
        self.file(name).map(|bytes| Box::new(MockBlob(Rc::new(bytes))) as Box<dyn Blob>)
    }
    fn create_artifact(&self, name: &str) -> Result<Box<dyn Writer>, Failure> {
        Ok(Box::new(MockWriter { name: name.into(), bytes: Vec::new(), files: self.files.clone() }))
    }
    fn report_progress(&self, fraction: f64, message: &str) {
        self.progress.borrow_mut().push((fraction, message.into()));
    }
    fn elapsed_ms(&self) -> u64 {
        0
    }
    fn log(&self, level: Level, message: &str) {
        self.lines.borrow_mut().push((level, message.into()));
    }
}

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
