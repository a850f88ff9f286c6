//! Answers of registries: their bodies, and their errors as those of the port.

use bytes::{Bytes, BytesMut};
use morag_core::plugin::RegistryReference;
use morag_core::ports::ComponentError;
use reqwest::Response;

/// An answer's body, at most `bytes_max` of it. `what`: what the answer is, for errors.
pub(super) async fn body(what: &str, mut response: Response, bytes_max: u64) -> Result<Bytes, ComponentError> {
    let broken = |error: reqwest::Error| ComponentError::Unavailable(format!("the {what}: {}", cause(error)));
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if (bytes.len() + piece.len()) as u64 > bytes_max {
            let text = format!("the {what} goes on after the {bytes_max} bytes it may have");
            return Err(ComponentError::Unavailable(text));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// The registry refuses what was asked, or wants another login.
pub(super) fn unauthorized(reference: &RegistryReference) -> ComponentError {
    ComponentError::Unauthorized { host: reference.registry().to_owned() }
}

/// The innermost cause, without the URL: a signed URL of a redirect would give access to every reader of the log.
pub(super) fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
