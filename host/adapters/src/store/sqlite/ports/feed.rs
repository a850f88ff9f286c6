//! [`Feed`]: all events in the order of their commits, which is that of their numbers.

use super::store::SqliteStore;
use crate::store::feed_damage;
use crate::store::sqlite::database::columns::from_json;
use crate::store::sqlite::tables::events::FeedRow;
use crate::store::sqlite::tables::{events, records, tasks};
use async_trait::async_trait;
use morag_core::PageBudget;
use morag_core::ports::{FEED_BYTES_MAX, Feed, FeedItem, FeedNext, FeedPage, FeedPosition, FeedWatch, StoreError};
use morag_core::task::{TaskId, TaskRecord};
use rusqlite::Connection;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

struct Watch(watch::Receiver<()>);

#[async_trait]
impl FeedWatch for Watch {
    async fn changed(&mut self, at_most: Duration) {
        if let Ok(Err(_)) = tokio::time::timeout(at_most, self.0.changed()).await {
            // The store is closed: nothing will come.
            tokio::time::sleep(at_most).await;
        }
    }
}

/// An event's place: its number, as a moment.
fn position(number: i64, task: TaskId, sequence: i64) -> FeedPosition {
    FeedPosition::after(number.unsigned_abs(), task, sequence.unsigned_abs())
}

fn last(connection: &Connection) -> Result<Option<FeedPosition>, StoreError> {
    Ok(events::last(connection)?.map(|(number, task, sequence)| position(number, task, sequence)))
}

/// The number to read after; none for a position of another store, or of this one before all its events expired: numbers
/// begin anew then.
fn known(connection: &Connection, at: FeedPosition) -> Result<Option<i64>, StoreError> {
    let end = events::last_number(connection)?.unsigned_abs();
    let Some(number) = i64::try_from(at.moment()).ok().filter(|_| at.moment() <= end) else { return Ok(None) };
    let Some(event) = at.event() else { return Ok(Some(number)) };
    // An event that has expired itself says nothing of those after it.
    Ok(events::at(connection, number)?.is_none_or(|found| found == event).then_some(number))
}

/// Records of a page's tasks, each read once.
#[derive(Default)]
struct Records(HashMap<i64, Arc<TaskRecord>>);

impl Records {
    /// A task's record.
    fn of(&mut self, connection: &Connection, task: i64) -> Result<Arc<TaskRecord>, StoreError> {
        if let Some(record) = self.0.get(&task) {
            return Ok(Arc::clone(record));
        }
        let record = Arc::new(records::record(connection, task)?);
        self.0.insert(task, Arc::clone(&record));
        Ok(record)
    }
}

/// The item of an event. `bytes`: memory that it takes.
fn item(connection: &Connection, records: &mut Records, row: &FeedRow, bytes: usize) -> Result<FeedItem, StoreError> {
    let (event, _) = row.event.as_ref().map_err(StoreError::clone)?;
    let (record, event) = (records.of(connection, row.task)?, from_json(event)?);
    Ok(FeedItem { position: position(row.number, record.id, row.sequence), record, event, bytes })
}

/// Passes over an event that cannot be read. Returns the position after it.
fn pass(connection: &Connection, row: &FeedRow, error: &str) -> Result<FeedPosition, StoreError> {
    let task = match tasks::id(connection, row.task) {
        Err(StoreError::Corrupt(_)) => None,
        found => found?,
    };
    feed_damage::log(task, row.sequence.unsigned_abs(), error);
    // Of an event without a task, which is damaged too, the number says enough.
    let after_all = || FeedPosition::after_all_of(row.number.unsigned_abs());
    Ok(task.map_or_else(after_all, |task| position(row.number, task, row.sequence)))
}

fn since(connection: &Connection, after: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
    let known = known(connection, after)?;
    let begin = known.unwrap_or(0);
    let limit = limit.clamp(1, PAGE_MAX);
    let (mut items, mut records, mut budget) = (Vec::new(), Records::default(), PageBudget::new(FEED_BYTES_MAX));
    // Numbers have no gaps but those of expired tasks.
    let (mut whole, mut due) = (true, begin);
    let (mut rows, mut reached) = (0, None);
    let cut = events::after(connection, begin, limit, |row| {
        // The bodies that are made of the items have the record's metadata in them, each its own.
        let bytes = row.event.as_ref().map_or(0, |(_, bytes)| *bytes);
        let bytes = bytes.saturating_add(records::bytes(connection, row.task)?);
        if !budget.takes(bytes) {
            return Ok(ControlFlow::Break(()));
        }
        (due, rows) = (due + 1, rows + 1);
        whole &= row.number == due;
        match item(connection, &mut records, &row, bytes) {
            Ok(item) => {
                reached = Some(item.position);
                items.push(item);
            }
            Err(StoreError::Corrupt(error)) => {
                whole = false;
                reached = Some(pass(connection, &row, &error)?);
            }
            Err(error) => return Err(error),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let unread = if known.is_some() { after } else { FeedPosition::after_all_of(0) };
    Ok(FeedPage {
        position: reached.unwrap_or(unread),
        gap: known.is_none() || !whole,
        next: if rows == limit || cut.is_break() { FeedNext::Now } else { FeedNext::OnChange },
        items,
    })
}

#[async_trait]
impl Feed for SqliteStore {
    async fn tail(&self) -> Result<FeedPosition, StoreError> {
        let end = self.readers.read(last).await?;
        Ok(end.unwrap_or_else(|| FeedPosition::after_all_of(0)))
    }

    async fn since(&self, position: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
        self.readers.read(move |connection| since(connection, position, limit)).await
    }

    fn watch(&self) -> Box<dyn FeedWatch> {
        Box::new(Watch(self.wakes.feed.changes.subscribe()))
    }
}
