//! What a task's own endpoint is sent with: beside the record, until the last delivery.

use super::query::{execute, first};
use morag_core::ports::{KeptCredentials, StoreError};
use morag_core::task::TaskId;
use rusqlite::Connection;

/// What there is of a task's.
pub(super) fn credentials(connection: &Connection, task: TaskId) -> Result<KeptCredentials, StoreError> {
    let sql = "SELECT credentials FROM tasks WHERE id = ?1";
    let stored = first(connection, sql, [task.as_bytes()], |row| row.get::<_, Option<String>>(0))?;
    Ok(KeptCredentials::of(stored.flatten()))
}

/// Forgets a task's once no cursor of its own endpoint has anything left to deliver to the endpoint's URL, or may get anything.
/// Called after every move with which a cursor has nothing more to do.
pub(super) fn forget_if_done(connection: &Connection, task: i64) -> Result<(), StoreError> {
    let sql = "UPDATE tasks SET credentials = '' WHERE number = ?1 AND credentials <> '' AND NOT EXISTS (
                   SELECT 1 FROM cursors WHERE cursors.task = tasks.number AND cursors.url IS NULL
                   AND (cursors.endpoint = 'task' OR substr(cursors.endpoint, 1, 5) IN ('task~', 'task#'))
                   AND (cursors.next_event <= coalesce(cursors.last_event, tasks.last_sequence)
                        OR (cursors.last_event IS NULL AND tasks.ended_at IS NULL)))";
    execute(connection, sql, [task]).map(drop)
}
