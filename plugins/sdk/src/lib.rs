//! Write a MoRAG step in Rust.
//!
//! A step is a type that implements [`Step`], exported with [`export_step!`]. It accesses everything through the handles of [`host`]; its
//! logic takes the traits ([`Task`], and one for each capability), so that unit tests run it natively with [`mock`].
//!
//! ```
//! use morag_step::{Data, Descriptor, Failure, Output, Step, Task, data, host, json};
//!
//! struct Shout;
//!
//! fn shout(task: &dyn Task) -> Result<Data, Failure> {
//!     let text = task.artifact_text("markdown.md")?;
//!     task.write_artifact("shout.md", text.to_uppercase().as_bytes())?;
//!     Ok(data(json!({ "shouted": text.len() })))
//! }
//!
//! impl Step for Shout {
//!     fn describe() -> Descriptor {
//!         Descriptor::new("shout", env!("CARGO_PKG_VERSION"), "Makes a document loud")
//!             .reads("markdown.md")
//!             .writes(Output::new("shout.md", "text/markdown").published_as("shout_file_url"))
//!     }
//!     fn run() -> Result<Data, Failure> {
//!         shout(&host::TaskHandle)
//!     }
//! }
//!
//! morag_step::export_step!(Shout);
//! ```
//!
//! | what | trait | handle | in tests | capability |
//! |---|---|---|---|---|
//! | the task, its files, progress, the log | [`Task`] | [`host::TaskHandle`] | [`mock::MockTask`] | none needed |
//! | text embeddings | [`Embeddings`] | [`host::EmbeddingsHandle`] | [`mock::MockStore`] | `embeddings` |
//! | vectors of the document | [`Vectors`] | [`host::VectorsHandle`] | [`mock::MockStore`] | `vectors` |
//! | graph of the document | [`Graph`] | [`host::GraphHandle`] | [`mock::MockStore`] | `graph` |
//! | a language model | [`Completions`] | [`host::CompletionsHandle`] | [`mock::MockCompletions`] | `completions` |
//! | speech to text | [`Transcription`] | [`host::TranscriptionHandle`] | [`mock::MockTranscription`] | `transcription` |
//! | documents inside the document | [`Conversion`] | [`host::ConversionHandle`] | [`mock::MockConversion`] | `conversion` |
//! | text in pictures | [`Ocr`] | [`host::OcrHandle`] | [`mock::MockOcr`] | `ocr` |
//! | a small store of the plugin's own | [`KeyValues`] | [`host::KeyValuesHandle`] | [`mock::MockKeyValues`] | `kv` |
//! | secrets by name | [`Secrets`] | [`host::SecretsHandle`] | [`mock::MockSecrets`] | `secrets` |
//! | requests to other hosts | [`Http`] | `host::HttpHandle` | [`mock::MockHttp`] | `http` |
//!
//! A component imports the handles of `host` that its step names, so a step asks for just those with [`Descriptor::wants`].
//!
//! # Features
//!
//! All are off by default, and cost nothing while off. The sizes were measured on a step of 149 KB that reads an artifact and its
//! configuration and writes an artifact.
//!
//! - `schema`: `Descriptor::configured_by_type` derives the configuration's JSON Schema from a type, by `schemars`. Adds 48 KB; a schema by
//!   [`json!`] adds almost nothing.
//! - `anyhow`: `?` on `anyhow::Error`; see [`STEP_ERROR`]. Adds 66 KB, most of it for backtraces.
//! - `http`: `host::HttpHandle`, over `wasi:http`, as blocking calls. Adds 30 KB.

pub mod bindings;
mod blob;
mod capability;
mod converter;
mod data;
mod descriptor;
mod error;
mod failure;
pub mod host;
mod io;
pub mod mock;
#[cfg(feature = "schema")]
mod schema;
mod step;
mod task;
#[cfg(all(target_os = "wasi", morag_debian_wasi_libc))]
mod wasi_libc;

pub use blob::{Blob, Writer, blob_bytes};
pub use capability::{
    CapabilityError, Completion, CompletionOptions, Completions, Conversion, ConvertedDocument, Corner, Edge,
    Embeddings, Fact, Graph, Http, KeyValues, Message, Node, Ocr, OcrModel, Picture, PixelFormat, Point, Reading,
    Refused, Request, Response, Role, Secrets, Segment, TextLine, Transcript, Transcription, Vectors,
};
pub use converter::{Converter, Format};
pub use data::{Data, data};
pub use descriptor::{Descriptor, Input, Output};
pub use error::STEP_ERROR;
pub use failure::Failure;
pub use io::{ArtifactFile, PIECE_BYTES, Reader};
#[cfg(feature = "schema")]
pub use schemars;
pub use serde_json::json;
pub use step::Step;
pub use task::{Info, Level, Task};

/// Exports a type that implements [`Step`] as this component's step. On targets other than wasm it exports nothing, so that the crate's
/// unit tests build natively.
#[macro_export]
macro_rules! export_step {
    ($step:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Exported;
            impl $crate::bindings::exports::morag::step::step::Guest for Exported {
                fn describe() -> $crate::bindings::exports::morag::step::step::Descriptor {
                    <$step as $crate::Step>::describe().into()
                }
                fn run() -> ::core::result::Result<
                    $crate::bindings::exports::morag::step::step::Outcome,
                    $crate::bindings::exports::morag::step::step::Failure,
                > {
                    $crate::host::run_step::<$step>()
                }
            }
    $crate::bindings::export!(Exported with_types_in $crate::bindings);
        };
        // Otherwise a native build would warn that the step is unused.
        #[cfg(not(target_family = "wasm"))]
        const _: (fn() -> $crate::Descriptor, fn() -> ::core::result::Result<$crate::Data, $crate::Failure>) =
            (<$step as $crate::Step>::describe, <$step as $crate::Step>::run);
    };
}

/// Exports a type that implements [`Converter`] as this component's step and converter. Otherwise as [`export_step!`].
#[macro_export]
macro_rules! export_converter {
    ($step:ty) => {
        $crate::export_step!($step);
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct ExportedConverter;
            impl $crate::bindings::converter::exports::morag::step::converter::Guest for ExportedConverter {
                fn formats() -> ::std::vec::Vec<$crate::bindings::converter::exports::morag::step::converter::Format> {
                    <$step as $crate::Converter>::formats().into_iter().map(::core::convert::Into::into).collect()
                }
            }
            $crate::bindings::converter::export_converter_exports!(
                ExportedConverter with_types_in $crate::bindings::converter
            );
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> ::std::vec::Vec<$crate::Format> = <$step as $crate::Converter>::formats;
    };
}
