//! All events in the order of their commit: their `number`, which the one writer gives without gaps.

use super::query::{column, each, first, from_json};
use super::store::SqliteStore;
use super::summaries::event_text;
use super::tasks::task_id;
use async_trait::async_trait;
use morag_core::PageBudget;
use morag_core::ports::{FEED_BYTES_MAX, Feed, FeedItem, FeedNext, FeedPage, FeedPosition, FeedWatch, StoreError};
use morag_core::task::{TaskId, TaskRecord};
use rusqlite::Connection;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Events in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

/// Tells those who watch that events were committed. As with [`super::wakes::Wakes`], a job marks and the commit tells.
pub(super) struct FeedChanges {
    marked: AtomicBool,
    changes: watch::Sender<()>,
}

impl Default for FeedChanges {
    fn default() -> Self {
        Self { marked: AtomicBool::new(false), changes: watch::Sender::new(()) }
    }
}

impl FeedChanges {
    /// An event was appended.
    pub(super) fn mark(&self) {
        self.marked.store(true, Ordering::Release);
    }

    /// What was appended can be read now.
    pub(super) fn committed(&self) {
        if self.marked.swap(false, Ordering::AcqRel) {
            self.changes.send_replace(());
        }
    }
}

struct Watch(watch::Receiver<()>);

#[async_trait]
impl FeedWatch for Watch {
    async fn changed(&mut self, at_most: Duration) {
        if let Ok(Err(_)) = tokio::time::timeout(at_most, self.0.changed()).await {
            // The store is closed: there is nothing to come, and nothing to hurry for.
            tokio::time::sleep(at_most).await;
        }
    }
}

/// An event's place: its number, as a moment.
fn position(number: i64, task: TaskId, sequence: i64) -> FeedPosition {
    FeedPosition::after(number.unsigned_abs(), task, sequence.unsigned_abs())
}

fn last(connection: &Connection) -> Result<Option<FeedPosition>, StoreError> {
    let sql = "SELECT events.number, tasks.id, events.sequence
               FROM events CROSS JOIN tasks ON tasks.number = events.task ORDER BY events.number DESC LIMIT 1";
    first(connection, sql, [], |row| Ok(position(row.get(0)?, task_id(row, 1)?, row.get(2)?)))
}

/// The number to read after; none for a position of another store, or of this one before all its events expired: numbers
/// begin anew then.
fn known(connection: &Connection, at: FeedPosition) -> Result<Option<i64>, StoreError> {
    let end = last(connection)?.map_or(0, FeedPosition::moment);
    let Some(number) = i64::try_from(at.moment()).ok().filter(|_| at.moment() <= end) else { return Ok(None) };
    let Some(event) = at.event() else { return Ok(Some(number)) };
    let sql = "SELECT tasks.id, events.sequence
               FROM events CROSS JOIN tasks ON tasks.number = events.task WHERE events.number = ?1";
    let found = first(connection, sql, [number], |row| Ok((task_id(row, 0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
    // One that has expired itself tells nothing of those after it.
    Ok(found.is_none_or(|found| found == event).then_some(number))
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
        let sql = "SELECT record FROM tasks WHERE number = ?1";
        let record = first(connection, sql, [task], |found| found.get::<_, String>(0))?;
        let record = record.ok_or_else(|| StoreError::Corrupt("an event belongs to no task".into()))?;
        let record: Arc<TaskRecord> = Arc::new(from_json(&record)?);
        self.0.insert(task, Arc::clone(&record));
        Ok(record)
    }
}

/// Length of a task's record, bytes.
fn record_bytes(connection: &Connection, task: i64) -> Result<usize, StoreError> {
    let sql = "SELECT octet_length(record) FROM tasks WHERE number = ?1";
    let bytes = first(connection, sql, [task], |row| row.get::<_, i64>(0))?;
    Ok(usize::try_from(bytes.unwrap_or(0)).unwrap_or(usize::MAX))
}

fn since(connection: &Connection, after: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
    let known = known(connection, after)?;
    let begin = known.unwrap_or(0);
    let limit = limit.clamp(1, PAGE_MAX);
    let (mut items, mut records, mut budget) = (Vec::new(), Records::default(), PageBudget::new(FEED_BYTES_MAX));
    // Numbers have no gaps but those of expired tasks.
    let (mut whole, mut due) = (true, begin);
    let sql = "SELECT number, task, sequence, event FROM events WHERE number > ?1 ORDER BY number LIMIT ?2";
    let cut = each(connection, sql, [begin, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        let (number, task): (i64, i64) = (column(row, 0)?, column(row, 1)?);
        let (event, bytes) = event_text(row, 3)?;
        // The bodies that are made of the items have the record's metadata in them, each its own.
        if !budget.takes(bytes.saturating_add(record_bytes(connection, task)?)) {
            return Ok(ControlFlow::Break(()));
        }
        due += 1;
        whole &= number == due;
        let record = records.of(connection, task)?;
        let position = position(number, record.id, column(row, 2)?);
        items.push(FeedItem { position, record, event: from_json(&event)? });
        Ok(ControlFlow::Continue(()))
    })?;
    let unread = if known.is_some() { after } else { FeedPosition::after_all_of(0) };
    Ok(FeedPage {
        position: items.last().map_or(unread, |item| item.position),
        gap: known.is_none() || !whole,
        next: if items.len() == limit || cut.is_break() { FeedNext::Now } else { FeedNext::OnChange },
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
