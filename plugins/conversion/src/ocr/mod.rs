//! Reading of pages by the host's model: pictures, the pages of a TIFF, and those of a PDF that have no text of their own.
//!
//! [`gray`] makes a page as large as the host takes it, [`page_reader`] has it read, and [`crate::ocr_layout`] puts what was read in order.

mod gray;
mod page_reader;

pub use gray::{Gray, PIXELS_MAX, SIDE_MAX, SIDE_MIN, Samples};
pub use page_reader::PageReader;
