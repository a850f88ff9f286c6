//! Refusals that only messages and archives have.

use morag_conversion::Part;
use morag_step::{Failure, Refused, json};

/// Failed documents that a failure lists: enough to see what was in an archive.
const LISTED_MAX: usize = 50;

/// A message that only its receiver can read. `how`: what was done to it.
pub fn encrypted_message(how: &str) -> Failure {
    let message =
        format!("The message is {how}. Save it without this protection in your mail program and submit that file");
    Failure::new("ENCRYPTED_DOCUMENT", message)
}

/// An archive of which nothing could be converted. One document's own code is the archive's, but for the one that would pass the archive
/// on to another converter.
pub fn nothing_converted(parts: &[Part], reasons: &[Refused]) -> Failure {
    if let ([part], [reason]) = (parts, reasons)
        && reason.code != "UNSUPPORTED_FORMAT"
    {
        return Failure::new(&reason.code, format!("{}: {}", part.name, reason.message));
    }
    let listed: Vec<_> =
        parts.iter().take(LISTED_MAX).map(|part| json!({ "name": part.name, "error_code": part.error_code })).collect();
    let first = match (parts, reasons) {
        ([part, ..], [reason, ..]) => format!("; {} for example: {}", part.name, reason.message),
        _ => String::new(),
    };
    let message = format!(
        "None of the {} documents in the archive could be converted{first}. Submit an archive with documents of the supported formats",
        parts.len()
    );
    Failure::new("NO_CONVERTIBLE_DOCUMENT", message).with("parts", listed)
}

/// A part that is not converted, for a reason of this converter.
pub fn refused(code: &str, message: impl Into<String>) -> Refused {
    Refused { code: code.into(), message: message.into() }
}

/// A failure of a part as the part's refusal; one that a retry may cure is the whole task's.
pub fn of_part(failure: Failure) -> Result<Refused, Failure> {
    if failure.retryable { Err(failure) } else { Ok(Refused { code: failure.code, message: failure.message }) }
}
