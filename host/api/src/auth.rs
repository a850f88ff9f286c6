//! Authentication by API key.

use super::caller::Caller;
use super::{ApiError, access, audit};
use crate::Api;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use morag_engine::config::{ConfiguredCaller, digest_of};
use std::sync::Arc;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

/// Header for clients that cannot send `Authorization`.
const X_API_KEY: &str = "x-api-key";

/// Middleware: passes a request on if its route needs no key, or its key has the scope that the route needs. Changes go to the
/// audit log.
pub async fn require_key(State(app): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    if access::is_open(request.uri().path()) {
        return next.run(request).await;
    }
    let caller = match caller(request.headers(), &app.config.callers) {
        Ok(caller) => caller,
        Err(error) => {
            audit::refused_key(&app, &request, error.public());
            return error.into_response();
        }
    };
    let change = audit::Change::of(&caller, &request);
    let route = request.extensions().get::<MatchedPath>();
    let refused = route.and_then(|route| access::check(&caller, request.method(), route.as_str()).err());
    let response = match refused {
        Some(error) => error.into_response(),
        None => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
    };
    if let Some(change) = change {
        change.ended(&response);
    }
    response
}

/// The key of a request, in either of the two headers.
fn given(headers: &HeaderMap) -> Result<&[u8], ApiError> {
    let authorization = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let bearer = authorization
        .and_then(|value| value.split_at_checked(7))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
        .map(|(_, key)| key);
    match (bearer, headers.get(X_API_KEY), authorization) {
        (Some(key), ..) => Ok(key),
        // `Authorization` may be a proxy's own.
        (None, Some(key), _) => Ok(key.as_bytes()),
        (None, None, None) => Err(ApiError::unauthorized(
            "An API key is needed: send the header Authorization: Bearer KEY, or X-API-Key: KEY",
        )),
        (None, None, Some(_)) => {
            Err(ApiError::unauthorized("The Authorization header must be of the form: Bearer KEY"))
        }
    }
}

/// The caller with this key. Compares with every caller, and digests of equal length: the time it takes tells nothing about the
/// key.
fn caller(headers: &HeaderMap, callers: &[Arc<ConfiguredCaller>]) -> Result<Caller, ApiError> {
    let digest = digest_of(given(headers)?.trim_ascii());
    let none = (Choice::from(0), 0_u32);
    let (known, place) = (0..).zip(callers).fold(none, |(known, place), (candidate_place, candidate)| {
        let same = candidate.digest.ct_eq(&digest);
        (known | same, u32::conditional_select(&place, &candidate_place, same))
    });
    let found = usize::try_from(place).ok().and_then(|place| callers.get(place));
    match (bool::from(known), found) {
        (true, Some(found)) => Ok(Caller::new(Arc::clone(found))),
        _ => Err(ApiError::unauthorized("The API key is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use morag_core::caller::{Quotas, Scope};
    use morag_core::task::TenantId;

    fn configured(name: &str, key: &str, weight: u32) -> Arc<ConfiguredCaller> {
        Arc::new(ConfiguredCaller {
            name: name.into(),
            digest: digest_of(key.as_bytes()),
            tenant: TenantId::default(),
            scopes: [Scope::Admin].into_iter().collect(),
            weight,
            quotas: Quotas::default(),
            collections: None,
        })
    }

    fn ask_with(sent: &[(&'static str, &'static str)]) -> Result<Caller, ApiError> {
        let headers =
            sent.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect();
        caller(&headers, &[configured("a", "one", 3), configured("b", "two", 7)])
    }

    fn ask(value: &'static str) -> Result<Caller, ApiError> {
        ask_with(&[("authorization", value)])
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
        assert!(
            caller(&HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static("Bearer "))]), &[]).is_err()
        );
    }

    #[test]
    fn a_key_may_come_in_either_header() {
        let name = |sent: &[(&'static str, &'static str)]| ask_with(sent).ok().map(|caller| caller.name().to_owned());
        assert_eq!(name(&[("x-api-key", "two")]).as_deref(), Some("b"));
        assert_eq!(name(&[("x-api-key", "two"), ("authorization", "Basic x")]).as_deref(), Some("b"));
        assert_eq!(name(&[("x-api-key", "two"), ("authorization", "Bearer one")]).as_deref(), Some("a"));
        assert_eq!(name(&[("x-api-key", "two"), ("authorization", "Bearer three")]), None, "no second try");
        assert_eq!(name(&[("x-api-key", "Bearer two")]), None);
        assert_eq!(name(&[("x-api-key", "")]), None);
    }
}
