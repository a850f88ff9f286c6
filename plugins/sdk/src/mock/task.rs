//! A task in memory.

use crate::{Blob, Data, Descriptor, Failure, Info, Level, Step, Task, Writer};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Most bytes that the host returns per call.
const READ_BYTES_MAX: usize = 1 << 20;

/// A file of the task.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) bytes: Rc<Vec<u8>>,
    /// Whether the step wrote it, and not the test.
    pub(super) written: bool,
}

pub(super) type Files = Rc<RefCell<BTreeMap<String, File>>>;

/// A task in memory: its source, its artifacts, and what the step reported.
#[derive(Debug, Default)]
pub struct MockTask {
    /// Result of `info`.
    pub info: Info,
    /// Result of `config`; empty means `{}`.
    pub config: Data,
    source: Rc<Vec<u8>>,
    pub(super) files: Files,
    /// Files of this run alone, with their media types.
    temporary: Files,
    temporary_types: RefCell<BTreeMap<String, String>>,
    /// The step's descriptor, if the test names the step.
    descriptor: Option<Descriptor>,
    /// Every progress report: fraction and message.
    pub progress: RefCell<Vec<(f64, String)>>,
    /// Every log line.
    pub lines: RefCell<Vec<(Level, String)>>,
}

impl MockTask {
    /// A task for a document, in which every artifact can be read and written.
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

    /// A task of a step for a document: only artifacts that the step declares can be read and written, as on the host.
    pub fn of<S: Step>(file_name: &str, source: impl Into<Vec<u8>>) -> Self {
        Self { descriptor: Some(S::describe()), ..Self::new(file_name, source) }
    }

    /// Adds an artifact, as an earlier step would have.
    #[must_use]
    pub fn with_artifact(self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let file = File { bytes: Rc::new(bytes.into()), written: false };
        self.files.borrow_mut().insert(name.into(), file);
        self
    }

    /// Sets the step's configuration: `json!({…})`, or a serializable type of the step's own.
    ///
    /// # Panics
    /// If it is not a JSON object.
    #[must_use]
    pub fn with_config(mut self, config: impl serde::Serialize) -> Self {
        let value = serde_json::to_value(config).unwrap_or_default();
        let serde_json::Value::Object(config) = value else { panic!("a configuration is a JSON object, not {value}") };
        self.config = config;
        self
    }

    /// Sets the document's media type.
    #[must_use]
    pub fn with_media_type(mut self, media_type: &str) -> Self {
        self.info.media_type = media_type.into();
        self
    }

    /// Sets the language that the caller gave.
    #[must_use]
    pub fn with_language(mut self, language: &str) -> Self {
        self.info.language = Some(language.into());
        self
    }

    /// Sets an option of the caller.
    #[must_use]
    pub fn with_option(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.info.options.insert(name.into(), value.into());
        self
    }

    /// Sets a key of the caller's own metadata.
    #[must_use]
    pub fn with_metadata(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.info.metadata.insert(name.into(), value.into());
        self
    }

    /// The bytes of an artifact.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.files.borrow().get(name).map(|file| file.bytes.to_vec())
    }

    fn media_type_of(&self, name: &str) -> String {
        let outputs = self.descriptor.iter().flat_map(|descriptor| &descriptor.outputs);
        let declared = outputs.into_iter().find(|output| output.takes(name));
        declared.map_or_else(|| "application/octet-stream".into(), |output| output.media_type.clone())
    }
}

struct MockBlob {
    bytes: Rc<Vec<u8>>,
    media_type: String,
}

impl Blob for MockBlob {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn media_type(&self) -> String {
        self.media_type.clone()
    }
    fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add((len as usize).min(READ_BYTES_MAX)).min(self.bytes.len());
        Ok(self.bytes[start..end].to_vec())
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
        let file = File { bytes: Rc::new(self.bytes), written: true };
        self.files.borrow_mut().insert(self.name, file);
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
        Box::new(MockBlob { bytes: Rc::clone(&self.source), media_type: self.info.media_type.clone() })
    }
    fn artifact(&self, name: &str) -> Option<Box<dyn Blob>> {
        if let Some(descriptor) = &self.descriptor
            && !descriptor.inputs.iter().any(|input| input.name == name)
        {
            return None;
        }
        let bytes = Rc::clone(&self.files.borrow().get(name)?.bytes);
        Some(Box::new(MockBlob { bytes, media_type: self.media_type_of(name) }))
    }
    fn create_artifact(&self, name: &str) -> Result<Box<dyn Writer>, Failure> {
        if let Some(descriptor) = &self.descriptor
            && !descriptor.outputs.iter().any(|output| output.takes(name))
        {
            return Err(Failure::new(
                "ARTIFACT_UNDECLARED",
                format!("{name} is not among the outputs the step declares"),
            ));
        }
        Ok(Box::new(MockWriter { name: name.into(), bytes: Vec::new(), files: Rc::clone(&self.files) }))
    }
    fn create_temporary_file(&self, name: &str, media_type: &str) -> Result<Box<dyn Writer>, Failure> {
        self.temporary_types.borrow_mut().insert(name.into(), media_type.into());
        Ok(Box::new(MockWriter { name: name.into(), bytes: Vec::new(), files: Rc::clone(&self.temporary) }))
    }
    fn temporary_file(&self, name: &str) -> Option<Box<dyn Blob>> {
        let bytes = Rc::clone(&self.temporary.borrow().get(name)?.bytes);
        let media_type = self.temporary_types.borrow().get(name).cloned().unwrap_or_default();
        Some(Box::new(MockBlob { bytes, media_type }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock::assert_fails;
    use crate::{Output, host};

    struct Declared;

    impl Step for Declared {
        fn describe() -> Descriptor {
            Descriptor::new("declared", "1.0.0", "")
                .reads("in.txt")
                .writes(Output::new("out.txt", "text/plain"))
                .writes(Output::new("page-*.png", "image/png"))
        }
        fn run() -> Result<Data, Failure> {
            host::TaskHandle.artifact_text("in.txt").map(|_| Data::new())
        }
    }

    #[test]
    fn a_declared_step_can_access_only_declared_artifacts() {
        let task = MockTask::of::<Declared>("a.txt", "").with_artifact("in.txt", "in").with_artifact("other.txt", "x");
        assert_eq!(task.artifact_text("in.txt").unwrap(), "in");
        assert_fails(task.artifact_text("other.txt"), "INPUT_MISSING");
        assert_fails(task.write_artifact("other.txt", b"x"), "ARTIFACT_UNDECLARED");
        task.write_artifact("out.txt", b"out").unwrap();
        assert_eq!(task.text("out.txt"), "out");
        task.write_artifact("page-1.png", b"1").unwrap();
        assert_fails(task.write_artifact("page-.png", b"1"), "ARTIFACT_UNDECLARED");
    }

    #[test]
    fn a_read_is_at_most_a_mebibyte_as_on_the_host() {
        let task = MockTask::new("a.bin", vec![1; READ_BYTES_MAX + 5]);
        assert_eq!(task.source().read(0, u32::MAX).unwrap().len(), READ_BYTES_MAX);
        assert_eq!(task.source().read(READ_BYTES_MAX as u64, 10).unwrap().len(), 5);
        assert!(task.source().read(u64::MAX, 10).unwrap().is_empty());
    }

    #[test]
    #[should_panic(expected = "a configuration is a JSON object")]
    fn a_configuration_is_an_object() {
        drop(MockTask::new("a.txt", "").with_config([1, 2]));
    }
}
