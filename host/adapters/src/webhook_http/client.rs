//! The HTTP client: straight to the receiver, or through the operator's proxy, under the same limits.

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

/// Idle connections kept for a receiver: more than are sent to at once is waste.
const IDLE_PER_HOST_MAX: usize = 8;

/// How long an idle connection is kept. Shorter than the five seconds of common servers, so that we close it before they
/// do: a request on a connection that is just being closed is a failed attempt.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// How long an HTTP/2 connection with a request under way may be silent before it is asked whether it lives. All requests to
/// a receiver share the connection: one that died without a word would fail them all, attempt after attempt.
const PING_AFTER: Duration = Duration::from_secs(5);

/// How long it has to answer that. Then the connection is given up, and the next attempt makes another.
const PONG_MAX: Duration = Duration::from_secs(5);

/// What a receiver may send over HTTP/2 before we have taken it, for one answer: it is held in memory. No more of an answer
/// is read.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;

/// The same for all answers of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// A client.
pub(super) enum Client {
    /// Straight to the receiver.
    Direct(Exchange<HttpConnector<GuardedResolver>, Full<Bytes>>),
    /// Through a proxy.
    Tunnelled(Exchange<TunnelConnector, Full<Bytes>>),
}

impl Client {
    /// A client that connects to addresses of the resolver alone.
    pub(super) fn direct(resolver: GuardedResolver, tls: rustls::ClientConfig) -> Self {
        Self::Direct(Exchange::new(&settings(), exchange::guarded(resolver), tls))
    }

    /// A client that asks a proxy for connections to addresses of the resolver alone.
    pub(super) fn tunnelled(resolver: GuardedResolver, tls: rustls::ClientConfig, proxy: WebhookProxy) -> Self {
        Self::Tunnelled(Exchange::new(&settings(), TunnelConnector::new(resolver, proxy), tls))
    }

    /// Posts, and gives the answer's head.
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

/// An answer whose body is still to be read.
pub(super) struct Reply(hyper::Response<Incoming>);

impl Reply {
    pub(super) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The next piece of the body; none at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match self.0.body_mut().frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(classify_body(&error)),
                Some(Ok(frame)) => {
                    // Trailers say nothing that is wanted.
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}
