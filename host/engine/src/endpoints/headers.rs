//! What an HTTP header of a webhook may be, for endpoints of every kind.

use morag_core::shown;
use morag_core::webhook::is_reserved;

/// Longest webhook token and value of a header: what common servers take in one header.
pub(super) const HEADER_VALUE_MAX: usize = 4096;

/// Most headers of a webhook's own.
pub const HEADERS_MAX: usize = 32;

/// Longest name of a header: registered ones are far shorter.
pub const HEADER_NAME_MAX: usize = 128;

/// Names and values of a task's own headers together, bytes: what common servers take in all headers of a request. They are stored
/// with each task.
pub const HEADERS_BYTES_MAX: usize = 16 << 10;

/// A text that can be the value of a header or a bearer token. `name` is for the error.
pub fn header_value(name: &str, text: String) -> Result<String, String> {
    match text.len() <= HEADER_VALUE_MAX && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        true => Ok(text),
        false => Err(format!("{name} must have at most {HEADER_VALUE_MAX} printable ASCII characters")),
    }
}

/// Whether HTTP allows this name.
pub fn is_header_name(name: &str) -> bool {
    http::HeaderName::from_bytes(name.as_bytes()).is_ok()
}

/// A name that an endpoint's own header can have.
pub fn own_header_name(name: &str) -> Result<String, String> {
    if name.len() > HEADER_NAME_MAX || !is_header_name(name) {
        return Err(format!("{:?} is no name that HTTP allows for a header", shown(name)));
    }
    match is_reserved(name) {
        true => Err(format!("the header {name} is the server's own: an endpoint cannot set it")),
        false => Ok(name.to_ascii_lowercase()),
    }
}
