//! Pictures.

use crate::codes;
use morag_conversion::{Converted, Format};
use morag_step::{Failure, Info, Ocr, Task};

/// Converts a picture.
///
/// # Errors
/// `OCR_NOT_CONFIGURED`.
pub fn convert(_task: &dyn Task, _info: &Info, format: &'static Format, ocr: &dyn Ocr) -> Result<Converted, Failure> {
    ocr.model().map_err(codes::no_ocr)?;
    Err(codes::no_text(format))
}
