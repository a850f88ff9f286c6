//! The HTTP client: directly to the receiver, or through the operator's proxy, under the same limits.

use super::classify::{Failure, classify_body, classify_exchange};
use super::connect_proxy::TunnelConnector;
use super::resolver::GuardedResolver;
use crate::exchange::{self, Exchange};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use morag_core::webhook::{ErrorClass, WebhookProxy, WebhookUrl};
use std::time::Duration;

/// Idle connections per receiver: more than the usual concurrency would be wasted.
const IDLE_PER_HOST_MAX: usize = 8;

/// Idle timeout of connections. Shorter than the five seconds of common servers, so that we close first: a request on a connection that the
/// server is closing is a failed attempt.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// Silence after which an HTTP/2 connection with open requests is pinged. All requests to a receiver share it, so a dead connection would
/// fail them attempt after attempt.
const PING_AFTER: Duration = Duration::from_secs(5);

/// Timeout of the ping. Then the connection is closed, and the next attempt opens another.
const PONG_MAX: Duration = Duration::from_secs(5);

/// HTTP/2 receive window of one response: its data is held in memory. No more of a response is read.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;

/// Receive window of a connection, for all responses together.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// A client.
pub(super) enum Client {
    /// Directly to the receiver.
    Direct(Exchange<HttpConnector<GuardedResolver>, Full<Bytes>>),
    /// Through a proxy.
    Tunnelled(Exchange<TunnelConnector, Full<Bytes>>),
}

impl Client {
    /// A client that connects only to addresses that the resolver returns.
    pub(super) fn direct(resolver: GuardedResolver, tls: rustls::ClientConfig) -> Self {
        Self::Direct(Exchange::new(&settings(), exchange::guarded(resolver), tls))
    }

    /// A client that connects through a proxy, only to addresses that the resolver returns.
    pub(super) fn tunnelled(resolver: GuardedResolver, tls: rustls::ClientConfig, proxy: WebhookProxy) -> Self {
        Self::Tunnelled(Exchange::new(&settings(), TunnelConnector::new(resolver, proxy), tls))
    }

    /// Sends a POST request and returns the response head.
    pub(super) async fn post(&self, url: &WebhookUrl, headers: HeaderMap, body: Bytes) -> Result<Reply, Failure> {
        let request = request(url, headers, body)?;
        let answered = match self {
            Self::Direct(client) => client.send(request).await,
            Self::Tunnelled(client) => client.send(request).await,
        };
        answered.map(Reply).map_err(|error| classify_exchange(&error))
    }
}

fn settings() -> legacy::Builder {
    let mut settings = exchange::settings();
    settings
        .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
        .pool_idle_timeout(IDLE_MAX)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(PING_AFTER)
        .http2_keep_alive_timeout(PONG_MAX);
    settings
}

fn request(url: &WebhookUrl, mut headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    let built = Request::builder().method(Method::POST).uri(url.as_url().as_str()).body(Full::new(body));
    let mut request =
        built.map_err(|_| Failure { class: ErrorClass::Protocol, text: "the URL cannot be sent".to_owned() })?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// A response whose body is unread.
pub(super) struct Reply(hyper::Response<Incoming>);

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The next chunk of the body; none at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match self.0.body_mut().frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(classify_body(&error)),
                Some(Ok(frame)) => {
                    // Trailers are ignored.
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}
