//! Claims due webhook cursors and advances them, as many at once as configured, lanes in turn.

use super::deliver::deliver;
use crate::App;
use crate::pace::{STORE_PAUSE, until};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use morag_core::ports::{Claim, Queue};
use morag_core::webhook::CursorName;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time added to one exchange's limit for the lease: the commit after it, on a slow disk.
pub(super) const LEASE_SLACK: Duration = Duration::from_secs(15);

/// How long places that are given back are collected before the next claim: a claim of several costs hardly more than one of
/// one.
const COLLECT: Duration = Duration::from_millis(1);

/// How long it waits at least after a claim that brought nothing: what is due may be of lanes that may not be asked for now, and
/// looking through them again at once would only keep the store busy. News ends it.
const EMPTY_PAUSE: Duration = Duration::from_millis(5);

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
pub(crate) async fn dispatch(app: Arc<App>, shutdown: CancellationToken) {
    let cursors = TaskTracker::new();
    let stop = Stop { asked: shutdown.clone(), give_up: CancellationToken::new() };
    while !shutdown.is_cancelled() {
        let wait = round(&app, &stop, &cursors).await;
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = wait => {}
        }
    }
    cursors.close();
    if tokio::time::timeout(app.config.drain_timeout, cursors.wait()).await.is_err() {
        tracing::info!(under_way = cursors.len(), "giving back the deliveries that are still under way");
        stop.give_up.cancel();
        cursors.wait().await;
    }
}

/// Claims what there are places for. What it answers with is what to wait for before the next round.
async fn round<'a>(app: &'a Arc<App>, stop: &Stop, cursors: &TaskTracker) -> BoxFuture<'a, ()> {
    let lanes = &app.lanes;
    let freed = lanes.freed().notified();
    let free = lanes.free();
    if free == 0 {
        return async move {
            freed.await;
            tokio::time::sleep(COLLECT).await;
        }
        .boxed();
    }
    let seen = app.queue.changes(Queue::Deliveries);
    let (limits, opens) = lanes.limits(app.clock.steady());
    match app.queue.claim_deliveries(free, lease_of(app), &limits).await {
        Ok(Claim { leases, next_due }) if leases.is_empty() => {
            let idle = until(next_due, app.clock.now()).max(EMPTY_PAUSE);
            let idle = opens.map_or(idle, |opens| idle.min(opens.since(app.clock.steady()).max(COLLECT)));
            async move {
                tokio::select! {
                    () = app.queue.wait_for_change(Queue::Deliveries, seen, idle) => {}
                    // Its lane may have more.
                    () = freed => tokio::time::sleep(COLLECT).await,
                }
            }
            .boxed()
        }
        Ok(claim) => {
            for lease in claim.leases {
                let place = lanes.enter(CursorName::lane_of_key(&lease.key), app.clock.steady());
                let (app, stop) = (app.clone(), stop.clone());
                cursors.spawn(async move { deliver(&app, &lease, place, &stop).await });
            }
            std::future::ready(()).boxed()
        }
        Err(error) => {
            tracing::error!(%error, "no delivery could be claimed");
            tokio::time::sleep(STORE_PAUSE).boxed()
        }
    }
}
