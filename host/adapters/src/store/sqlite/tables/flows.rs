//! Whose task is begun next: start-time fair queueing ([`Flow`]).
//!
//! A task gets its rank when it is accepted, and tasks are claimed in the order of their ranks. A flow's tasks lie 1/weight
//! apart, from the virtual time on: the highest rank of a task that has begun. So a flow that comes anew is as far as those
//! that are served, one that was idle has saved nothing up, and one that submits its next task whenever the last has begun
//! takes no more than its share. Ranks grow by at most 1 a task, so an `f64` tells the shares of the heaviest flow apart for
//! longer than any store lives.
//!
//! A flow whose waiting tasks were all cancelled goes on from the last that has begun; while some still wait, what was
//! cancelled among them has cost its turns.

use super::query::{execute, first};
use morag_core::ports::{Flow, StoreError};
use rusqlite::{Connection, params};

/// Tasks of a flow that wait.
pub(super) fn waiting_of(connection: &Connection, flow: &Flow) -> Result<u64, StoreError> {
    let sql = "SELECT waiting FROM flows WHERE id = ?1";
    let waiting = first(connection, sql, [&flow.id], |row| row.get::<_, i64>(0))?;
    Ok(waiting.unwrap_or(0).max(0).unsigned_abs())
}

/// Tasks that wait, of all flows.
pub(super) fn waiting(connection: &Connection) -> Result<u64, StoreError> {
    let tasks = first(connection, "SELECT sum(waiting) FROM flows", [], |row| row.get::<_, Option<i64>>(0))?;
    Ok(tasks.flatten().unwrap_or(0).max(0).unsigned_abs())
}

/// The rank of a flow's new task, which waits from now on.
pub(super) fn enter(connection: &Connection, flow: &Flow) -> Result<f64, StoreError> {
    let sql = "SELECT virtual_time FROM fair_queue WHERE id = 0";
    let virtual_time: f64 = first(connection, sql, [], |row| row.get(0))?.unwrap_or(0.0);
    let sql = "SELECT next FROM flows WHERE id = ?1";
    let next: Option<f64> = first(connection, sql, [&flow.id], |row| row.get(0))?;
    let apart = 1.0 / f64::from(flow.weight.clamp(1, Flow::WEIGHT_MAX));
    let rank = next.map_or(virtual_time, |next| virtual_time.max(next));
    let sql = "INSERT INTO flows(id, waiting, next, finish, apart) VALUES (?1, 1, ?2, 0, ?3)
               ON CONFLICT(id) DO UPDATE SET waiting = waiting + 1, next = excluded.next, apart = excluded.apart";
    execute(connection, sql, params![flow.id, rank + apart, apart])?;
    Ok(rank)
}

/// A task of the flow waits no more: it has begun with this rank, or was cancelled before.
pub(super) fn leave(connection: &Connection, flow: &str, begun: Option<f64>) -> Result<(), StoreError> {
    execute(connection, "UPDATE flows SET waiting = waiting - 1 WHERE id = ?1", [flow])?;
    if let Some(rank) = begun {
        let sql = "UPDATE flows SET finish = max(finish, ?2 + apart) WHERE id = ?1";
        execute(connection, sql, params![flow, rank])?;
        let sql = "UPDATE fair_queue SET virtual_time = ?1 WHERE id = 0 AND virtual_time < ?1";
        execute(connection, sql, [rank])?;
    }
    execute(connection, "UPDATE flows SET next = finish WHERE id = ?1 AND waiting <= 0", [flow])?;
    // A flow that waits for nothing and is behind the virtual time is as one that comes anew. Others stay: one row a caller.
    let sql = "DELETE FROM flows WHERE id = ?1 AND waiting <= 0
               AND finish <= (SELECT virtual_time FROM fair_queue WHERE id = 0)";
    execute(connection, sql, [flow])?;
    Ok(())
}
