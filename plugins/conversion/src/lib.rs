//! What the converters share.
//!
//! A converter turns a document's bytes into a [`Converted`]; [`run`] reads the task's source for it and writes the result as
//! `markdown.md` and `document.json` (see `docs/artifacts.md`). Every way a document can be refused is a function of [`failures`].

pub mod dates;
pub mod document;
pub mod encoding;
pub mod failures;
pub mod markdown;
mod step;
#[cfg(feature = "testdata")]
pub mod testdata;

pub use document::{Converted, Page, Part, Progress, Properties};
pub use morag_formats as formats;
pub use morag_formats::Format;
pub use step::{Options, Source, descriptor, formats_of, run, write};
