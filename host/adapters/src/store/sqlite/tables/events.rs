//! The logs of all tasks (`events`). An event's `number` is its place in the order of commits; the one writer gives it without gaps.

use crate::store::sqlite::database::columns::{column, count, event_text, from_json, limit, task_id, text, to_json};
use crate::store::sqlite::database::error::store_error;
use crate::store::sqlite::database::query::{all, each, execute, first};
use morag_core::Timestamp;
use morag_core::ports::StoreError;
use morag_core::task::{Event, TaskId, TenantId};
use rusqlite::{Connection, params};
use serde::Deserialize;
use std::ops::ControlFlow;

/// Appends events to a task's log.
pub(crate) fn append(
    connection: &Connection,
    task: i64,
    tenant: &TenantId,
    events: &[Event],
) -> Result<(), StoreError> {
    for event in events {
        let sql = "INSERT INTO events(task, sequence, at, event, tenant) VALUES (?1, ?2, ?3, ?4, ?5)";
        let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
        let (at, tenant) = (event.timestamp.as_millis(), tenant.as_str());
        execute(connection, sql, params![task, sequence, at, to_json(event)?, tenant])?;
    }
    Ok(())
}

/// A task's log.
pub(crate) fn log(connection: &Connection, task: i64) -> Result<Vec<Event>, StoreError> {
    let sql = "SELECT event FROM events WHERE task = ?1 ORDER BY sequence";
    let events = all(connection, sql, [task], |row| row.get::<_, String>(0))?;
    events.iter().map(|event| from_json(event)).collect()
}

/// An event's type alone.
#[derive(Deserialize)]
struct Typed {
    event_type: String,
}

/// The types of the events of a task's log.
pub(crate) fn types(connection: &Connection, task: i64) -> Result<Vec<String>, StoreError> {
    let mut types = Vec::new();
    let sql = "SELECT event FROM events WHERE task = ?1 ORDER BY sequence";
    let _ = each(connection, sql, [task], |row| {
        types.push(from_json::<Typed>(text(row, 0)?)?.event_type);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(types)
}

/// Part of a task's log: events from one sequence to another, at most `max`. `takes` says whether there is memory for one of so
/// many bytes; the first for which there is none ends the part.
pub(crate) fn part(
    connection: &Connection,
    task: i64,
    (from, to): (i64, i64),
    max: usize,
    mut takes: impl FnMut(usize) -> bool,
) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    let sql = "SELECT event FROM events WHERE task = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence LIMIT ?4";
    let _ = each(connection, sql, [task, from, to, limit(max)], |row| {
        let (event, bytes) = event_text(row, 0)?;
        if !takes(bytes) {
            return Ok(ControlFlow::Break(()));
        }
        events.push(from_json(&event)?);
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(events)
}

/// Deletes a task's log.
pub(crate) fn delete_of_task(connection: &Connection, task: i64) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM events WHERE task = ?1", [task]).map(drop)
}

/// An event among those of its tenant.
pub(crate) struct RecentRow {
    pub(crate) at: i64,
    pub(crate) number: i64,
    pub(crate) task: TaskId,
    pub(crate) event: String,
    /// Of memory that the parsed event takes.
    pub(crate) bytes: usize,
}

/// Events of a tenant since a time and before an item, newest first, at most `max`, until `read` breaks off. Returns whether it
/// did.
pub(crate) fn recent(
    connection: &Connection,
    tenant: &TenantId,
    since: Timestamp,
    before: (i64, i64),
    max: usize,
    mut read: impl FnMut(RecentRow) -> Result<ControlFlow<()>, StoreError>,
) -> Result<ControlFlow<()>, StoreError> {
    let sql = "SELECT events.at, events.number, events.event, tasks.id
               FROM events CROSS JOIN tasks ON tasks.number = events.task
               WHERE events.tenant = ?1 AND events.at >= ?2 AND (events.at, events.number) < (?3, ?4)
               ORDER BY events.at DESC, events.number DESC LIMIT ?5";
    let range = params![tenant.as_str(), since.as_millis(), before.0, before.1, limit(max)];
    each(connection, sql, range, |row| {
        let (event, bytes) = event_text(row, 2)?;
        let task = task_id(row, 3).map_err(store_error)?;
        read(RecentRow { at: column(row, 0)?, number: column(row, 1)?, task, event, bytes })
    })
}

/// The number of the last event of all, whether its task is there or not; 0 where there is none.
pub(crate) fn last_number(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT max(number) FROM events";
    Ok(first(connection, sql, [], |row| row.get::<_, Option<i64>>(0))?.flatten().unwrap_or(0))
}

/// The last event of all: its number, task and sequence.
pub(crate) fn last(connection: &Connection) -> Result<Option<(i64, TaskId, i64)>, StoreError> {
    let sql = "SELECT events.number, tasks.id, events.sequence
               FROM events CROSS JOIN tasks ON tasks.number = events.task ORDER BY events.number DESC LIMIT 1";
    first(connection, sql, [], |row| Ok((row.get(0)?, task_id(row, 1)?, row.get(2)?)))
}

/// Task and sequence of the event of this number.
pub(crate) fn at(connection: &Connection, number: i64) -> Result<Option<(TaskId, u64)>, StoreError> {
    let sql = "SELECT tasks.id, events.sequence
               FROM events CROSS JOIN tasks ON tasks.number = events.task WHERE events.number = ?1";
    first(connection, sql, [number], |row| Ok((task_id(row, 0)?, count(row, 1)?)))
}

/// An event among those of all tasks.
pub(crate) struct FeedRow {
    pub(crate) number: i64,
    pub(crate) task: i64,
    pub(crate) sequence: i64,
    /// With the bytes of memory that the parsed event takes.
    pub(crate) event: Result<(String, usize), StoreError>,
}

/// Events of all tasks after a number, at most `max`, until `read` breaks off. Returns whether it did.
pub(crate) fn after(
    connection: &Connection,
    number: i64,
    max: usize,
    mut read: impl FnMut(FeedRow) -> Result<ControlFlow<()>, StoreError>,
) -> Result<ControlFlow<()>, StoreError> {
    let sql = "SELECT number, task, sequence, event FROM events WHERE number > ?1 ORDER BY number LIMIT ?2";
    each(connection, sql, [number, limit(max)], |row| {
        let event = event_text(row, 3);
        read(FeedRow { number: column(row, 0)?, task: column(row, 1)?, sequence: column(row, 2)?, event })
    })
}
