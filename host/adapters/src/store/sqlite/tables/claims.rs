//! Who holds a document's id (`claims`).
//!
//! Every task that claims a document has a row until it ends; a completed one keeps its row until another completes. So a
//! failed replacement leaves the id with the task whose content is still stored.

use crate::store::sqlite::database::columns::task_id;
use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::StoreError;
use morag_core::task::TaskId;
use rusqlite::{Connection, params};

/// The task that holds a document's id: the newest that runs, else the one that completed last.
pub(crate) fn holder(connection: &Connection, document: &str) -> Result<Option<TaskId>, StoreError> {
    let sql = "SELECT task FROM claims WHERE document = ?1 ORDER BY completed, number DESC LIMIT 1";
    first(connection, sql, [document], |row| task_id(row, 0))
}

/// Claims a document's id for a task.
pub(crate) fn insert(connection: &Connection, document: &str, number: i64, task: TaskId) -> Result<(), StoreError> {
    let sql = "INSERT INTO claims(document, number, task) VALUES (?1, ?2, ?3)";
    execute(connection, sql, params![document, number, task.as_bytes()]).map(drop)
}

/// The task has completed: it keeps its claim, and those that completed before it lose theirs.
pub(crate) fn keep(connection: &Connection, document: &str, number: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM claims WHERE document = ?1 AND completed = 1 AND number <> ?2";
    execute(connection, sql, params![document, number])?;
    let sql = "UPDATE claims SET completed = 1 WHERE document = ?1 AND number = ?2";
    execute(connection, sql, params![document, number]).map(drop)
}

/// Deletes a task's claim.
pub(crate) fn delete(connection: &Connection, document: &str, number: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM claims WHERE document = ?1 AND number = ?2";
    execute(connection, sql, params![document, number]).map(drop)
}
