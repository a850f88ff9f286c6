//! Gives deliveries up for the age of their event, without an attempt.
//!
//! A receiver that never answers well is sent one event a minute, whatever arrives, and the history of a task stays while a
//! delivery of it is due: without a limit of age both would grow for as long as the receiver is down.

use super::target::Ready;
use crate::App;
use crate::wall_time::wall_time;
use morag_core::ports::{AttemptRecord, CursorMove, DeliveryMove, PendingDelivery};
use morag_core::task::Event;
use morag_core::webhook::{AttemptOutcome, Cursor};
use std::time::Duration;

/// Whether the delivery of an event is not attempted any more. What is made again counts from when it was asked for, or attempted
/// last. Nothing is too old while the machine's clock cannot be trusted.
pub(super) fn is_too_old(app: &App, pending: &PendingDelivery, event: &Event) -> bool {
    let since = match pending.cursor.name.resend() {
        None => Some(event.timestamp),
        Some(_) => pending.resent_at,
    };
    let age = wall_time(app).zip(since).map(|(now, since)| now.since(since));
    age.is_some_and(|age| age > app.config.webhook_give_up_after)
}

/// Says that deliveries of a cursor are given up: once a claim, for there may be many.
pub(super) fn warn(app: &App, cursor: &Cursor, target: &Ready) {
    let (task, host, limit) = (cursor.task, target.authority(), shown(app.config.webhook_give_up_after));
    tracing::warn!(%task, %host, "webhooks of events older than {limit} are given up: their receiver has not taken them");
}

/// The delivery is dead. The log of attempts says why, in an entry that has neither a status nor an error: nothing was sent.
pub(super) fn give_up(app: &App, cursor: &Cursor) -> DeliveryMove {
    app.metrics.expired();
    let limit = shown(app.config.webhook_give_up_after);
    let excerpt = format!("not sent: the event is older than {limit} (MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS)");
    let outcome = AttemptOutcome { status: None, error: None, retry_after_ms: None, excerpt, duration_ms: 0 };
    let attempt = AttemptRecord { attempt: cursor.attempts + 1, at: app.clock.now(), outcome };
    DeliveryMove { movement: CursorMove::Dead, attempt: Some(attempt) }
}

/// In hours, or in seconds where it is less than one.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..3600 => format!("{seconds} s"),
        seconds => format!("{} h", seconds / 3600),
    }
}
