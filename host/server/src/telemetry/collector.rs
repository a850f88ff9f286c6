//! Sends traces to the collector, by the project's own HTTP client.
//!
//! The exporter has a thread of its own, and its requests a runtime on it: whatever a collector answers takes no time of the server's own
//! threads. Nothing waits for it: spans go into a queue that drops what is too much.

use super::rarely::Rarely;
use async_trait::async_trait;
use axum::http::HeaderMap;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use std::error::Error;
use std::fmt;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Time for a connection: collectors are near.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Bytes that are read of an answer. It says how many spans were refused and why.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The client.
pub(super) struct Collector {
    client: reqwest::Client,
    /// There until this is dropped.
    runtime: Option<Runtime>,
    /// When it was said that the collector does not take traces.
    warned: Rarely,
}

/// Without its parts: they know the collector's address, which may have credentials.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    /// A client whose requests have these headers and this time each.
    ///
    /// # Errors
    /// Its parts cannot be made.
    pub(super) fn new(headers: HeaderMap, timeout: Duration) -> anyhow::Result<Self> {
        let builder = reqwest::Client::builder().default_headers(headers).connect_timeout(CONNECT_MAX).timeout(timeout);
        // Headers with keys are for the address that they were given for.
        let client = builder.redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, runtime: Some(runtime), warned: Rarely::default() })
    }

    /// Says rarely that traces may be lost. A request that failed is made again a few times.
    fn warn(&self, why: &str) {
        if self.warned.is_time() {
            tracing::warn!(why, "the collector of traces did not take traces; some may be lost, and nothing else is");
        }
    }
}

/// A runtime may not be dropped where a task runs, but may be left behind there.
impl Drop for Collector {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        // Blocks the exporter's thread, which does nothing else.
        let sent = self.runtime.as_ref().map(|runtime| runtime.block_on(exchange(self.client.clone(), request)));
        let answered = sent.unwrap_or_else(|| Err("the server stops".into()));
        match &answered {
            Ok(response) if response.status().is_success() => {
                let refused = refused(response.body());
                if refused > 0 {
                    self.warn(&format!("it refuses {refused} spans of a request"));
                }
            }
            Ok(response) => self.warn(&format!("it answers with status {}", response.status().as_u16())),
            Err(error) => self.warn(&cause(error.as_ref())),
        }
        answered
    }
}

/// How many spans an answer says were refused, of a request that was taken.
fn refused(answer: &[u8]) -> i64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    answer.partial_success.map_or(0, |partial| partial.rejected_spans)
}

/// The innermost cause of an error: the outer ones say only that a request failed.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Errors do not say the address.
async fn exchange(client: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = request.try_into().map_err(reqwest::Error::without_url)?;
    let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + piece.len() > ANSWER_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&piece);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    #[test]
    fn an_answer_says_how_many_spans_were_refused() {
        let partial = ExportTracePartialSuccess { rejected_spans: 7, error_message: "too old".into() };
        let answer = ExportTraceServiceResponse { partial_success: Some(partial) };
        assert_eq!(refused(&answer.encode_to_vec()), 7);
        assert_eq!((refused(&[]), refused(b"{}")), (0, 0));
    }

    #[tokio::test]
    async fn the_cause_of_a_failure_is_said_without_the_address() {
        // A port that nobody listens on.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let request = Request::post(format!("http://{free}/s3cret")).body(Bytes::new()).unwrap();
        // Fails only if a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let error = exchange(client, request).await.unwrap_err();
        let cause = cause(error.as_ref());
        assert!(cause.contains("refused") && !cause.contains("s3cret") && !cause.contains("127.0.0.1"), "{cause}");
    }
}
