//! Fetching a document by its URL.

use crate::webhook::{AddressPolicy, InvalidWebhookUrl, RefusedAddress, WebhookUrl, redact};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::time::Duration;
use url::Url;

/// An `http` or `https` URL of a document: a host, no credentials, no port that belongs to another service. The rules are
/// those of webhooks ([`WebhookUrl`]), for the danger is the same.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl(WebhookUrl);

/// Why a URL cannot be fetched from. The text is for the caller, and has nothing of the URL in it.
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
    #[error("the server redirects from https to http, where anybody on the way can change the document")]
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

    /// Refuses a literal address that the policy does not permit, and `localhost` where no loopback address is.
    ///
    /// # Errors
    /// The address. Its own text speaks of webhooks.
    pub fn check_literal(&self, policy: &AddressPolicy) -> Result<(), RefusedAddress> {
        self.0.check_literal(policy)
    }

    /// Where a redirect leads: an absolute URL, or one relative to this.
    ///
    /// # Errors
    /// Where it leads to nothing that may be fetched from, or from https to http.
    pub fn redirected(&self, location: &str) -> Result<Self, InvalidSourceUrl> {
        let target = self.as_url().join(location).map_err(|_| InvalidSourceUrl::NotUrl)?;
        let next: Self = target.as_str().parse()?;
        match (self.as_url().scheme(), next.as_url().scheme()) {
            ("https", "http") => Err(InvalidSourceUrl::Downgrade),
            _ => Ok(next),
        }
    }

    /// As it may be shown: its query hidden.
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

/// What to fetch.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// From where.
    pub url: SourceUrl,
    /// Limit of the whole exchange, redirects and the last byte included.
    pub timeout: Duration,
    /// Largest document that is taken, bytes.
    pub bytes_max: u64,
}

/// Why a document was not fetched. Texts are for the caller, and have nothing of the URL in them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL, or one that it redirects to, leads where documents are not fetched from.
    #[error("{0}")]
    Refused(String),
    /// The server does not give the document: a status of 300 to 499 but 408 and 429.
    #[error("the server of the url answered with status {0} instead of the document")]
    NotGiven(u16),
    /// What the server gives cannot be taken.
    #[error("{0}")]
    Unsupported(String),
    /// The document is larger than it may be, by what was declared or by what came.
    #[error("the document is larger than {0} bytes")]
    TooLarge(u64),
    /// The server is away, broken or busy: it may be better later.
    #[error("the document could not be fetched: {0}")]
    Unavailable(String),
    /// The exchange took longer than it may.
    #[error("the document did not arrive within {} seconds", .0.as_secs())]
    Timeout(Duration),
    /// Too many fetches are under way.
    #[error("too many documents are being fetched")]
    Busy,
}

/// The document's bytes, in pieces of at most some 100 KiB. The limits of the request hold; after an error
/// comes nothing, and after the end, however often it is asked for, nothing either.
pub type FetchStream = BoxStream<'static, Result<Bytes, FetchError>>;

/// A document that begins to arrive: its server has answered with a status of 200 to 299.
pub struct Fetched {
    /// Where it comes from in the end, after redirects.
    pub url: SourceUrl,
    /// `Content-Type`, where it is text.
    pub content_type: Option<String>,
    /// File name of `Content-Disposition`, as it was sent.
    pub file_name: Option<String>,
    /// The bytes.
    pub body: FetchStream,
}

/// The guarded client for documents: it reaches only what the operator permits, by the addresses that names lead to at
/// connect time; redirects are followed under the same rules, at most five.
#[async_trait]
pub trait Fetcher: Send + Sync {
    /// Asks for a document. What comes after the answer's head comes by the stream.
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
