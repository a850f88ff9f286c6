//! The client: one request, one response.

use crate::exchange::{self, Exchange, Within};
use crate::webhook_http::classify::{Failure, classify, classify_exchange};
use crate::webhook_http::resolver::GuardedResolver;
use crate::webhook_http::{Lookup, SystemLookup, tls};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use hyper::Request;
use hyper::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper_util::client::legacy::connect::HttpConnector;
use morag_core::ports::{PluginHttp, PluginHttpBody, PluginHttpError, PluginHttpRequest, PluginHttpResponse};
use morag_core::webhook::{AddressPolicy, ErrorClass};
use reqwest::{Body, Response};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use url::Host;

/// Concurrent requests of a process. Each holds a connection: more would use up the file descriptors of webhooks and stores.
const REQUESTS_MAX: usize = 256;

/// Timeout of connecting: a name whose addresses drop packets must not use up the step's time.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// HTTP/2 receive window of one response: its data is held in memory until the step reads it.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// `User-Agent` of steps that set none.
const AGENT: &str = concat!("MoRAG-Step/", env!("CARGO_PKG_VERSION"));

/// The client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum PluginHttpSetUpError {
    /// The TLS settings are invalid.
    #[error("the TLS settings of the client for plugins are not accepted: {0}")]
    Tls(#[from] rustls::Error),
}

/// The guarded client.
pub struct HttpForPlugins {
    client: Exchange<Within<HttpConnector<GuardedResolver>>, Body>,
    resolver: GuardedResolver,
    permits: Arc<Semaphore>,
}

impl HttpForPlugins {
    /// A client for addresses that the policy permits, with the system's resolver.
    ///
    /// # Errors
    /// If the TLS settings are invalid, which no input can cause.
    pub fn new(policy: AddressPolicy) -> Result<Self, PluginHttpSetUpError> {
        Self::with(policy, Arc::new(SystemLookup::default()), Vec::new())
    }

    /// The same with another resolver and extra trusted roots.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with(
        policy: AddressPolicy,
        lookup: Arc<dyn Lookup>,
        extra_roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, PluginHttpSetUpError> {
        let resolver = GuardedResolver::new(policy, lookup);
        let mut settings = exchange::settings();
        settings
            .pool_max_idle_per_host(0)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(STREAM_WINDOW_BYTES);
        let connector = Within::new(exchange::guarded(resolver.clone()), CONNECT_MAX);
        let client = Exchange::new(&settings, connector, tls::client_config(extra_roots)?);
        Ok(Self { client, resolver, permits: Arc::new(Semaphore::new(REQUESTS_MAX)) })
    }

    /// Checks a literal address in the URL: it is dialled without a look-up.
    fn check_literal(&self, host: Option<Host<&str>>) -> Result<(), PluginHttpError> {
        let policy = self.resolver.policy();
        let permitted = match host {
            Some(Host::Ipv4(address)) => policy.permits(address.into()),
            Some(Host::Ipv6(address)) => policy.permits(address.into()),
            Some(Host::Domain(_)) => true,
            None => return Err(PluginHttpError::Request),
        };
        if permitted { Ok(()) } else { Err(PluginHttpError::AddressRefused) }
    }
}

#[async_trait]
impl PluginHttp for HttpForPlugins {
    async fn send(&self, request: PluginHttpRequest) -> Result<PluginHttpResponse, PluginHttpError> {
        let PluginHttpRequest { method, url, headers, body, head_timeout, timeout } = request;
        self.check_literal(url.host())?;
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| PluginHttpError::Busy)?;
        let started = Instant::now();
        let deadline = started + timeout;
        let body = body.map_or_else(Body::default, |body| Body::wrap_stream(body.map_err(std::io::Error::other)));
        let request = Request::builder().method(method.as_str()).uri(url.as_str()).body(body);
        let mut request = request.map_err(|_| PluginHttpError::Request)?;
        *request.headers_mut() = header_map(&headers)?;
        let answered = timeout_at(deadline.min(started + head_timeout), self.client.send(request)).await;
        let answered = answered.map_err(|_| PluginHttpError::Timeout)?;
        let response = answered.map_err(|error| failed(&classify_exchange(&error)))?;
        let response = Response::from(response.map(Body::wrap));
        Ok(PluginHttpResponse {
            status: response.status().as_u16(),
            headers: listed(response.headers()),
            body: pieces(response, deadline, permit),
        })
    }
}

fn header_map(headers: &[(String, Vec<u8>)]) -> Result<HeaderMap, PluginHttpError> {
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| PluginHttpError::Request)?;
        let mut value = HeaderValue::from_bytes(value).map_err(|_| PluginHttpError::Request)?;
        // Hides the values from logs and from the compression tables of HTTP/2: they include tokens.
        value.set_sensitive(true);
        map.append(name, value);
    }
    map.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    map.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    Ok(map)
}

fn listed(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// The body of a response. A task of its own reads it and ends at the deadline: a body that the step never reads must not hold a connection
/// and a permit until the step ends. The task reads at most two chunks ahead.
fn pieces(response: Response, deadline: Instant, permit: OwnedSemaphorePermit) -> PluginHttpBody {
    let (give, take) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::select! {
            // A body that ends without a last item hit the deadline.
            _ = timeout_at(deadline, pass_on(response, permit, &give)) => {}
            () = give.closed() => {}
        }
    });
    futures::stream::unfold(Some(take), |take| async move {
        let mut take = take?;
        match take.recv().await.unwrap_or(Err(PluginHttpError::Timeout)) {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), Some(take))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .fuse()
    .boxed()
}

/// A chunk; none: the end.
type Piece = Result<Option<Bytes>, PluginHttpError>;

async fn pass_on(mut response: Response, permit: OwnedSemaphorePermit, give: &mpsc::Sender<Piece>) {
    let end = loop {
        match response.chunk().await {
            Ok(Some(piece)) => {
                if give.send(Ok(Some(piece))).await.is_err() {
                    return;
                }
            }
            Ok(None) => break Ok(None),
            Err(error) => break Err(failed(&classify(&error))),
        }
    };
    // Releases connection and permit before the end is read.
    drop((response, permit));
    // The reader may be gone.
    let _ = give.send(end).await;
}

/// Error of a failed exchange. Only its class: the texts may contain addresses, or a URL with secrets.
fn failed(failure: &Failure) -> PluginHttpError {
    match failure.class {
        ErrorClass::AddressRefused => PluginHttpError::AddressRefused,
        ErrorClass::Dns => PluginHttpError::Dns,
        ErrorClass::Connect => PluginHttpError::Connect,
        ErrorClass::Tls => PluginHttpError::Tls,
        ErrorClass::Timeout => PluginHttpError::Timeout,
        ErrorClass::Reset => PluginHttpError::Reset,
        ErrorClass::Protocol => PluginHttpError::Protocol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Longest wait for an expected event.
    const PATIENCE: Duration = Duration::from_secs(30);

    fn client() -> HttpForPlugins {
        let _ = rustls::crypto::ring::default_provider().install_default();
        HttpForPlugins::new(AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()])).unwrap()
    }

    fn get(address: std::net::SocketAddr, timeout: Duration) -> PluginHttpRequest {
        let url = format!("http://{address}/").parse().unwrap();
        PluginHttpRequest { method: "GET".into(), url, headers: vec![], body: None, head_timeout: timeout, timeout }
    }

    /// A host that begins a response and does not finish it; the handle ends when the client has closed the connection.
    async fn host() -> (std::net::SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let closed = tokio::spawn(async move {
            let mut stream = listener.accept().await.unwrap().0;
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun").await.unwrap();
            // A reset counts as closing.
            let _ = stream.read_to_end(&mut request).await;
        });
        (address, closed)
    }

    #[tokio::test]
    async fn an_unread_body_ends_at_its_deadline() {
        let (client, (address, closed)) = (client(), host().await);
        let answer = client.send(get(address, Duration::from_millis(500))).await.unwrap();
        assert_eq!(client.permits.available_permits(), REQUESTS_MAX - 1);
        tokio::time::timeout(PATIENCE, closed).await.expect("the exchange ends").unwrap();
        assert_eq!(client.permits.available_permits(), REQUESTS_MAX);
        let read: Vec<_> = answer.body.collect().await;
        assert_eq!(read, [Ok(Bytes::from("begun")), Err(PluginHttpError::Timeout)], "and counts as incomplete");
    }

    #[tokio::test]
    async fn a_body_that_is_dropped_ends_at_once() {
        let (client, (address, closed)) = (client(), host().await);
        let answer = client.send(get(address, PATIENCE * 10)).await.unwrap();
        drop(answer);
        tokio::time::timeout(PATIENCE, closed).await.expect("the exchange ends").unwrap();
        assert_eq!(client.permits.available_permits(), REQUESTS_MAX);
    }
}
