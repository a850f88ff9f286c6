//! Whose task is begun next: start-time fair queueing ([`Flow`]).
//!
//! A task gets its rank when it is accepted, and tasks are claimed in the order of their ranks. A flow's waiting tasks lie
//! 1/weight apart, from the virtual time on: the highest rank of a task that has begun. So a flow that comes anew is as far
//! as those that are served, and one that was idle has saved nothing up. Ranks grow by at most 1 a task, so an `f64` tells
//! the shares of the heaviest flow apart for longer than any store lives.

use super::query::{execute, first};
use morag_core::ports::{Flow, StoreError};
use rusqlite::{Connection, params};

/// The rank of a flow's new task, which waits from now on.
pub(super) fn enter(connection: &Connection, flow: &Flow) -> Result<f64, StoreError> {
    let sql = "SELECT virtual_time FROM fair_queue WHERE id = 0";
    let virtual_time: f64 = first(connection, sql, [], |row| row.get(0))?.unwrap_or(0.0);
    let sql = "SELECT last FROM flows WHERE id = ?1";
    let last: Option<f64> = first(connection, sql, [&flow.id], |row| row.get(0))?;
    let apart = 1.0 / f64::from(flow.weight.clamp(1, Flow::WEIGHT_MAX));
    let rank = last.map_or(virtual_time, |last| virtual_time.max(last + apart));
    let sql = "INSERT INTO flows(id, waiting, last) VALUES (?1, 1, ?2)
               ON CONFLICT(id) DO UPDATE SET waiting = waiting + 1, last = excluded.last";
    execute(connection, sql, params![flow.id, rank])?;
    Ok(rank)
}

/// A task of the flow waits no more: it has begun with this rank, or was cancelled before.
pub(super) fn leave(connection: &Connection, flow: &str, begun: Option<f64>) -> Result<(), StoreError> {
    execute(connection, "UPDATE flows SET waiting = waiting - 1 WHERE id = ?1", [flow])?;
    // What a flow has had does not count once it waits for nothing: there is a row for as many flows as tasks may wait.
    execute(connection, "DELETE FROM flows WHERE id = ?1 AND waiting <= 0", [flow])?;
    if let Some(rank) = begun {
        let sql = "UPDATE fair_queue SET virtual_time = ?1 WHERE id = 0 AND virtual_time < ?1";
        execute(connection, sql, [rank])?;
    }
    Ok(())
}
