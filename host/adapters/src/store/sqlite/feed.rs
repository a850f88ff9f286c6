//! All events in the order of their commit: their `number`, which the one writer gives without gaps.

use super::query::{all, first, from_json};
use super::store::SqliteStore;
use super::tasks::task_id;
use async_trait::async_trait;
use morag_core::ports::{Feed, FeedItem, FeedNext, FeedPage, FeedPosition, FeedWatch, StoreError};
use morag_core::task::{TaskId, TaskRecord};
use rusqlite::Connection;
use std::collections::HashMap;
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

struct Row {
    number: i64,
    task: i64,
    sequence: i64,
    event: String,
}

fn since(connection: &Connection, after: FeedPosition, limit: usize) -> Result<FeedPage, StoreError> {
    let known = known(connection, after)?;
    let begin = known.unwrap_or(0);
    let limit = limit.clamp(1, PAGE_MAX);
    let sql = "SELECT number, task, sequence, event FROM events WHERE number > ?1 ORDER BY number LIMIT ?2";
    let rows = all(connection, sql, [begin, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok(Row { number: row.get(0)?, task: row.get(1)?, sequence: row.get(2)?, event: row.get(3)? })
    })?;
    // Numbers have no gaps but those of expired tasks.
    let whole = rows.iter().zip(begin + 1..).all(|(row, number)| row.number == number);
    let mut records: HashMap<i64, Arc<TaskRecord>> = HashMap::new();
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        let record = match records.get(&row.task) {
            Some(record) => Arc::clone(record),
            None => {
                let sql = "SELECT record FROM tasks WHERE number = ?1";
                let record = first(connection, sql, [row.task], |found| found.get::<_, String>(0))?;
                let record = record.ok_or_else(|| StoreError::Corrupt("an event belongs to no task".into()))?;
                let record: Arc<TaskRecord> = Arc::new(from_json(&record)?);
                records.insert(row.task, Arc::clone(&record));
                record
            }
        };
        let position = position(row.number, record.id, row.sequence);
        items.push(FeedItem { position, record, event: from_json(&row.event)? });
    }
    let unread = if known.is_some() { after } else { FeedPosition::after_all_of(0) };
    Ok(FeedPage {
        position: items.last().map_or(unread, |item| item.position),
        gap: known.is_none() || !whole,
        next: if items.len() == limit { FeedNext::Now } else { FeedNext::OnChange },
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
