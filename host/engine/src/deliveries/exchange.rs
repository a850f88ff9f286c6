//! Sends a webhook to its target: the only way to the sender.

use super::target::Target;
use crate::App;
use morag_core::ports::WebhookRequest;
use morag_core::webhook::AttemptOutcome;

/// Makes one exchange, within the configured limit of time.
pub(super) async fn send(app: &App, target: &Target, headers: Vec<(String, String)>, body: Vec<u8>) -> AttemptOutcome {
    let url = target.endpoint.url.clone();
    app.sender.send(WebhookRequest { url, headers, body: body.into(), timeout: app.config.webhook_timeout }).await
}
