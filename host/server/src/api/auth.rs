//! Who may call.

use super::ApiError;
use crate::App;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use morag_core::Secret;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq as _};

/// Digest of the key a request came with: tells callers apart where their answers must not mix (idempotency).
#[derive(Debug, Clone, Copy)]
pub struct Caller([u8; 32]);

impl Caller {
    /// The caller in text, without the key in it.
    pub fn as_text(&self) -> String {
        hex::encode(&self.0[..16])
    }
}

/// Lets a request through that has a key or needs none. Everything that is not listed here needs one.
pub async fn require_key(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = matches!(path, "/health" | "/health/ready" | "/openapi.json" | "/docs") || path.starts_with("/docs/");
    if !open {
        match caller(request.headers(), &app.config.api_keys) {
            Ok(caller) => {
                request.extensions_mut().insert(caller);
            }
            Err(error) => return error.into_response(),
        }
    }
    next.run(request).await
}

/// Hashing both sides makes their lengths equal, so that the comparison takes the same time whatever was sent.
fn caller(headers: &HeaderMap, keys: &[Secret]) -> Result<Caller, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(ApiError::unauthorized("An API key is needed: send the header Authorization: Bearer KEY"));
    };
    let bearer = value.as_bytes().split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    let Some((_, key)) = bearer else {
        return Err(ApiError::unauthorized("The Authorization header must be of the form: Bearer KEY"));
    };
    let digest: [u8; 32] = Sha256::digest(key.trim_ascii()).into();
    let known = keys.iter().fold(Choice::from(0), |known, candidate| {
        let candidate: [u8; 32] = Sha256::digest(candidate.expose().as_bytes()).into();
        known | candidate.ct_eq(&digest)
    });
    match known.into() {
        true => Ok(Caller(digest)),
        false => Err(ApiError::unauthorized("The API key is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn known(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        caller(&headers, &[Secret::new("one"), Secret::new("two")]).is_ok()
    }

    #[test]
    fn any_of_the_keys_opens_and_nothing_else() {
        assert!(known("Bearer one") && known("bearer two"));
        for bad in ["", "Bearer", "Bearer ", "Bearer three", "Bearer onetwo", "Basic one", "one", "Bearer one,two"] {
            assert!(!known(bad), "{bad:?}");
        }
        assert!(caller(&HeaderMap::new(), &[Secret::new("one")]).is_err());
    }
}
