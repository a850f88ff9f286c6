//! Messages as they are sent (RFC 5322).

use crate::assembly::Assembly;
use crate::{mail, mime};
use morag_conversion::{Converted, failures, formats};
use morag_step::Failure;

/// Converts a message: its heading as a table, its text, and each attachment under a heading.
///
/// # Errors
/// `CORRUPT_DOCUMENT` for what has no field of a message, `ENCRYPTED_DOCUMENT`, `EMPTY_DOCUMENT`, what a retry may cure.
pub fn convert(bytes: &[u8], mut assembly: Assembly) -> Result<Converted, Failure> {
    let found = mime::read(without_envelope(bytes));
    if !found.is_mail {
        return Err(failures::corrupt(&formats::EML, "it does not begin with the fields of a message"));
    }
    assembly.warnings.extend(found.warnings);
    mail::convert(found.mail, &formats::EML, assembly)
}

/// Without the line `From …` that mailboxes have before each message, and blank lines.
fn without_envelope(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    if !bytes.starts_with(b"From ") {
        return bytes;
    }
    memchr::memchr(b'\n', bytes).map_or(bytes, |end| &bytes[end + 1..])
}
