//! What callers and tenants have, where there may be a limit to it.

use super::fair;
use super::query::{execute, first};
use super::store::Options;
use super::tasks::{status_word, tenant};
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota, day_of, next_day};
use morag_core::ports::{AcceptError, Flow, StoreError, TaskLimits};
use morag_core::shares::leaves_enough;
use morag_core::task::{TaskId, TenantId};
use rusqlite::{Connection, params};

/// Takes a flow's next task in, or says of what there is enough. A rollback takes it back.
pub(super) fn admit(
    connection: &Connection,
    now: Timestamp,
    options: &Options,
    flow: &Flow,
    limits: TaskLimits,
) -> Result<(), AcceptError> {
    may_enter(connection, now, options, flow, limits)?;
    if limits.per_day_max.is_none() {
        return Ok(());
    }
    let sql = "INSERT INTO task_days(flow, day, tasks) VALUES (?1, ?2, ?3)
               ON CONFLICT(flow) DO UPDATE SET day = excluded.day, tasks = excluded.tasks";
    let tasks = tasks_of_day(connection, now, flow)?.saturating_add(1);
    execute(connection, sql, params![flow.id, day_of(now), tasks])?;
    Ok(())
}

/// Whether a flow's next task may be taken in, or of what there is enough.
pub(super) fn may_enter(
    connection: &Connection,
    now: Timestamp,
    options: &Options,
    flow: &Flow,
    limits: TaskLimits,
) -> Result<(), AcceptError> {
    let (all, own) = (fair::waiting(connection)?, fair::waiting_of(connection, flow)?);
    if all >= options.queue_max {
        return Err(AcceptError::QueueFull);
    }
    let count = |tasks: u64| usize::try_from(tasks).unwrap_or(usize::MAX);
    if options.queue_shared && !leaves_enough(count(own), count(all), count(options.queue_max)) {
        return Err(AcceptError::QueueShare);
    }
    if let Some(limit) = limits.waiting_max.filter(|limit| own >= *limit) {
        return Err(OverQuota { quota: Quota::WaitingTasks, limit, resets_at: None }.into());
    }
    match limits.per_day_max {
        Some(limit) if tasks_of_day(connection, now, flow)?.unsigned_abs() >= limit => {
            Err(OverQuota { quota: Quota::TasksPerDay, limit, resets_at: Some(next_day(now)) }.into())
        }
        _ => Ok(()),
    }
}

/// A flow's tasks of today.
fn tasks_of_day(connection: &Connection, now: Timestamp, flow: &Flow) -> Result<i64, StoreError> {
    let sql = "SELECT tasks FROM task_days WHERE flow = ?1 AND day = ?2";
    Ok(first(connection, sql, params![flow.id, day_of(now)], |row| row.get(0))?.unwrap_or(0))
}

/// A task has files of so many bytes more.
pub(super) fn add_bytes(connection: &Connection, number: i64, tenant: &TenantId, bytes: u64) -> Result<(), StoreError> {
    if bytes == 0 {
        return Ok(());
    }
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let sql = "UPDATE tasks SET stored_bytes = stored_bytes + ?2 WHERE number = ?1";
    execute(connection, sql, params![number, bytes])?;
    let sql = "INSERT INTO stored_bytes(tenant, bytes) VALUES (?1, ?2)
               ON CONFLICT(tenant) DO UPDATE SET bytes = bytes + excluded.bytes";
    execute(connection, sql, params![tenant.as_str(), bytes]).map(drop)
}

/// `stored_bytes` of a task whose files are deleted: not 0, which tasks have that were accepted before bytes were counted.
const FILES_DELETED: i64 = -1;

/// The job behind [`morag_core::ports::Tasks::files_deleted`].
pub(super) fn files_deleted(connection: &Connection, task: TaskId) -> Result<bool, StoreError> {
    let sql = "SELECT status FROM tasks WHERE id = ?1";
    let status = first(connection, sql, [task.as_bytes()], |row| status_word(row, 0))?;
    if status.is_some_and(|status| !status.is_ended()) {
        return Ok(false);
    }
    forget_bytes(connection, task)?;
    execute(connection, "UPDATE tasks SET stored_bytes = ?2 WHERE id = ?1", params![task.as_bytes(), FILES_DELETED])?;
    Ok(true)
}

/// Whether a task's files are deleted.
pub(super) fn has_no_files(connection: &Connection, number: i64) -> Result<bool, StoreError> {
    let sql = "SELECT stored_bytes FROM tasks WHERE number = ?1";
    Ok(first(connection, sql, [number], |row| row.get::<_, i64>(0))? == Some(FILES_DELETED))
}

/// A task's files count no more. Doing it again changes nothing.
pub(super) fn forget_bytes(connection: &Connection, task: TaskId) -> Result<(), StoreError> {
    let sql = "SELECT tenant, stored_bytes FROM tasks WHERE id = ?1 AND stored_bytes > 0";
    let found = first(connection, sql, [task.as_bytes()], |row| Ok((tenant(row, 0)?, row.get::<_, i64>(1)?)))?;
    let Some((tenant, bytes)) = found else { return Ok(()) };
    execute(connection, "UPDATE tasks SET stored_bytes = 0 WHERE id = ?1", [task.as_bytes()])?;
    let sql = "UPDATE stored_bytes SET bytes = max(0, bytes - ?2) WHERE tenant = ?1";
    execute(connection, sql, params![tenant.as_str(), bytes]).map(drop)
}

/// Bytes of a tenant's files.
pub(super) fn stored_bytes(connection: &Connection, tenant: &TenantId) -> Result<u64, StoreError> {
    let sql = "SELECT bytes FROM stored_bytes WHERE tenant = ?1";
    let bytes = first(connection, sql, [tenant.as_str()], |row| row.get::<_, i64>(0))?;
    Ok(bytes.unwrap_or(0).unsigned_abs())
}
