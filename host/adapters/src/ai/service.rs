//! The exchange: a request with the key, a bounded response, an error that is safe to show.

use crate::exchange::{self, Exchange, Within};
use crate::webhook_http::classify::{Failure, classify, classify_exchange};
use crate::webhook_http::tls;
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper_util::client::legacy::connect::HttpConnector;
use morag_core::Secret;
use morag_core::plugin::FailureCode;
use morag_core::ports::CapabilityError;
use morag_core::webhook::ErrorClass;
use reqwest::{Body, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// Timeout of connecting to the service.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Largest error body that is read, bytes: enough for its code.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Longest error code that is shown, characters.
const CODE_CHARS_MAX: usize = 64;

/// The address of a service cannot be used. It is not shown: it may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot be used: give one like https://api.openai.com/v1, http or https, without user name, password, query and \
     fragment"
)]
pub struct InvalidServiceAddress;

/// The key of a service has characters that a header cannot contain. It is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be used: it has characters that HTTP does not allow")]
pub struct InvalidServiceKey;

/// The client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum AiSetUpError {
    /// The address cannot be used.
    #[error("OPENAI_BASE_URL {0}")]
    Url(#[from] InvalidServiceAddress),
    /// The key cannot be used.
    #[error("OPENAI_API_KEY {0}")]
    Key(#[from] InvalidServiceKey),
    /// The TLS settings are not accepted.
    #[error("the TLS settings of the client for completions are not accepted: {0}")]
    Tls(#[from] rustls::Error),
    /// The client's settings are not accepted.
    #[error("the client for completions cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// What a service is asked for: its name in errors, and what an operator has to look at.
pub(super) struct Use {
    /// Its name.
    pub(super) name: &'static str,
    /// The variable that sets its model.
    pub(super) model_variable: &'static str,
    /// Code of a step that fails because the service refuses the server's settings.
    pub(super) misconfigured: FailureCode,
}

/// A service with its key.
#[derive(Clone)]
pub struct OpenAiService {
    /// Builds requests only; `exchange` sends them.
    requests: reqwest::Client,
    client: Exchange<Within<HttpConnector>, Body>,
    base: Url,
    authorization: Option<HeaderValue>,
    key: Option<Secret>,
}

impl OpenAiService {
    /// The service at `base` (`https://host/v1`), with a key if it needs one.
    ///
    /// # Errors
    /// If the address or the key cannot be used.
    pub fn new(base: &str, key: Option<Secret>) -> Result<Self, AiSetUpError> {
        let base = address(base)?;
        let authorization = key.as_ref().map(bearer).transpose()?;
        let tls = tls::client_config(Vec::new())?;
        let requests = reqwest::Client::builder().tls_backend_preconfigured(tls.clone()).no_proxy().build()?;
        let client = Exchange::new(&exchange::settings(), Within::new(exchange::open(), CONNECT_MAX), tls);
        Ok(Self { requests, client, base, authorization, key })
    }

    /// Whether the service is OpenAI's own, whose parameter names differ: compatible services still use the older ones.
    pub(super) fn is_openai(&self) -> bool {
        self.base.host_str() == Some("api.openai.com")
    }

    /// A request to a path below the base address.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        let request = self.requests.post(url);
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }

    /// Sends a request and reads its response. `of` names the service in errors.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        of: &Use,
        request: RequestBuilder,
        timeout: Duration,
        bytes_max: usize,
    ) -> Result<T, CapabilityError> {
        let (deadline, what) = (Instant::now() + timeout, of.name);
        let slow = |_| unavailable(what, &format!("did not answer within {} s", timeout.as_secs_f64()));
        let request = request.build().and_then(Request::try_from).map_err(|error| failed(what, &classify(&error)))?;
        let sent = timeout_at(deadline, self.client.send(request)).await.map_err(slow)?;
        let response = sent.map_err(|error| failed(what, &classify_exchange(&error)))?;
        let mut response = Response::from(response.map(Body::wrap));
        let status = response.status();
        if !status.is_success() {
            let body = timeout_at(deadline, read(&mut response, ERROR_BYTES_MAX)).await;
            let code = body.ok().and_then(Result::ok).and_then(|body| self.code(&body));
            return Err(refused(of, status, code, self.key.is_some()));
        }
        let body = timeout_at(deadline, read(&mut response, bytes_max)).await.map_err(slow)?;
        let body = body.map_err(|failure| match failure {
            ReadFailure::TooLong => unavailable(what, &format!("sends more than {bytes_max} bytes")),
            ReadFailure::Http(error) => failed(what, &classify(&error)),
        })?;
        serde_json::from_slice(&body).map_err(|_| unavailable(what, "sends a response that cannot be parsed"))
    }

    /// The service's own error code, if it is a plain word: it tells which limit was reached, and cannot contain the request or the key.
    fn code(&self, body: &[u8]) -> Option<String> {
        let body: serde_json::Value = serde_json::from_slice(body).ok()?;
        let error = body.get("error")?;
        let named = |field: &str| error.get(field).and_then(serde_json::Value::as_str);
        let code = named("code").or_else(|| named("type"))?;
        let plain = code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let known = self.key.as_ref().is_some_and(|key| code.contains(key.expose()) || key.expose().contains(code));
        (plain && !known && (1..=CODE_CHARS_MAX).contains(&code.len())).then(|| code.to_owned())
    }
}

impl std::fmt::Debug for OpenAiService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAiService").field("base", &self.base.as_str()).field("key", &self.key).finish()
    }
}

/// Checks the address of a service.
///
/// # Errors
/// If [`OpenAiService::new`] would not take it.
pub fn check_service_address(text: &str) -> Result<(), InvalidServiceAddress> {
    address(text).map(|_| ())
}

/// The host of a service's address, with the port where one is given; none where [`OpenAiService::new`] would not take the address.
pub fn service_host(text: &str) -> Option<String> {
    let base = address(text).ok()?;
    let host = base.host_str()?;
    Some(base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// Checks the key of a service.
///
/// # Errors
/// If [`OpenAiService::new`] would not take it.
pub fn check_service_key(key: &Secret) -> Result<(), InvalidServiceKey> {
    bearer(key).map(|_| ())
}

fn address(text: &str) -> Result<Url, InvalidServiceAddress> {
    let base: Url = text.parse().map_err(|_| InvalidServiceAddress)?;
    let plain = base.username().is_empty() && base.password().is_none();
    let whole = base.query().is_none() && base.fragment().is_none();
    let is_valid = matches!(base.scheme(), "http" | "https") && base.host().is_some() && plain && whole;
    is_valid.then_some(base).ok_or(InvalidServiceAddress)
}

fn bearer(key: &Secret) -> Result<HeaderValue, InvalidServiceKey> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| InvalidServiceKey)?;
    value.set_sensitive(true);
    Ok(value)
}

enum ReadFailure {
    TooLong,
    Http(reqwest::Error),
}

async fn read(response: &mut Response, bytes_max: usize) -> Result<Vec<u8>, ReadFailure> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(ReadFailure::Http)? {
        if piece.len() > bytes_max - body.len() {
            return Err(ReadFailure::TooLong);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The service failed. Also logged for the operator: a step may drop its error.
pub(super) fn unavailable(what: &str, how: &str) -> CapabilityError {
    tracing::warn!("the service for {what} {how}");
    CapabilityError::Unavailable(format!("the host's service for {what} {how}"))
}

fn failed(what: &str, failure: &Failure) -> CapabilityError {
    // Only the class: the texts of the causes contain addresses.
    let how = match failure.class {
        ErrorClass::Dns => "has a host name without an address",
        ErrorClass::Connect | ErrorClass::AddressRefused => "cannot be connected to",
        ErrorClass::Tls => "fails the TLS handshake",
        ErrorClass::Timeout => "does not answer in time",
        ErrorClass::Reset => "closed the connection early",
        ErrorClass::Protocol => "sends invalid HTTP",
    };
    unavailable(what, how)
}

/// The service cannot be used with the settings of this server: asking again gives the same answer until its operator changes them.
fn misconfigured(of: &Use, how: &str, advice: &str) -> CapabilityError {
    tracing::error!("the service for {} {how}: {advice}", of.name);
    let text = format!("the service for {} {how}: this server's operator must {advice}", of.name);
    CapabilityError::NotUsable { code: of.misconfigured, text }
}

fn refused(of: &Use, status: StatusCode, code: Option<String>, has_key: bool) -> CapabilityError {
    let is_no_model = code.as_deref() == Some("model_not_found");
    let code = code.map_or_else(String::new, |code| format!(", {code}"));
    let (status, what) = (status.as_u16(), of.name);
    match status {
        401 | 403 if has_key => misconfigured(
            of,
            &format!("does not accept this server's key (status {status}{code})"),
            "set OPENAI_API_KEY to one that may use it, and restart the server",
        ),
        401 | 403 => misconfigured(
            of,
            &format!("wants a key, and this server has none (status {status}{code})"),
            "set OPENAI_API_KEY, and restart the server",
        ),
        404 | 405 => no_such(of, &format!("(status {status}{code})")),
        400 if is_no_model => no_such(of, &format!("(status {status}{code})")),
        300..=399 => misconfigured(
            of,
            &format!("redirects (status {status}), which is not followed"),
            "set OPENAI_BASE_URL to the address that it redirects to, and restart the server",
        ),
        408 | 425 | 429 | 500.. => unavailable(what, &format!("is overloaded or broken (status {status}{code})")),
        _ => CapabilityError::Invalid(format!("the host's service for {what} refuses this (status {status}{code})")),
    }
}

/// A wrong model and a wrong address have the same answer.
fn no_such(of: &Use, status: &str) -> CapabilityError {
    let advice =
        format!("check OPENAI_BASE_URL, which mostly ends in /v1, and {}, and restart the server", of.model_variable);
    misconfigured(of, &format!("has not this address, or not this model {status}"), &advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_base_urls_are_refused() {
        for good in ["https://api.openai.com/v1", "http://127.0.0.1:8080", "http://[::1]/v1/"] {
            assert!(OpenAiService::new(good, None).is_ok(), "{good}");
        }
        for bad in ["", "api.openai.com", "ftp://a.example/", "https://u:p@a.example/", "https://a.example/?key=x"] {
            let refused = OpenAiService::new(bad, None).unwrap_err().to_string();
            assert!(refused.contains("OPENAI_BASE_URL") && !refused.contains("u:p"), "{refused}");
        }
        let refused = OpenAiService::new("https://a.example/", Some(Secret::new("s3cr\net"))).unwrap_err().to_string();
        assert!(refused.contains("OPENAI_API_KEY") && !refused.contains("s3cr"), "{refused}");
    }

    #[test]
    fn only_a_plain_error_code_is_shown() {
        let service = OpenAiService::new("https://a.example/", Some(Secret::new("abc_123"))).unwrap();
        let code = |body: &str| service.code(body.as_bytes());
        assert_eq!(
            code(r#"{"error":{"code":"context_length_exceeded","message":"x"}}"#).as_deref(),
            Some("context_length_exceeded")
        );
        assert_eq!(code(r#"{"error":{"code":null,"type":"server_error"}}"#).as_deref(), Some("server_error"));
        for hidden in [
            r#"{"error":{"code":"Incorrect key sk-1"}}"#,
            r#"{"error":{"code":"x_abc_123_y"}}"#,
            r#"{"error":"no"}"#,
            "<html>",
            r#"{"error":{"code":""}}"#,
        ] {
            assert_eq!(code(hidden), None, "{hidden}");
        }
    }

    #[test]
    fn nothing_prints_the_key() {
        let service = OpenAiService::new("https://a.example/v1", Some(Secret::new("s3cr3t-key"))).unwrap();
        assert!(!format!("{service:?} {:?}", service.authorization).contains("s3cr3t"), "{service:?}");
    }
}
