//! Every way a document is refused, each with its code and what the person can do about it.

use morag_formats::{self as formats, Format};
use morag_step::Failure;

/// Bytes of a source that are read. A step has 512 MiB of memory by default, and the parsers hold the source twice
/// beside what they make of it.
pub const SOURCE_BYTES_MAX: u64 = 128 << 20;

/// The document asks for a password.
pub fn encrypted(what: &str) -> Failure {
    Failure::new(
        "ENCRYPTED_DOCUMENT",
        format!("The {what} is protected by a password. Remove the password, save it again and submit that file"),
    )
}

/// A PDF of pictures only.
pub fn no_text(pages: u32) -> Failure {
    let pages = if pages == 1 { "page has".to_owned() } else { format!("{pages} pages have") };
    Failure::new(
        "NO_TEXT",
        format!(
            "The PDF's {pages} no text layer: it is a scan or only pictures. Run OCR on it first and submit the result"
        ),
    )
}

/// The document is not what its format asks for. `reason` says where.
pub fn corrupt(format: &Format, reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        "CORRUPT_DOCUMENT",
        format!(
            "The {} document is damaged or incomplete ({reason}). Open it in its own program, save it again and \
             submit that file",
            format.name
        ),
    )
}

/// A document with nothing in it.
pub fn empty(why: &str) -> Failure {
    Failure::new(
        "EMPTY_DOCUMENT",
        format!("The document has nothing to convert: {why}. Check that the right file was sent"),
    )
}

/// A document that would take more memory than a step has.
pub fn too_large(why: impl std::fmt::Display) -> Failure {
    Failure::new("DOCUMENT_TOO_LARGE", format!("The document is too large: {why}. Split it and submit the parts"))
}

/// A format that this converter does not take: the host asks the next one. `attempted` is its usual extension, without the dot.
pub fn unsupported(attempted: &str) -> Failure {
    let message = format!("Unsupported file format: .{attempted} files cannot be converted to markdown");
    let supported: Vec<&str> = formats::ALL.iter().map(|format| format.name).collect();
    Failure::new("UNSUPPORTED_FORMAT", message).with("attempted_format", attempted).with("supported_formats", supported)
}
