//! Deliveries that are made again: cursors of one event.

use super::due_queue::enter_delivery;
use super::query::{execute, first, from_json, to_json};
use super::store::Context;
use morag_core::ports::{DeliveryState, NewResend, Queue, RESENDS_MAX, ResendError, StoreError};
use morag_core::task::TaskRecord;
use morag_core::webhook::Resend;
use rusqlite::{Connection, params};

/// The job behind [`morag_core::ports::Deliveries::resend`]. An `Err` is followed by a rollback.
pub(super) fn resend(connection: &Connection, context: &Context, new: &NewResend) -> Result<u32, ResendError> {
    let sql = "SELECT number, record FROM tasks WHERE id = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let (task, record) = first(connection, sql, [new.task.as_bytes()], read)?.ok_or(ResendError::Unknown)?;
    let record: TaskRecord = from_json(&record)?;
    let name = record.cursor_of(&new.endpoint).ok_or(ResendError::Unknown)?;
    let delivery = i64::try_from(new.delivery).map_err(|_| ResendError::Unknown)?;

    let place = params![task, new.endpoint.as_str(), delivery];
    let sql = "SELECT resend, event, state FROM deliveries
               WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 ORDER BY resend DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?));
    let (last, event, state) = first(connection, sql, place, read)?.ok_or(ResendError::Unknown)?;
    if from_json::<DeliveryState>(&state)? == DeliveryState::Pending {
        return Err(ResendError::Pending);
    }
    if last >= RESENDS_MAX {
        return Err(ResendError::TooMany);
    }

    let resend = Resend { delivery: new.delivery, number: last + 1 };
    let name = name.towards(new.url.as_ref(), &record.tenant).resending(resend);
    let url = new.url.clone().map(String::from);
    let sql = "UPDATE deliveries SET state = ?5
               WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 AND state = ?4";
    let (dead, resent) = (to_json(&DeliveryState::Dead)?, to_json(&DeliveryState::Resent)?);
    execute(connection, sql, params![task, new.endpoint.as_str(), delivery, dead, resent])?;
    let sql = "INSERT INTO deliveries(task, endpoint, delivery, resend, event, state, at, url)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (state, now) = (to_json(&DeliveryState::Pending)?, context.now().as_millis());
    execute(connection, sql, params![task, new.endpoint.as_str(), delivery, resend.number, event, state, now, url])?;
    let sql = "INSERT INTO cursors(task, endpoint, next_event, next_delivery, last_event, url)
               VALUES (?1, ?2, ?3, ?4, ?3, ?5)";
    execute(connection, sql, params![task, name.to_string(), event, delivery, url])?;
    enter_delivery(connection, &name.key(new.task), task, Some(context.due(new.due)))?;
    context.wakes.mark(Queue::Deliveries);
    Ok(resend.number)
}

/// Forgets a cursor that has nothing more to do.
pub(super) fn end(connection: &Connection, task: i64, key: &str, name: &str) -> Result<(), StoreError> {
    // Without a place in the queue no event makes it due again, and no lease of it is held.
    execute(connection, "DELETE FROM due WHERE queue = 1 AND key = ?1", [key])?;
    execute(connection, "DELETE FROM cursors WHERE task = ?1 AND endpoint = ?2", params![task, name]).map(drop)
}
