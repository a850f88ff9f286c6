//! Advances one claimed webhook cursor: prepare, send, record; again while there is more.
//!
//! Events are read a few at a time. Each attempt is recorded before the next is made, with the events that were skipped on the way:
//! a crash repeats the last delivery, and never an earlier one after it.

use super::dispatcher::{LEASE_SLACK, Stop, lease_of};
use super::target::{self, Target};
use super::{attempt, give_up, turns};
use crate::App;
use crate::lanes::Place;
use crate::pace::STORE_PAUSE;
use morag_core::ports::{CommitError, CursorMove, DeliveryMove, Lease, PendingDelivery, Recorded};
use morag_core::webhook::{Cursor, Refused};
use morag_core::{SteadyTime, Timestamp};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Events one claim delivers at most before the cursor goes to the end of the queue, so that a long log does not hold
/// a place while others wait.
const EVENTS_A_CLAIM_MAX: usize = 64;

/// Events read at once: what they take of memory, some KiB each, is taken for every place.
const READ_MAX: usize = 16;

/// How long a cursor waits that was claimed although its lane has no place: another claim was faster.
const NO_PLACE_PAUSE: Duration = Duration::from_millis(100);

/// How a claim ends.
pub(super) enum End {
    /// The lease has ended with the last record.
    Settled,
    /// The cursor is given back, due then.
    GiveBack(Timestamp),
}

/// Moves that are not recorded yet: events that are skipped, and an attempt after them.
#[derive(Default)]
pub(super) struct Batch {
    moves: Vec<DeliveryMove>,
    /// How many of them give a delivery up for its age.
    given_up: u64,
}

impl Batch {
    /// Records what there is. None where there is nothing.
    async fn record(&mut self, app: &App, lease: &Lease) -> Result<Option<Recorded>, CommitError> {
        if self.moves.is_empty() {
            return Ok(None);
        }
        let recorded = app.deliveries.advance_all(lease, std::mem::take(&mut self.moves)).await?;
        give_up::note(app, lease, std::mem::take(&mut self.given_up));
        Ok(Some(recorded))
    }
}

/// Advances a claimed cursor until it is idle, waits for a retry, or has had its share. Where `stop` gives it up before, it
/// is given back, due at once: an exchange under way is made again, for delivery is at least once.
pub(super) async fn deliver(app: &App, lease: &Lease, place: Result<Place, Refused>, stop: &Stop) {
    let mut batch = Batch::default();
    let ended = match &place {
        Ok(place) => tokio::select! {
            biased;
            () = stop.give_up.cancelled() => Ok(End::GiveBack(app.clock.now())),
            ended = advance(app, place, lease, &mut batch, &stop.asked) => ended,
        },
        Err(Refused::Until(until)) => Ok(End::GiveBack(app.clock.now().plus(until.since(app.clock.steady())))),
        Err(Refused::Full) => Ok(End::GiveBack(app.clock.now().plus(NO_PLACE_PAUSE))),
    };
    let due = match ended {
        Ok(End::Settled) => return,
        Ok(End::GiveBack(due)) => due,
        Err(CommitError::Stale | CommitError::Unknown | CommitError::DuplicateDocument(_) | CommitError::FilesGone) => {
            tracing::info!(key = %lease.key, "the cursor is another dispatcher's: what was sent is sent again by it");
            return;
        }
        Err(CommitError::Store(error)) => {
            tracing::warn!(key = %lease.key, %error, "a delivery is interrupted and goes on later");
            app.clock.now().plus(STORE_PAUSE * 5)
        }
    };
    match batch.record(app, lease).await {
        Ok(None | Some(Recorded::More)) => {}
        Err(CommitError::Store(error)) => tracing::warn!(key = %lease.key, %error, "attempts could not be recorded"),
        // Nothing is held any more.
        Ok(Some(Recorded::Idle)) | Err(_) => return,
    }
    if let Err(error) = app.queue.release(lease, due).await {
        tracing::warn!(key = %lease.key, %error, "the cursor could not be given back: it comes due when its lease ends");
    }
}

async fn advance(
    app: &App,
    place: &Place,
    lease: &Lease,
    batch: &mut Batch,
    shutdown: &CancellationToken,
) -> Result<End, CommitError> {
    let (mut renewed, mut sent) = (Instant::now(), 0);
    // Held to the end: pauses between exchanges keep a place from others too.
    let mut among_owners = None;
    while sent < EVENTS_A_CLAIM_MAX && !shutdown.is_cancelled() {
        let Some(pending) = app.deliveries.pending(lease, READ_MAX).await? else { return Ok(End::Settled) };
        if among_owners.is_none() {
            match app.lanes.enter_owner(&pending.record.tenant, place, app.clock.steady()) {
                Ok(held) => among_owners = Some(held),
                Err(pause) => return Ok(End::GiveBack(app.clock.now().plus(pause))),
            }
        }
        let target = match target::target(app, &pending).await? {
            Target::Ready(target) => target,
            Target::Later(pause) => return Ok(End::GiveBack(app.clock.now().plus(pause))),
            Target::Disabled => {
                let end = settle(app, lease, batch, CursorMove::Park).await?;
                target::unpark_if_enabled(app, &pending).await?;
                return Ok(end);
            }
        };
        if pending.events.is_empty() {
            // It has come due for nothing: the store puts it where it waits for an event.
            let end = settle(app, lease, batch, CursorMove::Retry(app.clock.now())).await?;
            turns::finish_if_done(app, &pending, pending.cursor.next_delivery - 1).await?;
            return Ok(end);
        }
        let mut cursor = pending.cursor.clone();
        for event in &pending.events {
            let is_resend = cursor.name.resend().is_some();
            let mut was_sent = false;
            let one = if !is_resend && !target.endpoint.takes(event) {
                DeliveryMove { movement: CursorMove::Skip, attempt: None }
            } else if give_up::is_too_old(app, place, &pending, &target, event) {
                batch.given_up += 1;
                give_up::give_up(app, &cursor)
            } else {
                if let Some(error) = &target.unreadable {
                    if let Some(count) = place.note_unreadable(app.clock.steady()) {
                        tracing::error!(key = %lease.key, count, %error, "credentials of webhooks cannot be read: they wait");
                    }
                    return Ok(End::GiveBack(app.clock.now().plus(target::UNREADABLE_PAUSE)));
                }
                if sent > 0 && (shutdown.is_cancelled() || sent >= EVENTS_A_CLAIM_MAX) {
                    break;
                }
                if let Err(end) = wait_for_place(app, place, &target).await {
                    return Ok(End::GiveBack(end));
                }
                let _host = match app.lanes.enter_host(target.authority(), place.lane(), app.clock.steady()) {
                    Ok(held) => held,
                    Err(pause) => return Ok(End::GiveBack(app.clock.now().plus(pause))),
                };
                sent += 1;
                was_sent = true;
                attempt::attempt(app, place, &pending.record, &cursor, &target, event).await
            };
            let movement = one.movement;
            batch.moves.push(one);
            match movement {
                CursorMove::Skip => {}
                CursorMove::Delivered | CursorMove::Dead => cursor.next_delivery += 1,
                CursorMove::Retry(_) | CursorMove::Disable | CursorMove::Park => {
                    batch.record(app, lease).await?;
                    if movement == CursorMove::Park {
                        target::unpark_if_enabled(app, &pending).await?;
                    }
                    return Ok(End::Settled);
                }
            }
            cursor.next_event += 1;
            cursor.attempts = 0;
            if was_sent && !record_and_go_on(app, lease, batch, (&pending, &cursor), &mut renewed).await? {
                return Ok(End::Settled);
            }
        }
        if !record_and_go_on(app, lease, batch, (&pending, &cursor), &mut renewed).await? {
            return Ok(End::Settled);
        }
    }
    Ok(End::GiveBack(app.clock.now()))
}

/// Records what there is, and renews the lease where that is due. Says whether the claim goes on: not where nothing is left to do
/// for the cursor, or the lease is lost.
async fn record_and_go_on(
    app: &App,
    lease: &Lease,
    batch: &mut Batch,
    (pending, cursor): (&PendingDelivery, &Cursor),
    renewed: &mut Instant,
) -> Result<bool, CommitError> {
    if let Some(Recorded::Idle) = batch.record(app, lease).await? {
        turns::finish_if_done(app, pending, cursor.next_delivery - 1).await?;
        return Ok(false);
    }
    // While little of the slack is used, the lease still outlasts a whole exchange: most receivers answer at once,
    // and renewing for each event was a fifth of all calls to the store.
    if renewed.elapsed() < LEASE_SLACK / 3 {
        return Ok(true);
    }
    *renewed = Instant::now();
    Ok(app.queue.renew(lease, lease_of(app)).await?)
}

/// Records what there is and a last move, with which the lease ends.
async fn settle(app: &App, lease: &Lease, batch: &mut Batch, movement: CursorMove) -> Result<End, CommitError> {
    batch.moves.push(DeliveryMove { movement, attempt: None });
    match batch.record(app, lease).await? {
        Some(Recorded::More) => Ok(End::GiveBack(app.clock.now())),
        _ => Ok(End::Settled),
    }
}

/// Waits until the lane and its rate allow an exchange, if that is soon; else says when to come back.
async fn wait_for_place(app: &App, place: &Place, target: &target::Ready) -> Result<(), Timestamp> {
    let wall = |steady: SteadyTime| app.clock.now().plus(steady.since(app.clock.steady()));
    place.may_go_on(app.clock.steady()).map_err(wall)?;
    let Some(rate) = target.rate_limit else { return Ok(()) };
    let now = app.clock.steady();
    let due = place.on_rate(rate, now).map_err(wall)?;
    tokio::time::sleep(due.since(now)).await;
    place.may_go_on(app.clock.steady()).map_err(wall)
}
