//! Protects a server that runs with the default API key, which is public, from web pages: such a server is for programs on the
//! same machine.
//!
//! A foreign page in a browser on the machine can reach the server in two ways. With DNS rebinding, a host name of the page's
//! resolves to 127.0.0.1, and the browser takes the server for the page's own origin: `Host` has that name. A request to
//! `localhost` itself has the page's origin in `Origin`. With keys of the operator's own nothing is checked here: a page does not
//! have them.

use super::ApiError;
use axum::extract::Request;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Middleware: passes a request on if its `Host` names this machine and it does not come from a foreign page.
pub async fn only(request: Request, next: Next) -> Response {
    match check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let in_line = uri.authority().is_none_or(|authority| is_local(authority.as_str()));
    if !in_line || !all(headers, &header::HOST, is_local) {
        let text = "This server uses the default API key, which is public, so it only answers requests for localhost, 127.0.0.0/8 and [::1] (the \
                    request's Host is another): set MORAG_API_KEYS to a key of your own to reach it under another name";
        return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "foreign_host", text));
    }
    let only_reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !only_reads && !all(headers, &header::ORIGIN, is_local_origin) {
        let text = "This server uses the default API key, which is public, so pages of other origins may not change anything (the request's \
                    Origin is not localhost, 127.0.0.0/8 or [::1]): set MORAG_API_KEYS to a key of your own to allow it";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", text));
    }
    Ok(())
}

/// Whether every value of a header is valid. A missing header is: browsers send both.
fn all(headers: &HeaderMap, name: &HeaderName, is_right: impl Fn(&str) -> bool) -> bool {
    headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(&is_right))
}

/// Whether a host, with or without a port, is this machine by a name that is not resolved with DNS.
fn is_local(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let host = authority.host();
    let host = host.strip_suffix('.').unwrap_or(host);
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    !text.contains('@')
        && (host.eq_ignore_ascii_case("localhost")
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || v6.is_some_and(|host| host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())))
}

/// Whether an origin is on this machine. Browsers send `null` for pages without one: it is not.
fn is_local_origin(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(is_local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn this_machine_has_three_names_and_any_port() {
        for host in [
            "localhost",
            "LocalHost:8000",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.1.2.3:9",
            "[::1]",
            "[::1]:8000",
        ] {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "example.com:8000",
            "localhost.example.com",
            "x.localhost.example",
            "127.0.0.1.example.com",
            "10.0.0.1",
            "[::2]",
            "[::ffff:10.0.0.1]",
            "localhost@example.com",
            "example.com@localhost",
            "0.0.0.0",
            "127.1",
            "localhost:8000:1",
            "::1",
            "local host",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }

    fn asked(method: Method, uri: &str, given: &[(HeaderName, &'static str)]) -> Option<u16> {
        let headers = given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        check(&method, &uri.parse().unwrap(), &headers).err().map(|error| error.status().as_u16())
    }

    #[test]
    fn a_foreign_host_is_refused_wherever_it_stands() {
        assert_eq!(asked(Method::GET, "/health", &[(header::HOST, "localhost:8000")]), None);
        assert_eq!(asked(Method::GET, "/health", &[(header::HOST, "rebound.example:8000")]), Some(421));
        assert_eq!(asked(Method::GET, "http://rebound.example/health", &[(header::HOST, "localhost")]), Some(421));
        let twice = [(header::HOST, "localhost"), (header::HOST, "rebound.example")];
        assert_eq!(asked(Method::GET, "/health", &twice), Some(421));
        assert_eq!(asked(Method::GET, "/health", &[]), None, "no browser sends none");
    }

    #[test]
    fn a_page_from_elsewhere_changes_nothing() {
        let from = |origin| [(header::HOST, "localhost"), (header::ORIGIN, origin)];
        for origin in ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:5173"] {
            assert_eq!(asked(Method::POST, "/x", &from(origin)), None, "{origin}");
        }
        for origin in ["http://evil.example", "null", "https://localhost.evil.example", "file://localhost", "localhost"]
        {
            assert_eq!(asked(Method::POST, "/x", &from(origin)), Some(403), "{origin}");
            assert_eq!(asked(Method::DELETE, "/x", &from(origin)), Some(403), "{origin}");
            assert_eq!(asked(Method::GET, "/x", &from(origin)), None, "{origin}: it cannot read the answer");
        }
    }
}
