//! Bytes of files: of each task (the column `stored_bytes` of `tasks`) and of each tenant (`stored_bytes`, their sum).

use crate::store::sqlite::database::columns::{stored, tenant};
use crate::store::sqlite::database::query::{execute, first};
use morag_core::ports::StoreError;
use morag_core::task::{TaskId, TenantId};
use rusqlite::{Connection, params};

/// Bytes of a task whose files are deleted. Not 0, which tasks have that were accepted before bytes were counted.
const FILES_DELETED: i64 = -1;

/// Adds to the bytes of a task's files.
pub(crate) fn add(connection: &Connection, task: i64, tenant: &TenantId, bytes: u64) -> Result<(), StoreError> {
    if bytes == 0 {
        return Ok(());
    }
    let sql = "UPDATE tasks SET stored_bytes = stored_bytes + ?2 WHERE number = ?1";
    execute(connection, sql, params![task, stored(bytes)])?;
    let sql = "INSERT INTO stored_bytes(tenant, bytes) VALUES (?1, ?2)
               ON CONFLICT(tenant) DO UPDATE SET bytes = bytes + excluded.bytes";
    execute(connection, sql, params![tenant.as_str(), stored(bytes)]).map(drop)
}

/// Takes a task's bytes from its tenant's. Doing it again changes nothing.
pub(crate) fn forget(connection: &Connection, task: TaskId) -> Result<(), StoreError> {
    let sql = "SELECT tenant, stored_bytes FROM tasks WHERE id = ?1 AND stored_bytes > 0";
    let found = first(connection, sql, [task.as_bytes()], |row| Ok((tenant(row, 0)?, row.get::<_, i64>(1)?)))?;
    let Some((tenant, bytes)) = found else { return Ok(()) };
    execute(connection, "UPDATE tasks SET stored_bytes = 0 WHERE id = ?1", [task.as_bytes()])?;
    let sql = "UPDATE stored_bytes SET bytes = max(0, bytes - ?2) WHERE tenant = ?1";
    execute(connection, sql, params![tenant.as_str(), bytes]).map(drop)
}

/// Notes that a task's files are deleted ([`super::tasks::for_commit`] reads it).
pub(crate) fn set_files_deleted(connection: &Connection, task: TaskId) -> Result<(), StoreError> {
    let sql = "UPDATE tasks SET stored_bytes = ?2 WHERE id = ?1";
    execute(connection, sql, params![task.as_bytes(), FILES_DELETED]).map(drop)
}

/// Bytes of a tenant's files.
pub(crate) fn of_tenant(connection: &Connection, tenant: &TenantId) -> Result<u64, StoreError> {
    let sql = "SELECT bytes FROM stored_bytes WHERE tenant = ?1";
    let bytes = first(connection, sql, [tenant.as_str()], |row| row.get::<_, i64>(0))?;
    Ok(bytes.unwrap_or(0).unsigned_abs())
}
