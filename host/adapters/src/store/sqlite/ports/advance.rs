//! Moving a cursor: what [`plan_advance`] decides, written.

use super::context::Context;
use crate::store::sqlite::tables::{credentials, cursors, deliveries, due};
use morag_core::ports::{CommitError, DeliveryMove, Lease, Queue, Recorded};
use morag_core::store_policy::{CursorFate, plan_advance};
use morag_core::webhook::{CursorName, EndpointId};
use rusqlite::Connection;

/// The job behind [`morag_core::ports::Deliveries::advance_all`]. An `Err` is followed by a rollback.
pub(crate) fn advance(
    connection: &Connection,
    context: &Context,
    held: &Lease,
    moves: &[DeliveryMove],
) -> Result<Recorded, CommitError> {
    if held.queue != Queue::Deliveries || !due::is_held(connection, held)? {
        return Err(CommitError::Stale);
    }
    let Some((task, name)) = CursorName::parse_key(&held.key) else { return Err(CommitError::Stale) };
    let Some(row) = cursors::find(connection, task, &name)? else { return Err(CommitError::Stale) };
    let plan = plan_advance(row.position, name.resend().is_some(), moves);

    let resend = name.resend().map_or(0, |resend| resend.number);
    for record in &plan.records {
        let delivery = record.delivery;
        let key = deliveries::DeliveryKey { task: row.task, endpoint: name.endpoint(), delivery, resend };
        deliveries::put(connection, key, record.event, record.state, context.now())?;
        if let Some(attempt) = &moves[record.index].attempt {
            deliveries::add_attempt(connection, key, attempt)?;
        }
    }
    cursors::move_to(connection, row.task, &name, &plan.position)?;
    match plan.fate {
        CursorFate::GoesOn => {}
        CursorFate::DueAt(due_at) => {
            due::settle(connection, Queue::Deliveries, &held.key, Some(context.due(due_at)))?;
            context.wakes.mark(Queue::Deliveries);
        }
        CursorFate::Waits => due::settle(connection, Queue::Deliveries, &held.key, None)?,
        CursorFate::Parked => due::park(connection, &held.key)?,
        CursorFate::Forgotten => {
            due::remove_delivery(connection, &held.key)?;
            cursors::delete(connection, row.task, &name)?;
        }
    }
    if plan.fate.may_end_credentials() && *name.endpoint() == EndpointId::of_task() {
        credentials::forget_if_done(connection, row.task)?;
    }
    Ok(plan.fate.recorded())
}
