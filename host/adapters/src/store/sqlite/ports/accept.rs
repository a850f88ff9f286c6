//! Taking a task in.

use super::admission;
use super::context::Context;
use super::store::Options;
use crate::store::sqlite::database::columns::to_json;
use crate::store::sqlite::tables::{claims, cursors, due, idempotency, status_counts, stored_bytes, tasks};
use morag_core::ports::{AcceptError, Accepted, NewTask, Queue};
use morag_core::task::{DocumentKey, RecordSummary, StatusWord};
use rusqlite::Connection;
use std::time::Duration;

/// Longest that an acceptance may take: its client is answered within 2 s, and told to come again. Another process may lock the
/// database for longer.
pub(crate) const ACCEPT_MAX: Duration = Duration::from_millis(1700);

/// The job behind [`morag_core::ports::Tasks::accept`]. An `Err` is followed by a rollback.
pub(crate) fn accept(
    connection: &Connection,
    context: &Context,
    new: &NewTask,
    options: &Options,
) -> Result<Accepted, AcceptError> {
    let (record, status) = (&new.record, StatusWord::Pending);
    if let Some(given) = &new.idempotency {
        if let Some(response) = idempotency::replay(connection, &given.key, &given.request_digest)? {
            return Ok(Accepted::Replayed(response));
        }
        idempotency::insert(connection, given, context.now())?;
    }
    let document = DocumentKey::of(record);
    if new.claims_document
        && !record.replace_existing
        && let Some(holder) = claims::holder(connection, document.as_str())?
    {
        return Err(AcceptError::DuplicateDocument(holder));
    }
    let rank = admission::enter(connection, context.now(), options, &new.flow, new.limits)?;

    let row = tasks::NewRow {
        id: record.id,
        record: to_json(record)?,
        summary: to_json(&RecordSummary::of(record))?,
        document: new.claims_document.then(|| document.as_str()),
        status,
        flow: &new.flow.id,
        credentials: new.credentials.as_deref(),
        tenant: &record.tenant,
    };
    let number = tasks::insert(connection, &row)?;
    status_counts::add(connection, &record.tenant, status, 1)?;
    stored_bytes::add(connection, number, &record.tenant, record.source.size)?;
    if new.claims_document {
        claims::insert(connection, document.as_str(), number, record.id)?;
    }
    for name in record.cursors() {
        cursors::insert(connection, number, &name)?;
        due::enter_delivery(connection, &name.key(record.id), number, None)?;
    }
    due::enter_task(connection, &record.id.to_string(), number, context.steady(), rank)?;
    context.wakes.mark(Queue::Tasks);
    Ok(Accepted::New)
}
