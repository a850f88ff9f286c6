//! Authentication at a registry: the scheme that it requires, and the token that is fetched first.
//!
//! A registry responds 401 with the URL of its token service (`realm`), which may be another host: `registry-1.docker.io` names
//! `auth.docker.io`. The password is sent there, so the URL must be https, or on the registry itself. Any https host is accepted: the
//! operator trusts the registry with the password anyway.

use super::answer::{body, cause, unauthorized};
use base64::Engine as _;
use http_auth::ChallengeParser;
use morag_core::plugin::{RegistryLogin, RegistryReference};
use morag_core::ports::ComponentError;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use url::Url;

/// Largest token response: those of large registries have about 5 KiB.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// The scheme that a registry requires.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    /// A token from the service at `realm`.
    Token { realm: String, service: Option<String> },
    /// Another scheme: name and password are sent, if configured.
    Other,
}

/// The `Authorization` header for the registry at `origin`; none where it requires none.
pub(super) async fn authorize(
    client: &Client,
    origin: &str,
    login: Option<&RegistryLogin>,
    reference: &RegistryReference,
) -> Result<Option<HeaderValue>, ComponentError> {
    let said = match login {
        Some(RegistryLogin::Token(token)) => Some(format!("Bearer {}", token.expose())),
        _ => {
            let broken = |error| ComponentError::Unavailable(cause(error));
            let answer = client.get(format!("{origin}/v2/")).send().await.map_err(broken)?;
            match challenge(answer.headers()) {
                None => None,
                Some(Challenge::Other) => login.map(basic),
                Some(Challenge::Token { realm, service }) => {
                    let url = token_url(origin, &realm, service.as_deref(), reference)?;
                    Some(format!("Bearer {}", token(client, url, login, reference).await?))
                }
            }
        }
    };
    said.map(|said| header(&said, reference)).transpose()
}

fn header(said: &str, reference: &RegistryReference) -> Result<HeaderValue, ComponentError> {
    let mut value = HeaderValue::from_str(said).map_err(|_| unauthorized(reference))?;
    value.set_sensitive(true);
    Ok(value)
}

fn basic(login: &RegistryLogin) -> String {
    match login {
        RegistryLogin::Password { username, password } => {
            let pair = format!("{username}:{}", password.expose());
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        RegistryLogin::Token(token) => format!("Bearer {}", token.expose()),
    }
}

/// The scheme that a response requires; none where there is no challenge.
fn challenge(headers: &HeaderMap) -> Option<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values
        .map(|value| value.to_str().ok().and_then(bearer_challenge).unwrap_or(Challenge::Other))
        .reduce(|one, other| if one == Challenge::Other { other } else { one })
}

fn bearer_challenge(text: &str) -> Option<Challenge> {
    let challenges = ChallengeParser::new(text).map_while(Result::ok);
    let bearer = challenges.into_iter().find(|challenge| challenge.scheme.eq_ignore_ascii_case("bearer"))?;
    let value = |name: &str| {
        let found = bearer.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped())
    };
    Some(Challenge::Token { realm: value("realm")?, service: value("service") })
}

/// The URL of the token request.
fn token_url(
    origin: &str,
    realm: &str,
    service: Option<&str>,
    reference: &RegistryReference,
) -> Result<Url, ComponentError> {
    let refuse = || {
        let text =
            "the URL of its token service is neither https nor on the registry itself: no credentials are sent there";
        ComponentError::Unavailable(text.into())
    };
    let mut url: Url = realm.parse().map_err(|_| refuse())?;
    let is_itself = Url::parse(origin).is_ok_and(|origin| origin.origin() == url.origin());
    if url.scheme() != "https" && !is_itself {
        return Err(refuse());
    }
    url.query_pairs_mut()
        .append_pair("scope", &format!("repository:{}:pull", reference.repository()))
        .extend_pairs(service.map(|service| ("service", service)));
    Ok(url)
}

async fn token(
    client: &Client,
    url: Url,
    login: Option<&RegistryLogin>,
    reference: &RegistryReference,
) -> Result<String, ComponentError> {
    let mut request = client.get(url);
    if let Some(login) = login {
        request = request.header(AUTHORIZATION, header(&basic(login), reference)?);
    }
    let answer = request.send().await.map_err(|error| ComponentError::Unavailable(cause(error)))?;
    match answer.status() {
        StatusCode::OK => {}
        status if status.is_client_error() => return Err(unauthorized(reference)),
        status => return Err(ComponentError::Unavailable(format!("it responds {status} to the request for a token"))),
    }
    let bytes = body("token", answer, ANSWER_BYTES_MAX).await?;
    let answer: Option<Value> = serde_json::from_slice(&bytes).ok();
    let token = ["token", "access_token"].into_iter().find_map(|key| answer.as_ref()?.get(key)?.as_str());
    // The response is not logged: it may contain a token.
    token.map(str::to_owned).ok_or_else(|| ComponentError::Unavailable("its response contains no token".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Option<Challenge> {
        challenge(&values.iter().map(|value| (WWW_AUTHENTICATE, HeaderValue::from_static(value))).collect())
    }

    #[test]
    fn what_a_registry_wants_is_read() {
        let token = |realm: &str, service: Option<&str>| {
            Some(Challenge::Token { realm: realm.into(), service: service.map(str::to_owned) })
        };
        let docker = "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\"";
        assert_eq!(of(&[docker]), token("https://auth.docker.io/token", Some("registry.docker.io")));
        assert_eq!(of(&["Basic realm=\"r\", bearer Realm=\"https://a/\""]), token("https://a/", None));
        assert_eq!(of(&["Basic realm=\"r\"", "Bearer realm=\"https://a/\""]), token("https://a/", None));
        for other in ["Basic realm=\"r\"", "Bearer", "Bearer service=\"s\"", "\"", ""] {
            assert_eq!(of(&[other]), Some(Challenge::Other), "{other:?}");
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_token_is_fetched_by_https_or_from_the_registry() {
        let reference = format!("oci://r.example/a/b@sha256:{}", "0".repeat(64)).parse().unwrap();
        let token = |origin: &str, realm: &str| token_url(origin, realm, Some("s"), &reference);
        let url = token("https://r.example", "https://auth.example/token?x=1").unwrap();
        assert_eq!(url.as_str(), "https://auth.example/token?x=1&scope=repository%3Aa%2Fb%3Apull&service=s");
        assert!(token("http://r.example:5000", "http://r.example:5000/token").is_ok());
        for realm in ["http://r.example/token", "http://auth.example/", "file:///etc", "/token", ""] {
            assert!(token("https://r.example", realm).is_err(), "{realm}");
            assert!(token("http://r.example:5000", realm).is_err(), "{realm}");
        }
    }
}
