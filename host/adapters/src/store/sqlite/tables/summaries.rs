//! What is read of a task without its record and its log.

use super::query::{column, each, first, from_json, text};
use super::tasks::status_word;
use morag_core::ports::{StoreError, TaskMark, TaskOutline};
use morag_core::task::{RecordSummary, TaskId};
use rusqlite::{Connection, Row, params};
use serde::Deserialize;
use std::ops::ControlFlow;

/// What lists show of a record. `stored`: the task's column; one that was accepted before there was any has none.
pub(super) fn summary(
    connection: &Connection,
    number: i64,
    stored: Option<String>,
) -> Result<RecordSummary, StoreError> {
    if let Some(stored) = stored {
        return from_json(&stored);
    }
    let mut summary = None;
    let sql = "SELECT record FROM tasks WHERE number = ?1";
    let _ = each(connection, sql, [number], |row| {
        // Out of SQLite's own copy: a record can be as long as a request was allowed to be.
        summary = Some(RecordSummary::of_stored(text(row, 0)?));
        Ok(ControlFlow::Break(()))
    })?;
    let summary = summary.ok_or_else(|| StoreError::Corrupt("a listed task has no record".into()))?;
    summary.map_err(|error| StoreError::Corrupt(format!("a stored record cannot be read: {error}")))
}

/// The row behind [`morag_core::ports::Tasks::mark`].
pub(super) fn mark(connection: &Connection, task: TaskId) -> Result<Option<TaskMark>, StoreError> {
    let sql = "SELECT status, last_sequence, live_percent FROM tasks WHERE id = ?1";
    first(connection, sql, params![task.as_bytes()], |row| {
        let last_sequence = row.get::<_, i64>(1)?.unsigned_abs();
        Ok(TaskMark { status: status_word(row, 0)?, last_sequence, live_percent: row.get(2)? })
    })
}

/// An event's type alone.
#[derive(Deserialize)]
struct Typed {
    event_type: String,
}

/// What is behind [`morag_core::ports::Tasks::outline`].
pub(super) fn outline(connection: &Connection, task: TaskId) -> Result<Option<TaskOutline>, StoreError> {
    let sql = "SELECT number, summary FROM tasks WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
    let Some((number, stored)) = first(connection, sql, params![task.as_bytes()], read)? else { return Ok(None) };
    let mut event_types = Vec::new();
    let sql = "SELECT event FROM events WHERE task = ?1 ORDER BY sequence";
    let _ = each(connection, sql, [number], |row| {
        event_types.push(from_json::<Typed>(text(row, 0)?)?.event_type);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(Some(TaskOutline { accepted: summary(connection, number, stored)?, event_types }))
}

/// An event's text, with what it takes of memory once it is read.
pub(super) fn event_text(row: &Row<'_>, index: usize) -> Result<(String, usize), StoreError> {
    let event: String = column(row, index)?;
    let bytes = morag_core::tree_bytes(&event);
    Ok((event, bytes))
}
