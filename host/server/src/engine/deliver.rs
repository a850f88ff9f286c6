//! Advances one claimed webhook cursor: prepare, send, record; again while there is more.

use super::STORE_PAUSE;
use super::dispatcher::{LEASE_SLACK, Stop, lease_of};
use super::hosts::Hosts;
use crate::{App, VERSION};
use morag_core::ports::{
    AttemptRecord, CommitError, CursorMove, Lease, PendingDelivery, Recorded, StoreError, WebhookRequest,
};
use morag_core::task::Event;
use morag_core::webhook::{Endpoint, HeaderInput, RetryPolicy, Verdict, headers, judge, render};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Events one claim delivers at most before the cursor goes to the end of the queue, so that a long log does not hold
/// a slot while others wait.
const EVENTS_A_CLAIM_MAX: usize = 64;

/// Advances a claimed cursor until it is idle, waits for a retry, or has had its share. Where `stop` gives it up before, it
/// is given back, due at once: an exchange under way is made again, for delivery is at least once.
pub(super) async fn deliver(app: &App, hosts: &Hosts, lease: Lease, stop: &Stop) {
    let advanced = tokio::select! {
        biased;
        () = stop.give_up.cancelled() => None,
        advanced = advance(app, hosts, &lease, &stop.asked) => Some(advanced),
    };
    let due = match advanced {
        Some(Ok(())) => return,
        Some(Err(error)) => {
            tracing::warn!(key = %lease.key, %error, "a delivery is interrupted and goes on later");
            app.clock.now().plus(STORE_PAUSE * 5)
        }
        None => app.clock.now(),
    };
    if let Err(error) = app.queue.release(&lease, due).await {
        tracing::warn!(key = %lease.key, %error, "the cursor could not be given back: it comes due when its lease ends");
    }
}

async fn advance(app: &App, hosts: &Hosts, lease: &Lease, shutdown: &CancellationToken) -> Result<(), StoreError> {
    let mut renewed = Instant::now();
    for _ in 0..EVENTS_A_CLAIM_MAX {
        if shutdown.is_cancelled() {
            break;
        }
        let Some(pending) = app.deliveries.pending(lease).await? else { return Ok(()) };
        let endpoint = pending.record.endpoints.iter().find(|endpoint| endpoint.id == pending.cursor.endpoint);
        let (Some(endpoint), Some(event)) = (endpoint, &pending.event) else {
            tracing::error!(key = %lease.key, "a cursor without endpoint or event came due");
            return Ok(());
        };
        let recorded = if endpoint.takes(event) {
            let place = match hosts.enter(endpoint.url.authority()) {
                Ok(place) => place,
                Err(pause) => {
                    app.queue.release(lease, app.clock.now().plus(pause)).await?;
                    return Ok(());
                }
            };
            let (movement, attempt) = attempt(app, &pending, endpoint, event).await;
            place.note(attempt.outcome.error.is_none());
            drop(place);
            app.deliveries.advance(lease, movement, Some(attempt)).await
        } else {
            app.deliveries.advance(lease, CursorMove::Skip, None).await
        };
        match recorded {
            // While little of the slack is used, the lease still outlasts a whole exchange: most receivers answer at once, and
            // renewing for each event was a fifth of all calls to the store.
            Ok(Recorded::More) if renewed.elapsed() < LEASE_SLACK / 3 => {}
            Ok(Recorded::More) => {
                renewed = Instant::now();
                if !app.queue.renew(lease, lease_of(app)).await? {
                    return Ok(());
                }
            }
            Ok(Recorded::Idle) => return Ok(()),
            Err(CommitError::Stale | CommitError::Unknown) => {
                tracing::info!(key = %lease.key, "the cursor is another dispatcher's: what was sent is sent again by it");
                return Ok(());
            }
            Err(CommitError::Store(error)) => return Err(error),
        }
    }
    app.queue.release(lease, app.clock.now()).await?;
    Ok(())
}

/// Makes one attempt and judges it.
async fn attempt(
    app: &App,
    pending: &PendingDelivery,
    endpoint: &Endpoint,
    event: &Event,
) -> (CursorMove, AttemptRecord) {
    let at = app.clock.now();
    let body = render(endpoint, &pending.record, event);
    let headers = headers(HeaderInput {
        endpoint,
        cursor: &pending.cursor,
        event_type: event.kind.event_type(),
        body: &body,
        secrets: &app.config.webhook_secrets,
        version: VERSION,
        now: at,
    });
    let request =
        WebhookRequest { url: endpoint.url.clone(), headers, body: body.into(), timeout: app.config.webhook_timeout };
    let outcome = app.sender.send(request).await;
    let number = pending.cursor.attempts + 1;
    let verdict = judge(&outcome, number, &policy(app), jitter(), app.clock.now());
    let (task, host) = (pending.record.id, endpoint.url.authority());
    let (status, error) = (outcome.status, outcome.error);
    let event = event.kind.event_type();
    match verdict {
        Verdict::Delivered => tracing::debug!(%task, event, %host, attempt = number, ?status, "webhook delivered"),
        Verdict::Retry(due) => {
            tracing::warn!(%task, event, %host, attempt = number, ?status, ?error, again_at = %due, "webhook failed");
        }
        Verdict::Dead => tracing::error!(%task, event, %host, attempt = number, ?status, ?error, "webhook given up"),
        Verdict::Gone => tracing::warn!(%task, event, %host, "the receiver is gone (410): the task's webhooks end"),
    }
    let movement = match verdict {
        Verdict::Delivered => CursorMove::Delivered,
        Verdict::Retry(due) => CursorMove::Retry(due),
        Verdict::Dead => CursorMove::Dead,
        Verdict::Gone => CursorMove::Disable,
    };
    (movement, AttemptRecord { attempt: number, at, outcome })
}

fn policy(app: &App) -> RetryPolicy {
    // The configuration has been checked by the same constructor.
    RetryPolicy::new(app.config.webhook_max_retries, app.config.webhook_retry_delay).unwrap_or_default()
}

/// A number from 0 to 1. Spreads retries; nothing depends on its quality.
fn jitter() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}
