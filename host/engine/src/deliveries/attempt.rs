//! Makes one attempt of a delivery and judges it.

use super::target::Target;
use super::{endpoint_state, exchange};
use crate::lanes::LaneSlot;
use crate::{App, VERSION};
use morag_core::ports::{AttemptRecord, DeliveryMove};
use morag_core::task::{Event, TaskRecord};
use morag_core::trace::TraceContext;
use morag_core::webhook::{
    AttemptOutcome, Cursor, CursorMove, ErrorClass, HeaderInput, Verdict, headers, judge, render, signal,
};

/// Sends, judges, and notes for the lane and the endpoint how it went. `trace`: what the receiver's own spans belong below.
pub(super) async fn attempt(
    app: &App,
    lane: &LaneSlot,
    record: &TaskRecord,
    cursor: &Cursor,
    target: &Target,
    event: &Event,
    trace: Option<TraceContext>,
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
        trace: trace.filter(|_| target.is_traced),
        version: VERSION,
        now: at,
    });
    let outcome = exchange::send(app, target, headers, body).await;
    let number = cursor.attempts + 1;
    let now = app.clock.now();
    let believed = outcome.clone().capped(app.config.webhook_retry_after_max);
    let verdict = judge(&believed, number, &target.retry, jitter(), now);
    app.metrics.attempt(&outcome, verdict, at.since(event.timestamp));
    log(target, event_type, &outcome, verdict);
    let signal = signal(&believed, verdict, target.retry.delay(number, 0.0), now);
    let failing_since = signal.and_then(|signal| lane.note(signal, app.clock.steady()));
    let mut movement = match verdict {
        Verdict::Delivered => CursorMove::Delivered,
        Verdict::Retry(due) => CursorMove::Retry(due),
        Verdict::Dead => CursorMove::Dead,
        Verdict::Gone => CursorMove::Disable,
    };
    // A delivery that is replayed elsewhere says nothing of the endpoint.
    if let Some(named) = target.named.as_ref().filter(|_| cursor.url.is_none()) {
        if verdict == Verdict::Gone {
            // Its events wait for it. Where its state cannot be stored, it is asked again.
            movement = match endpoint_state::disable_gone(app, &named.endpoint.id).await {
                true => CursorMove::Park,
                false => CursorMove::Retry(app.clock.now().plus(target.retry.delay(number, jitter()))),
            };
        } else {
            endpoint_state::note(app, named, lane.lane(), verdict == Verdict::Delivered, failing_since).await;
        }
    }
    DeliveryMove { movement, attempt: Some(AttemptRecord { attempt: number, at, outcome }) }
}

/// The span has task, endpoint, delivery and attempt.
fn log(target: &Target, event: &str, outcome: &AttemptOutcome, verdict: Verdict) {
    let (host, status, duration_ms) = (target.authority(), outcome.status, outcome.duration_ms);
    let error = outcome.error.map(ErrorClass::as_str);
    match verdict {
        Verdict::Delivered => tracing::debug!(event, host, status, duration_ms, "webhook delivered"),
        Verdict::Retry(due) => {
            tracing::warn!(event, host, status, error, duration_ms, retry_at = %due, "webhook failed");
        }
        Verdict::Dead => tracing::error!(event, host, status, error, duration_ms, "webhook given up"),
        Verdict::Gone => tracing::warn!(event, host, status, "webhook receiver is gone"),
    }
}

/// A number from 0 to 1. Spreads retries; nothing depends on its quality.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}
