//! Claiming keys: what every claim does, and claims of tasks.

use super::context::Context;
use crate::store::sqlite::tables::due;
use morag_core::SteadyTime;
use morag_core::ports::{Claim, Lease, Queue, StoreError};
use rusqlite::Connection;
use std::time::Duration;

/// The job behind [`morag_core::ports::DueQueue::claim`] of tasks: in the order of ranks.
pub(crate) fn claim_tasks(
    connection: &Connection,
    context: &Context,
    max: usize,
    lease: Duration,
) -> Result<Claim, StoreError> {
    let now = context.steady();
    let until = now.plus(lease);
    let free = due::due_tasks(connection, now, max)?;
    let leases: Result<Vec<_>, _> =
        free.into_iter().map(|key| due::take(connection, Queue::Tasks, key, until)).collect();
    let next_due = due::next_due(connection, Queue::Tasks)?;
    claimed(connection, context, Queue::Tasks, leases?, next_due)
}

/// Ends a claim: wakes the other waiters of the queue and notes the clocks.
pub(crate) fn claimed(
    connection: &Connection,
    context: &Context,
    queue: Queue,
    leases: Vec<Lease>,
    next_due: Option<SteadyTime>,
) -> Result<Claim, StoreError> {
    if !leases.is_empty() {
        // Their next time to look is now the end of these leases, which they could not know of.
        context.wakes.mark(queue);
    }
    context.keep_noted(connection, !leases.is_empty())?;
    Ok(Claim { leases, next_due: next_due.map(|due| context.at(due)) })
}
