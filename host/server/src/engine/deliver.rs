//! Advances one claimed webhook cursor: prepare, send, record; again while there is more.

use super::STORE_PAUSE;
use super::dispatcher::lease_of;
use crate::{App, VERSION};
use morag_core::ports::{
    AttemptRecord, CommitError, CursorMove, Lease, PendingDelivery, Recorded, StoreError, WebhookRequest,
};
use morag_core::task::Event;
use morag_core::webhook::{Endpoint, HeaderInput, RetryPolicy, Verdict, headers, judge, render};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long a cursor waits when its receiver's host has as many deliveries under way as it may.
const HOST_BUSY_PAUSE: Duration = Duration::from_millis(100);

/// Events one claim delivers at most before the cursor goes to the end of the queue, so that a long log does not hold
/// a slot while others wait.
const EVENTS_A_CLAIM_MAX: usize = 64;

/// Deliveries under way to each host and port.
pub(super) struct HostSlots {
    limit: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl HostSlots {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, hosts: Mutex::default() }
    }

    /// A place with this host, if one is free.
    fn try_enter(&self, authority: String) -> Option<OwnedSemaphorePermit> {
        // No code panics under the lock.
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        // Hosts with nothing under way are forgotten, so the map is no larger than what is under way.
        if hosts.len() > 2 * self.limit {
            hosts.retain(|_, slots| slots.available_permits() < self.limit);
        }
        let slots = hosts.entry(authority).or_insert_with(|| Arc::new(Semaphore::new(self.limit)));
        slots.clone().try_acquire_owned().ok()
    }
}

/// Advances a claimed cursor until it is idle, waits for a retry, or has had its share.
pub(super) async fn deliver(app: &App, hosts: &HostSlots, lease: Lease, shutdown: &CancellationToken) {
    if let Err(error) = advance(app, hosts, &lease, shutdown).await {
        tracing::warn!(key = %lease.key, %error, "a delivery is interrupted and goes on later");
        let due = app.clock.now().plus(STORE_PAUSE * 5);
        if let Err(error) = app.queue.release(&lease, due).await {
            tracing::warn!(key = %lease.key, %error, "the cursor could not be given back: it comes due when its lease ends");
        }
    }
}

async fn advance(app: &App, hosts: &HostSlots, lease: &Lease, shutdown: &CancellationToken) -> Result<(), StoreError> {
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
            let Some(_place) = hosts.try_enter(endpoint.url.authority()) else {
                app.queue.release(lease, app.clock.now().plus(HOST_BUSY_PAUSE)).await?;
                return Ok(());
            };
            let (movement, attempt) = attempt(app, &pending, endpoint, event).await;
            app.deliveries.advance(lease, movement, Some(attempt)).await
        } else {
            app.deliveries.advance(lease, CursorMove::Skip, None).await
        };
        match recorded {
            Ok(Recorded::More) => {
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
    tracing::debug!(task = %pending.record.id, event = event.kind.event_type(), attempt = number, ?verdict, "webhook attempt");
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
