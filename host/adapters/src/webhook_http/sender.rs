//! The client: one attempt from its start to its outcome.

use super::answer::{Answer, excerpt};
use super::classify::{classify, words};
use super::resolver::{GuardedResolver, LookupError};
use super::retry_after::retry_after;
use super::tls;
use async_trait::async_trait;
use morag_core::ports::{Clock, UrlRefused, WebhookRequest, WebhookSender};
use morag_core::webhook::{AddressPolicy, AttemptOutcome, ErrorClass, WebhookUrl};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How long [`WebhookSender::check`] waits for a name: somebody waits for the answer to their submission.
const CHECK_MAX: Duration = Duration::from_secs(5);

/// Idle connections kept for a receiver: more than are sent to at once is waste.
const IDLE_PER_HOST_MAX: usize = 8;

/// How long an idle connection is kept. Shorter than the five seconds of common servers, so that we close it before they
/// do: a request on a connection that is just being closed is a failed attempt.
const IDLE_MAX: Duration = Duration::from_secs(4);

/// Header lines of an answer that are taken.
const HEADERS_MAX: usize = 100;

/// Bytes of an answer's headers that are taken over HTTP/2. Over HTTP/1.1 hyper's own limit holds (about 400 KiB).
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// The client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The TLS settings are not accepted.
    #[error("the webhook client's TLS settings are not accepted: {0}")]
    Tls(#[from] rustls::Error),
    /// The client's settings are not accepted.
    #[error("the webhook client cannot be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// The guarded client.
pub struct HttpSender {
    client: Client,
    resolver: GuardedResolver,
    clock: Arc<dyn Clock>,
}

impl HttpSender {
    /// A client that reaches what the policy permits. The clock is for dates in `Retry-After`.
    ///
    /// # Errors
    /// Where the TLS or client settings are not accepted, which no input can cause.
    pub fn new(policy: AddressPolicy, clock: Arc<dyn Clock>) -> Result<Self, SenderError> {
        let resolver = GuardedResolver::new(policy);
        let client = Client::builder()
            .tls_backend_preconfigured(tls::client_config()?)
            .dns_resolver(resolver.clone())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .pool_max_idle_per_host(IDLE_PER_HOST_MAX)
            .pool_idle_timeout(IDLE_MAX)
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .build()?;
        Ok(Self { client, resolver, clock })
    }

    async fn attempt(&self, request: WebhookRequest, started: Instant) -> Attempt {
        let deadline = started + request.timeout;
        if let Err(refused) = request.url.check_literal(self.resolver.policy()) {
            return Attempt::failed(ErrorClass::AddressRefused, refused.to_string());
        }
        let headers = match header_map(&request.headers) {
            Ok(headers) => headers,
            Err(text) => return Attempt::failed(ErrorClass::Protocol, text),
        };
        let url = request.url.as_url().clone();
        let sent = self.client.post(url).headers(headers).body(request.body).send();
        match timeout_at(deadline, sent).await {
            Err(_) => Attempt::failed(ErrorClass::Timeout, words(ErrorClass::Timeout).to_owned()),
            Ok(Err(error)) => {
                let (class, text) = classify(&error);
                Attempt::failed(class, text)
            }
            Ok(Ok(response)) => self.read(response, deadline).await,
        }
    }

    /// Reads the answer. Its status stands whatever becomes of its body; that the body broke off is an error beside it.
    async fn read(&self, mut response: Response, deadline: Instant) -> Attempt {
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| retry_after(value, self.clock.now()));
        let status = Some(response.status().as_u16());
        let mut answer = Answer::default();
        let error = loop {
            match timeout_at(deadline, response.chunk()).await {
                Err(_) => break Some(ErrorClass::Timeout),
                Ok(Err(error)) => break Some(classify(&error).0),
                Ok(Ok(None)) => break None,
                Ok(Ok(Some(piece))) if answer.take(&piece) => {}
                // Enough: the connection is given up with what is left of the body.
                Ok(Ok(Some(_))) => break None,
            }
        };
        Attempt { status, error, retry_after: asked, text: answer.excerpt() }
    }
}

/// What came of an attempt, before it is timed.
struct Attempt {
    status: Option<u16>,
    error: Option<ErrorClass>,
    retry_after: Option<Duration>,
    text: String,
}

impl Attempt {
    fn failed(class: ErrorClass, text: String) -> Self {
        Self { status: None, error: Some(class), retry_after: None, text: excerpt(&text) }
    }
}

#[async_trait]
impl WebhookSender for HttpSender {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused> {
        url.check_literal(self.resolver.policy()).map_err(|refused| UrlRefused(refused.to_string()))?;
        let Some(name) = url.as_url().domain() else { return Ok(()) };
        match timeout(CHECK_MAX, self.resolver.look_up(name)).await {
            Ok(Err(error @ (LookupError::Refused(_) | LookupError::TooMany))) => Err(UrlRefused(error.to_string())),
            // Found and permitted, or not to be found now.
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

/// The headers to send. A value that cannot be sent is named by its header: it may be a secret.
fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, String> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let refused = || format!("the header {name} cannot be sent: it has characters that HTTP does not allow");
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
        // Kept out of logs, and of HTTP/2's compression tables: signatures and tokens are among them.
        value.set_sensitive(true);
        map.append(header, value);
    }
    Ok(map)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
