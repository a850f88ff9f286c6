//! HTTP requests of plugins.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::time::Duration;
use url::Url;

/// Body of a request or a response, in chunks. Nothing follows an error.
pub type PluginHttpBody = BoxStream<'static, Result<Bytes, PluginHttpError>>;

/// A request of a plugin. The caller has checked it against the operator's rules.
pub struct PluginHttpRequest {
    /// Method, upper case.
    pub method: String,
    /// URL: `http` or `https`, with a host, without credentials.
    pub url: Url,
    /// Header names (lower case) and values, in order. Excludes connection headers and `host`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body, if any.
    pub body: Option<PluginHttpBody>,
    /// Time limit from name resolution to the response head.
    pub head_timeout: Duration,
    /// Time limit of the whole exchange, including the last byte.
    pub timeout: Duration,
}

/// A response whose body is still to be read.
pub struct PluginHttpResponse {
    /// Any status: redirects are not followed.
    pub status: u16,
    /// Header names (lower case) and values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: PluginHttpBody,
}

/// Why a request or its response failed. The texts contain no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PluginHttpError {
    /// The host has an address that plugins must not reach.
    #[error(
        "the host has an address that is not public: plugins reach such addresses only when \
         MORAG_PLUGIN_HTTP_ALLOW_NETWORKS lists their network"
    )]
    AddressRefused,
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: a header or the URL has characters that HTTP does not allow")]
    Request,
    /// Name resolution failed.
    #[error("the host name has no address")]
    Dns,
    /// No connection could be established.
    #[error("cannot connect to the host")]
    Connect,
    /// The TLS handshake failed, or the certificate is not trusted.
    #[error("the TLS handshake failed, or the certificate of the host is not trusted")]
    Tls,
    /// The time limit was exceeded.
    #[error("the exchange timed out")]
    Timeout,
    /// The connection broke.
    #[error("the connection broke")]
    Reset,
    /// The response is not valid HTTP.
    #[error("the host does not answer in valid HTTP")]
    Protocol,
    /// Too many plugin requests are in progress.
    #[error("too many plugin requests are in progress")]
    Busy,
    /// The step exceeded its limit of received bytes. Produced by the caller, which counts them.
    #[error("the step received more bytes than it may")]
    TooLarge,
}

/// Guarded HTTP client for plugins: it connects only to permitted addresses, checked at connect time. It follows no redirects,
/// keeps no cookies or connections, and never retries.
#[async_trait]
pub trait PluginHttp: Send + Sync {
    /// Sends a request and returns the response head. Dropping the future or the body ends the exchange.
    async fn send(&self, request: PluginHttpRequest) -> Result<PluginHttpResponse, PluginHttpError>;
}
