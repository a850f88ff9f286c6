//! A host in memory, for unit tests of a step's logic without wasm.
//!
//! There is one type for each thing that a step can access: [`MockTask`], [`MockStore`] (embeddings, vectors, graph), [`MockCompletions`],
//! [`MockTranscription`], [`MockConversion`], [`MockOcr`], [`MockKeyValues`], [`MockSecrets`], [`MockHttp`]. Each records the step's calls, and is as strict as the host
//! where that matters to a step.
//!
//! ```
//! use morag_step::mock::{MockTask, assert_fails};
//! use morag_step::{Data, Descriptor, Failure, Output, Step, Task, data, host, json};
//!
//! struct Count;
//!
//! impl Step for Count {
//!     fn describe() -> Descriptor {
//!         Descriptor::new("count", "1.0.0", "Counts words")
//!             .reads("markdown.md")
//!             .writes(Output::new("count.txt", "text/plain"))
//!     }
//!     fn run() -> Result<Data, Failure> {
//!         count(&host::TaskHandle)
//!     }
//! }
//!
//! fn count(task: &dyn Task) -> Result<Data, Failure> {
//!     let words = task.artifact_text("markdown.md")?.split_whitespace().count();
//!     task.report_progress(0.5, "counted");
//!     task.write_artifact("count.txt", words.to_string().as_bytes())?;
//!     Ok(data(json!({ "words": words })))
//! }
//!
//! let task = MockTask::of::<Count>("a.pdf", "").with_artifact("markdown.md", "one two");
//! assert_eq!(count(&task).unwrap()["words"], 2);
//! assert_eq!(task.text("count.txt"), "2");
//! task.assert_wrote(&["count.txt"]);
//! task.assert_progress_rises();
//!
//! assert_fails(count(&MockTask::of::<Count>("a.pdf", "")), "INPUT_MISSING");
//! ```

mod ai;
mod assert;
mod conversion;
mod http;
mod knowledge;
mod kv;
mod ocr;
mod task;

pub use ai::{MockCompletions, MockTranscription};
pub use assert::assert_fails;
pub use conversion::MockConversion;
pub use http::MockHttp;
pub use knowledge::MockStore;
pub use kv::{MockKeyValues, MockSecrets};
pub use ocr::MockOcr;
pub use task::MockTask;
