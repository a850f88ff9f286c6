//! Sends traces to the collector, by the project's own HTTP client.
//!
//! The exporter has a thread of its own, without a runtime: a request is made on the server's. It waits for the answer, and nothing else
//! waits for it: spans go into a queue that drops what is too much.

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Time for a connection: collectors are near.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Bytes that are read of an answer. It says how many spans were refused and why, which nobody reads here.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Time between two lines of the log about a collector that does not take traces. It is tried again every few seconds, and the server
/// does its work without it.
const QUIET: Duration = Duration::from_secs(600);

/// The client.
pub(super) struct Collector {
    client: reqwest::Client,
    runtime: Handle,
    /// When it was last said that the collector takes nothing.
    warned: Mutex<Option<Instant>>,
}

/// Without its parts: they know the collector's address, which may have credentials.
impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    /// A client whose requests have this time each, and are made on this runtime.
    pub(super) fn new(timeout: Duration, runtime: Handle) -> reqwest::Result<Self> {
        let builder = reqwest::Client::builder().connect_timeout(CONNECT_MAX).timeout(timeout);
        // Headers with keys are for the address that they were given for.
        let client = builder.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { client, runtime, warned: Mutex::default() })
    }

    /// Says at most every [`QUIET`] that traces are lost.
    fn warn(&self, why: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= QUIET) {
            *warned = Some(Instant::now());
            tracing::warn!(why, "the collector of traces takes none: they are lost, and nothing else is");
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.runtime.spawn(exchange(self.client.clone(), request)).await;
        let answered = sent.map_err(HttpError::from).and_then(|answered| answered);
        match &answered {
            Ok(response) if response.status().is_success() => {}
            Ok(response) => self.warn(&format!("it answers with status {}", response.status().as_u16())),
            Err(error) => self.warn(&error.to_string()),
        }
        answered
    }
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
