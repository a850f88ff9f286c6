//! What is read of a task without its record and its log, for lists and for those who wait for a change.

use crate::store::sqlite::database::columns::{count, from_json, limit, status_word, task_id, text};
use crate::store::sqlite::database::query::{all, each, first};
use morag_core::ports::{StoreError, TaskMark, TaskSummary};
use morag_core::task::{RecordSummary, StatusWord, TaskId, TenantId};
use rusqlite::{Connection, Row, params};
use std::ops::ControlFlow;

/// What lists show of a record. `stored`: the task's column; tasks that were accepted before there was one have none.
fn summary(connection: &Connection, number: i64, stored: Option<String>) -> Result<RecordSummary, StoreError> {
    if let Some(stored) = stored {
        return from_json(&stored);
    }
    let mut summary = None;
    let sql = "SELECT record FROM tasks WHERE number = ?1";
    let _ = each(connection, sql, [number], |row| {
        // Read in SQLite's own memory: a record can be as long as a request may be.
        summary = Some(RecordSummary::of_stored(text(row, 0)?));
        Ok(ControlFlow::Break(()))
    })?;
    let summary = summary.ok_or_else(|| StoreError::Corrupt("a listed task has no record".into()))?;
    summary.map_err(|error| StoreError::Corrupt(format!("a stored record cannot be read: {error}")))
}

/// A task's number and summary; none where there is no such task.
pub(crate) fn find(connection: &Connection, task: TaskId) -> Result<Option<(i64, RecordSummary)>, StoreError> {
    let sql = "SELECT number, summary FROM tasks WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
    let found = first(connection, sql, params![task.as_bytes()], read)?;
    found.map(|(number, stored)| Ok((number, summary(connection, number, stored)?))).transpose()
}

/// The row behind [`morag_core::ports::Tasks::mark`].
pub(crate) fn mark(connection: &Connection, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
    let sql = "SELECT status, last_sequence, live_percent FROM tasks WHERE id = ?1";
    first(connection, sql, params![task.as_bytes()], |row| {
        Ok(TaskMark { status: status_word(row, 0)?, last_sequence: count(row, 1)?, live_percent: row.get(2)? })
    })
}

/// Numbers of a tenant's tasks in a state, below a number, the highest first.
pub(crate) fn numbers(
    connection: &Connection,
    tenant: &TenantId,
    status: StatusWord,
    below: i64,
    max: usize,
) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT number FROM tasks WHERE tenant = ?1 AND status = ?2 AND number < ?3
               ORDER BY number DESC LIMIT ?4";
    all(connection, sql, params![tenant.as_str(), status.as_str(), below, limit(max)], |row| row.get(0))
}

/// A task in a list: the same as a fold of the log ([`morag_core::task::TaskStatus`]) gives.
pub(crate) fn item(connection: &Connection, number: i64) -> Result<TaskSummary, StoreError> {
    let sql = "SELECT id, status, progress_percent, live_percent, running_step, summary FROM tasks WHERE number = ?1";
    let found = first(connection, sql, [number], |row| {
        let percents = (row.get::<_, f64>(2)?, row.get::<_, f64>(3)?);
        Ok((task_id(row, 0)?, status_word(row, 1)?, percents, row.get::<_, Option<String>>(4)?, row.get(5)?))
    })?;
    // The whole page is read in one transaction.
    let (task, status, (reached, live), running, stored) =
        found.ok_or_else(|| StoreError::Corrupt("a listed task is not there".into()))?;
    let accepted = summary(connection, number, stored)?;
    let running = running.as_deref().filter(|_| !status.is_ended());
    let progress_percent = accepted.progress_percent(reached, live, running);
    Ok(TaskSummary { task, accepted, status, progress_percent })
}
