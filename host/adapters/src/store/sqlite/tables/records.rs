//! What was accepted: the column `record` of `tasks`, which never changes. It is the longest of all, so it is read only where it is
//! needed.

use crate::store::sqlite::database::columns::from_json;
use crate::store::sqlite::database::query::first;
use morag_core::ports::StoreError;
use morag_core::task::{TaskId, TaskRecord};
use rusqlite::{Connection, Row};

/// A task's record; `Corrupt` where there is no such task.
pub(crate) fn record(connection: &Connection, number: i64) -> Result<TaskRecord, StoreError> {
    let sql = "SELECT record FROM tasks WHERE number = ?1";
    let record = first(connection, sql, [number], |row| row.get::<_, String>(0))?;
    from_json(&record.ok_or_else(|| StoreError::Corrupt("an event or a cursor belongs to no task".into()))?)
}

/// A task's number and record; none where there is no such task.
pub(crate) fn find(connection: &Connection, task: TaskId) -> Result<Option<(i64, TaskRecord)>, StoreError> {
    let sql = "SELECT number, record FROM tasks WHERE id = ?1";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let found = first(connection, sql, [task.as_bytes()], read)?;
    found.map(|(number, record)| Ok((number, from_json(&record)?))).transpose()
}

/// Length of a task's record, bytes; 0 where there is no such task.
pub(crate) fn bytes(connection: &Connection, number: i64) -> Result<usize, StoreError> {
    let sql = "SELECT octet_length(record) FROM tasks WHERE number = ?1";
    let bytes = first(connection, sql, [number], |row| row.get::<_, i64>(0))?;
    Ok(usize::try_from(bytes.unwrap_or(0)).unwrap_or(usize::MAX))
}

/// Whether a task replaces a stored document of the same id.
pub(crate) fn replaces_existing(connection: &Connection, number: i64) -> Result<bool, StoreError> {
    let sql = "SELECT json_extract(record, '$.replace_existing') FROM tasks WHERE number = ?1";
    Ok(first(connection, sql, [number], |row| row.get(0))?.unwrap_or(false))
}
