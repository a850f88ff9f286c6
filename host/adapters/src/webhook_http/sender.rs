//! The client: one attempt from its start to its outcome.

use super::answer::{Answer, excerpt};
use super::classify::Failure;
use super::client::{Client, Reply};
use super::lookup::Lookup;
use super::resolver::{GuardedResolver, LookupError};
use super::retry_after::retry_after;
use super::system_lookup::SystemLookup;
use super::tls;
use async_trait::async_trait;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use morag_core::ports::{Clock, UrlRefused, WebhookRequest, WebhookSender};
use morag_core::webhook::{AddressPolicy, AttemptOutcome, ErrorClass, WebhookProxy, WebhookUrl};
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Timeout of the look-up in [`WebhookSender::check`]: a submission waits for it.
const CHECK_MAX: Duration = Duration::from_secs(5);

/// The client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The TLS settings are invalid.
    #[error("the webhook client's TLS settings are not accepted: {0}")]
    Tls(#[from] rustls::Error),
}

/// Options of a sender.
#[derive(Debug, Clone)]
pub struct SenderOptions {
    /// Addresses that it may reach.
    pub policy: AddressPolicy,
    /// Proxy to use. Names are resolved and checked here all the same.
    pub proxy: Option<WebhookProxy>,
    /// Resolver of names.
    pub lookup: Arc<dyn Lookup>,
    /// Trusted roots beside the machine's own.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

impl SenderOptions {
    /// Without a proxy, with the system's resolver and the machine's roots.
    pub fn new(policy: AddressPolicy) -> Self {
        Self { policy, proxy: None, lookup: Arc::new(SystemLookup::default()), extra_roots: Vec::new() }
    }
}

/// The guarded client.
pub struct HttpSender {
    client: Client,
    resolver: GuardedResolver,
    clock: Arc<dyn Clock>,
}

impl HttpSender {
    /// A client for addresses that the policy of the options allows. The clock is for dates in `Retry-After`.
    ///
    /// # Errors
    /// If the TLS settings are invalid, which no input can cause.
    pub fn new(options: SenderOptions, clock: Arc<dyn Clock>) -> Result<Self, SenderError> {
        let SenderOptions { policy, proxy, lookup, extra_roots } = options;
        let resolver = GuardedResolver::new(policy, lookup);
        let tls = tls::client_config(extra_roots)?;
        let client = match proxy {
            None => Client::direct(resolver.clone(), tls),
            Some(proxy) => Client::tunnelled(resolver.clone(), tls, proxy),
        };
        Ok(Self { client, resolver, clock })
    }

    async fn attempt(&self, request: WebhookRequest, started: Instant) -> Attempt {
        let deadline = started + request.timeout;
        if let Err(refused) = request.url.check_literal(self.resolver.policy()) {
            return Failure { class: ErrorClass::AddressRefused, text: refused.to_string() }.into();
        }
        let headers = match header_map(&request.headers) {
            Ok(headers) => headers,
            Err(text) => return Failure { class: ErrorClass::Protocol, text }.into(),
        };
        match timeout_at(deadline, self.client.post(&request.url, headers, request.body)).await {
            Err(_) => Failure::of(ErrorClass::Timeout).into(),
            Ok(Err(failure)) => failure.into(),
            Ok(Ok(reply)) => self.read(reply, deadline).await,
        }
    }

    /// Reads the response. Its status counts even if the body is cut off, which is reported as an error beside it.
    async fn read(&self, mut reply: Reply, deadline: Instant) -> Attempt {
        let asked = reply.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| retry_after(value, self.clock.now()));
        let status = Some(reply.status());
        let mut answer = Answer::default();
        let error = loop {
            match timeout_at(deadline, reply.chunk()).await {
                Err(_) => break Some(ErrorClass::Timeout),
                Ok(Err(failure)) => break Some(failure.class),
                Ok(Ok(None)) => break None,
                Ok(Ok(Some(piece))) if answer.take(&piece) => {}
                // Enough was read: the rest of the body is dropped with the connection.
                Ok(Ok(Some(_))) => break None,
            }
        };
        Attempt { status, error, retry_after: asked, text: answer.excerpt() }
    }
}

/// Result of an attempt without its duration.
struct Attempt {
    status: Option<u16>,
    error: Option<ErrorClass>,
    retry_after: Option<Duration>,
    text: String,
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self { status: None, error: Some(failure.class), retry_after: None, text: excerpt(&failure.text) }
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused> {
        url.check_literal(self.resolver.policy()).map_err(|refused| UrlRefused(refused.to_string()))?;
        let Some(name) = url.as_url().domain() else { return Ok(()) };
        match timeout(CHECK_MAX, self.resolver.look_up(name)).await {
            Ok(Err(error @ (LookupError::Refused(_) | LookupError::TooMany))) => Err(UrlRefused(error.to_string())),
            // Permitted, or the look-up failed, which may be temporary.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn send(&self, request: WebhookRequest) -> AttemptOutcome {
        let started = Instant::now();
        let Attempt { status, error, retry_after, text } = self.attempt(request, started).await;
        AttemptOutcome {
            status,
            error,
            retry_after_ms: retry_after.map(millis),
            excerpt: text,
            duration_ms: millis(started.elapsed()),
        }
    }
}

/// The headers to send. The error names an invalid header and not its value, which may be a secret.
fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let refused = || format!("the header {name} cannot be sent: it has characters that HTTP does not allow");
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
        // Hides the values from logs and from the compression tables of HTTP/2: they include signatures and tokens.
        value.set_sensitive(true);
        map.append(header, value);
    }
    Ok(map)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
