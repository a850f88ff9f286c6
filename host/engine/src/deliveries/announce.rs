//! Sends `endpoint_disabled` to the endpoints that want to know of others that were disabled.
//!
//! Its receivers are stored with the endpoint that was disabled, with the attempts made for each: a process that is killed leaves
//! them to the next. Two processes that send at the same time send the same under the same delivery id.

use super::target::{Target, policy};
use super::{exchange, unpark};
use crate::endpoints::{EndpointSnapshot, Opened};
use crate::{App, VERSION};
use morag_core::ports::StoreError;
use morag_core::webhook::{
    AttemptOutcome, DisabledReason, EndpointId, ErrorClass, OperationalHeaders, RetryPolicy, Verdict, judge,
    operational_headers, redact,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two rounds: a disabled endpoint is announced within seconds.
const PAUSE: Duration = Duration::from_secs(2);

/// Attempts of one announcement: with the default retry delay, over most of an hour.
const ATTEMPTS_MAX: u32 = 10;

/// How long after the endpoint was disabled the next attempt is due: the retry delays of those before it together.
fn wait_for(app: &App, attempts: u32) -> Duration {
    let policy = policy(app);
    (1..=attempts).map(|number| policy.delay(number, 0.0)).sum()
}

/// Rounds between scans for parked cursors.
const UNPARK_EVERY: u64 = 15;

/// Announces until `shutdown`.
pub(crate) async fn announce(app: Arc<App>, shutdown: CancellationToken) {
    let started = app.clock.steady();
    for round in 0_u64.. {
        let work = async {
            if round.is_multiple_of(UNPARK_EVERY)
                && let Err(error) = unpark::lately_enabled(&app, app.clock.steady().since(started)).await
            {
                tracing::warn!(%error, "cannot look for parked cursors: trying again later");
            }
            tokio::time::sleep(PAUSE).await;
            if let Err(error) = announce_due(&app).await {
                tracing::warn!(%error, "cannot announce disabled endpoints: trying again later");
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = work => {}
        }
    }
}

/// Makes the attempts that are due.
async fn announce_due(app: &App) -> Result<(), StoreError> {
    let known = app.endpoints.recent().await?;
    for opened in known.all() {
        let Some(disabled) = &opened.endpoint.disabled else { continue };
        for (listener, attempts) in &disabled.to_tell {
            if app.clock.now() >= disabled.at.plus(wait_for(app, *attempts)) {
                attempt(app, &known, opened, listener, *attempts).await;
            }
        }
    }
    Ok(())
}

/// Makes one attempt to send the announcement to a listener, and stores how it went.
async fn attempt(app: &App, known: &EndpointSnapshot, disabled: &Opened, listener: &EndpointId, attempts: u32) {
    let receiver = known.get(listener).filter(|listener| listener.endpoint.disabled.is_none());
    let is_done = match receiver {
        // It is deleted, or disabled itself.
        None => true,
        Some(listener) => {
            let outcome = send(app, disabled, listener, attempts + 1).await;
            let policy = RetryPolicy::new(ATTEMPTS_MAX - 1, Duration::ZERO).unwrap_or_else(|_| policy(app));
            !matches!(judge(&outcome, attempts + 1, &policy, 0.0, app.clock.now()), Verdict::Retry(_))
        }
    };
    let at = disabled.endpoint.disabled.as_ref().map(|disabled| disabled.at);
    let change = |endpoint: &mut morag_core::webhook::NamedEndpoint| {
        let Some(now) = endpoint.disabled.as_mut().filter(|now| Some(now.at) == at) else { return false };
        match is_done {
            true => now.to_tell.remove(listener).is_some(),
            false => {
                now.to_tell.get_mut(listener).is_some_and(|made| std::mem::replace(made, attempts + 1) <= attempts)
            }
        }
    };
    if let Err(error) = app.endpoints.update(&disabled.endpoint.id, change).await {
        let (endpoint, listener) = (disabled.endpoint.id.as_str(), listener.as_str());
        tracing::warn!(endpoint, listener, %error, "cannot store an announcement's attempt: it is made again");
    }
}

/// The body of `endpoint_disabled`.
pub(crate) fn body(disabled: &Opened) -> Value {
    let endpoint = &disabled.endpoint;
    let at = endpoint.disabled.as_ref().map(|disabled| disabled.at);
    let reason = endpoint.disabled.as_ref().map_or(DisabledReason::Manual, |disabled| disabled.reason);
    json!({
        "event_type": EVENT,
        "timestamp": at,
        "data": {
            "endpoint_id": endpoint.id.name(),
            "url": redact(endpoint.settings.url.as_url()),
            "description": endpoint.settings.description,
            "reason": reason,
            "disabled_at": at,
            "failing_since": endpoint.failing_since,
        },
    })
}

/// The operational event's type.
pub(crate) const EVENT: &str = "endpoint_disabled";

async fn send(app: &App, disabled: &Opened, listener: &Arc<Opened>, attempt: u32) -> AttemptOutcome {
    let target = Target::of_named(app, listener);
    if target.unreadable.is_some() {
        let excerpt = "the endpoint's credentials cannot be read".to_owned();
        let error = Some(ErrorClass::Protocol);
        return AttemptOutcome { status: None, error, retry_after_ms: None, excerpt, duration_ms: 0 };
    }
    let body = body(disabled).to_string().into_bytes();
    let at = disabled.endpoint.disabled.as_ref().map_or(0, |disabled| disabled.at.as_millis());
    let headers = operational_headers(OperationalHeaders {
        endpoint: &target.endpoint,
        event_type: EVENT,
        identity: &format!("{}/{at}", disabled.endpoint.id.as_str()),
        attempt,
        body: &body,
        secrets: &target.secrets,
        version: VERSION,
        now: app.clock.now(),
    });
    exchange::send(app, &target, headers, body).await
}
