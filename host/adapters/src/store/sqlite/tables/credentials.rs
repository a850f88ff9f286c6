//! What a task's own endpoint is sent with: the column `credentials` of `tasks`, which is emptied after the last delivery.

use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::{KeptCredentials, StoreError};
use morag_core::task::TaskId;
use rusqlite::Connection;

/// A task's credentials.
pub(crate) fn of_task(connection: &Connection, task: TaskId) -> Result<KeptCredentials, StoreError> {
    let sql = "SELECT credentials FROM tasks WHERE id = ?1";
    let stored = first(connection, sql, [task.as_bytes()], |row| row.get::<_, Option<String>>(0))?;
    Ok(KeptCredentials::of(stored.flatten()))
}

/// The credentials of the task of this number.
pub(crate) fn of_number(connection: &Connection, number: i64) -> Result<KeptCredentials, StoreError> {
    let sql = "SELECT credentials FROM tasks WHERE number = ?1";
    let stored = first(connection, sql, [number], |row| row.get::<_, Option<String>>(0))?;
    Ok(KeptCredentials::of(stored.flatten()))
}

/// Empties a task's credentials once no cursor of its own endpoint has, or may get, anything to deliver to the endpoint's own URL.
pub(crate) fn forget_if_done(connection: &Connection, task: i64) -> Result<(), StoreError> {
    let sql = "UPDATE tasks SET credentials = '' WHERE number = ?1 AND credentials <> '' AND NOT EXISTS (
                   SELECT 1 FROM cursors WHERE cursors.task = tasks.number AND cursors.url IS NULL
                   AND (cursors.endpoint = 'task' OR substr(cursors.endpoint, 1, 5) IN ('task~', 'task#'))
                   AND (cursors.next_event <= coalesce(cursors.last_event, tasks.last_sequence)
                        OR (cursors.last_event IS NULL AND tasks.ended_at IS NULL)))";
    execute(connection, sql, [task]).map(drop)
}
