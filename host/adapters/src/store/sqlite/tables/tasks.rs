//! The columns of a task that change (`tasks`).

use crate::store::sqlite::database::columns::{count, limit, status_word, task_id, tenant};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::Timestamp;
use morag_core::ports::{Commit, StoreError};
use morag_core::store_policy::{CommitPlan, EndTime, RunningStep, TaskFacts};
use morag_core::task::{StatusWord, TaskId, TenantId};
use rusqlite::{Connection, params};

/// A new task.
pub(crate) struct NewRow<'a> {
    pub(crate) id: TaskId,
    pub(crate) record: String,
    pub(crate) summary: String,
    /// Set where the task claims its document's id.
    pub(crate) document: Option<&'a str>,
    pub(crate) status: StatusWord,
    pub(crate) flow: &'a str,
    pub(crate) credentials: Option<&'a str>,
    pub(crate) tenant: &'a TenantId,
}

/// Stores a new task. Returns its number.
pub(crate) fn insert(connection: &Connection, new: &NewRow<'_>) -> Result<i64, StoreError> {
    let sql = "INSERT INTO tasks(id, record, document, status, flow, summary, credentials, tenant, progress_percent, live_percent,
                                 last_sequence)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0)";
    let NewRow { id, record, summary, document, status, flow, credentials, tenant } = new;
    let (id, status, tenant) = (id.as_bytes(), status.as_str(), tenant.as_str());
    execute(connection, sql, params![id, record, document, status, flow, summary, credentials, tenant])?;
    Ok(connection.last_insert_rowid())
}

/// A task as a commit finds it.
pub(crate) struct CommitRow {
    pub(crate) number: i64,
    pub(crate) document: Option<String>,
    pub(crate) flow: String,
    pub(crate) tenant: TenantId,
    /// Without the lease: that is read by itself.
    pub(crate) facts: TaskFacts,
}

/// A task as a commit finds it; none where there is no such task.
pub(crate) fn for_commit(connection: &Connection, task: TaskId) -> Result<Option<CommitRow>, StoreError> {
    let sql = "SELECT number, document, status, last_sequence, live_percent, flow, tenant, stored_bytes = -1,
                      (SELECT parked FROM due WHERE queue = 0 AND key = ?2)
               FROM tasks WHERE id = ?1";
    first(connection, sql, params![task.as_bytes(), task.to_string()], |row| {
        Ok(CommitRow {
            number: row.get(0)?,
            document: row.get(1)?,
            flow: row.get(5)?,
            tenant: tenant(row, 6)?,
            facts: TaskFacts {
                status: status_word(row, 2)?,
                last_sequence: count(row, 3)?,
                live_percent: row.get(4)?,
                waits_again: row.get::<_, Option<bool>>(8)?.unwrap_or(false),
                lease_is_held: false,
                files_are_deleted: row.get(7)?,
            },
        })
    })
}

/// Moves a task as planned. `now`: when the commit is made.
pub(crate) fn update(
    connection: &Connection,
    number: i64,
    commit: &Commit,
    plan: &CommitPlan<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE tasks SET status = ?2, live_percent = ?3, progress_percent = max(progress_percent, ?4),
                   last_sequence = last_sequence + ?5,
                   ended_at = CASE ?6 WHEN 'set' THEN ?7 WHEN 'clear' THEN NULL ELSE ended_at END,
                   running_step = iif(?8, running_step, ?9)
               WHERE number = ?1";
    let end = match plan.end_time {
        EndTime::Unchanged => "keep",
        EndTime::Set => "set",
        EndTime::Clear => "clear",
    };
    let (same_step, step) = match plan.running_step {
        RunningStep::Unchanged => (true, None),
        RunningStep::None => (false, None),
        RunningStep::Step(step) => (false, Some(step)),
    };
    let (status, added) = (commit.status.as_str(), limit(commit.events.len()));
    let (live, reached, now) = (commit.live_percent, plan.reached_percent, now.as_millis());
    execute(connection, sql, params![number, status, live, reached, added, end, now, same_step, step]).map(drop)
}

/// A task waits in another flow.
pub(crate) fn set_flow(connection: &Connection, task: TaskId, flow: &str) -> Result<(), StoreError> {
    let sql = "UPDATE tasks SET flow = ?2 WHERE id = ?1";
    execute(connection, sql, params![task.as_bytes(), flow]).map(drop)
}

/// A task's state; none where there is no such task.
pub(crate) fn status(connection: &Connection, task: TaskId) -> Result<Option<StatusWord>, StoreError> {
    first(connection, "SELECT status FROM tasks WHERE id = ?1", [task.as_bytes()], |row| status_word(row, 0))
}

/// A task's number; none where there is no such task.
pub(crate) fn number(connection: &Connection, task: TaskId) -> Result<Option<i64>, StoreError> {
    first(connection, "SELECT number FROM tasks WHERE id = ?1", [task.as_bytes()], |row| row.get(0))
}

/// A task's id, by its number; none where there is no such task.
pub(crate) fn id(connection: &Connection, number: i64) -> Result<Option<TaskId>, StoreError> {
    first(connection, "SELECT id FROM tasks WHERE number = ?1", [number], |row| task_id(row, 0))
}

/// Whose a task is; none where there is no such task.
pub(crate) fn tenant_of(connection: &Connection, task: TaskId) -> Result<Option<TenantId>, StoreError> {
    first(connection, "SELECT tenant FROM tasks WHERE id = ?1", [task.as_bytes()], |row| tenant(row, 0))
}

/// Sequence of a task's last event; none where there is no such task.
pub(crate) fn last_sequence(connection: &Connection, task: TaskId) -> Result<Option<u64>, StoreError> {
    first(connection, "SELECT last_sequence FROM tasks WHERE id = ?1", [task.as_bytes()], |row| count(row, 0))
}

/// The task that was accepted after that of this number.
pub(crate) fn next_after(connection: &Connection, number: i64) -> Result<Option<(i64, TaskId)>, StoreError> {
    let sql = "SELECT number, id FROM tasks WHERE number > ?1 ORDER BY number LIMIT 1";
    first(connection, sql, [number], |row| Ok((row.get(0)?, task_id(row, 1)?)))
}

/// A task that may be deleted.
pub(crate) struct Expired {
    pub(crate) number: i64,
    pub(crate) task: TaskId,
    pub(crate) status: StatusWord,
    pub(crate) tenant: TenantId,
}

/// Tasks that ended before a time and may be deleted (`store_policy::may_expire`), those that ended first.
pub(crate) fn expired(
    connection: &Connection,
    ended_before: Timestamp,
    max: usize,
) -> Result<Vec<Expired>, StoreError> {
    // By the index of the task: by the index of time, all that is due would be read for each task.
    let sql = "SELECT number, id, status, tenant FROM tasks WHERE ended_at < ?1 AND NOT EXISTS
                   (SELECT 1 FROM due INDEXED BY due_by_task WHERE due.task = tasks.number AND due.queue = 1 AND due.due_at IS NOT NULL)
               ORDER BY ended_at LIMIT ?2";
    all(connection, sql, params![ended_before.as_millis(), limit(max)], |row| {
        Ok(Expired {
            number: row.get(0)?,
            task: task_id(row, 1)?,
            status: status_word(row, 2)?,
            tenant: tenant(row, 3)?,
        })
    })
}

/// Deletes a task's row.
pub(crate) fn delete(connection: &Connection, number: i64) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM tasks WHERE number = ?1", [number]).map(drop)
}

/// What changes of a task without an event.
pub(crate) struct Live {
    pub(crate) live_percent: f64,
    /// How often the task has been claimed.
    pub(crate) claims: u64,
}

/// What belongs to a task's log beside its record and events.
pub(crate) fn live(connection: &Connection, task: TaskId) -> Result<Option<(i64, Live)>, StoreError> {
    let sql = "SELECT number, live_percent, coalesce((SELECT fence FROM due WHERE queue = 0 AND key = ?2), 0)
               FROM tasks WHERE id = ?1";
    first(connection, sql, params![task.as_bytes(), task.to_string()], |row| {
        Ok((row.get(0)?, Live { live_percent: row.get(1)?, claims: count(row, 2)? }))
    })
}
