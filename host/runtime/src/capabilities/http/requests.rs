//! Decides which requests are sent, and sends them.

use super::body::{outgoing, response, wasi_error};
use super::traffic::Traffic;
use crate::call_spans::{CallSpans, traced};
use crate::log::StepLog;
use http::header::{self, HeaderName};
use http_body::Body as _;
use morag_core::plugin::HttpRule;
use morag_core::ports::{PluginHttp, PluginHttpRequest};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tracing::Instrument as _;
use url::{Host, Url};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks,
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
pub(super) const IN_FLIGHT_MAX: usize = 8;

/// Result of the future of a response.
type Answered = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

/// Decides which requests are sent.
pub(super) struct Hooks {
    rules: Vec<HttpRule>,
    /// None while the component describes itself: there are no rules then.
    client: Option<Arc<dyn PluginHttp>>,
    log: StepLog,
    calls: CallSpans,
    pub(super) traffic: Arc<Traffic>,
    /// Requests that are not counted yet.
    pub(super) fresh_requests: u64,
    pub(super) requests_left: u64,
    /// Permits of concurrent requests.
    places: Arc<Semaphore>,
}

impl Hooks {
    /// Hooks that allow what the rules do; without a client, nothing.
    pub(super) fn new(
        rules: Vec<HttpRule>,
        client: Option<Arc<dyn PluginHttp>>,
        log: StepLog,
        calls: CallSpans,
    ) -> Self {
        let (traffic, places) = (Arc::default(), Arc::new(Semaphore::new(IN_FLIGHT_MAX)));
        Self { rules, client, log, calls, traffic, fresh_requests: 0, requests_left: 0, places }
    }

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
    pub(super) fn start(
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
        // Here, in the step's span, and in it also where the call has none: wasmtime runs the exchange in a task of its own. The log finds
        // only its own spans.
        let (span, of_log) = (self.calls.begin("http.request"), tracing::error_span!("http.request"));
        let exchange = async move {
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
        };
        Ok(traced(span, exchange).in_current_span().instrument(of_log))
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
