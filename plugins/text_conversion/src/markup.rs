//! How the converters of markup begin and end.

use crate::text;
use morag_conversion::{Converted, Format, Properties, failures, markdown};
use morag_step::Failure;

/// Decodes a text of at most `bytes_max`; with it comes the label of its encoding.
///
/// # Errors
/// `DOCUMENT_TOO_LARGE`.
pub fn read(bytes: &[u8], bytes_max: usize) -> Result<(String, String), Failure> {
    if bytes.len() > bytes_max {
        let size = bytes.len();
        return Err(failures::too_large(format!("it has {size} bytes, and at most {bytes_max} are converted")));
    }
    text::read(bytes, None)
}

/// The converted document. `included`: files that it includes, which are not read.
///
/// # Errors
/// `EMPTY_DOCUMENT`.
pub fn done(
    format: &'static Format,
    text: &str,
    encoding: String,
    properties: Properties,
    included: usize,
) -> Result<Converted, Failure> {
    let text = markdown::finish(text);
    if text.is_empty() {
        return Err(failures::empty("the file has no text but white space, comments and commands"));
    }
    let warnings = match included {
        0 => Vec::new(),
        count => vec![format!("files that the document includes are not read: {count}")],
    };
    Ok(Converted { encoding: Some(encoding), properties, warnings, ..Converted::without_pages(format, text) })
}
