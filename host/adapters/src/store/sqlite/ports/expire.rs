//! Deleting what is old.

use crate::store::sqlite::tables::{
    chains, cursors, deliveries, due, events, idempotency, status_counts, stored_bytes, tasks,
};
use morag_core::Timestamp;
use morag_core::ports::StoreError;
use morag_core::task::TaskId;
use rusqlite::Connection;
use std::time::Duration;

/// Idempotency keys deleted in one call: keeps the writer free for others.
const IDEMPOTENCY_BATCH: i64 = 1000;

/// Links of chains deleted in one call.
const CHAINS_BATCH: i64 = 1000;

/// The job behind [`morag_core::ports::Tasks::expire`]. Deletes old idempotency keys and links of chains too.
pub(crate) fn expire(
    connection: &Connection,
    now: Timestamp,
    ended_before: Timestamp,
    limit: usize,
    idempotency_kept: Duration,
) -> Result<Vec<TaskId>, StoreError> {
    idempotency::delete_before(connection, now.minus(idempotency_kept), IDEMPOTENCY_BATCH)?;
    let expired = tasks::expired(connection, ended_before, limit)?;
    for row in &expired {
        stored_bytes::forget(connection, row.task)?;
        deliveries::delete_of_task(connection, row.number)?;
        cursors::delete_of_task(connection, row.number)?;
        due::delete_of_task(connection, row.number)?;
        events::delete_of_task(connection, row.number)?;
        tasks::delete(connection, row.number)?;
        status_counts::add(connection, &row.tenant, row.status, -1)?;
    }
    // Links are kept for as long again as their tasks were, so that the numbers of a document that comes again go on.
    chains::delete_before(connection, ended_before.minus(now.since(ended_before)), CHAINS_BATCH)?;
    Ok(expired.into_iter().map(|row| row.task).collect())
}
