//! Lists, page by page. A cursor that this store did not give out finds nothing.

use super::query::{all, from_json};
use super::tasks::{status_word, task_id};
use morag_core::Timestamp;
use morag_core::ports::{ListFilter, Page, RecentEvent, StoreError, TaskSummary};
use morag_core::task::{StatusWord, TaskRecord};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Items in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

const STATUSES: [StatusWord; 5] =
    [StatusWord::Pending, StatusWord::InProgress, StatusWord::Completed, StatusWord::Failed, StatusWord::Cancelled];

/// A row more than the page holds: whether there is a next page.
fn one_more(limit: usize) -> i64 {
    i64::try_from(limit + 1).unwrap_or(i64::MAX)
}

fn empty<T>() -> Page<T> {
    Page { items: Vec::new(), next_cursor: None }
}

struct ListRow {
    number: i64,
    record: String,
    status: StatusWord,
    progress_percent: f64,
    live_percent: f64,
    running_step: Option<String>,
}

/// The page behind [`morag_core::ports::Tasks::list`].
pub(super) fn list(connection: &Connection, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
    let limit = filter.limit.clamp(1, PAGE_MAX);
    let before = match filter.cursor.as_deref().map(str::parse::<i64>) {
        None => i64::MAX,
        Some(Ok(number)) => number,
        Some(Err(_)) => return Ok(empty()),
    };
    // One short range of the index for each state, merged: their union sorted by the database would read all of them.
    let mut rows = Vec::new();
    for status in STATUSES.into_iter().filter(|word| filter.statuses.is_empty() || filter.statuses.contains(word)) {
        let sql = "SELECT number, record, status, progress_percent, live_percent, running_step FROM tasks
                   WHERE status = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
        rows.extend(all(connection, sql, params![status.as_str(), before, one_more(limit)], |row| {
            Ok(ListRow {
                number: row.get(0)?,
                record: row.get(1)?,
                status: status_word(row, 2)?,
                progress_percent: row.get(3)?,
                live_percent: row.get(4)?,
                running_step: row.get(5)?,
            })
        })?);
    }
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.number));
    let next_cursor = (rows.len() > limit).then(|| rows[limit - 1].number.to_string());
    rows.truncate(limit);
    Ok(Page { items: rows.iter().map(summary).collect::<Result<_, _>>()?, next_cursor })
}

/// As the fold of the log has it ([`morag_core::task::TaskStatus`]), without reading the log.
fn summary(row: &ListRow) -> Result<TaskSummary, StoreError> {
    let record: TaskRecord = from_json(&row.record)?;
    let running = row.running_step.as_deref().filter(|_| !row.status.is_ended());
    let live = running.and_then(|step| record.pipeline.position(step)).map_or(0.0, |index| {
        let range = record.pipeline.range(index);
        row.live_percent.clamp(range.start, range.end)
    });
    let progress_percent = row.progress_percent.max(live);
    Ok(TaskSummary { record: Arc::new(record), status: row.status, progress_percent })
}

/// The numbers behind [`morag_core::ports::Tasks::counts`]: every state, also those without a task.
pub(super) fn counts(connection: &Connection) -> Result<Vec<(StatusWord, u64)>, StoreError> {
    let kept = all(connection, "SELECT status, tasks FROM status_counts", [], |row| {
        Ok((status_word(row, 0)?, row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    let tasks = |word| kept.iter().find(|(status, _)| *status == word).map_or(0, |(_, tasks)| *tasks);
    Ok(STATUSES.into_iter().map(|word| (word, tasks(word))).collect())
}

/// The page behind [`morag_core::ports::Tasks::recent`]: by the events' time, those of one time in the order of their commit.
pub(super) fn recent(
    connection: &Connection,
    since: Timestamp,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<RecentEvent>, StoreError> {
    let limit = limit.clamp(1, PAGE_MAX);
    let before = match cursor.map(place) {
        None => (i64::MAX, i64::MAX),
        Some(Some(place)) => place,
        Some(None) => return Ok(empty()),
    };
    let sql = "SELECT events.at, events.number, events.event, tasks.id
               FROM events CROSS JOIN tasks ON tasks.number = events.task
               WHERE events.at >= ?1 AND (events.at, events.number) < (?2, ?3)
               ORDER BY events.at DESC, events.number DESC LIMIT ?4";
    let mut rows = all(connection, sql, params![since.as_millis(), before.0, before.1, one_more(limit)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, String>(2)?, task_id(row, 3)?))
    })?;
    let next_cursor = (rows.len() > limit).then(|| format!("{}.{}", rows[limit - 1].0, rows[limit - 1].1));
    rows.truncate(limit);
    let item = |(_, _, event, task): &(i64, i64, String, _)| Ok(RecentEvent { task: *task, event: from_json(event)? });
    Ok(Page { items: rows.iter().map(item).collect::<Result<_, StoreError>>()?, next_cursor })
}

/// A cursor of [`recent`]: the last item's time and number.
fn place(cursor: &str) -> Option<(i64, i64)> {
    let (at, number) = cursor.split_once('.')?;
    Some((at.parse().ok()?, number.parse().ok()?))
}
