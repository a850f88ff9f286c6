//! Whether a flow's next task may join those that wait.

use super::store::Options;
use crate::store::sqlite::tables::{flows, task_days};
use morag_core::Timestamp;
use morag_core::ports::{AcceptError, Flow, StoreError, TaskLimits};
use morag_core::store_policy::{self, QueueFacts, QueueLimits};
use rusqlite::Connection;

/// Whether a flow's next task may be taken in, or the limit that it has reached.
pub(crate) fn may_enter(
    connection: &Connection,
    now: Timestamp,
    options: &Options,
    flow: &Flow,
    limits: TaskLimits,
) -> Result<(), AcceptError> {
    let facts = QueueFacts {
        waiting: flows::waiting(connection)?,
        waiting_of_flow: flows::waiting_of(connection, &flow.id)?,
        today_of_flow: match limits.per_day_max {
            Some(_) => task_days::today(connection, &flow.id, now)?,
            None => 0,
        },
    };
    let limits = QueueLimits { waiting_max: options.queue_max, is_shared: options.queue_shared, of_flow: limits };
    store_policy::admit(facts, limits, now)
}

/// Takes a flow's next task in: counts it, and returns its rank. A rollback takes it back.
pub(crate) fn enter(
    connection: &Connection,
    now: Timestamp,
    options: &Options,
    flow: &Flow,
    limits: TaskLimits,
) -> Result<f64, AcceptError> {
    may_enter(connection, now, options, flow, limits)?;
    if limits.per_day_max.is_some() {
        let tasks = task_days::today(connection, &flow.id, now)?.saturating_add(1);
        task_days::set_today(connection, &flow.id, now, tasks)?;
    }
    let (turns, virtual_time) = (flows::turns(connection, &flow.id)?, flows::virtual_time(connection)?);
    let (rank, turns) = store_policy::enter(turns, virtual_time, flow);
    flows::put_turns(connection, &flow.id, Some(turns))?;
    Ok(rank)
}

/// A task of a flow waits no more. `begun`: its rank, if it has begun.
pub(crate) fn leave(connection: &Connection, flow: &str, begun: Option<f64>) -> Result<(), StoreError> {
    let (turns, before) = (flows::turns(connection, flow)?, flows::virtual_time(connection)?);
    let (turns, virtual_time) = store_policy::leave(turns, before, begun);
    flows::put_turns(connection, flow, turns)?;
    if virtual_time > before {
        flows::set_virtual_time(connection, virtual_time)?;
    }
    Ok(())
}
