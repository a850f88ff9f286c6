//! Pictures of a document as files beside its markdown, where the option `include_images` asks for them (`docs/formats.md`).
//!
//! [`Album`] decides which pictures are kept and under which names, and does no I/O; [`Images`] reads them from where a converter has
//! them, writes what is kept, and gives the reference that stands at the picture's place in the markdown.

mod album;
mod data_uri;
mod files;
mod include;
mod kind;
mod reference;

pub use album::{Album, IMAGE_BYTES_MAX, IMAGES_BYTES_MAX, IMAGES_MAX, LeftOut};
pub use data_uri::{base64, data_uri};
pub use files::{Images, outputs};
pub use include::Include;
pub use kind::{HEAD_BYTES, Kind, jpeg_channels};
