//! Gives deliveries up for the age of their event, without an attempt.
//!
//! A receiver that fails gets one exchange at a time, and where the breaker is open one a pause, whatever arrives; and the history of a
//! task stays while a delivery of it is due. Without a limit of age the backlog and the history would grow for as long as the
//! receiver fails. One that answers is sent everything, however old: so a machine's wrong clock loses none of its events.

use crate::App;
use crate::lanes::Place;
use morag_core::ports::{AttemptRecord, CursorMove, DeliveryMove, Lease, PendingDelivery};
use morag_core::task::Event;
use morag_core::webhook::{AttemptOutcome, Cursor, CursorName};
use std::time::Duration;

/// Whether the delivery of an event is too old to be attempted: the receiver did not take what it was sent last, or nothing can be
/// sent to it (`is_unreadable`). What is made again counts from when it was asked for, or attempted last. Nothing is too old while the
/// machine's clock cannot be trusted.
pub(super) fn is_too_old(
    app: &App,
    place: &Place,
    pending: &PendingDelivery,
    event: &Event,
    is_unreadable: bool,
) -> bool {
    if !is_unreadable && !place.is_failing() {
        return false;
    }
    let since = match pending.cursor.name.resend() {
        None => Some(event.timestamp),
        Some(_) => pending.resent_at,
    };
    let age = app.time_of_day.now(&*app.clock).zip(since).map(|(now, since)| now.since(since));
    age.is_some_and(|age| age > app.config.webhook_give_up_after)
}

/// The delivery is dead. The log of attempts says why, in an entry that has neither a status nor an error: nothing was sent.
pub(super) fn give_up(app: &App, cursor: &Cursor) -> DeliveryMove {
    let limit = shown(app.config.webhook_give_up_after);
    let excerpt = format!("not sent: the event is older than {limit} (MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS)");
    let outcome = AttemptOutcome { status: None, error: None, retry_after_ms: None, excerpt, duration_ms: 0 };
    let attempt = AttemptRecord { attempt: cursor.attempts + 1, at: app.clock.now(), outcome };
    DeliveryMove { movement: CursorMove::Dead, attempt: Some(attempt) }
}

/// Counts deliveries of a cursor that were given up, and says so once a minute for its lane.
pub(super) fn note(app: &App, lease: &Lease, count: u64) {
    if count == 0 {
        return;
    }
    app.metrics.expired(count);
    let lane = CursorName::lane_of_key(&lease.key);
    if let Some(count) = app.lanes.note_given_up(lane, count, app.clock.steady()) {
        let limit = shown(app.config.webhook_give_up_after);
        tracing::warn!(key = %lease.key, count, "webhooks are given up: their events are older than {limit}");
    }
}

/// In hours, or in seconds where it is less than one.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..3600 => format!("{seconds} s"),
        seconds => format!("{} h", seconds / 3600),
    }
}
