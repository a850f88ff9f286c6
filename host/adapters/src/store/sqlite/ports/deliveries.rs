//! Webhook cursors and their attempts.

use super::credentials;
use super::due_queue::{is_held, settle};
use super::query::{all, each, execute, first, from_json, to_json};
use super::resends;
use super::store::{Context, SqliteStore};
use super::summaries::event_text;
use super::tasks::task_id;
use super::writer::Durability;
use async_trait::async_trait;
use morag_core::ports::{
    CommitError, CursorMove, Deliveries, DeliveryFilter, DeliveryMove, DeliveryRecord, DeliveryState, EndpointDelivery,
    KeptCredentials, Lease, NewResend, PENDING_BYTES_MAX, Page, PendingDelivery, Queue, Recorded, ResendError,
    StoreError,
};
use morag_core::task::TaskId;
use morag_core::webhook::{Cursor, CursorName, EndpointId};
use morag_core::{PageBudget, Timestamp};
use rusqlite::{Connection, params};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Deliveries in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

/// Where a cursor stands, with what it points into.
struct Stored {
    number: i64,
    /// Of the log, or the one event of a delivery that is made again.
    last_event: i64,
    has_ended: bool,
    next_event: i64,
    next_delivery: i64,
    attempts: i64,
    url: Option<String>,
}

/// Without the task's record: a move has no use for it, and it is the longest of all columns.
fn stored(connection: &Connection, task: TaskId, name: &CursorName) -> Result<Option<Stored>, StoreError> {
    let sql = "SELECT tasks.number, coalesce(cursors.last_event, tasks.last_sequence),
                      tasks.ended_at IS NOT NULL, cursors.next_event, cursors.next_delivery, cursors.attempts, cursors.url
               FROM tasks JOIN cursors ON cursors.task = tasks.number
               WHERE tasks.id = ?1 AND cursors.endpoint = ?2";
    first(connection, sql, params![task.as_bytes(), name.to_string()], |row| {
        Ok(Stored {
            number: row.get(0)?,
            last_event: row.get(1)?,
            has_ended: row.get(2)?,
            next_event: row.get(3)?,
            next_delivery: row.get(4)?,
            attempts: row.get(5)?,
            url: row.get(6)?,
        })
    })
}

fn pending(connection: &Connection, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError> {
    let Some((task, name)) = CursorName::parse_key(&held.key) else { return Ok(None) };
    let Some(stored) = stored(connection, task, &name)? else { return Ok(None) };
    let sql = "SELECT record, credentials FROM tasks WHERE number = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
    let Some((record, kept)) = first(connection, sql, [stored.number], read)? else { return Ok(None) };
    let sql = "SELECT event FROM events WHERE task = ?1 AND sequence BETWEEN ?2 AND ?3 ORDER BY sequence LIMIT ?4";
    let limit = i64::try_from(events_max.max(1)).unwrap_or(i64::MAX);
    let place = [stored.number, stored.next_event, stored.last_event, limit];
    let (mut events, mut budget) = (Vec::new(), PageBudget::new(PENDING_BYTES_MAX));
    let _ = each(connection, sql, place, |row| {
        let (event, bytes) = event_text(row, 0)?;
        if !budget.takes(bytes) {
            return Ok(ControlFlow::Break(()));
        }
        events.push(from_json(&event)?);
        Ok(ControlFlow::Continue(()))
    })?;
    let read_up_to = stored.next_event + i64::try_from(events.len()).unwrap_or(i64::MAX) - 1;
    let url = stored.url.map(|url| url.parse()).transpose();
    let cursor = Cursor {
        task,
        name,
        next_event: stored.next_event.unsigned_abs(),
        next_delivery: stored.next_delivery.unsigned_abs(),
        attempts: u32::try_from(stored.attempts).unwrap_or(u32::MAX),
        url: url.map_err(|error| StoreError::Corrupt(format!("a stored URL cannot be read: {error}")))?,
    };
    let resent_at = match cursor.name.resend() {
        None => None,
        Some(resend) => {
            let sql = "SELECT at FROM deliveries WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 AND resend = ?4";
            let endpoint = cursor.name.endpoint().as_str();
            let place = params![stored.number, endpoint, stored.next_delivery, resend.number];
            first(connection, sql, place, |row| row.get(0))?.map(Timestamp::from_millis)
        }
    };
    let is_end = stored.has_ended && read_up_to >= stored.last_event;
    let (record, credentials) = (Arc::new(from_json(&record)?), KeptCredentials::of(kept));
    Ok(Some(PendingDelivery { record, cursor, events, is_end, credentials, resent_at }))
}

/// The job behind [`Deliveries::advance_all`]. An `Err` is followed by a rollback.
fn advance(
    connection: &Connection,
    context: &Context,
    held: &Lease,
    moves: &[DeliveryMove],
) -> Result<Recorded, CommitError> {
    if held.queue != Queue::Deliveries || !is_held(connection, held)? {
        return Err(CommitError::Stale);
    }
    let Some((task, name)) = CursorName::parse_key(&held.key) else { return Err(CommitError::Stale) };
    let Some(mut cursor) = stored(connection, task, &name)? else { return Err(CommitError::Stale) };
    let resend = name.resend().map_or(0, |resend| resend.number);
    let text = name.to_string();
    for one in moves {
        if cursor.next_event > cursor.last_event {
            // Only a database changed by hand has such a cursor leased. It waits for the event, as it should have.
            break;
        }
        record(connection, context, &cursor, name.endpoint(), resend, one)?;
        match one.movement {
            CursorMove::Skip | CursorMove::Delivered | CursorMove::Dead => {
                cursor.next_event += 1;
                cursor.next_delivery += i64::from(one.movement != CursorMove::Skip);
                cursor.attempts = 0;
            }
            CursorMove::Retry(_) | CursorMove::Park => cursor.attempts += i64::from(one.attempt.is_some()),
            CursorMove::Disable => {}
        }
    }
    let sql = "UPDATE cursors SET next_event = ?3, next_delivery = ?4, attempts = ?5 WHERE task = ?1 AND endpoint = ?2";
    execute(connection, sql, params![cursor.number, text, cursor.next_event, cursor.next_delivery, cursor.attempts])?;
    let due = match moves.last().map(|last| last.movement) {
        Some(CursorMove::Disable) => {
            resends::end(connection, cursor.number, &held.key, &text)?;
            forget_if_done(connection, &cursor, &name)?;
            return Ok(Recorded::Idle);
        }
        Some(CursorMove::Retry(due)) if cursor.next_event <= cursor.last_event => {
            context.wakes.mark(Queue::Deliveries);
            Some(context.due(due))
        }
        Some(CursorMove::Park) => {
            execute(connection, "UPDATE due SET parked = 1 WHERE queue = 1 AND key = ?1", [&held.key])?;
            None
        }
        _ if cursor.next_event <= cursor.last_event => return Ok(Recorded::More),
        _ if name.resend().is_some() => {
            resends::end(connection, cursor.number, &held.key, &text)?;
            forget_if_done(connection, &cursor, &name)?;
            return Ok(Recorded::Idle);
        }
        _ => {
            forget_if_done(connection, &cursor, &name)?;
            None
        }
    };
    settle(connection, held.queue, &held.key, due)?;
    Ok(Recorded::Idle)
}

/// After a cursor has nothing more to do.
fn forget_if_done(connection: &Connection, cursor: &Stored, name: &CursorName) -> Result<(), StoreError> {
    match *name.endpoint() == EndpointId::of_task() {
        true => credentials::forget_if_done(connection, cursor.number),
        false => Ok(()),
    }
}

/// Writes the state that the delivery has after the move, and the attempt behind it.
fn record(
    connection: &Connection,
    context: &Context,
    cursor: &Stored,
    endpoint: &EndpointId,
    resend: u32,
    one: &DeliveryMove,
) -> Result<(), StoreError> {
    let state = match (one.movement, &one.attempt) {
        (CursorMove::Skip, _) | (CursorMove::Park | CursorMove::Retry(_), None) => return Ok(()),
        (CursorMove::Delivered, _) => DeliveryState::Delivered,
        (CursorMove::Dead | CursorMove::Disable, _) => DeliveryState::Dead,
        (CursorMove::Retry(_) | CursorMove::Park, Some(_)) => DeliveryState::Pending,
    };
    let sql =
        "INSERT INTO deliveries(task, endpoint, delivery, resend, event, state, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT DO UPDATE SET state = excluded.state, at = excluded.at";
    let (number, delivery, event) = (cursor.number, cursor.next_delivery, cursor.next_event);
    let (state, now) = (to_json(&state)?, context.now().as_millis());
    execute(connection, sql, params![number, endpoint.as_str(), delivery, resend, event, state, now])?;
    if let Some(attempt) = &one.attempt {
        let sql = "INSERT INTO attempts(task, endpoint, delivery, resend, attempt) VALUES (?1, ?2, ?3, ?4, ?5)";
        execute(connection, sql, params![number, endpoint.as_str(), delivery, resend, to_json(attempt)?])?;
    }
    Ok(())
}

/// A delivery as it is stored.
struct Row {
    endpoint: String,
    delivery: i64,
    resend: u32,
    event: i64,
    state: String,
    at: i64,
    url: Option<String>,
}

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            endpoint: row.get(0)?,
            delivery: row.get(1)?,
            resend: row.get(2)?,
            event: row.get(3)?,
            state: row.get(4)?,
            at: row.get(5)?,
            url: row.get(6)?,
        })
    }

    fn record(self) -> Result<DeliveryRecord, StoreError> {
        let url = self.url.map(|url| url.parse()).transpose();
        Ok(DeliveryRecord {
            endpoint: self.endpoint.into(),
            delivery: self.delivery.unsigned_abs(),
            resend: self.resend,
            event: self.event.unsigned_abs(),
            state: from_json(&self.state)?,
            at: Timestamp::from_millis(self.at),
            url: url.map_err(|error| StoreError::Corrupt(format!("a stored URL cannot be read: {error}")))?,
            attempts: Vec::new(),
        })
    }
}

/// By the event, then by the endpoint's id: what happened to the first event comes first.
fn deliveries(connection: &Connection, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
    let sql = "SELECT number FROM tasks WHERE id = ?1";
    let Some(number) = first(connection, sql, [task.as_bytes()], |row| row.get::<_, i64>(0))? else {
        return Ok(Vec::new());
    };
    let sql = "SELECT endpoint, delivery, resend, event, state, at, url FROM deliveries
               WHERE task = ?1 ORDER BY event, endpoint, resend";
    let mut records = Vec::new();
    for row in all(connection, sql, [number], Row::read)? {
        let sql = "SELECT attempt FROM attempts
                   WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 AND resend = ?4 ORDER BY number";
        let place = params![number, row.endpoint, row.delivery, row.resend];
        let attempts = all(connection, sql, place, |row| row.get::<_, String>(0))?;
        let mut record = row.record()?;
        record.attempts = attempts.iter().map(|attempt| from_json(attempt)).collect::<Result<_, _>>()?;
        records.push(record);
    }
    Ok(records)
}

const STATES: [DeliveryState; 4] =
    [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Dead, DeliveryState::Resent];

/// Time, task's number, delivery and resend of the last item of a page.
type Place = (i64, i64, i64, i64);

fn place(cursor: &str) -> Option<Place> {
    let mut numbers = cursor.split('.').map(|number| number.parse::<i64>().ok());
    let mut next = || numbers.next().flatten();
    Some((next()?, next()?, next()?, next()?))
}

/// The page behind [`Deliveries::endpoint_deliveries`].
fn endpoint_deliveries(connection: &Connection, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
    let limit = filter.limit.clamp(1, PAGE_MAX);
    let before = match filter.cursor.as_deref().map(place) {
        None => (i64::MAX, i64::MAX, i64::MAX, i64::MAX),
        Some(Some(place)) => place,
        Some(None) => return Ok(Page { items: Vec::new(), next_cursor: None }),
    };
    // One range of the index for each state, merged: their union sorted by the database would read all of them.
    let mut rows: Vec<(Place, TaskId, Row)> = Vec::new();
    for state in STATES.into_iter().filter(|state| filter.state.is_none_or(|wanted| wanted == *state)) {
        let sql =
            "SELECT deliveries.endpoint, deliveries.delivery, deliveries.resend, deliveries.event, deliveries.state,
                          deliveries.at, deliveries.url, deliveries.task, tasks.id
                   FROM deliveries INDEXED BY deliveries_by_endpoint CROSS JOIN tasks ON tasks.number = deliveries.task
                   WHERE deliveries.endpoint = ?1 AND deliveries.endpoint <> 'task' AND deliveries.state = ?2
                     AND deliveries.at >= ?3
                     AND (deliveries.at, deliveries.task, deliveries.delivery, deliveries.resend) < (?4, ?5, ?6, ?7)
                   ORDER BY deliveries.at DESC, deliveries.task DESC, deliveries.delivery DESC, deliveries.resend DESC
                   LIMIT ?8";
        let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
        let one_more = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let state = to_json(&state)?;
        let endpoint = filter.endpoint.as_str();
        let asked = params![endpoint, state, since, before.0, before.1, before.2, before.3, one_more];
        rows.extend(all(connection, sql, asked, |row| {
            let read = Row::read(row)?;
            let place = (read.at, row.get(7)?, read.delivery, i64::from(read.resend));
            Ok((place, task_id(row, 8)?, read))
        })?);
    }
    rows.sort_unstable_by_key(|(place, ..)| std::cmp::Reverse(*place));
    let next_cursor = (rows.len() > limit).then(|| {
        let (at, task, delivery, resend) = rows[limit - 1].0;
        format!("{at}.{task}.{delivery}.{resend}")
    });
    rows.truncate(limit);
    let item = |(_, task, row): (Place, TaskId, Row)| Ok(EndpointDelivery { task, record: row.record()? });
    Ok(Page { items: rows.into_iter().map(item).collect::<Result<_, StoreError>>()?, next_cursor })
}

#[async_trait]
impl Deliveries for SqliteStore {
    async fn pending(&self, held: &Lease, events_max: usize) -> Result<Option<PendingDelivery>, StoreError> {
        let held = held.clone();
        self.readers.read(move |connection| pending(connection, &held, events_max)).await
    }

    async fn advance_all(&self, held: &Lease, moves: Vec<DeliveryMove>) -> Result<Recorded, CommitError> {
        let (context, held) = (self.context(), held.clone());
        let job = move |connection: &Connection| advance(connection, &context, &held, &moves);
        self.writer.run(Durability::Normal, job).await
    }

    async fn credentials(&self, task: TaskId) -> Result<KeptCredentials, StoreError> {
        self.readers.read(move |connection| credentials::credentials(connection, task)).await
    }

    async fn deliveries(&self, task: TaskId) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.readers.read(move |connection| deliveries(connection, task)).await
    }

    async fn endpoint_deliveries(&self, filter: &DeliveryFilter) -> Result<Page<EndpointDelivery>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| endpoint_deliveries(connection, &filter)).await
    }

    async fn resend(&self, new: &NewResend) -> Result<u32, ResendError> {
        let (context, new) = (self.context(), new.clone());
        let job = move |connection: &Connection| resends::resend(connection, &context, &new);
        self.writer.run(Durability::Full, job).await
    }

    async fn unpark(&self, endpoint: &EndpointId) -> Result<u64, StoreError> {
        let (context, lane) = (self.context(), endpoint.as_str().to_owned());
        let job = move |connection: &Connection| {
            let sql = "UPDATE due INDEXED BY due_parked SET due_at = ?2, parked = 0 WHERE lane = ?1 AND parked = 1";
            let unparked = execute(connection, sql, params![lane, context.steady().as_millis()])?;
            if unparked > 0 {
                context.wakes.mark(Queue::Deliveries);
            }
            Ok::<_, StoreError>(unparked as u64)
        };
        self.writer.run(Durability::Normal, job).await
    }
}
