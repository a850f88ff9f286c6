//! Capability `http`: `wasi:http`, requests to the hosts that the operator lists.
//!
//! The interface itself is wasmtime's; this file decides which requests are sent. A request goes through the operator's rules
//! (method, host, port) and, in the port behind it, through the address guard. Redirects are answers like others: a step that
//! follows one makes another request, which is judged like the first. A refused request has an error code for the step; the
//! reason is in the step's log.

use super::capability::{CallContext, CapabilityHost};
use crate::guest::Instance;
use crate::limits::{Meter, Reached};
use crate::log::StepLog;
use crate::state::State;
use futures::{StreamExt as _, TryStreamExt as _};
use http::header::{self, HeaderName};
use http_body::Body as _;
use http_body_util::{BodyDataStream, BodyExt as _, StreamBody};
use morag_core::plugin::{Capability, FailureCode, Grant, HttpRule};
use morag_core::ports::{PluginHttp, PluginHttpBody, PluginHttpError, PluginHttpRequest, PluginHttpResponse};
use morag_core::task::Resources;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Host, Url};
use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView,
    WasiHttpHooks, WasiHttpView,
};

/// Limit of one whole exchange. A step has a limit of its own, and this one keeps it from spending all of it on one host.
const EXCHANGE_MAX: Duration = Duration::from_secs(120);

/// Limit from the look-up of the name to the answer's head. A step may want less, by `request-options`.
const HEAD_MAX: Duration = Duration::from_secs(60);

/// Bytes of a URL.
const URL_BYTES_MAX: usize = 8 << 10;

/// Headers that a step may not set, beside those that wasmtime forbids: they are for the next hop, not for the host.
const FORBIDDEN: [HeaderName; 4] = [header::TE, header::TRAILER, header::EXPECT, header::VIA];

/// Concurrent requests of one run, those whose answers are being read included: enough for a step, and few enough that some runs
/// with the most requests do not use up the limit of the process.
const IN_FLIGHT_MAX: usize = 8;

/// Result of the future of a response.
type Answered = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// The host's side.
pub(super) struct Http;

impl CapabilityHost for Http {
    fn capability(&self) -> Capability {
        Capability::Http
    }

    fn is_import(&self, import: &str) -> bool {
        import.starts_with("wasi:http/")
    }

    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)
    }

    fn start(&self, call: &CallContext<'_>) -> Box<dyn State> {
        Box::new(HttpState::granted(call.grant, call.services.http.clone(), call.log.clone()))
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let guest = self.called();
        // A component that describes itself has the interface, and no request of it is allowed.
        let http = guest.states.get_or_add(|| HttpState::denied(guest.log.clone()));
        http.settle(&mut guest.meter);
        WasiHttpCtxView { hooks: &mut http.hooks, table: &mut guest.table, ctx: &mut http.ctx }
    }
}

/// Requests of one call of a guest.
struct HttpState {
    ctx: WasiHttpCtx,
    hooks: Hooks,
    /// Requests so far.
    requests: u64,
}

/// Bytes received and sent since they were counted last: bodies are transferred while no host function runs.
#[derive(Debug, Default)]
struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    /// How many bytes of both together are allowed.
    left: AtomicU64,
}

impl Traffic {
    /// Counts received bytes. `Err`: more than are allowed.
    fn receive(&self, bytes: u64) -> Result<(), PluginHttpError> {
        let received = self.received.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.check(received.saturating_add(self.sent.load(Ordering::Relaxed)))
    }

    /// Counts sent bytes. `Err`: more than are allowed.
    fn send(&self, bytes: u64) -> Result<(), PluginHttpError> {
        let sent = self.sent.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.check(sent.saturating_add(self.received.load(Ordering::Relaxed)))
    }

    fn check(&self, bytes: u64) -> Result<(), PluginHttpError> {
        match bytes <= self.left.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(PluginHttpError::TooLarge),
        }
    }
}

/// Decides which requests are sent.
struct Hooks {
    rules: Vec<HttpRule>,
    /// None while the component describes itself: there are no rules then.
    client: Option<Arc<dyn PluginHttp>>,
    log: StepLog,
    traffic: Arc<Traffic>,
    /// Requests that are not counted yet.
    fresh_requests: u64,
    requests_left: u64,
    /// Permits of concurrent requests.
    places: Arc<Semaphore>,
}

impl HttpState {
    /// The state while a component describes itself: every request is refused.
    fn denied(log: StepLog) -> Self {
        Self::with(Vec::new(), None, log)
    }

    /// The rules of a grant.
    fn granted(grant: &Grant, client: Arc<dyn PluginHttp>, log: StepLog) -> Self {
        Self::with(grant.http.clone(), Some(client), log)
    }

    fn with(rules: Vec<HttpRule>, client: Option<Arc<dyn PluginHttp>>, log: StepLog) -> Self {
        let traffic = Arc::default();
        let places = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        let hooks = Hooks { rules, client, log, traffic, fresh_requests: 0, requests_left: 0, places };
        Self { ctx: WasiHttpCtx::new(), hooks, requests: 0 }
    }

    /// Counts a request. The step is stopped at the first one beyond its limit.
    fn count_request(&mut self, meter: &mut Meter) {
        self.requests = self.requests.saturating_add(1);
        let allowed = meter.limits.http_requests_max;
        if self.requests > allowed {
            meter.stop(Reached {
                code: FailureCode::HttpLimit,
                limit: "http_requests",
                allowed,
                measured: self.requests,
                unit: "requests",
                text: format!("the step made more than its {allowed} requests to other hosts"),
            });
        }
    }
}

impl State for HttpState {
    fn settle(&mut self, meter: &mut Meter) {
        let traffic = &self.hooks.traffic;
        // A limit that is reached is noted in the meter.
        drop(meter.count_in(traffic.received.swap(0, Ordering::Relaxed)));
        drop(meter.count_sent(traffic.sent.swap(0, Ordering::Relaxed)));
        traffic.left.store(meter.limits.host_bytes_max.saturating_sub(meter.host_bytes()), Ordering::Relaxed);
        for _ in 0..std::mem::take(&mut self.hooks.fresh_requests) {
            self.count_request(meter);
        }
        self.hooks.requests_left = meter.limits.http_requests_max.saturating_sub(self.requests);
    }

    fn report(&self, resources: &mut Resources) {
        resources.http_requests = self.requests;
    }
}

impl Hooks {
    /// Judges a request. `Err`: the code for the guest and, for its log, why.
    fn judge(&self, method: &str, url: &Url) -> Result<(), (Error, &'static str)> {
        if url.as_str().len() > URL_BYTES_MAX {
            return Err((Error::HttpRequestUriTooLong, "its URL has more than 8 KiB"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err((Error::HttpRequestUriInvalid, "its URL has a user name or password: send them in a header"));
        }
        let names = match url.host() {
            Some(Host::Domain(name)) => vec![name.to_owned()],
            Some(Host::Ipv4(address)) => vec![address.to_string()],
            Some(Host::Ipv6(address)) => vec![address.to_string(), format!("[{address}]")],
            None => return Err((Error::HttpRequestUriInvalid, "its URL has no host")),
        };
        let port = url.port_or_known_default().unwrap_or(0);
        let tls = url.scheme() == "https";
        let allowed = |rule: &HttpRule| names.iter().any(|name| rule.allows(method, name, port, tls));
        // CONNECT would make the host a tunnel for any protocol.
        if method == "CONNECT" || !self.rules.iter().any(allowed) {
            return Err((Error::HttpRequestDenied, "no rule of the plugin's `http` in morag.toml allows it"));
        }
        Ok(())
    }

    /// Writes to the step's log why a request was refused. Of the URL only its origin: the query may contain a secret.
    fn refuse(&self, method: &str, url: &Url, why: &str) {
        self.log.push("warn", &format!("{}: {why}", shown(method, url)));
    }

    /// Starts a request; the future is the exchange up to the answer's head.
    fn start(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<impl Future<Output = Result<Answered, Error>> + Send + 'static, Error> {
        let (parts, body) = request.into_parts();
        let method = parts.method.as_str().to_owned();
        // Parsed once, for the judgement and for the client: two parsers could differ.
        let url: Url = parts.uri.to_string().parse().map_err(|_| Error::HttpRequestUriInvalid)?;
        self.fresh_requests += 1;
        if self.fresh_requests > self.requests_left {
            self.refuse(&method, &url, "the step has made all the requests it may make");
            return Err(Error::HttpRequestDenied);
        }
        let judged = self.judge(&method, &url).and_then(|()| {
            self.client
                .clone()
                .ok_or((Error::HttpRequestDenied, "a component may not make requests while it describes itself"))
        });
        let client = match judged {
            Ok(client) => client,
            Err((error, why)) => {
                self.refuse(&method, &url, why);
                return Err(error);
            }
        };
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.refuse(
                &method,
                &url,
                &format!("the step has {IN_FLIGHT_MAX} requests under way: read or drop an answer first"),
            );
            return Err(Error::ConnectionLimitReached);
        };
        let forbidden = self.forbidden_header_filter();
        let headers = parts.headers.iter().filter(|(name, _)| !forbidden(name));
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
        let options = options.unwrap_or_default();
        let line = shown(&method, &url);
        let request = PluginHttpRequest {
            method,
            url,
            headers,
            body: (!body.is_end_stream()).then(|| outgoing(body, self.traffic.clone())),
            head_timeout: options.first_byte_timeout.map_or(HEAD_MAX, |wanted| wanted.min(HEAD_MAX)),
            timeout: EXCHANGE_MAX,
        };
        let (log, traffic, between) = (self.log.clone(), self.traffic.clone(), options.between_bytes_timeout);
        Ok(async move {
            let answer = client.send(request).await.and_then(|answer| {
                traffic.receive(answer.headers.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum())?;
                Ok(answer)
            });
            let answer = answer.map_err(|error| {
                log.push("warn", &format!("{line}: {error}"));
                wasi_error(error)
            })?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response(answer, traffic, between, place)?, done))
        })
    }
}

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name| {
            DEFAULT_FORBIDDEN_HEADERS.contains(name) || FORBIDDEN.contains(name) || name.as_str().starts_with("proxy-")
        })
    }

    fn set_host_header(&mut self) -> bool {
        // The client sets it, by the URL.
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answered, Error>> + Send> {
        match self.start(request, options) {
            Ok(exchange) => Box::new(exchange),
            Err(error) => Box::new(async { Err(error) }),
        }
    }
}

fn shown(method: &str, url: &Url) -> String {
    format!("the request {method} {}", url.origin().ascii_serialization())
}

/// A request's body as it is sent.
fn outgoing(body: WasiBody, traffic: Arc<Traffic>) -> PluginHttpBody {
    let pieces = BodyDataStream::new(body).map_err(|_| PluginHttpError::Request);
    pieces.map(move |piece| piece.and_then(|piece| traffic.send(piece.len() as u64).map(|()| piece))).boxed()
}

/// An answer as the guest reads it.
fn response(
    answer: PluginHttpResponse,
    traffic: Arc<Traffic>,
    between: Option<Duration>,
    place: OwnedSemaphorePermit,
) -> Result<http::Response<WasiBody>, Error> {
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    // The permit is released when the body ends or is dropped.
    let pieces = futures::stream::unfold((answer.body, place), move |(mut body, place)| async move {
        let next = match between {
            None => body.next().await,
            Some(between) => {
                tokio::time::timeout(between, body.next()).await.unwrap_or(Some(Err(PluginHttpError::Timeout)))
            }
        };
        next.map(|piece| (piece, (body, place)))
    });
    let pieces = pieces.map(move |piece| {
        let piece = piece.and_then(|piece| traffic.receive(piece.len() as u64).map(|()| piece));
        piece.map(http_body::Frame::data).map_err(wasi_error)
    });
    response.body(StreamBody::new(pieces).boxed_unsync()).map_err(|_| Error::HttpProtocolError)
}

fn wasi_error(error: PluginHttpError) -> Error {
    match error {
        PluginHttpError::AddressRefused => Error::DestinationIpProhibited,
        PluginHttpError::Request => Error::HttpRequestUriInvalid,
        PluginHttpError::Dns => Error::DnsError { rcode: None, info_code: None },
        PluginHttpError::Connect => Error::ConnectionRefused,
        PluginHttpError::Tls => Error::TlsCertificateError,
        PluginHttpError::Timeout => Error::HttpResponseTimeout,
        PluginHttpError::Reset => Error::ConnectionTerminated,
        PluginHttpError::Protocol => Error::HttpProtocolError,
        PluginHttpError::Busy => Error::ConnectionLimitReached,
        PluginHttpError::TooLarge => Error::HttpResponseBodySize(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use morag_core::plugin::Limits;

    /// Answers at once, with a body that never ends.
    struct Endless;

    #[async_trait]
    impl PluginHttp for Endless {
        async fn send(&self, _: PluginHttpRequest) -> Result<PluginHttpResponse, PluginHttpError> {
            Ok(PluginHttpResponse { status: 200, headers: Vec::new(), body: futures::stream::pending().boxed() })
        }
    }

    #[tokio::test]
    async fn a_run_holds_a_limited_number_of_answers() {
        let rule = HttpRule { host: "a.example".into(), port: None, methods: Vec::new() };
        let grant = Grant { http: vec![rule], ..Grant::default() };
        let mut http = HttpState::granted(&grant, Arc::new(Endless), StepLog::new(10, 1000));
        http.settle(&mut Meter::new(Limits::default()));
        let request = || {
            let body = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
            http::Request::get("http://a.example/").body(body).unwrap()
        };
        let mut held = Vec::new();
        for _ in 0..IN_FLIGHT_MAX {
            held.push(http.hooks.start(request(), None).unwrap().await.unwrap());
        }
        assert!(matches!(http.hooks.start(request(), None).err(), Some(Error::ConnectionLimitReached)));
        held.pop();
        assert!(http.hooks.start(request(), None).is_ok(), "a dropped answer releases its permit");
    }

    #[test]
    fn the_first_request_beyond_the_limit_stops_the_step() {
        let mut http = HttpState::denied(StepLog::new(10, 1000));
        let mut meter = Meter::new(Limits { http_requests_max: 1, ..Limits::default() });
        http.hooks.fresh_requests = 1;
        http.settle(&mut meter);
        assert_eq!((meter.reached.clone(), http.hooks.requests_left), (None, 0));
        http.hooks.fresh_requests = 2;
        http.settle(&mut meter);
        let reached = meter.reached.clone().unwrap();
        assert_eq!((reached.code, reached.limit, reached.unit), (FailureCode::HttpLimit, "http_requests", "requests"));
        assert_eq!((reached.allowed, reached.measured), (1, 2));
        let mut resources = Resources::default();
        http.report(&mut resources);
        assert_eq!(resources.http_requests, 3);
    }
}
