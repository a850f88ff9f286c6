//! Who holds a document's id.
//!
//! Every task that claims a document has a row until it ends; a completed one keeps its row until another completes. So a
//! failed replacement leaves the id with the task whose content is still there.

use super::query::{execute, first};
use super::tasks::task_id;
use morag_core::ports::StoreError;
use morag_core::task::{DocumentKey, StatusWord, TaskId};
use rusqlite::{Connection, params};

/// The task that holds a document's id: the newest that runs, else the one that completed last.
pub(super) fn holder(connection: &Connection, document: &DocumentKey) -> Result<Option<TaskId>, StoreError> {
    let sql = "SELECT task FROM claims WHERE document = ?1 ORDER BY completed, number DESC LIMIT 1";
    first(connection, sql, [document.as_str()], |row| task_id(row, 0))
}

/// Claims a document's id for a task.
pub(super) fn claim(
    connection: &Connection,
    document: &DocumentKey,
    number: i64,
    task: TaskId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO claims(document, number, task) VALUES (?1, ?2, ?3)";
    execute(connection, sql, params![document.as_str(), number, task.as_bytes()]).map(drop)
}

/// Settles the claim of a task that has ended.
pub(super) fn settle(
    connection: &Connection,
    document: &str,
    number: i64,
    status: StatusWord,
) -> Result<(), StoreError> {
    if status == StatusWord::Completed {
        let superseded = "DELETE FROM claims WHERE document = ?1 AND completed = 1 AND number <> ?2";
        execute(connection, superseded, params![document, number])?;
        let keep = "UPDATE claims SET completed = 1 WHERE document = ?1 AND number = ?2";
        execute(connection, keep, params![document, number]).map(drop)
    } else {
        let give_up = "DELETE FROM claims WHERE document = ?1 AND number = ?2";
        execute(connection, give_up, params![document, number]).map(drop)
    }
}
