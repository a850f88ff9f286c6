//! Lists of tasks and events, page by page. An unknown cursor gives an empty page.

use crate::store::sqlite::database::columns::from_json;
use crate::store::sqlite::tables::{events, summaries};
use morag_core::ports::{ListFilter, Page, RecentEvent, StoreError, TaskSummary};
use morag_core::task::{StatusWord, TenantId};
use morag_core::{PAGE_BYTES_MAX, PageBudget, Timestamp};
use rusqlite::Connection;
use std::ops::ControlFlow;

/// Items in a page, whatever was asked for: what one answer may hold in memory.
const PAGE_MAX: usize = 1000;

fn empty<T>() -> Page<T> {
    Page { items: Vec::new(), next_cursor: None }
}

/// The page behind [`morag_core::ports::Tasks::list`].
pub(crate) fn list(connection: &Connection, filter: &ListFilter) -> Result<Page<TaskSummary>, StoreError> {
    let limit = filter.limit.clamp(1, PAGE_MAX);
    let before = match filter.cursor.as_deref().map(str::parse::<i64>) {
        None => i64::MAX,
        Some(Ok(number)) => number,
        Some(Err(_)) => return Ok(empty()),
    };
    // One short range of the index for each state, merged: their union sorted by the database would read all of them.
    let mut numbers = Vec::new();
    let is_wanted = |word: &StatusWord| filter.statuses.is_empty() || filter.statuses.contains(word);
    for status in StatusWord::ALL.into_iter().filter(is_wanted) {
        // One more than the page holds: whether there is a next page.
        numbers.extend(summaries::numbers(connection, &filter.tenant, status, before, limit + 1)?);
    }
    numbers.sort_unstable_by_key(|number| std::cmp::Reverse(*number));
    let next_cursor = (numbers.len() > limit).then(|| numbers[limit - 1].to_string());
    numbers.truncate(limit);
    let items = numbers.into_iter().map(|number| summaries::item(connection, number));
    Ok(Page { items: items.collect::<Result<_, _>>()?, next_cursor })
}

/// The page behind [`morag_core::ports::Tasks::recent`]: by the events' time, those of one time in the order of their commit.
pub(crate) fn recent(
    connection: &Connection,
    tenant: &TenantId,
    since: Timestamp,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<RecentEvent>, StoreError> {
    let limit = limit.clamp(1, PAGE_MAX);
    let before = match cursor.map(item_of) {
        None => (i64::MAX, i64::MAX),
        Some(Some(item)) => item,
        Some(None) => return Ok(empty()),
    };
    let (mut items, mut last, mut budget) = (Vec::new(), None, PageBudget::new(PAGE_BYTES_MAX));
    let cut = events::recent(connection, tenant, since, before, limit + 1, |row| {
        if items.len() == limit || !budget.takes(row.bytes) {
            return Ok(ControlFlow::Break(()));
        }
        last = Some((row.at, row.number));
        items.push(RecentEvent { task: row.task, event: from_json(&row.event)? });
        Ok(ControlFlow::Continue(()))
    })?;
    let next_cursor = last.filter(|_| cut.is_break()).map(|(at, number)| format!("{at}.{number}"));
    Ok(Page { items, next_cursor })
}

/// A cursor of [`recent`]: the last item's time and number.
fn item_of(cursor: &str) -> Option<(i64, i64)> {
    let (at, number) = cursor.split_once('.')?;
    Some((at.parse().ok()?, number.parse().ok()?))
}
