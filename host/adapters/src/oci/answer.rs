//! Response bodies of registries, and errors of registries as errors of the port.

use bytes::{Bytes, BytesMut};
use morag_core::plugin::RegistryReference;
use morag_core::ports::ComponentError;
use reqwest::Response;

/// The body of a response, at most `bytes_max`. `what` names it in errors.
pub(super) async fn body(what: &str, mut response: Response, bytes_max: u64) -> Result<Bytes, ComponentError> {
    let broken = |error: reqwest::Error| ComponentError::Unavailable(format!("the {what}: {}", cause(error)));
    let mut bytes = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if (bytes.len() + piece.len()) as u64 > bytes_max {
            let text = format!("the {what} is longer than the {bytes_max} bytes that are allowed");
            return Err(ComponentError::Unavailable(text));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// The registry denies access, or needs another login.
pub(super) fn unauthorized(reference: &RegistryReference) -> ComponentError {
    ComponentError::Unauthorized { host: reference.registry().to_owned() }
}

/// The innermost cause, without the URL: a redirect's signed URL in the log would give every reader access.
pub(super) fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn std::error::Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
