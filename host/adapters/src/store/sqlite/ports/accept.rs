//! Taking a task in.

use super::query::{execute, first, from_json, to_json};
use super::store::{Context, Options};
use super::{claims, due_queue, fair, quotas};
use morag_core::JsonObject;
use morag_core::ports::{AcceptError, Accepted, NewTask, Queue, StoreError};
use morag_core::task::{DocumentKey, RecordSummary, StatusWord, TenantId};
use rusqlite::{Connection, params};
use std::time::Duration;

/// Longest that taking a task in may take: a client that is told to come again within 2 s knows where it stands. Another
/// process may hold the database for longer.
pub(super) const ACCEPT_MAX: Duration = Duration::from_millis(1700);

/// What an idempotency key was answered with.
pub(super) fn replay(
    connection: &Connection,
    key: &str,
    request_digest: &str,
) -> Result<Option<JsonObject>, AcceptError> {
    let sql = "SELECT request_digest, response FROM idempotency WHERE key = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    match first(connection, sql, [key], read)? {
        None => Ok(None),
        Some((digest, response)) if digest == request_digest => Ok(Some(from_json(&response)?)),
        Some(_) => Err(AcceptError::IdempotencyConflict),
    }
}

/// Adds to the number of tasks in a state.
pub(super) fn count(
    connection: &Connection,
    tenant: &TenantId,
    status: StatusWord,
    tasks: i64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO status_counts(status, tenant, tasks) VALUES (?1, ?2, ?3)
               ON CONFLICT(status, tenant) DO UPDATE SET tasks = tasks + excluded.tasks";
    execute(connection, sql, params![status.as_str(), tenant.as_str(), tasks]).map(drop)
}

/// The job behind [`morag_core::ports::Tasks::accept`]. An `Err` is followed by a rollback.
pub(super) fn accept(
    connection: &Connection,
    context: &Context,
    new: &NewTask,
    options: &Options,
) -> Result<Accepted, AcceptError> {
    let (record, status) = (&new.record, StatusWord::Pending);
    if let Some(given) = &new.idempotency {
        if let Some(response) = replay(connection, &given.key, &given.request_digest)? {
            return Ok(Accepted::Replayed(response));
        }
        let sql = "INSERT INTO idempotency(key, request_digest, response, created_at) VALUES (?1, ?2, ?3, ?4)";
        let response = to_json(&given.response)?;
        execute(connection, sql, params![given.key, given.request_digest, response, context.now().as_millis()])?;
    }
    let document = DocumentKey::of(record);
    if new.claims_document
        && !record.replace_existing
        && let Some(holder) = claims::holder(connection, &document)?
    {
        return Err(AcceptError::DuplicateDocument(holder));
    }
    quotas::admit(connection, context.now(), options, &new.flow, new.limits)?;

    let claimed = new.claims_document.then(|| document.as_str());
    let sql = "INSERT INTO tasks(id, record, document, status, flow, summary, credentials, tenant, progress_percent, live_percent,
                                 last_sequence)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0)";
    let (id, summary) = (record.id.as_bytes(), to_json(&RecordSummary::of(record))?);
    let (text, flow, tenant) = (to_json(record)?, &new.flow.id, record.tenant.as_str());
    let values = params![id, text, claimed, status.as_str(), flow, summary, new.credentials, tenant];
    execute(connection, sql, values)?;
    let number = connection.last_insert_rowid();
    count(connection, &record.tenant, status, 1)?;
    quotas::add_bytes(connection, number, &record.tenant, record.source.size)?;
    if new.claims_document {
        claims::claim(connection, &document, number, record.id)?;
    }
    for name in record.cursors() {
        let sql = "INSERT INTO cursors(task, endpoint) VALUES (?1, ?2)";
        execute(connection, sql, params![number, name.to_string()])?;
        due_queue::enter_delivery(connection, &name.key(record.id), number, None)?;
    }
    let rank = fair::enter(connection, &new.flow)?;
    due_queue::enter_task(connection, &record.id.to_string(), number, context.steady(), rank)?;
    context.wakes.mark(Queue::Tasks);
    Ok(Accepted::New)
}
