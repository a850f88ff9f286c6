//! Sends one request and reads the response head: the client below the guarded clients.
//!
//! It uses hyper directly because of interim responses (`103 Early Hints`): hyper reads any number of them before the final response, and
//! while they arrive back to back the task never yields. A host could so occupy a thread of the runtime, and no timeout would fire.
//! `reqwest` has no hook for counting them.

use crate::webhook_http::resolver::{GuardedResolver, LookupError};
use hyper::body::{Body, Incoming};
use hyper::rt::{Read, Write};
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{Connect, Connection, HttpConnector, dns};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use morag_core::trace::SPAN_TARGET;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::coop;
use tower_service::Service;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

/// Most header lines of a response.
const HEADERS_MAX: usize = 100;

/// Most bytes of response headers.
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// Most interim responses before the final one. Honest servers send one or two.
const INTERIM_MAX: usize = 32;

/// `TCP_USER_TIMEOUT`: how long sent data may stay unacknowledged. This and the next two values are those of `reqwest`.
#[cfg(target_os = "linux")]
const UNCONFIRMED_MAX: Duration = Duration::from_secs(30);

/// TCP keep-alive: idle time before the first probe, and between probes.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Unanswered keep-alive probes after which the connection is dead.
const KEEPALIVES_MAX: u32 = 3;

type BoxError = Box<dyn Error + Send + Sync>;

/// A client for requests with bodies `B`, over connections that `C` makes.
pub(crate) struct Exchange<C, B>(legacy::Client<HttpsConnector<C>, B>);

impl<C: Clone, B> Clone for Exchange<C, B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// Too many interim responses.
    #[error("more than {INTERIM_MAX} interim responses")]
    Interim,
    /// An error of hyper's client.
    #[error(transparent)]
    Http(#[from] legacy::Error),
}

/// Settings of all clients: limits of what a host may send.
pub(crate) fn settings() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http1_max_headers(HEADERS_MAX)
        .http1_max_buf_size(HEADER_BYTES_MAX as usize)
        .http2_max_header_list_size(HEADER_BYTES_MAX);
    builder
}

impl<C, B> Exchange<C, B>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
    HttpsConnector<C>: Connect,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    /// A client with these settings.
    pub(crate) fn new(settings: &legacy::Builder, connector: C, tls: rustls::ClientConfig) -> Self {
        Self(settings.build(HttpsConnector::from((connector, tls))))
    }

    /// Sends a request and returns the response head. Has no timeout. Dropping the future closes the connection.
    pub(crate) async fn send(&self, mut request: Request<B>) -> Result<Response<Incoming>, ExchangeError> {
        let too_many = Arc::new(Notify::new());
        count_interim(&mut request, Arc::clone(&too_many));
        let span = span(&request);
        let mut unanswered = Unanswered(span.clone());
        let exchange = async {
            tokio::select! {
                biased;
                () = too_many.notified() => Err(ExchangeError::Interim),
                answered = self.0.request(request) => Ok(answered?),
            }
        };
        let answered = exchange.instrument(span.clone()).await;
        if let Ok(response) = &answered {
            span.record("http.response.status_code", i64::from(response.status().as_u16()));
            unanswered.0 = Span::none();
        }
        answered
    }
}

/// Span of an exchange that has no answer. Dropping it, after a failure or a time limit outside, marks the span as failed.
struct Unanswered(Span);

impl Drop for Unanswered {
    fn drop(&mut self) {
        self.0.record("otel.status_code", "error");
    }
}

/// The exchange's span, for traces: until the head of the response. Of the URL it has host and port alone. Numbers are `i64`: others would
/// be sent as texts.
fn span<B>(request: &Request<B>) -> Span {
    let (uri, method) = (request.uri(), request.method().as_str());
    tracing::info_span!(
        target: SPAN_TARGET,
        "exchange",
        otel.name = method,
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = method,
        http.response.status_code = Empty,
        server.address = uri.host(),
        server.port = port(uri).map(i64::from),
    )
}

/// The port of a URL, also where it does not say it.
fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str()? {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    })
}

/// Counts the interim responses over HTTP/1.1, and notifies `too_many` at the limit.
fn count_interim<B>(request: &mut Request<B>, too_many: Arc<Notify>) {
    let count = AtomicUsize::new(0);
    hyper::ext::on_informational(request, move |_| {
        take_turn();
        if count.fetch_add(1, Ordering::Relaxed) == INTERIM_MAX {
            too_many.notify_one();
        }
    });
}

/// Consumes one unit of tokio's cooperative budget. When the budget is used up, the connection's next read returns pending, so that the
/// sending task is polled and sees the count. hyper itself continues as long as there is data to read.
fn take_turn() {
    if !coop::has_budget_remaining() {
        return;
    }
    if let Poll::Ready(turn) = coop::poll_proceed(&mut Context::from_waker(Waker::noop())) {
        turn.made_progress();
    }
}

/// Connects only to addresses that the resolver returns.
pub(crate) fn guarded(resolver: GuardedResolver) -> HttpConnector<GuardedResolver> {
    connector(HttpConnector::new_with_resolver(resolver))
}

/// Connects to any address of a name.
pub(crate) fn open() -> HttpConnector {
    connector(HttpConnector::new())
}

fn connector<R>(mut connector: HttpConnector<R>) -> HttpConnector<R> {
    // The TLS layer above handles https.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_keepalive_interval(Some(KEEPALIVE));
    connector.set_keepalive_retries(Some(KEEPALIVES_MAX));
    #[cfg(target_os = "linux")]
    connector.set_tcp_user_timeout(Some(UNCONFIRMED_MAX));
    connector
}

impl Service<dns::Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = LookupError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.look_up(name.as_str()).await?;
            // Port 0 is replaced by the URL's port.
            let addresses: Vec<_> = addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}

/// A connector with a timeout for connecting; the TLS handshake is not included.
#[derive(Debug, Clone)]
pub(crate) struct Within<C> {
    connector: C,
    limit: Duration,
}

impl<C> Within<C> {
    pub(crate) fn new(connector: C, limit: Duration) -> Self {
        Self { connector, limit }
    }
}

impl<C> Service<Uri> for Within<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, limit) = (self.connector.call(uri), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        })
    }
}
