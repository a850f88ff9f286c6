//! Fetching documents by URL.

use crate::webhook::{AddressPolicy, InvalidWebhookUrl, RefusedAddress, WebhookUrl, redact};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::time::Duration;
use url::Url;

/// An `http` or `https` URL of a document: with a host, without credentials, and not on a port of another service. The rules
/// are those of webhooks ([`WebhookUrl`]), because the risks are the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl(WebhookUrl);

/// Why a URL cannot be fetched. The text is for the caller and repeats nothing of the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSourceUrl {
    /// Not a URL, or too long, or without a host.
    #[error("url is not a valid URL: give one like https://example.com/report.pdf")]
    NotUrl,
    /// Neither http nor https.
    #[error("url must begin with http:// or https://")]
    Scheme,
    /// User name or password in the URL.
    #[error("url must not contain a user name or password")]
    Credentials,
    /// A port that browsers block.
    #[error("url has a port that browsers block")]
    Port,
    /// A redirect from https to http.
    #[error("the server redirects from https to http, which does not protect the document from changes in transit")]
    Downgrade,
}

impl From<InvalidWebhookUrl> for InvalidSourceUrl {
    fn from(invalid: InvalidWebhookUrl) -> Self {
        match invalid {
            InvalidWebhookUrl::NotUrl | InvalidWebhookUrl::TooLong | InvalidWebhookUrl::Host => Self::NotUrl,
            InvalidWebhookUrl::Scheme => Self::Scheme,
            InvalidWebhookUrl::Credentials => Self::Credentials,
            InvalidWebhookUrl::Port | InvalidWebhookUrl::ServicePort(_) => Self::Port,
        }
    }
}

impl SourceUrl {
    /// The URL.
    pub fn as_url(&self) -> &Url {
        self.0.as_url()
    }

    /// Refuses a literal address that the policy forbids, and `localhost` if the policy forbids loopback addresses.
    ///
    /// # Errors
    /// The refused address. Its text is worded for webhooks.
    pub fn check_literal(&self, policy: &AddressPolicy) -> Result<(), RefusedAddress> {
        self.0.check_literal(policy)
    }

    /// Target of a redirect: an absolute URL, or one relative to this.
    ///
    /// # Errors
    /// The target is not fetchable, or the redirect leads from https to http.
    pub fn redirected(&self, location: &str) -> Result<Self, InvalidSourceUrl> {
        let target = self.as_url().join(location).map_err(|_| InvalidSourceUrl::NotUrl)?;
        let next: Self = target.as_str().parse()?;
        match (self.as_url().scheme(), next.as_url().scheme()) {
            ("https", "http") => Err(InvalidSourceUrl::Downgrade),
            _ => Ok(next),
        }
    }

    /// The URL with its query hidden, for display.
    pub fn redacted(&self) -> String {
        redact(self.as_url())
    }
}

impl std::str::FromStr for SourceUrl {
    type Err = InvalidSourceUrl;
    fn from_str(text: &str) -> Result<Self, InvalidSourceUrl> {
        Ok(Self(text.parse()?))
    }
}

impl std::fmt::Debug for SourceUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// A document to fetch.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// Its URL.
    pub url: SourceUrl,
    /// Time limit of the whole exchange, including redirects and the last byte.
    pub timeout: Duration,
    /// Maximum size of the document, bytes.
    pub bytes_max: u64,
}

/// Why a document was not fetched. Texts are for the caller and repeat nothing of the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL, or one that it redirects to, must not be fetched.
    #[error("{0}")]
    Refused(String),
    /// The server refused: a status of 300 to 499 except 408 and 429.
    #[error("the server of the url answered with status {0} instead of the document")]
    NotGiven(u16),
    /// The response has a form that cannot be used.
    #[error("{0}")]
    Unsupported(String),
    /// The document exceeds its limit, by its declared or its received size.
    #[error("the document is larger than {0} bytes")]
    TooLarge(u64),
    /// The server is unreachable, broken or busy; a retry may succeed.
    #[error("the document could not be fetched: {0}")]
    Unavailable(String),
    /// The exchange exceeded its time limit.
    #[error("the document did not arrive within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// Too many fetches are in progress.
    #[error("too many documents are being fetched")]
    Busy,
}

/// The document's bytes in chunks of at most some 100 KiB, within the limits of the request. Fused: after an error or the end
/// it yields nothing.
pub type FetchStream = BoxStream<'static, Result<Bytes, FetchError>>;

/// A document being received: the server has answered with a status of 200 to 299.
pub struct Fetched {
    /// Final URL, after redirects.
    pub url: SourceUrl,
    /// `Content-Type`, if it is text.
    pub content_type: Option<String>,
    /// File name from `Content-Disposition`, as sent.
    pub file_name: Option<String>,
    /// The bytes.
    pub body: FetchStream,
}

/// Guarded HTTP client for documents: it connects only to permitted addresses, checked after name resolution at connect time.
/// At most five redirects are followed, each under the same rules.
#[async_trait]
pub trait Fetcher: Send + Sync {
    /// Requests a document and returns after the response head; the body follows in the stream.
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_under_the_rules() {
        let from: SourceUrl = "https://a.example/x/y?token=s#part".parse().unwrap();
        let to = |location: &str| from.redirected(location).map(|url| url.as_url().to_string());
        assert_eq!(to("z"), Ok("https://a.example/x/z".into()));
        assert_eq!(to("//b.example/"), Ok("https://b.example/".into()));
        assert_eq!(to("https://b.example/q"), Ok("https://b.example/q".into()));
        assert_eq!(to("http://a.example/x/y"), Err(InvalidSourceUrl::Downgrade));
        assert_eq!(to("https://u:p@a.example/"), Err(InvalidSourceUrl::Credentials));
        assert_eq!(to("file:///etc/passwd"), Err(InvalidSourceUrl::Scheme));
        assert_eq!(to("https://a.example:25/"), Err(InvalidSourceUrl::Port));
        assert_eq!(format!("{from:?}"), "https://a.example/x/y?redacted");
        let plain: SourceUrl = "http://a.example/".parse().unwrap();
        assert!(plain.redirected("https://a.example/").is_ok() && plain.redirected("/b").is_ok());
    }
}
