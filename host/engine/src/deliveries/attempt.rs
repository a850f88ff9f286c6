//! Makes one attempt of a delivery and judges it.

use super::endpoint_state;
use super::target::Ready;
use crate::lanes::Place;
use crate::{App, VERSION};
use morag_core::ports::{AttemptRecord, CursorMove, DeliveryMove, WebhookRequest};
use morag_core::task::{Event, TaskRecord};
use morag_core::webhook::{AttemptOutcome, Cursor, HeaderInput, Signal, Verdict, headers, judge, render};
use std::time::Duration;

/// Sends, judges, and tells the lane and the endpoint how it went.
pub(super) async fn attempt(
    app: &App,
    place: &Place,
    record: &TaskRecord,
    cursor: &Cursor,
    target: &Ready,
    event: &Event,
) -> DeliveryMove {
    let (at, event_type) = (app.clock.now(), event.kind.event_type());
    let body = render(&target.endpoint, record, event);
    let headers = headers(HeaderInput {
        endpoint: &target.endpoint,
        cursor,
        sequence: target.base + cursor.next_delivery,
        event_type,
        body: &body,
        secrets: &target.secrets,
        version: VERSION,
        now: at,
    });
    let url = target.endpoint.url.clone();
    let request = WebhookRequest { url, headers, body: body.into(), timeout: app.config.webhook_timeout };
    let outcome = app.sender.send(request).await;
    let number = cursor.attempts + 1;
    let verdict = judge(&capped(app, &outcome), number, &target.retry, jitter(), app.clock.now());
    app.metrics.attempt(&outcome, verdict, at.since(event.timestamp));
    log(record, target, event_type, number, &outcome, verdict);
    let signal = signal(app, target, number, &outcome, verdict);
    let failing_since = signal.and_then(|signal| place.note(signal, app.clock.steady()));
    let mut movement = match verdict {
        Verdict::Delivered => CursorMove::Delivered,
        Verdict::Retry(due) => CursorMove::Retry(due),
        Verdict::Dead => CursorMove::Dead,
        Verdict::Gone => CursorMove::Disable,
    };
    // A replay elsewhere says nothing of the endpoint.
    if let Some(named) = target.named.as_ref().filter(|_| cursor.url.is_none()) {
        if verdict == Verdict::Gone {
            // What it has not taken is kept for it. Where that cannot be stored, it is asked again.
            movement = match endpoint_state::disable_gone(app, &named.endpoint.id).await {
                true => CursorMove::Park,
                false => CursorMove::Retry(app.clock.now().plus(target.retry.delay(number, jitter()))),
            };
        } else {
            endpoint_state::note(app, named, place.lane(), verdict == Verdict::Delivered, failing_since).await;
        }
    }
    DeliveryMove { movement, attempt: Some(AttemptRecord { attempt: number, at, outcome }) }
}

/// The outcome with no longer a `Retry-After` than the operator believes.
fn capped(app: &App, outcome: &AttemptOutcome) -> AttemptOutcome {
    let max = u64::try_from(app.config.webhook_retry_after_max.as_millis()).unwrap_or(u64::MAX);
    AttemptOutcome { retry_after_ms: outcome.retry_after_ms.map(|asked| asked.min(max)), ..outcome.clone() }
}

/// What an outcome means for all who are sent to the receiver. A task's receiver that is gone says nothing of others'.
fn signal(app: &App, target: &Ready, number: u32, outcome: &AttemptOutcome, verdict: Verdict) -> Option<Signal> {
    let asked = match outcome.status {
        Some(429 | 503) => capped(app, outcome).retry_after_ms.map(Duration::from_millis),
        _ => None,
    };
    match (verdict, asked) {
        (Verdict::Delivered, _) => Some(Signal::Success),
        (Verdict::Gone, _) => None,
        (_, Some(asked)) => Some(Signal::Pause(asked)),
        (Verdict::Retry(due), None) => Some(Signal::Failure(Some(due.since(app.clock.now())))),
        // The next one's first attempt is a retry for the receiver.
        (Verdict::Dead, None) => Some(Signal::Failure(Some(target.retry.delay(number, 0.0)))),
    }
}

fn log(record: &TaskRecord, target: &Ready, event: &str, attempt: u32, outcome: &AttemptOutcome, verdict: Verdict) {
    let (task, host) = (record.id, target.authority());
    let (status, error) = (outcome.status, outcome.error);
    match verdict {
        Verdict::Delivered => tracing::debug!(%task, event, %host, attempt, ?status, "webhook delivered"),
        Verdict::Retry(due) => {
            tracing::warn!(%task, event, %host, attempt, ?status, ?error, again_at = %due, "webhook failed");
        }
        Verdict::Dead => tracing::error!(%task, event, %host, attempt, ?status, ?error, "webhook given up"),
        Verdict::Gone => tracing::warn!(%task, event, %host, "the receiver is gone (410): the endpoint is disabled"),
    }
}

/// A number from 0 to 1. Spreads retries; nothing depends on its quality.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}
