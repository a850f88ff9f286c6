//! Requests of plugins to other hosts.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::time::Duration;
use url::Url;

/// Bytes of a request or of an answer, in pieces. After an error comes nothing.
pub type PluginHttpBody = BoxStream<'static, Result<Bytes, PluginHttpError>>;

/// A request that a plugin makes. Whoever sends it has judged it by the operator's rules.
pub struct PluginHttpRequest {
    /// Method, upper case.
    pub method: String,
    /// To where: `http` or `https`, with a host, without credentials.
    pub url: Url,
    /// Header names (lower case) and values, in order. None of those that speak of the connection, and no `host`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What is sent; none: nothing.
    pub body: Option<PluginHttpBody>,
    /// Limit from the look-up of the name to the answer's head.
    pub head_timeout: Duration,
    /// Limit of the whole exchange, the last byte included.
    pub timeout: Duration,
}

/// An answer whose body is still to come.
pub struct PluginHttpResponse {
    /// Its status, whatever it is: redirects are not followed.
    pub status: u16,
    /// Header names (lower case) and values, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: PluginHttpBody,
}

/// Why there is no answer, or no more of it. The texts name no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PluginHttpError {
    /// The host has an address that plugins may not reach.
    #[error(
        "the host has an address that is not public: plugins reach such addresses only when \
         MORAG_PLUGIN_HTTP_ALLOW_NETWORKS lists their network"
    )]
    AddressRefused,
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: a header or the URL has characters that HTTP does not allow")]
    Request,
    /// The name has no address.
    #[error("the name of the host has no address")]
    Dns,
    /// Nobody answers there.
    #[error("there is no connection to the host")]
    Connect,
    /// No TLS, or none that can be trusted.
    #[error("the host has no TLS that can be trusted")]
    Tls,
    /// It took longer than it may.
    #[error("the exchange took longer than it may")]
    Timeout,
    /// The connection broke.
    #[error("the connection broke")]
    Reset,
    /// The answer is not valid HTTP.
    #[error("the host does not answer in valid HTTP")]
    Protocol,
    /// Too many requests of plugins are under way.
    #[error("too many requests of plugins are under way")]
    Busy,
    /// More bytes than the step may take. Of the caller, which counts them.
    #[error("the step took more bytes than it may")]
    TooLarge,
}

/// The guarded client of plugins: it reaches only addresses that the operator permits, judged when they are connected to. It
/// follows no redirect, keeps no cookie and no connection, and tries nothing twice.
#[async_trait]
pub trait PluginHttp: Send + Sync {
    /// Sends a request, and gives the answer's head. Dropping the future or the body ends the exchange.
    async fn send(&self, request: PluginHttpRequest) -> Result<PluginHttpResponse, PluginHttpError>;
}
