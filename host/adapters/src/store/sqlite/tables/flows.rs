//! The flows that have, or had, tasks waiting, and the virtual time (`flows`, `fair_queue`). The rules are
//! [`morag_core::store_policy`]'s.

use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::StoreError;
use morag_core::store_policy::FlowTurns;
use rusqlite::{Connection, params};

/// Tasks of a flow that wait.
pub(crate) fn waiting_of(connection: &Connection, flow: &str) -> Result<u64, StoreError> {
    let sql = "SELECT waiting FROM flows WHERE id = ?1";
    let waiting = first(connection, sql, [flow], |row| row.get::<_, i64>(0))?;
    Ok(waiting.unwrap_or(0).max(0).unsigned_abs())
}

/// Tasks that wait, of all flows.
pub(crate) fn waiting(connection: &Connection) -> Result<u64, StoreError> {
    let tasks = first(connection, "SELECT sum(waiting) FROM flows", [], |row| row.get::<_, Option<i64>>(0))?;
    Ok(tasks.flatten().unwrap_or(0).max(0).unsigned_abs())
}

/// What is kept of a flow; none where it is new.
pub(crate) fn turns(connection: &Connection, flow: &str) -> Result<Option<FlowTurns>, StoreError> {
    let sql = "SELECT waiting, next, finish, apart FROM flows WHERE id = ?1";
    first(connection, sql, [flow], |row| {
        Ok(FlowTurns { waiting: row.get(0)?, next: row.get(1)?, finish: row.get(2)?, apart: row.get(3)? })
    })
}

/// Keeps this of a flow; nothing where there is none.
pub(crate) fn put_turns(connection: &Connection, flow: &str, turns: Option<FlowTurns>) -> Result<(), StoreError> {
    let Some(FlowTurns { waiting, next, finish, apart }) = turns else {
        return execute(connection, "DELETE FROM flows WHERE id = ?1", [flow]).map(drop);
    };
    let sql = "INSERT INTO flows(id, waiting, next, finish, apart) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT(id) DO UPDATE SET waiting = excluded.waiting, next = excluded.next, finish = excluded.finish,
                                             apart = excluded.apart";
    execute(connection, sql, params![flow, waiting, next, finish, apart]).map(drop)
}

/// The highest rank of a task that has begun.
pub(crate) fn virtual_time(connection: &Connection) -> Result<f64, StoreError> {
    let sql = "SELECT virtual_time FROM fair_queue WHERE id = 0";
    Ok(first(connection, sql, [], |row| row.get(0))?.unwrap_or(0.0))
}

/// Sets the virtual time.
pub(crate) fn set_virtual_time(connection: &Connection, time: f64) -> Result<(), StoreError> {
    execute(connection, "UPDATE fair_queue SET virtual_time = ?1 WHERE id = 0", [time]).map(drop)
}
