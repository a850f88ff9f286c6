//! The client: one request, one answer.

use crate::webhook_http::classify::classify;
use crate::webhook_http::resolver::GuardedResolver;
use crate::webhook_http::{Lookup, SystemLookup, tls};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use hyper::Method;
use hyper::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use morag_core::ports::{PluginHttp, PluginHttpBody, PluginHttpError, PluginHttpRequest, PluginHttpResponse};
use morag_core::webhook::{AddressPolicy, ErrorClass};
use reqwest::{Body, Response};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use url::Host;

/// Requests under way at once in a process. Each holds a connection: more would take the file handles of webhooks and stores.
const REQUESTS_MAX: usize = 256;

/// Limit of reaching a host: a name's addresses that drop packets must not hold a step for its whole time.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Header lines of an answer that are taken.
const HEADERS_MAX: usize = 100;

/// Bytes of an answer's headers that are taken over HTTP/2. Over HTTP/1.1 hyper's own limit holds (about 400 KiB).
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// What a host may send over HTTP/2 before the step has taken it, for one answer: it is held in memory.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// Who asks, where the step does not say.
const AGENT: &str = concat!("MoRAG-Step/", env!("CARGO_PKG_VERSION"));

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PluginHttpSetUpError {
    /// The TLS settings are not accepted.
    #[error("the TLS settings of the client for plugins are not accepted: {0}")]
    Tls(#[from] rustls::Error),
    /// The client's settings are not accepted.
    #[error("the client for plugins cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// The guarded client.
pub struct HttpForPlugins {
    client: reqwest::Client,
    resolver: GuardedResolver,
    permits: Arc<Semaphore>,
}

impl HttpForPlugins {
    /// A client that reaches what the policy permits, by the system's resolver.
    ///
    /// # Errors
    /// Where the TLS or client settings are not accepted, which no input can cause.
    pub fn new(policy: AddressPolicy) -> Result<Self, PluginHttpSetUpError> {
        Self::with(policy, Arc::new(SystemLookup), Vec::new())
    }

    /// The same, by another resolver, trusting authorities beside the machine's own.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with(
        policy: AddressPolicy,
        lookup: Arc<dyn Lookup>,
        extra_roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, PluginHttpSetUpError> {
        let resolver = GuardedResolver::new(policy, lookup);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(extra_roots)?)
            .dns_resolver(resolver.clone())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_MAX)
            .pool_max_idle_per_host(0)
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
            .http2_initial_connection_window_size(STREAM_WINDOW_BYTES)
            .build()?;
        Ok(Self { client, resolver, permits: Arc::new(Semaphore::new(REQUESTS_MAX)) })
    }

    /// Judges an address in the URL itself: it is dialled without a look-up.
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
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| PluginHttpError::Request)?;
        let mut builder = self.client.request(method, url).headers(header_map(&headers)?);
        if let Some(body) = body {
            builder = builder.body(Body::wrap_stream(body.map_err(std::io::Error::other)));
        }
        let answered = timeout_at(deadline.min(started + head_timeout), builder.send()).await;
        let response = answered.map_err(|_| PluginHttpError::Timeout)?.map_err(|error| failed(&error))?;
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
        // Kept out of logs, and of HTTP/2's compression tables: tokens are among them.
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

/// An answer that arrives.
struct Arriving {
    response: Response,
    deadline: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Arriving {
    async fn piece(&mut self) -> Result<Option<Bytes>, PluginHttpError> {
        let piece = timeout_at(self.deadline, self.response.chunk()).await;
        piece.map_err(|_| PluginHttpError::Timeout)?.map_err(|error| failed(&error))
    }
}

fn pieces(response: Response, deadline: Instant, permit: OwnedSemaphorePermit) -> PluginHttpBody {
    let arriving = Arriving { response, deadline, _permit: permit };
    futures::stream::unfold(Some(arriving), |arriving| async move {
        let mut arriving = arriving?;
        match arriving.piece().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), Some(arriving))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .fuse()
    .boxed()
}

/// What a failed exchange means. Only the class is said: texts may name addresses, or the URL with what is secret in it.
fn failed(error: &reqwest::Error) -> PluginHttpError {
    match classify(error).class {
        ErrorClass::AddressRefused => PluginHttpError::AddressRefused,
        ErrorClass::Dns => PluginHttpError::Dns,
        ErrorClass::Connect => PluginHttpError::Connect,
        ErrorClass::Tls => PluginHttpError::Tls,
        ErrorClass::Timeout => PluginHttpError::Timeout,
        ErrorClass::Reset => PluginHttpError::Reset,
        ErrorClass::Protocol => PluginHttpError::Protocol,
    }
}
