//! Webhook cursors and their attempts.

use super::due_queue::{is_held, settle};
use super::query::{all, execute, first, from_json, to_json};
use super::store::{Context, SqliteStore};
use super::writer::Durability;
use async_trait::async_trait;
use morag_core::ports::{
    AttemptRecord, CommitError, CursorMove, Deliveries, DeliveryRecord, DeliveryState, Lease, PendingDelivery, Queue,
    Recorded, StoreError,
};
use morag_core::task::TaskId;
use morag_core::webhook::{Cursor, EndpointId};
use rusqlite::{Connection, Row, params};
use std::sync::Arc;

/// Task and endpoint of a cursor's key.
fn parts(key: &str) -> Option<(TaskId, EndpointId)> {
    let (task, endpoint) = key.split_once('/')?;
    Some((task.parse().ok()?, EndpointId::from(endpoint.to_owned())))
}

/// A cursor as it is stored, with what it points into.
struct Stored {
    number: i64,
    record: String,
    last_sequence: i64,
    next_event: i64,
    next_delivery: i64,
    attempts: i64,
}

fn stored(connection: &Connection, task: TaskId, endpoint: &EndpointId) -> Result<Option<Stored>, StoreError> {
    let sql = "SELECT tasks.number, tasks.record, tasks.last_sequence,
                      cursors.next_event, cursors.next_delivery, cursors.attempts
               FROM tasks JOIN cursors ON cursors.task = tasks.number
               WHERE tasks.id = ?1 AND cursors.endpoint = ?2";
    first(connection, sql, params![task.as_bytes(), endpoint.as_str()], |row| {
        Ok(Stored {
            number: row.get(0)?,
            record: row.get(1)?,
            last_sequence: row.get(2)?,
            next_event: row.get(3)?,
            next_delivery: row.get(4)?,
            attempts: row.get(5)?,
        })
    })
}

fn pending(connection: &Connection, held: &Lease) -> Result<Option<PendingDelivery>, StoreError> {
    let Some((task, endpoint)) = parts(&held.key) else { return Ok(None) };
    let Some(stored) = stored(connection, task, &endpoint)? else { return Ok(None) };
    let sql = "SELECT event FROM events WHERE task = ?1 AND sequence = ?2";
    let event = first(connection, sql, [stored.number, stored.next_event], |row| row.get::<_, String>(0))?;
    let cursor = Cursor {
        task,
        endpoint,
        next_event: stored.next_event.unsigned_abs(),
        next_delivery: stored.next_delivery.unsigned_abs(),
        attempts: u32::try_from(stored.attempts).unwrap_or(u32::MAX),
    };
    Ok(Some(PendingDelivery {
        record: Arc::new(from_json(&stored.record)?),
        cursor,
        event: event.map(|event| from_json(&event)).transpose()?,
    }))
}

/// The job behind [`Deliveries::advance`]. An `Err` is followed by a rollback.
fn advance(
    connection: &Connection,
    context: &Context,
    held: &Lease,
    movement: CursorMove,
    attempt: Option<&AttemptRecord>,
) -> Result<Recorded, CommitError> {
    if held.queue != Queue::Deliveries || !is_held(connection, held)? {
        return Err(CommitError::Stale);
    }
    let Some((task, endpoint)) = parts(&held.key) else { return Err(CommitError::Stale) };
    let Some(cursor) = stored(connection, task, &endpoint)? else { return Err(CommitError::Stale) };
    if cursor.next_event > cursor.last_sequence {
        // Only a database changed by hand has such a cursor leased. It waits for the event, as it should have.
        settle(connection, held.queue, &held.key, None)?;
        return Ok(Recorded::Idle);
    }
    record_attempt(connection, &cursor, &endpoint, movement, attempt)?;
    let next = match movement {
        CursorMove::Skip | CursorMove::Delivered | CursorMove::Dead => {
            let delivered = i64::from(movement != CursorMove::Skip);
            let sql = "UPDATE cursors SET next_event = next_event + 1, next_delivery = next_delivery + ?3, attempts = 0
                       WHERE task = ?1 AND endpoint = ?2";
            execute(connection, sql, params![cursor.number, endpoint.as_str(), delivered])?;
            if cursor.next_event < cursor.last_sequence {
                return Ok(Recorded::More);
            }
            None
        }
        CursorMove::Retry(due) => {
            let sql = "UPDATE cursors SET attempts = attempts + ?3 WHERE task = ?1 AND endpoint = ?2";
            execute(connection, sql, params![cursor.number, endpoint.as_str(), attempt.is_some()])?;
            context.wakes.mark(Queue::Deliveries);
            Some(context.due(due))
        }
        CursorMove::Disable => {
            // Without a place in the queue no event makes it due again, and no lease of it is held.
            execute(connection, "DELETE FROM due WHERE queue = 1 AND key = ?1", [&held.key])?;
            let sql = "DELETE FROM cursors WHERE task = ?1 AND endpoint = ?2";
            execute(connection, sql, params![cursor.number, endpoint.as_str()])?;
            return Ok(Recorded::Idle);
        }
    };
    settle(connection, held.queue, &held.key, next)?;
    Ok(Recorded::Idle)
}

/// Writes the state that the delivery has after the move, and the attempt behind it.
fn record_attempt(
    connection: &Connection,
    cursor: &Stored,
    endpoint: &EndpointId,
    movement: CursorMove,
    attempt: Option<&AttemptRecord>,
) -> Result<(), StoreError> {
    let state = match movement {
        CursorMove::Skip => return Ok(()),
        CursorMove::Delivered => DeliveryState::Delivered,
        CursorMove::Dead | CursorMove::Disable => DeliveryState::Dead,
        CursorMove::Retry(_) => DeliveryState::Pending,
    };
    let sql = "INSERT INTO deliveries(task, endpoint, delivery, event, state) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT DO UPDATE SET state = excluded.state";
    let (number, delivery, event) = (cursor.number, cursor.next_delivery, cursor.next_event);
    execute(connection, sql, params![number, endpoint.as_str(), delivery, event, to_json(&state)?])?;
    if let Some(attempt) = attempt {
        let sql = "INSERT INTO attempts(task, endpoint, delivery, attempt) VALUES (?1, ?2, ?3, ?4)";
        execute(connection, sql, params![number, endpoint.as_str(), delivery, to_json(attempt)?])?;
    }
    Ok(())
}

/// By the event, then by the endpoint's id: what happened to the first event comes first.
fn deliveries(connection: &Connection, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
    let sql = "SELECT number FROM tasks WHERE id = ?1";
    let Some(number) = first(connection, sql, [task.as_bytes()], |row| row.get::<_, i64>(0))? else {
        return Ok(Vec::new());
    };
    let sql = "SELECT endpoint, delivery, event, state FROM deliveries WHERE task = ?1 ORDER BY event, endpoint";
    let read = |row: &Row<'_>| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
    };
    let mut records = Vec::new();
    for (endpoint, delivery, event, state) in all(connection, sql, [number], read)? {
        let sql = "SELECT attempt FROM attempts WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 ORDER BY number";
        let attempts = all(connection, sql, params![number, endpoint, delivery], |row| row.get::<_, String>(0))?;
        records.push(DeliveryRecord {
            endpoint: endpoint.into(),
            delivery: delivery.unsigned_abs(),
            event: event.unsigned_abs(),
            state: from_json(&state)?,
            attempts: attempts.iter().map(|attempt| from_json(attempt)).collect::<Result<_, _>>()?,
        });
    }
    Ok(records)
}

#[async_trait]
impl Deliveries for SqliteStore {
    async fn pending(&self, held: &Lease) -> Result<Option<PendingDelivery>, StoreError> {
        let held = held.clone();
        self.readers.read(move |connection| pending(connection, &held)).await
    }

    async fn advance(
        &self,
        held: &Lease,
        movement: CursorMove,
        attempt: Option<AttemptRecord>,
    ) -> Result<Recorded, CommitError> {
        let (context, held) = (self.context(), held.clone());
        let job = move |connection: &Connection| advance(connection, &context, &held, movement, attempt.as_ref());
        self.writer.run(Durability::Normal, job).await
    }

    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.readers.read(move |connection| deliveries(connection, task)).await
    }
}
