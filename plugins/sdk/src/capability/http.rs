//! `http`: requests to hosts that the operator lists. Components import `wasi:http` for it.

use super::CapabilityError;

/// A request to another host.
///
/// `Debug` omits headers and body: they may contain secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Method, upper case.
    pub method: String,
    /// `https://host[:port]/path?query`, or `http://…`.
    pub url: String,
    /// Names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// Largest accepted response body, bytes; a larger one is an error. Default: 16 MiB.
    pub response_bytes_max: usize,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            // More than APIs usually return; a thirtieth of a step's memory.
            response_bytes_max: 16 << 20,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST request with a JSON body.
    pub fn post_json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        let mut request = Self::new("POST", url).header("content-type", "application/json");
        request.body = body.to_string().into_bytes();
        request
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The query may contain a key, as headers may.
        let shown = self.url.split(['?', '#']).next().unwrap_or_default();
        f.debug_struct("Request").field("method", &self.method).field("url", &shown).finish_non_exhaustive()
    }
}

/// A response, of any status.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names (lower case) and values, in order. Invalid UTF-8 in values is replaced.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header with a name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body, parsed as JSON.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, CapabilityError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| CapabilityError::Unavailable(format!("the answer is not the expected JSON: {error}")))
    }

    /// The response if its status is 2xx. Otherwise `Unavailable` for 408, 425, 429 and 5xx, which may succeed later, and `Invalid` for
    /// every other status.
    pub fn success(self) -> Result<Self, CapabilityError> {
        match self.status {
            200..=299 => Ok(self),
            408 | 425 | 429 | 500.. => {
                Err(CapabilityError::Unavailable(format!("the service answered with status {}", self.status)))
            }
            status => Err(CapabilityError::Invalid(format!("the service answered with status {status}"))),
        }
    }
}

/// Requests to other hosts. Capability `http`; the operator lists hosts, ports and methods, and other requests are refused.
///
/// ```
/// use morag_step::mock::MockHttp;
/// use morag_step::{CapabilityError, Http, Request, Response, json};
///
/// fn country(http: &dyn Http, token: &str) -> Result<String, CapabilityError> {
///     let request = Request::get("https://api.example.com/country").header("authorization", format!("Bearer {token}"));
///     http.send(request)?.success()?.json()
/// }
///
/// let http = MockHttp::answering([Response { status: 200, body: b"\"NO\"".to_vec(), ..Response::default() }]);
/// assert_eq!(country(&http, "t0ken").unwrap(), "NO");
/// assert_eq!(http.sent()[0].url, "https://api.example.com/country");
/// ```
pub trait Http {
    /// Sends a request and reads the whole response. `Invalid`: not a URL, or the operator does not allow it. `Limit`: a limit of the step
    /// or of the request is reached. `Unavailable`: the host did not respond.
    fn send(&self, request: Request) -> Result<Response, CapabilityError>;
}

/// Scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg(any(feature = "http", test))]
pub(crate) enum Scheme {
    /// With TLS.
    Https,
    /// Without TLS.
    Http,
}

/// The parts of a URL that `wasi:http` needs.
#[derive(Debug, PartialEq, Eq)]
#[cfg(any(feature = "http", test))]
pub(crate) struct UrlParts<'a> {
    /// Scheme.
    pub(crate) scheme: Scheme,
    /// Host, with the port if it is not the scheme's default.
    pub(crate) authority: &'a str,
    /// Path and query without a fragment; begins with `/`.
    pub(crate) path_with_query: String,
}

#[cfg(any(feature = "http", test))]
impl<'a> UrlParts<'a> {
    /// Parses a URL. The host checks it again.
    pub(crate) fn of(url: &'a str) -> Result<Self, CapabilityError> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            _ => return Err(CapabilityError::Invalid("a URL begins with https:// or http://".into())),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.is_empty() || authority.contains('@') {
            return Err(CapabilityError::Invalid(
                "a URL has a host and no user name; credentials go into the header `authorization`".into(),
            ));
        }
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { scheme, authority, path_with_query: format!("{slash}{path}") })
    }
}

#[cfg(any(feature = "http", test))]
impl std::fmt::Display for UrlParts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the query, which may contain a key.
        let path = self.path_with_query.split('?').next().unwrap_or_default();
        write!(f, "{}{path}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_statuses_say_whether_a_retry_may_succeed() {
        let answer = |status| Response { status, ..Response::default() }.success();
        assert!(answer(204).is_ok());
        for status in [408, 425, 429, 500, 503] {
            assert!(matches!(answer(status), Err(CapabilityError::Unavailable(_))), "{status}");
        }
        for status in [301, 400, 401, 404] {
            assert!(matches!(answer(status), Err(CapabilityError::Invalid(_))), "{status}");
        }
    }

    #[test]
    fn a_request_prints_no_secret() {
        let shown = format!("{:?}", Request::get("https://a.example/b?key=s3cret").header("authorization", "s3cret"));
        assert!(shown.contains("https://a.example/b") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_url_is_taken_apart() {
        let parts = |url| UrlParts::of(url).map(|parts| (parts.scheme, parts.authority, parts.path_with_query));
        assert_eq!(parts("https://a.example"), Ok((Scheme::Https, "a.example", "/".into())));
        assert_eq!(parts("HTTP://a:8080/b/c?d=/e#f"), Ok((Scheme::Http, "a:8080", "/b/c?d=/e".into())));
        assert_eq!(parts("https://a.example?d"), Ok((Scheme::Https, "a.example", "/?d".into())));
        for url in ["a.example/b", "ftp://a.example", "https://", "https:///b", "https://user:pass@a.example/"] {
            assert!(matches!(parts(url), Err(CapabilityError::Invalid(_))), "{url}");
        }
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let answer = Response { headers: vec![("etag".into(), "1".into())], ..Response::default() };
        assert_eq!(answer.header("ETag"), Some("1"));
        assert_eq!(answer.header("age"), None);
    }
}
