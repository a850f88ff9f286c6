//! Where the cursors of tasks point (`cursors`).

use crate::store::sqlite::database::columns::{count, stored};
use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::StoreError;
use morag_core::store_policy::CursorPosition;
use morag_core::task::TaskId;
use morag_core::webhook::{CursorName, WebhookUrl};
use rusqlite::{Connection, params};

/// A cursor.
pub(crate) struct CursorRow {
    /// Of the task.
    pub(crate) task: i64,
    pub(crate) position: CursorPosition,
    pub(crate) task_has_ended: bool,
    pub(crate) url: Option<String>,
}

impl CursorRow {
    /// Where to instead of to the endpoint's URL.
    pub(crate) fn url(&self) -> Result<Option<WebhookUrl>, StoreError> {
        parse_url(self.url.as_deref())
    }
}

/// A stored URL.
pub(crate) fn parse_url(url: Option<&str>) -> Result<Option<WebhookUrl>, StoreError> {
    let parsed = url.map(str::parse).transpose();
    parsed.map_err(|error| StoreError::Corrupt(format!("a stored URL cannot be read: {error}")))
}

/// A task's cursor; none where either is gone.
pub(crate) fn find(connection: &Connection, task: TaskId, name: &CursorName) -> Result<Option<CursorRow>, StoreError> {
    // Without the task's record, the longest of all columns.
    let sql = "SELECT tasks.number, coalesce(cursors.last_event, tasks.last_sequence),
                      tasks.ended_at IS NOT NULL, cursors.next_event, cursors.next_delivery, cursors.attempts, cursors.url
               FROM tasks JOIN cursors ON cursors.task = tasks.number
               WHERE tasks.id = ?1 AND cursors.endpoint = ?2";
    first(connection, sql, params![task.as_bytes(), name.to_string()], |row| {
        Ok(CursorRow {
            task: row.get(0)?,
            position: CursorPosition {
                last_event: count(row, 1)?,
                next_event: count(row, 3)?,
                next_delivery: count(row, 4)?,
                attempts: u32::try_from(count(row, 5)?).unwrap_or(u32::MAX),
            },
            task_has_ended: row.get(2)?,
            url: row.get(6)?,
        })
    })
}

/// Adds a cursor at the beginning of its task's log.
pub(crate) fn insert(connection: &Connection, task: i64, name: &CursorName) -> Result<(), StoreError> {
    let sql = "INSERT INTO cursors(task, endpoint) VALUES (?1, ?2)";
    execute(connection, sql, params![task, name.to_string()]).map(drop)
}

/// Adds a cursor that makes one delivery again, of one event.
pub(crate) fn insert_resend(
    connection: &Connection,
    task: i64,
    name: &CursorName,
    (event, delivery): (u64, u64),
    url: Option<&str>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO cursors(task, endpoint, next_event, next_delivery, last_event, url)
               VALUES (?1, ?2, ?3, ?4, ?3, ?5)";
    execute(connection, sql, params![task, name.to_string(), stored(event), stored(delivery), url]).map(drop)
}

/// Moves a cursor.
pub(crate) fn move_to(
    connection: &Connection,
    task: i64,
    name: &CursorName,
    position: &CursorPosition,
) -> Result<(), StoreError> {
    let sql = "UPDATE cursors SET next_event = ?3, next_delivery = ?4, attempts = ?5 WHERE task = ?1 AND endpoint = ?2";
    let CursorPosition { next_event, next_delivery, attempts, .. } = *position;
    execute(connection, sql, params![task, name.to_string(), stored(next_event), stored(next_delivery), attempts])
        .map(drop)
}

/// Deletes a cursor.
pub(crate) fn delete(connection: &Connection, task: i64, name: &CursorName) -> Result<(), StoreError> {
    let sql = "DELETE FROM cursors WHERE task = ?1 AND endpoint = ?2";
    execute(connection, sql, params![task, name.to_string()]).map(drop)
}

/// Deletes the cursors of a task.
pub(crate) fn delete_of_task(connection: &Connection, task: i64) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM cursors WHERE task = ?1", [task]).map(drop)
}
