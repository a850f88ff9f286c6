//! Tells endpoints that others were disabled (`endpoint_disabled`).
//!
//! Who is to be told is stored with the endpoint that was disabled, with the attempts made for each: a process that is
//! killed leaves it to the next. Two processes that tell at the same time tell the same thing under the same delivery id.

use super::target::policy;
use crate::endpoints::{Known, Opened};
use crate::{App, VERSION};
use morag_core::ports::{StoreError, WebhookRequest};
use morag_core::webhook::{
    AttemptOutcome, DisabledReason, EndpointId, ErrorClass, OperationalHeaders, RetryPolicy, Verdict, judge,
    operational_headers, redact,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks. An operator who hears of a disabled endpoint within seconds hears of it soon.
const PAUSE: Duration = Duration::from_secs(2);

/// Attempts of one announcement: with the usual retry delay, over the better part of an hour.
const ATTEMPTS_MAX: u32 = 10;

/// How long after the endpoint was disabled the next attempt is due: the retry delays of those before it together.
fn wait_for(app: &App, attempts: u32) -> Duration {
    let policy = policy(app);
    (1..=attempts).map(|number| policy.delay(number, 0.0)).sum()
}

/// How long after an endpoint was enabled, or a process was started with it in its `morag.toml`, its parked cursors are looked for: a
/// dispatcher that did not know of that may have parked one since, and been killed before it looked again.
const LOOKED_FOR: Duration = Duration::from_secs(600);

/// Every so many looks.
const UNPARK_EVERY: u64 = 15;

/// Version of an endpoint that was created, disabled and enabled. One with a lower version was not: looking for what is parked is
/// a call for each bucket of a Redis.
const VERSION_ENABLED_MIN: u64 = 3;

/// Makes what is parked for endpoints that were enabled lately due.
async fn unpark(app: &App, running_for: Duration) -> Result<(), StoreError> {
    let known = app.endpoints.recent().await?;
    for opened in known.all().filter(|opened| opened.endpoint.disabled.is_none()) {
        let changed = app.clock.now().since(opened.endpoint.updated_at);
        let was_enabled = opened.endpoint.version >= VERSION_ENABLED_MIN && changed <= LOOKED_FOR;
        if was_enabled || (opened.is_configured && running_for <= LOOKED_FOR) {
            app.deliveries.unpark(&opened.endpoint.id).await?;
        }
    }
    Ok(())
}

/// Tells until `shutdown`.
pub(crate) async fn announce(app: Arc<App>, shutdown: CancellationToken) {
    let started = app.clock.steady();
    for round in 0_u64.. {
        let look = async {
            if round.is_multiple_of(UNPARK_EVERY)
                && let Err(error) = unpark(&app, app.clock.steady().since(started)).await
            {
                tracing::warn!(%error, "what is parked could not be looked for: it is tried again");
            }
            tokio::time::sleep(PAUSE).await;
            if let Err(error) = look(&app).await {
                tracing::warn!(%error, "endpoints could not be told of others that were disabled: it is tried again");
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = look => {}
        }
    }
}

async fn look(app: &App) -> Result<(), StoreError> {
    let known = app.endpoints.recent().await?;
    for opened in known.all() {
        let Some(disabled) = &opened.endpoint.disabled else { continue };
        for (listener, attempts) in &disabled.to_tell {
            if app.clock.now() >= disabled.at.plus(wait_for(app, *attempts)) {
                tell(app, &known, opened, listener, *attempts).await;
            }
        }
    }
    Ok(())
}

/// Makes one attempt to tell a listener.
async fn tell(app: &App, known: &Known, disabled: &Opened, listener: &EndpointId, attempts: u32) {
    let told = known.get(listener).filter(|listener| listener.endpoint.disabled.is_none());
    let is_done = match told {
        // It is gone itself, or takes nothing now.
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
        tracing::warn!(endpoint = disabled.endpoint.id.as_str(), %error, "it could not be noted who was told: they are told again");
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

async fn send(app: &App, disabled: &Opened, listener: &Opened, attempt: u32) -> AttemptOutcome {
    let Ok(credentials) = &listener.credentials else {
        let excerpt = "the endpoint's credentials cannot be read".to_owned();
        let error = Some(ErrorClass::Protocol);
        return AttemptOutcome { status: None, error, retry_after_ms: None, excerpt, duration_ms: 0 };
    };
    let body = body(disabled).to_string().into_bytes();
    let at = disabled.endpoint.disabled.as_ref().map_or(0, |disabled| disabled.at.as_millis());
    let endpoint = listener.endpoint.endpoint(credentials);
    let now = app.clock.now();
    let headers = operational_headers(OperationalHeaders {
        endpoint: &endpoint,
        event_type: EVENT,
        identity: &format!("{}/{at}", disabled.endpoint.id.as_str()),
        attempt,
        body: &body,
        secrets: &credentials.signing(now),
        version: VERSION,
        now,
    });
    let request =
        WebhookRequest { url: endpoint.url.clone(), headers, body: body.into(), timeout: app.config.webhook_timeout };
    app.sender.send(request).await
}
