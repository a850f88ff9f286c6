//! Claims due webhook cursors and advances them, as many at once as configured.

use super::deliver::deliver;
use super::hosts::Hosts;
use super::{STORE_PAUSE, until};
use crate::App;
use morag_core::ports::Queue;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time added to one exchange's limit for the lease: the commit after it, on a slow disk.
pub(super) const LEASE_SLACK: Duration = Duration::from_secs(15);

/// The two stages of stopping.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// Nothing new is begun.
    pub(super) asked: CancellationToken,
    /// What is under way is given up.
    pub(super) give_up: CancellationToken,
}

/// How long a cursor stays with a dispatcher that says nothing: longer than any one exchange.
pub(super) fn lease_of(app: &App) -> Duration {
    app.config.webhook_timeout + LEASE_SLACK
}

/// Delivers due webhooks until `shutdown`; what is under way then has the drain timeout to end, and is given back after it.
pub(super) async fn dispatch(app: Arc<App>, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(app.config.webhook_concurrency));
    let hosts = Hosts::new(app.config.webhook_host_concurrency);
    let cursors = TaskTracker::new();
    let stop = Stop { asked: shutdown.clone(), give_up: CancellationToken::new() };
    while !shutdown.is_cancelled() {
        let permit = tokio::select! {
            () = shutdown.cancelled() => break,
            permit = slots.clone().acquire_owned() => permit,
        };
        let Ok(permit) = permit else { break };
        // As many as there are free slots, and never fewer than the one in hand.
        let free = slots.available_permits();
        match app.queue.claim(Queue::Deliveries, free + 1, lease_of(&app)).await {
            Ok(claim) if claim.leases.is_empty() => {
                drop(permit);
                let idle = until(claim.next_due, app.clock.now());
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = app.queue.wait(Queue::Deliveries, idle) => {}
                }
            }
            Ok(claim) => {
                let mut first = Some(permit);
                for lease in claim.leases {
                    // Only this loop takes permits, so those that were free still are.
                    let permit = first.take().or_else(|| slots.clone().try_acquire_owned().ok());
                    let (app, hosts, stop) = (app.clone(), hosts.clone(), stop.clone());
                    cursors.spawn(async move {
                        deliver(&app, &hosts, lease, &stop).await;
                        drop(permit);
                    });
                }
            }
            Err(error) => {
                tracing::error!(%error, "no delivery could be claimed");
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(STORE_PAUSE) => {}
                }
            }
        }
    }
    cursors.close();
    if tokio::time::timeout(app.config.drain_timeout, cursors.wait()).await.is_err() {
        tracing::info!(under_way = cursors.len(), "giving back the deliveries that are still under way");
        stop.give_up.cancel();
        cursors.wait().await;
    }
}
