//! Sending one webhook.

use crate::webhook::{AttemptOutcome, WebhookUrl};
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// A webhook request.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    /// Target URL.
    pub url: WebhookUrl,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The signed bytes.
    pub body: Bytes,
    /// Time limit of the whole exchange, from name resolution to the last byte of the response.
    pub timeout: Duration,
}

/// A URL that deliveries must not reach. The text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlRefused(pub String);

/// Guarded HTTP client for webhooks. Redirects are not followed; at most 64 KiB of a response is read and 1 KiB kept.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Resolves the URL's host and refuses it if any address is forbidden. A name that cannot be resolved passes: each attempt
    /// checks again at connect time.
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused>;

    /// Makes one attempt. Errors are part of the outcome.
    async fn send(&self, request: WebhookRequest) -> AttemptOutcome;
}
