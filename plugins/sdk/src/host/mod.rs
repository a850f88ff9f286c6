//! Handles to the real host. They work only inside a component.
//!
//! Each capability is a type of its own, so that a component imports only the interfaces of the handles that its step names.

mod ai;
mod conversion;
#[cfg(feature = "http")]
mod http;
mod knowledge;
mod kv;
mod ocr;

pub use ai::{CompletionsHandle, TranscriptionHandle};
pub use conversion::ConversionHandle;
#[cfg(feature = "http")]
pub use http::HttpHandle;
pub use knowledge::{EmbeddingsHandle, GraphHandle, VectorsHandle};
pub use kv::{KeyValuesHandle, SecretsHandle};
pub use ocr::OcrHandle;

use crate::bindings::exports::morag::step::step as exported;
use crate::bindings::morag::step::{capability, log, task};
use crate::{Blob, CapabilityError, Data, Failure, Info, Level, Step, Task, Writer};

/// Most bytes per call to the host.
const PIECE: usize = 1 << 20;

/// Runs a step and converts its result for the host.
pub fn run_step<S: Step>() -> Result<exported::Outcome, exported::Failure> {
    match S::run() {
        Ok(data) => Ok(exported::Outcome { data: serde_json::Value::Object(data).to_string() }),
        Err(failure) => Err(failure.into()),
    }
}

/// The task and its log.
#[derive(Debug, Clone, Copy)]
pub struct TaskHandle;

struct HostBlob(task::Blob);

struct HostWriter(task::ArtifactWriter);

fn object(text: &str) -> Data {
    serde_json::from_str(text).unwrap_or_default()
}

fn file_failure(error: task::FileError) -> Failure {
    match error {
        task::FileError::Undeclared(name) => {
            Failure::new("ARTIFACT_UNDECLARED", format!("{name} is not among the outputs the step declares"))
        }
        task::FileError::Limit(message) => Failure::new("PLUGIN_OUTPUT_LIMIT", message),
        task::FileError::Closed => Failure::new("ARTIFACT_CLOSED", "the file was finished already"),
        task::FileError::Unavailable(message) => Failure::unavailable(message),
    }
}

impl Blob for HostBlob {
    fn size(&self) -> u64 {
        self.0.size()
    }
    fn media_type(&self) -> String {
        self.0.media_type()
    }
    fn read(&self, offset: u64, len: u32) -> Result<Vec<u8>, Failure> {
        self.0.read(offset, len).map_err(file_failure)
    }
    fn host_blob(&self) -> Option<&task::Blob> {
        Some(&self.0)
    }
}

impl Writer for HostWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        bytes.chunks(PIECE).try_for_each(|piece| self.0.write(piece).map_err(file_failure))
    }
    fn finish(self: Box<Self>) -> Result<(), Failure> {
        self.0.finish().map_err(file_failure)
    }
}

impl Task for TaskHandle {
    fn info(&self) -> Info {
        let info = task::info();
        Info {
            task_id: info.task_id,
            document_id: info.document_id,
            attempt: info.attempt,
            file_name: info.file_name,
            media_type: info.media_type,
            size: info.size,
            sha256: info.sha256,
            source_type: info.source_type,
            language: info.language,
            collection: info.collection,
            replace_existing: info.replace_existing,
            options: object(&info.options),
            metadata: object(&info.metadata),
        }
    }
    fn config_json(&self) -> String {
        task::config()
    }
    fn source(&self) -> Box<dyn Blob> {
        Box::new(HostBlob(task::source()))
    }
    fn artifact(&self, name: &str) -> Option<Box<dyn Blob>> {
        task::artifact(name).map(|blob| Box::new(HostBlob(blob)) as Box<dyn Blob>)
    }
    fn create_artifact(&self, name: &str) -> Result<Box<dyn Writer>, Failure> {
        Ok(Box::new(HostWriter(task::create_artifact(name).map_err(file_failure)?)))
    }
    fn create_temporary_file(&self, name: &str, media_type: &str) -> Result<Box<dyn Writer>, Failure> {
        Ok(Box::new(HostWriter(task::create_temporary_file(name, media_type).map_err(file_failure)?)))
    }
    fn temporary_file(&self, name: &str) -> Option<Box<dyn Blob>> {
        task::temporary_file(name).map(|blob| Box::new(HostBlob(blob)) as Box<dyn Blob>)
    }
    fn report_progress(&self, fraction: f64, message: &str) {
        task::report_progress(fraction, message);
    }
    fn elapsed_ms(&self) -> u64 {
        task::elapsed_ms()
    }
    fn log(&self, level: Level, message: &str) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::log(level, message);
    }
}

impl From<capability::Error> for CapabilityError {
    fn from(error: capability::Error) -> Self {
        match error {
            capability::Error::Invalid(message) => Self::Invalid(message),
            capability::Error::Limit(message) => Self::Limit(message),
            capability::Error::Unavailable(message) => Self::Unavailable(message),
        }
    }
}
