//! What the converters share.
//!
//! A converter turns a document's bytes into a [`Converted`]; [`run`] reads the task's source for it and writes the result as
//! `markdown.md` and `document.json` (see `docs/artifacts.md`). Every way a document can be refused is a function of [`failures`].

pub mod address;
pub mod codepage;
pub mod dates;
pub mod document;
pub mod encoding;
pub mod escape;
pub mod failures;
pub mod images;
pub mod link;
pub mod markdown;
pub mod ocr;
pub mod ocr_layout;
#[cfg(feature = "ole")]
pub mod ole;
pub mod rtf_lexer;
mod step;
#[cfg(feature = "testdata")]
#[expect(clippy::unwrap_used, reason = "only tests use it: what cannot be written fails them")]
pub mod testdata;

pub use document::{Converted, Page, Part, Progress, Properties};
pub use images::Images;
pub use morag_formats as formats;
pub use morag_formats::Format;
pub use step::{Options, Source, descriptor, formats_of, run, run_with_images, write};
