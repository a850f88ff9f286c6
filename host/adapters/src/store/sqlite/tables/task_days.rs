//! Tasks of a flow that were accepted on a day (`task_days`), for flows with a limit a day.

use crate::store::sqlite::database::query::{execute, first};
use morag_core::Timestamp;
use morag_core::caller::day_of;
use morag_core::ports::StoreError;
use rusqlite::{Connection, params};

/// A flow's tasks of today.
pub(crate) fn today(connection: &Connection, flow: &str, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT tasks FROM task_days WHERE flow = ?1 AND day = ?2";
    let tasks = first(connection, sql, params![flow, day_of(now)], |row| row.get::<_, i64>(0))?;
    Ok(tasks.unwrap_or(0).unsigned_abs())
}

/// Sets the number of a flow's tasks of today.
pub(crate) fn set_today(connection: &Connection, flow: &str, now: Timestamp, tasks: u64) -> Result<(), StoreError> {
    let sql = "INSERT INTO task_days(flow, day, tasks) VALUES (?1, ?2, ?3)
               ON CONFLICT(flow) DO UPDATE SET day = excluded.day, tasks = excluded.tasks";
    execute(connection, sql, params![flow, day_of(now), i64::try_from(tasks).unwrap_or(i64::MAX)]).map(drop)
}
