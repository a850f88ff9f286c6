//! Reads text in pictures: the port [`PictureReader`](morag_core::ports::PictureReader).
//!
//! [`Reader`] is the engine: two neural networks of PP-OCR, and plain arithmetic around them. A picture goes
//! [`gray`] → [`ink`] (where anything is) → [`letters`] (how large they are) → [`detect`] (boxes of lines) → [`page`] (which way up, in which
//! order) → [`recognise`] (what each line says). [`ModelReader`] runs it on threads of its own; [`TesseractReader`] runs an installed
//! program instead.

#![expect(
    clippy::disallowed_methods,
    reason = "it is an adapter: it opens model files, and starts threads and processes"
)]

mod absent;
mod detect;
mod gray;
mod ink;
mod letters;
mod model;
mod model_reader;
mod page;
mod priority;
mod quantise;
mod reader;
mod recognise;
mod rectangle;
mod tesseract;
mod threads;
mod weights;

pub use absent::{NoReader, off};
pub use model::{KnownModel, LoadError, MODELS, ModelFile, Package};
pub use model_reader::{ModelReader, check_model};
pub use reader::{ReadError, Reader};
pub use tesseract::{InvalidLanguage, Language, TesseractReader, check_tesseract};
