//! Write a MoRAG step in Rust.
//!
//! A step is a type that implements [`Step`], exported with [`export_step!`]. Everything it may do comes through the
//! handles of [`host`]; a step's own logic takes the traits ([`Task`], [`Embeddings`], [`Vectors`], [`Graph`]), so that
//! unit tests run it natively against [`mock::MockTask`].
//!
//! ```
//! use morag_step::{Descriptor, Failure, Output, Step, Task, host, json, Data};
//!
//! struct Shout;
//!
//! fn shout(task: &dyn Task) -> Result<Data, Failure> {
//!     let text = task.artifact_text("markdown.md")?;
//!     task.write_artifact("shout.md", text.to_uppercase().as_bytes())?;
//!     Ok(morag_step::data(json!({ "shouted": text.len() })))
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

pub mod bindings;
mod descriptor;
mod failure;
pub mod host;
pub mod mock;
mod task;
#[cfg(all(target_os = "wasi", morag_debian_wasi_libc))]
mod wasi_libc;

pub use descriptor::{Descriptor, Input, Output};
pub use failure::Failure;
pub use serde_json::json;
pub use task::{
    Blob, CapabilityError, Edge, Embeddings, Fact, Graph, Info, Level, Node, Point, Task, Vectors, Writer, blob_bytes,
};

/// The step-specific keys of a step event.
pub type Data = serde_json::Map<String, serde_json::Value>;

/// A JSON object as [`Data`]; anything but an object becomes the empty one.
pub fn data(value: serde_json::Value) -> Data {
    match value {
        serde_json::Value::Object(map) => map,
        _ => Data::new(),
    }
}

/// A processing step: what the component exports.
pub trait Step {
    /// What the step is. Called once when the component is loaded, with no task.
    fn describe() -> Descriptor;
    /// Runs the step once over the task that [`host::TaskHandle`] reaches.
    fn run() -> Result<Data, Failure>;
}

/// Exports a type that implements [`Step`] as this component's step. Does nothing on other targets than wasm, so the
/// crate's unit tests build natively.
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
    };
}
