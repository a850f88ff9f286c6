//! Lists, page by page. A cursor that this store did not give out finds nothing.

use super::connection::store_error;
use super::query::{all, column, each, first, from_json};
use super::summaries::{event_text, summary};
use super::tasks::{status_word, task_id};
use morag_core::ports::{ListFilter, Page, RecentEvent, StoreError, TaskSummary};
use morag_core::task::{StatusWord, TenantId};
use morag_core::{PAGE_BYTES_MAX, PageBudget, Timestamp};
use rusqlite::{Connection, params};
use std::ops::ControlFlow;

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

/// The page behind [`morag_core::ports::Tasks::list`].
pub(super) fn list(connection: &Connection, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
    let limit = filter.limit.clamp(1, PAGE_MAX);
    let before = match filter.cursor.as_deref().map(str::parse::<i64>) {
        None => i64::MAX,
        Some(Ok(number)) => number,
        Some(Err(_)) => return Ok(empty()),
    };
    // One short range of the index for each state, merged: their union sorted by the database would read all of them.
    let mut numbers = Vec::new();
    for status in STATUSES.into_iter().filter(|word| filter.statuses.is_empty() || filter.statuses.contains(word)) {
        let sql = "SELECT number FROM tasks WHERE tenant = ?1 AND status = ?2 AND number < ?3
                   ORDER BY number DESC LIMIT ?4";
        let range = params![filter.tenant.as_str(), status.as_str(), before, one_more(limit)];
        numbers.extend(all(connection, sql, range, |row| row.get::<_, i64>(0))?);
    }
    numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
    let next_cursor = (numbers.len() > limit).then(|| numbers[limit - 1].to_string());
    numbers.truncate(limit);
    let items = numbers.into_iter().map(|number| item(connection, number));
    Ok(Page { items: items.collect::<Result<_, _>>()?, next_cursor })
}

/// As the fold of the log has it ([`morag_core::task::TaskStatus`]), without reading the log or the whole record.
fn item(connection: &Connection, number: i64) -> Result<TaskSummary, StoreError> {
    let sql = "SELECT id, status, progress_percent, live_percent, running_step, summary FROM tasks WHERE number = ?1";
    let found = first(connection, sql, [number], |row| {
        let running: Option<String> = row.get(4)?;
        Ok((
            task_id(row, 0)?,
            status_word(row, 1)?,
            (row.get::<_, f64>(2)?, row.get::<_, f64>(3)?),
            running,
            row.get(5)?,
        ))
    })?;
    // The page is of one state of the database.
    let (task, status, (reached, live), running, stored) =
        found.ok_or_else(|| StoreError::Corrupt("a listed task is not there".into()))?;
    let accepted = summary(connection, number, stored)?;
    let running = running.as_deref().filter(|_| !status.is_ended());
    let progress_percent = accepted.progress_percent(reached, live, running);
    Ok(TaskSummary { task, accepted, status, progress_percent })
}

/// The numbers behind [`morag_core::ports::Tasks::counts`]: every state, also those without a task.
pub(super) fn counts(connection: &Connection) -> Result<Vec<(StatusWord, u64)>, StoreError> {
    let kept = all(connection, "SELECT status, tasks FROM status_counts", [], |row| {
        Ok((status_word(row, 0)?, row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    let tasks = |word| kept.iter().filter(|(status, _)| *status == word).map(|(_, tasks)| *tasks).sum();
    Ok(STATUSES.into_iter().map(|word| (word, tasks(word))).collect())
}

/// The numbers behind [`morag_core::ports::Tasks::counts_of`].
pub(super) fn counts_of(connection: &Connection, tenant: &TenantId) -> Result<Vec<(StatusWord, u64)>, StoreError> {
    let count = |word: StatusWord| {
        let sql = "SELECT tasks FROM status_counts WHERE status = ?1 AND tenant = ?2";
        let tasks = first(connection, sql, params![word.as_str(), tenant.as_str()], |row| row.get::<_, i64>(0))?;
        Ok((word, tasks.unwrap_or(0).unsigned_abs()))
    };
    STATUSES.into_iter().map(count).collect()
}

/// The page behind [`morag_core::ports::Tasks::recent`]: by the events' time, those of one time in the order of their commit.
pub(super) fn recent(
    connection: &Connection,
    tenant: &TenantId,
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
               WHERE events.tenant = ?1 AND events.at >= ?2 AND (events.at, events.number) < (?3, ?4)
               ORDER BY events.at DESC, events.number DESC LIMIT ?5";
    let (mut items, mut last, mut budget) = (Vec::new(), None, PageBudget::new(PAGE_BYTES_MAX));
    let range = params![tenant.as_str(), since.as_millis(), before.0, before.1, one_more(limit)];
    let cut = each(connection, sql, range, |row| {
        let (event, bytes) = event_text(row, 2)?;
        if items.len() == limit || !budget.takes(bytes) {
            return Ok(ControlFlow::Break(()));
        }
        last = Some((column::<i64>(row, 0)?, column::<i64>(row, 1)?));
        items.push(RecentEvent { task: task_id(row, 3).map_err(store_error)?, event: from_json(&event)? });
        Ok(ControlFlow::Continue(()))
    })?;
    let next_cursor = last.filter(|_| cut.is_break()).map(|(at, number)| format!("{at}.{number}"));
    Ok(Page { items, next_cursor })
}

/// A cursor of [`recent`]: the last item's time and number.
fn place(cursor: &str) -> Option<(i64, i64)> {
    let (at, number) = cursor.split_once('.')?;
    Some((at.parse().ok()?, number.parse().ok()?))
}
