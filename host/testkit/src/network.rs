//! Documents and webhooks without a network: prepared responses, and exchanges that tests delay.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use morag_core::ports::{FetchError, FetchRequest, Fetched, Fetcher, UrlRefused, WebhookRequest, WebhookSender};
use morag_core::webhook::{AttemptOutcome, WebhookUrl};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::sync::watch;

/// Host whose look-ups and webhooks are also delayed by [`TestNetwork::holds`].
const SLOW_HOST: &str = "slow.example";
/// Host whose address is private.
const PRIVATE_HOST: &str = "private.example";

/// The network of a test.
#[derive(Default)]
pub struct TestNetwork {
    /// Documents by URL; other URLs get 404.
    pub web: Mutex<BTreeMap<String, Result<Document, FetchError>>>,
    /// Number of requested documents.
    pub fetches: Mutex<usize>,
    /// Whether documents, and the look-ups and webhooks of `slow.example`, are delayed until this is false again.
    pub holds: watch::Sender<bool>,
    /// Number of fetches, look-ups and webhooks that were delayed so far.
    pub held: watch::Sender<usize>,
}

/// A document of a test.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// File name of `Content-Disposition`.
    pub file_name: Option<String>,
    /// Its content, in the chunks in which it arrives.
    pub pieces: Vec<Result<Bytes, FetchError>>,
}

impl TestNetwork {
    async fn hold(&self) {
        if *self.holds.borrow() {
            self.held.send_modify(|held| *held += 1);
            let mut holds = self.holds.subscribe();
            holds.wait_for(|holds| !holds).await.unwrap();
        }
    }
}

#[async_trait]
impl WebhookSender for TestNetwork {
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused> {
        match url.as_url().host_str() {
            Some(SLOW_HOST) => {
                self.hold().await;
                Ok(())
            }
            Some(PRIVATE_HOST) => Err(UrlRefused(format!("{PRIVATE_HOST} has a private address"))),
            _ => Ok(()),
        }
    }
    async fn send(&self, request: WebhookRequest) -> AttemptOutcome {
        if request.url.as_url().host_str() == Some(SLOW_HOST) {
            self.hold().await;
        }
        AttemptOutcome { status: None, error: None, retry_after_ms: None, excerpt: String::new(), duration_ms: 0 }
    }
}

#[async_trait]
impl Fetcher for TestNetwork {
    async fn fetch(&self, request: FetchRequest) -> Result<Fetched, FetchError> {
        *self.fetches.lock().unwrap() += 1;
        self.hold().await;
        let document = self.web.lock().unwrap().get(request.url.as_url().as_str()).cloned();
        let Document { content_type, file_name, pieces } = document.ok_or(FetchError::NotGiven(404))??;
        Ok(Fetched { url: request.url, content_type, file_name, body: futures::stream::iter(pieces).boxed() })
    }
}
