//! Who may call.

use super::ApiError;
use crate::App;
use crate::config::ApiKey;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use morag_core::ports::Flow;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// Who a request came from: tells callers apart where their answers must not mix (idempotency) and where they share the
/// workers.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// Digest of the key.
    digest: [u8; 32],
    /// The key's share of the workers.
    weight: u32,
}

impl Caller {
    /// The caller in text, without the key in it.
    pub fn as_text(&self) -> String {
        hex::encode(&self.digest[..16])
    }

    /// The flow that the caller's tasks belong to.
    pub fn flow(&self) -> Flow {
        Flow { id: self.as_text(), weight: self.weight }
    }
}

/// Lets a request through that has a key or needs none. Everything that is not listed here needs one.
pub async fn require_key(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let open = matches!(path, "/health" | "/health/ready" | "/metrics" | "/openapi.json" | "/docs")
        || path.starts_with("/docs/");
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
fn caller(headers: &HeaderMap, keys: &[ApiKey]) -> Result<Caller, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(ApiError::unauthorized("An API key is needed: send the header Authorization: Bearer KEY"));
    };
    let bearer = value.as_bytes().split_at_checked(7).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
    let Some((_, key)) = bearer else {
        return Err(ApiError::unauthorized("The Authorization header must be of the form: Bearer KEY"));
    };
    let digest: [u8; 32] = Sha256::digest(key.trim_ascii()).into();
    let none = (Choice::from(0), 0);
    let (known, weight) = keys.iter().fold(none, |(known, weight), candidate| {
        let candidate_digest: [u8; 32] = Sha256::digest(candidate.secret.expose().as_bytes()).into();
        let same = candidate_digest.ct_eq(&digest);
        (known | same, u32::conditional_select(&weight, &candidate.weight, same))
    });
    match known.into() {
        true => Ok(Caller { digest, weight }),
        false => Err(ApiError::unauthorized("The API key is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use morag_core::Secret;

    fn ask(value: &'static str) -> Result<Caller, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        let key = |text, weight| ApiKey { secret: Secret::new(text), weight };
        caller(&headers, &[key("one", 3), key("two", 7)])
    }

    fn known(value: &'static str) -> bool {
        ask(value).is_ok()
    }

    #[test]
    fn each_key_is_a_flow_of_its_weight() {
        let (one, two) = (ask("Bearer one").unwrap().flow(), ask("Bearer two").unwrap().flow());
        assert_eq!((one.weight, two.weight), (3, 7));
        assert!(one.id != two.id && !one.id.contains("one"));
    }

    #[test]
    fn any_of_the_keys_opens_and_nothing_else() {
        assert!(known("Bearer one") && known("bearer two"));
        for bad in ["", "Bearer", "Bearer ", "Bearer three", "Bearer onetwo", "Basic one", "one", "Bearer one,two"] {
            assert!(!known(bad), "{bad:?}");
        }
        assert!(caller(&HeaderMap::new(), &[]).is_err());
    }
}
