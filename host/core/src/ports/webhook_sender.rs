//! Sending one webhook.

use crate::webhook::{AttemptOutcome, WebhookUrl};
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;

/// One request.
#[derive(Debug, Clone)]
pub struct WebhookRequest {
    /// Where to.
    pub url: WebhookUrl,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The signed bytes.
    pub body: Bytes,
    /// Limit of the whole exchange, from looking the name up to the last byte of the answer.
    pub timeout: Duration,
}

/// A URL that deliveries may not reach. The text is for the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlRefused(pub String);

/// The guarded HTTP client. Redirects are not followed; at most 64 KiB of an answer is read and 1 KiB kept.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Looks the URL's name up and refuses it when any of its addresses may not be reached. A name that cannot be looked
    /// up now passes: each attempt checks again, at connect time.
    async fn check(&self, url: &WebhookUrl) -> Result<(), UrlRefused>;

    /// Makes one attempt. Never fails: what went wrong is in the outcome.
    async fn send(&self, request: WebhookRequest) -> AttemptOutcome;
}
