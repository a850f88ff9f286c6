//! Claims due webhook cursors and advances them, as many at once as configured, lanes in turn.

use super::deliver::{Stop, deliver};
use super::record::lease_of;
use crate::App;
use crate::pace::{STORE_PAUSE, until};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use morag_core::ports::{Claim, Lease, Queue};
use morag_core::webhook::{CursorName, Refused};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long freed slots are collected before the next claim: a claim of several keys costs hardly more than a claim of one.
const COLLECT: Duration = Duration::from_millis(1);

/// Shortest wait after an empty claim: what is due may be of closed lanes, and claiming again at once would only load the store. A
/// change of the queue ends the wait.
const EMPTY_PAUSE: Duration = Duration::from_millis(5);

/// Delivers due webhooks until `shutdown`; deliveries under way then have the drain timeout to end, and are given back after it.
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
        tracing::info!(under_way = cursors.len(), "drain timeout over: giving back the deliveries under way");
        stop.give_up.cancel();
        cursors.wait().await;
    }
}

/// Claims as many cursors as there are free slots. Gives what to wait for before the next round.
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
                    // The slot's lane may have more that is due.
                    () = freed => tokio::time::sleep(COLLECT).await,
                }
            }
            .boxed()
        }
        Ok(claim) => {
            for lease in claim.leases {
                let slot = lanes.enter(CursorName::lane_of_key(&lease.key), app.clock.steady());
                let (app, stop) = (app.clone(), stop.clone());
                cursors.spawn(async move {
                    match slot {
                        Ok(slot) => deliver(&app, &lease, slot, &stop).await,
                        Err(refused) => turn_away(&app, &lease, refused).await,
                    }
                });
            }
            std::future::ready(()).boxed()
        }
        Err(error) => {
            tracing::error!(%error, "cannot claim deliveries");
            tokio::time::sleep(STORE_PAUSE).boxed()
        }
    }
}

/// Gives back a cursor whose lane has no slot: another claim was faster, or the lane was closed meanwhile.
async fn turn_away(app: &App, lease: &Lease, refused: Refused) {
    let due = app.clock.now().plus(refused.pause(app.clock.steady()));
    if let Err(error) = app.queue.release(lease, due).await {
        tracing::warn!(key = lease.key, %error, "cannot give the cursor back: it is due when its lease ends");
    }
}
