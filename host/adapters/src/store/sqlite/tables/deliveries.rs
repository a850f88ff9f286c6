//! Deliveries and their attempts (`deliveries`, `attempts`).

use super::cursors::parse_url;
use crate::store::sqlite::database::columns::{from_json, limit, stored, task_id, to_json};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::Timestamp;
use morag_core::ports::{AttemptRecord, DeliveryFilter, DeliveryRecord, DeliveryState, StoreError};
use morag_core::task::TaskId;
use morag_core::webhook::EndpointId;
use rusqlite::{Connection, Row, params};

/// Which delivery of a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeliveryKey<'a> {
    pub(crate) task: i64,
    pub(crate) endpoint: &'a EndpointId,
    pub(crate) delivery: u64,
    /// 0 for the delivery itself, else the number of the resend.
    pub(crate) resend: u32,
}

/// Sets the state of a delivery, which is added with its first.
pub(crate) fn put(
    connection: &Connection,
    key: DeliveryKey<'_>,
    event: u64,
    state: DeliveryState,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO deliveries(task, endpoint, delivery, resend, event, state, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT DO UPDATE SET state = excluded.state, at = excluded.at";
    let DeliveryKey { task, endpoint, delivery, resend } = key;
    let (delivery, event, state, now) = (stored(delivery), stored(event), to_json(&state)?, now.as_millis());
    execute(connection, sql, params![task, endpoint.as_str(), delivery, resend, event, state, now]).map(drop)
}

/// Adds an attempt of a delivery.
pub(crate) fn add_attempt(
    connection: &Connection,
    key: DeliveryKey<'_>,
    attempt: &AttemptRecord,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO attempts(task, endpoint, delivery, resend, attempt) VALUES (?1, ?2, ?3, ?4, ?5)";
    let DeliveryKey { task, endpoint, delivery, resend } = key;
    execute(connection, sql, params![task, endpoint.as_str(), stored(delivery), resend, to_json(attempt)?]).map(drop)
}

/// When a delivery was moved last; none where it is not recorded.
pub(crate) fn moved_at(connection: &Connection, key: DeliveryKey<'_>) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT at FROM deliveries WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 AND resend = ?4";
    let DeliveryKey { task, endpoint, delivery, resend } = key;
    let key = params![task, endpoint.as_str(), stored(delivery), resend];
    first(connection, sql, key, |row| row.get(0).map(Timestamp::from_millis))
}

/// The last resend of a delivery, or the delivery itself: its number, the event, and its state.
pub(crate) fn last_resend(
    connection: &Connection,
    task: i64,
    endpoint: &EndpointId,
    delivery: u64,
) -> Result<Option<(u32, u64, DeliveryState)>, StoreError> {
    let sql = "SELECT resend, event, state FROM deliveries
               WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 ORDER BY resend DESC LIMIT 1";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?));
    let found = first(connection, sql, params![task, endpoint.as_str(), stored(delivery)], read)?;
    found.map(|(resend, event, state)| Ok((resend, event.unsigned_abs(), from_json(&state)?))).transpose()
}

/// Adds a delivery that is made again: it is pending, and what was given up before it is noted as made again.
pub(crate) fn insert_resend(
    connection: &Connection,
    key: DeliveryKey<'_>,
    event: u64,
    now: Timestamp,
    url: Option<&str>,
) -> Result<(), StoreError> {
    let DeliveryKey { task, endpoint, delivery, resend } = key;
    let (delivery, event) = (stored(delivery), stored(event));
    let sql = "UPDATE deliveries SET state = ?5
               WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 AND state = ?4";
    let (dead, resent) = (to_json(&DeliveryState::Dead)?, to_json(&DeliveryState::Resent)?);
    execute(connection, sql, params![task, endpoint.as_str(), delivery, dead, resent])?;
    let sql = "INSERT INTO deliveries(task, endpoint, delivery, resend, event, state, at, url)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (state, now) = (to_json(&DeliveryState::Pending)?, now.as_millis());
    execute(connection, sql, params![task, endpoint.as_str(), delivery, resend, event, state, now, url]).map(drop)
}

/// A delivery as it is stored.
pub(crate) struct DeliveryRow {
    endpoint: String,
    delivery: i64,
    resend: u32,
    event: i64,
    state: String,
    at: i64,
    url: Option<String>,
}

impl DeliveryRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
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

    /// Without its attempts.
    pub(crate) fn record(self) -> Result<DeliveryRecord, StoreError> {
        Ok(DeliveryRecord {
            endpoint: self.endpoint.into(),
            delivery: self.delivery.unsigned_abs(),
            resend: self.resend,
            event: self.event.unsigned_abs(),
            state: from_json(&self.state)?,
            at: Timestamp::from_millis(self.at),
            url: parse_url(self.url.as_deref())?,
            attempts: Vec::new(),
        })
    }
}

/// A task's deliveries with their attempts, by the event, then by the endpoint's id.
pub(crate) fn of_task(connection: &Connection, task: i64) -> Result<Vec<DeliveryRecord>, StoreError> {
    let sql = "SELECT endpoint, delivery, resend, event, state, at, url FROM deliveries
               WHERE task = ?1 ORDER BY event, endpoint, resend";
    let mut records = Vec::new();
    for row in all(connection, sql, [task], DeliveryRow::read)? {
        let sql = "SELECT attempt FROM attempts
                   WHERE task = ?1 AND endpoint = ?2 AND delivery = ?3 AND resend = ?4 ORDER BY number";
        let key = params![task, row.endpoint, row.delivery, row.resend];
        let attempts = all(connection, sql, key, |row| row.get::<_, String>(0))?;
        let mut record = row.record()?;
        record.attempts = attempts.iter().map(|attempt| from_json(attempt)).collect::<Result<_, _>>()?;
        records.push(record);
    }
    Ok(records)
}

/// Order of the deliveries of an endpoint: time of the last move, task's number, delivery and resend.
pub(crate) type DeliveryOrder = (i64, i64, i64, i64);

/// Deliveries of a named endpoint in one state and before an item, those moved last first, at most `max`.
pub(crate) fn of_endpoint(
    connection: &Connection,
    filter: &DeliveryFilter,
    state: DeliveryState,
    before: DeliveryOrder,
    max: usize,
) -> Result<Vec<(DeliveryOrder, TaskId, DeliveryRow)>, StoreError> {
    let sql = "SELECT deliveries.endpoint, deliveries.delivery, deliveries.resend, deliveries.event, deliveries.state,
                deliveries.at, deliveries.url, deliveries.task, tasks.id
         FROM deliveries INDEXED BY deliveries_by_endpoint CROSS JOIN tasks ON tasks.number = deliveries.task
         WHERE deliveries.endpoint = ?1 AND deliveries.endpoint <> 'task' AND deliveries.state = ?2
           AND deliveries.at >= ?3
           AND (deliveries.at, deliveries.task, deliveries.delivery, deliveries.resend) < (?4, ?5, ?6, ?7)
         ORDER BY deliveries.at DESC, deliveries.task DESC, deliveries.delivery DESC, deliveries.resend DESC
         LIMIT ?8";
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let (endpoint, state, max) = (filter.endpoint.as_str(), to_json(&state)?, limit(max));
    let range = params![endpoint, state, since, before.0, before.1, before.2, before.3, max];
    all(connection, sql, range, |row| {
        let read = DeliveryRow::read(row)?;
        let order = (read.at, row.get(7)?, read.delivery, i64::from(read.resend));
        Ok((order, task_id(row, 8)?, read))
    })
}

/// Deletes the deliveries of a task, with their attempts.
pub(crate) fn delete_of_task(connection: &Connection, task: i64) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM attempts WHERE task = ?1", [task])?;
    execute(connection, "DELETE FROM deliveries WHERE task = ?1", [task]).map(drop)
}
