//! Forgetting what is old.

use super::accept::count;
use super::query::{all, execute};
use super::quotas;
use super::tasks::{status_word, task_id, tenant};
use morag_core::Timestamp;
use morag_core::ports::StoreError;
use morag_core::task::TaskId;
use rusqlite::{Connection, params};
use std::time::Duration;

/// Idempotency keys deleted in one call: keeps the writer free for others.
const IDEMPOTENCY_BATCH: i64 = 1000;

/// Places in chains deleted in one call.
const CHAINS_BATCH: i64 = 1000;

/// The job behind [`morag_core::ports::Tasks::expire`]. Old idempotency keys go with it.
pub(super) fn expire(
    connection: &Connection,
    now: Timestamp,
    ended_before: Timestamp,
    limit: usize,
    idempotency_kept: Duration,
) -> Result<Vec<TaskId>, StoreError> {
    let sql = "DELETE FROM idempotency WHERE key IN
                   (SELECT key FROM idempotency WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    execute(connection, sql, params![now.minus(idempotency_kept).as_millis(), IDEMPOTENCY_BATCH])?;

    // A task whose webhooks are still to be delivered stays until they are, or are given up. Its own entries are looked at: by the
    // index of time it would be all that is due, for each task.
    let sql = "SELECT number, id, status, tenant FROM tasks WHERE ended_at < ?1 AND NOT EXISTS
                   (SELECT 1 FROM due INDEXED BY due_by_task WHERE due.task = tasks.number AND due.queue = 1 AND due.due_at IS NOT NULL)
               ORDER BY ended_at LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let ended = all(connection, sql, params![ended_before.as_millis(), limit], |row| {
        Ok((row.get::<_, i64>(0)?, task_id(row, 1)?, status_word(row, 2)?, tenant(row, 3)?))
    })?;
    for (number, task, status, tenant) in &ended {
        quotas::forget_bytes(connection, *task)?;
        for sql in [
            "DELETE FROM attempts WHERE task = ?1",
            "DELETE FROM deliveries WHERE task = ?1",
            "DELETE FROM cursors WHERE task = ?1",
            "DELETE FROM due WHERE task = ?1",
            "DELETE FROM events WHERE task = ?1",
            "DELETE FROM tasks WHERE number = ?1",
        ] {
            execute(connection, sql, [number])?;
        }
        count(connection, tenant, *status, -1)?;
    }
    // Chains outlive their tasks by as long as those were kept, so that the numbers of a document that comes again go on.
    let before = ended_before.minus(now.since(ended_before));
    let sql = "DELETE FROM chains WHERE number IN (SELECT number FROM chains WHERE at < ?1 ORDER BY at LIMIT ?2)";
    execute(connection, sql, params![before.as_millis(), CHAINS_BATCH])?;
    Ok(ended.into_iter().map(|(_, task, ..)| task).collect())
}
