//! The HTTP clients: straight to the receiver, or through the operator's proxy, under the same limits.

use super::classify::{Failure, classify, classify_tunnelled};
use super::connect_proxy::TunnelConnector;
use super::resolver::GuardedResolver;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderMap, HeaderValue};
use hyper::{Method, Request};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use morag_core::webhook::{ErrorClass, WebhookProxy, WebhookUrl};
use std::time::Duration;

/// Idle connections kept for a receiver: more than are sent to at once is waste.
const IDLE_PER_HOST_MAX: usize = 8;

/// How long an idle connection is kept. Shorter than the five seconds of common servers, so that we close it before they
/// do: a request on a connection that is just being closed is a failed attempt.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// Header lines of an answer that are taken.
const HEADERS_MAX: usize = 100;

/// Bytes of an answer's headers that are taken over HTTP/2, and over HTTP/1.1 through a proxy. Straight over HTTP/1.1
/// hyper's own limit holds (about 400 KiB), which `reqwest` does not let us lower.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

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

type Tunnelled = legacy::Client<HttpsConnector<TunnelConnector>, Full<Bytes>>;

/// A client.
pub(super) enum Client {
    /// Straight to the receiver.
    Direct(reqwest::Client),
    /// Through a proxy.
    Tunnelled(Box<Tunnelled>),
}

impl Client {
    /// A client that connects to addresses of the resolver alone.
    pub(super) fn direct(resolver: GuardedResolver, tls: rustls::ClientConfig) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(resolver)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(IDLE_MAX)
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_AFTER)
            .http2_keep_alive_timeout(PONG_MAX)
            .build()?;
        Ok(Self::Direct(client))
    }

    /// A client that asks a proxy for connections to addresses of the resolver alone.
    pub(super) fn tunnelled(resolver: GuardedResolver, tls: rustls::ClientConfig, proxy: WebhookProxy) -> Self {
        let connector = HttpsConnector::from((TunnelConnector::new(resolver, proxy), tls));
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(IDLE_MAX)
            .http1_max_headers(HEADERS_MAX)
            .http1_max_buf_size(HEADER_BYTES_MAX as usize)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_AFTER)
            .http2_keep_alive_timeout(PONG_MAX)
            .build(connector);
        Self::Tunnelled(Box::new(client))
    }

    /// Posts, and gives the answer's head.
    pub(super) async fn post(&self, url: &WebhookUrl, headers: HeaderMap, body: Bytes) -> Result<Reply, Failure> {
        match self {
            Self::Direct(client) => {
                let request = client.post(url.as_url().clone()).headers(headers).body(body);
                request.send().await.map(Reply::Direct).map_err(|error| classify(&error))
            }
            Self::Tunnelled(client) => {
                let request = request(url, headers, body)?;
                client
                    .request(request)
                    .await
                    .map(Reply::Tunnelled)
                    .map_err(|error| classify_tunnelled(&error, error.is_connect()))
            }
        }
    }
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
pub(super) enum Reply {
    /// From the receiver straight.
    Direct(reqwest::Response),
    /// Through a proxy.
    Tunnelled(hyper::Response<Incoming>),
}

impl Reply {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Direct(response) => response.status().as_u16(),
            Self::Tunnelled(response) => response.status().as_u16(),
        }
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Direct(response) => response.headers(),
            Self::Tunnelled(response) => response.headers(),
        }
    }

    /// The next piece of the body; none at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        match self {
            Self::Direct(response) => response.chunk().await.map_err(|error| classify(&error)),
            Self::Tunnelled(response) => loop {
                match response.body_mut().frame().await {
                    None => return Ok(None),
                    Some(Err(error)) => return Err(classify_tunnelled(&error, false)),
                    Some(Ok(frame)) => {
                        // Trailers say nothing that is wanted.
                        if let Ok(piece) = frame.into_data() {
                            return Ok(Some(piece));
                        }
                    }
                }
            },
        }
    }
}
