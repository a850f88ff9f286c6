//! Reads text in pictures: the port [`PictureReader`](morag_core::ports::PictureReader).
//!
//! [`Reader`] is the engine: two neural networks of PP-OCR, and plain arithmetic around them. A picture goes
//! [`gray`] → [`ink`] (where anything is) → [`letters`] (how large they are) → [`detect`] (boxes of lines) → [`page`] (which way up, in which
//! order) → [`recognise`] (what each line says).

#![expect(
    clippy::disallowed_methods,
    reason = "it is an adapter: it opens model files, and starts threads and processes"
)]

mod detect;
mod gray;
mod ink;
mod letters;
mod model;
mod page;
mod reader;
mod recognise;
mod rectangle;
mod weights;

pub use model::{KnownModel, LoadError, MODELS, ModelFile};
pub use reader::{ReadError, Reader};
