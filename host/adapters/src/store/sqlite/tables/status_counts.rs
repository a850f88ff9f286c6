//! Number of tasks in each state (`status_counts`): counting the tasks would take longer as history grows.

use crate::store::sqlite::database::columns::{count, status_word};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::ports::StoreError;
use morag_core::task::{StatusWord, TenantId};
use rusqlite::{Connection, params};

/// Adds to the number of a tenant's tasks in a state.
pub(crate) fn add(
    connection: &Connection,
    tenant: &TenantId,
    status: StatusWord,
    tasks: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO status_counts(status, tenant, tasks) VALUES (?1, ?2, ?3)
               ON CONFLICT(status, tenant) DO UPDATE SET tasks = tasks + excluded.tasks";
    execute(connection, sql, params![status.as_str(), tenant.as_str(), tasks]).map(drop)
}

/// The numbers of all tenants together: every state, also those without a task.
pub(crate) fn counts(connection: &Connection) -> Result<Vec<(StatusWord, u64)>, StoreError> {
    let stored = all(connection, "SELECT status, tasks FROM status_counts", [], |row| {
        Ok((status_word(row, 0)?, count(row, 1)?))
    })?;
    let tasks = |word| stored.iter().filter(|(status, _)| *status == word).map(|(_, tasks)| *tasks).sum();
    Ok(StatusWord::ALL.into_iter().map(|word| (word, tasks(word))).collect())
}

/// A tenant's numbers: every state, also those without a task.
pub(crate) fn counts_of(connection: &Connection, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
    let tasks = |word: StatusWord| {
        let sql = "SELECT tasks FROM status_counts WHERE status = ?1 AND tenant = ?2";
        let tasks = first(connection, sql, params![word.as_str(), tenant.as_str()], |row| count(row, 0))?;
        Ok((word, tasks.unwrap_or(0)))
    };
    StatusWord::ALL.into_iter().map(tasks).collect()
}
