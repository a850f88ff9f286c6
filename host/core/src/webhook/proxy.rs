//! The HTTP proxy for deliveries, for networks without direct access.

use crate::Secret;
use url::{Host, Url};

/// An HTTP proxy with CONNECT. The operator chooses it, so its own address is not checked.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookProxy {
    host: String,
    port: u16,
    credentials: Option<Secret>,
}

/// Why a proxy is invalid. The texts never contain the value, which may include a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhookProxy {
    /// Not a URL with a host.
    #[error("it is not a URL with a host")]
    NotUrl,
    /// Another scheme: such a proxy would resolve names itself, or require TLS.
    #[error(
        "its scheme is not http: only HTTP proxies that take CONNECT are supported, for http and https webhooks alike"
    )]
    Scheme,
    /// A path, query or fragment.
    #[error("it has a path or a query: a proxy is a host and a port")]
    Path,
    /// Credentials that Basic authentication cannot carry.
    #[error("its user name has a colon, or its credentials are not text")]
    Credentials,
}

impl WebhookProxy {
    /// Name or address to connect to; an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port to connect to; 80 by default.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `user:password`, decoded, for `Proxy-Authorization`.
    pub fn credentials(&self) -> Option<&Secret> {
        self.credentials.as_ref()
    }
}

impl std::str::FromStr for WebhookProxy {
    type Err = InvalidWebhookProxy;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|_| InvalidWebhookProxy::NotUrl)?;
        if url.scheme() != "http" {
            return Err(InvalidWebhookProxy::Scheme);
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidWebhookProxy::Path);
        }
        let host = match url.host().ok_or(InvalidWebhookProxy::NotUrl)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                let user = decoded(user).filter(|user| !user.contains(':')).ok_or(InvalidWebhookProxy::Credentials)?;
                let password = decoded(password.unwrap_or_default()).ok_or(InvalidWebhookProxy::Credentials)?;
                Some(Secret::new(format!("{user}:{password}")))
            }
        };
        let port = url.port_or_known_default().filter(|port| *port > 0).ok_or(InvalidWebhookProxy::NotUrl)?;
        Ok(Self { host, port, credentials })
    }
}

impl std::fmt::Debug for WebhookProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = if self.credentials.is_some() { "[redacted]@" } else { "" };
        write!(f, "http://{shown}{}:{}", self.host, self.port)
    }
}

/// Decodes percent-encoding; `None` if the result is not UTF-8 or contains control characters.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Result<WebhookProxy, InvalidWebhookProxy> {
        text.parse()
    }

    #[test]
    fn a_proxy_is_a_host_a_port_and_credentials() {
        let plain = proxy("http://proxy.example:3128").unwrap();
        assert_eq!((plain.host(), plain.port(), plain.credentials()), ("proxy.example", 3128, None));
        assert_eq!(proxy("http://[fd00::1]/").unwrap().host(), "fd00::1");
        assert_eq!(proxy("http://10.0.0.1").unwrap().port(), 80);
        let known = proxy("http://us%40er:p%3Aw%25d@10.0.0.1:8080/").unwrap();
        assert_eq!(known.credentials().unwrap().expose(), "us@er:p:w%d");
    }

    #[test]
    fn its_credentials_are_not_shown() {
        let shown = format!("{:?}", proxy("http://user:hidden@10.0.0.1:8080").unwrap());
        assert_eq!(shown, "http://[redacted]@10.0.0.1:8080");
        for text in ["user:hidden@host", "https://user:hidden@host", "http://user:hidden@host/path"] {
            assert!(!proxy(text).unwrap_err().to_string().contains("hidden"));
        }
    }

    #[test]
    fn what_is_no_http_proxy_is_refused() {
        for (text, why) in [
            ("proxy.example:3128", InvalidWebhookProxy::Scheme),
            ("3128", InvalidWebhookProxy::NotUrl),
            ("https://proxy.example", InvalidWebhookProxy::Scheme),
            ("socks5://proxy.example", InvalidWebhookProxy::Scheme),
            ("http://proxy.example/path", InvalidWebhookProxy::Path),
            ("http://proxy.example/?a", InvalidWebhookProxy::Path),
            ("http://proxy.example:0", InvalidWebhookProxy::NotUrl),
            ("http://a%3Ab:c@proxy.example", InvalidWebhookProxy::Credentials),
            ("http://a:%0d%0a@proxy.example", InvalidWebhookProxy::Credentials),
        ] {
            assert_eq!(proxy(text), Err(why), "{text}");
        }
    }
}
