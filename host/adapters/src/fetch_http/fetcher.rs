//! The client: follows redirects hop by hop, then fetches the document.

use super::disposition::file_name;
use crate::exchange::{self, Exchange};
use crate::webhook_http::classify::{Failure, classify, classify_exchange};
use crate::webhook_http::resolver::GuardedResolver;
use crate::webhook_http::{Lookup, SystemLookup, tls};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::Empty;
use hyper::Request;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION, USER_AGENT,
};
use hyper_util::client::legacy::connect::HttpConnector;
use morag_core::ports::{FetchError, FetchRequest, FetchStream, Fetched, Fetcher, SourceUrl};
use morag_core::webhook::{AddressPolicy, ErrorClass};
use reqwest::Response;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Most redirects. Honest servers need one or two: to https, to the canonical host, to a storage.
const REDIRECTS_MAX: usize = 5;

/// Concurrent fetches. Each holds a connection and a file; beyond the limit, callers should retry later.
const FETCHES_MAX: usize = 64;

/// `User-Agent`.
const AGENT: &str = concat!("MoRAG-Fetch/", env!("CARGO_PKG_VERSION"));

/// The client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum FetcherError {
    /// The TLS settings are invalid.
    #[error("the TLS settings of the client for documents are not accepted: {0}")]
    Tls(#[from] rustls::Error),
}

/// The guarded client.
pub struct HttpFetcher {
    client: Exchange<HttpConnector<GuardedResolver>, Empty<Bytes>>,
    resolver: GuardedResolver,
    permits: Arc<Semaphore>,
}

impl HttpFetcher {
    /// A client for addresses that the policy permits, with the system's resolver.
    ///
    /// # Errors
    /// If the TLS settings are invalid, which no input can cause.
    pub fn new(policy: AddressPolicy) -> Result<Self, FetcherError> {
        Self::with_lookup(policy, Arc::new(SystemLookup::default()))
    }

    /// The same with another resolver.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_lookup(policy: AddressPolicy, lookup: Arc<dyn Lookup>) -> Result<Self, FetcherError> {
        let resolver = GuardedResolver::new(policy, lookup);
        let mut settings = exchange::settings();
        // No pooling: a second submission to the same host is rare, and the address of an idle connection was checked long ago.
        settings.pool_max_idle_per_host(0);
        let tls = tls::client_config(Vec::new())?;
        let client = Exchange::new(&settings, exchange::guarded(resolver.clone()), tls);
        Ok(Self { client, resolver, permits: Arc::new(Semaphore::new(FETCHES_MAX)) })
    }

    /// Follows redirects until another response.
    async fn follow(&self, mut url: SourceUrl) -> Result<(SourceUrl, Response), FetchError> {
        for _ in 0..=REDIRECTS_MAX {
            if url.check_literal(self.resolver.policy()).is_err() {
                return Err(refused_address());
            }
            let request = Request::get(url.as_url().as_str());
            let request = request.header(USER_AGENT, AGENT).header(ACCEPT, "*/*").header(ACCEPT_ENCODING, "identity");
            let request =
                request.body(Empty::new()).map_err(|_| FetchError::Refused("the url cannot be sent".into()))?;
            let answered = self.client.send(request).await;
            let response = answered.map_err(|error| failed(classify_exchange(&error)))?;
            let response = Response::from(response.map(reqwest::Body::wrap));
            match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => url = next(&url, &response)?,
                _ => return Ok((url, response)),
            }
        }
        Err(FetchError::Refused(format!("the server redirects more than {REDIRECTS_MAX} times")))
    }
}

#[async_trait]
impl Fetcher for HttpFetcher {
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        let FetchRequest { url, timeout, bytes_max } = request;
        let deadline = Instant::now() + timeout;
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(|_| FetchError::Busy)?;
        let followed = timeout_at(deadline, self.follow(url)).await;
        let (url, response) = followed.map_err(|_| FetchError::Timeout(timeout))??;
        check(&response, bytes_max)?;
        Ok(Fetched {
            url,
            content_type: header(&response, CONTENT_TYPE),
            file_name: header(&response, CONTENT_DISPOSITION).and_then(|value| file_name(&value)),
            body: Body { response, deadline, timeout, left: bytes_max, bytes_max, _permit: permit }.into_stream(),
        })
    }
}

/// Checks by the head of a response whether the document may be fetched.
fn check(response: &Response, bytes_max: u64) -> Result<(), FetchError> {
    match response.status().as_u16() {
        200..=299 => {}
        status @ (408 | 429 | 500..) => {
            return Err(FetchError::Unavailable(format!("its server answered with status {status}")));
        }
        status => return Err(FetchError::NotGiven(status)),
    }
    if header(response, CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        let text = "the server of the url compresses the document although it was asked not to";
        return Err(FetchError::Unsupported(text.into()));
    }
    match response.content_length() {
        Some(declared) if declared > bytes_max => Err(FetchError::TooLarge(bytes_max)),
        _ => Ok(()),
    }
}

fn header(response: &Response, name: HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    // Names in `filename` are often unescaped UTF-8.
    std::str::from_utf8(value.as_bytes()).ok().map(|text| text.trim().to_owned())
}

fn next(url: &SourceUrl, response: &Response) -> Result<SourceUrl, FetchError> {
    let location = header(response, LOCATION)
        .ok_or_else(|| FetchError::Unsupported("the server of the url redirects without a Location".to_owned()))?;
    let redirected = url.redirected(&location);
    redirected.map_err(|invalid| FetchError::Refused(format!("a redirect of the url is not followed: {invalid}")))
}

fn refused_address() -> FetchError {
    let text = "the url, or a redirect of it, leads to an address that is not public: documents are fetched from such \
                addresses only when MORAG_FETCH_ALLOW_NETWORKS lists their network";
    FetchError::Refused(text.into())
}

/// Error of a failed exchange. Only its class: the texts of the causes mention webhooks, or contain addresses.
fn failed(failure: Failure) -> FetchError {
    let text = match failure.class {
        ErrorClass::AddressRefused => return refused_address(),
        ErrorClass::Dns => "the name of its server has no address",
        ErrorClass::Connect => "there is no connection to its server",
        ErrorClass::Tls => "the TLS handshake with its server failed",
        ErrorClass::Timeout => "its server does not answer",
        ErrorClass::Reset => "the connection broke",
        ErrorClass::Protocol => "its server sends invalid HTTP",
    };
    FetchError::Unavailable(text.into())
}

/// The body of a document.
struct Body {
    response: Response,
    deadline: Instant,
    timeout: Duration,
    /// Bytes that may still arrive.
    left: u64,
    bytes_max: u64,
    _permit: OwnedSemaphorePermit,
}

impl Body {
    async fn piece(&mut self) -> Result<Option<Bytes>, FetchError> {
        let piece = timeout_at(self.deadline, self.response.chunk()).await;
        let piece = piece.map_err(|_| FetchError::Timeout(self.timeout))?;
        let Some(piece) = piece.map_err(|error| failed(classify(&error)))? else { return Ok(None) };
        self.left = self.left.checked_sub(piece.len() as u64).ok_or(FetchError::TooLarge(self.bytes_max))?;
        Ok(Some(piece))
    }

    fn into_stream(self) -> FetchStream {
        let pieces = futures::stream::unfold(Some(self), |body| async move {
            let mut body = body?;
            match body.piece().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(body))),
                // Drops the body, and with it the connection.
                Err(error) => Some((Err(error), None)),
            }
        });
        // Fused: readers may poll again after the end.
        pieces.fuse().boxed()
    }
}
