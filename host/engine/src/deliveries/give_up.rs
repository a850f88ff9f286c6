//! Gives deliveries up for the age of their event, without an attempt, where [`Outlook`] says so.
//!
//! A receiver that fails gets one exchange at a time, and where the breaker is open one a pause, whatever arrives; and the history of a
//! task stays while a delivery of it is due. Without a limit of age the backlog and the history would grow for as long as the
//! receiver fails.

use super::target::Target;
use crate::App;
use crate::lanes::LaneSlot;
use morag_core::ports::{AttemptRecord, DeliveryMove, Lease, PendingDelivery};
use morag_core::task::Event;
use morag_core::webhook::{AttemptOutcome, Cursor, CursorMove, CursorName, Outlook};
use std::time::Duration;

/// Whether an event is too old to be delivered. None is while the machine's clock cannot be trusted.
pub(super) fn is_hopeless(
    app: &App,
    lane: &LaneSlot,
    pending: &PendingDelivery,
    target: &Target,
    event: &Event,
) -> bool {
    let limit = app.config.webhook_give_up_after;
    let since = match pending.cursor.name.resend() {
        None => Some(event.timestamp),
        Some(_) => pending.resent_at,
    };
    let now = app.clock.now();
    // Young enough are nearly all: the rest is not looked up for them.
    let Some(age) = since.map(|since| now.since(since)).filter(|age| *age > limit) else { return false };
    let steady = app.clock.steady();
    let failing_for = match target.unreadable {
        Some(_) => lane.unreadable_for(steady),
        None => lane.failing_for(steady),
    };
    let unchanged_for = target.named.as_ref().map(|named| now.since(named.endpoint.updated_at));
    Outlook { age, failing_for, unchanged_for }.is_hopeless(limit) && app.time_of_day.now(&*app.clock).is_some()
}

/// The move past a delivery that is given up. The log of attempts says why, in an entry that has neither a status nor an error: nothing
/// was sent.
pub(super) fn dead(app: &App, cursor: &Cursor) -> DeliveryMove {
    let limit = shown(app.config.webhook_give_up_after);
    let excerpt = format!("not sent: the event is older than {limit} (MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS)");
    let outcome = AttemptOutcome { status: None, error: None, retry_after_ms: None, excerpt, duration_ms: 0 };
    let attempt = AttemptRecord { attempt: cursor.attempts + 1, at: app.clock.now(), outcome };
    DeliveryMove { movement: CursorMove::Dead, attempt: Some(attempt) }
}

/// Counts deliveries of a cursor that were given up, and logs them once a minute for its lane.
pub(super) fn note(app: &App, lease: &Lease, count: u64) {
    if count == 0 {
        return;
    }
    app.metrics.expired(count);
    let lane = CursorName::lane_of_key(&lease.key);
    if let Some(count) = app.lanes.note_given_up(lane, count, app.clock.steady()) {
        let age_max = shown(app.config.webhook_give_up_after);
        tracing::warn!(count, age_max, "webhooks given up without an attempt: their events are too old");
    }
}

/// In hours, or in seconds where it is less than one.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..3600 => format!("{seconds} s"),
        seconds => format!("{} h", seconds / 3600),
    }
}
