//! Keys and when they come due (`due`). Due times are by the steady clock ([`super::clocks`]).

use crate::store::sqlite::database::columns::{count, limit};
use crate::store::sqlite::database::query::{all, execute, first};
use morag_core::SteadyTime;
use morag_core::ports::{Lease, Queue, QueueCounts, StoreError};
use morag_core::webhook::CursorName;
use rusqlite::{Connection, Row, params};
use std::time::Duration;

/// A queue as it is stored.
fn number(queue: Queue) -> u8 {
    match queue {
        Queue::Tasks => 0,
        Queue::Deliveries => 1,
    }
}

fn due_time(row: &Row<'_>) -> rusqlite::Result<SteadyTime> {
    row.get(0).map(SteadyTime::from_millis)
}

/// Enters a new task.
pub(crate) fn enter_task(
    connection: &Connection,
    key: &str,
    task: i64,
    due: SteadyTime,
    rank: f64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO due(queue, key, task, due_at, rank) VALUES (0, ?1, ?2, ?3, ?4)";
    execute(connection, sql, params![key, task, due.as_millis(), rank]).map(drop)
}

/// Enters a new cursor, due then; without a time it waits for an event.
pub(crate) fn enter_delivery(
    connection: &Connection,
    key: &str,
    task: i64,
    due: Option<SteadyTime>,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO due(queue, key, task, due_at, lane) VALUES (1, ?1, ?2, ?3, ?4)";
    let lane = CursorName::lane_of_key(key);
    execute(connection, sql, params![key, task, due.map(SteadyTime::as_millis), lane]).map(drop)
}

/// A task's rank among those that wait.
pub(crate) fn rank(connection: &Connection, key: &str) -> Result<Option<f64>, StoreError> {
    let sql = "SELECT rank FROM due WHERE queue = 0 AND key = ?1";
    Ok(first(connection, sql, [key], |row| row.get(0))?.flatten())
}

/// Gives a task that runs again a new rank. `parked` says that it waits until it has begun, which its state does not.
pub(crate) fn enter_again(connection: &Connection, key: &str, rank: f64) -> Result<(), StoreError> {
    let sql = "UPDATE due SET rank = ?2, parked = 1 WHERE queue = 0 AND key = ?1";
    execute(connection, sql, params![key, rank]).map(drop)
}

/// A task that runs again has begun.
pub(crate) fn begin_again(connection: &Connection, key: &str) -> Result<(), StoreError> {
    execute(connection, "UPDATE due SET parked = 0 WHERE queue = 0 AND key = ?1", [key]).map(drop)
}

/// Deletes a cursor's key: no event makes it due again, and no lease of it is held.
pub(crate) fn remove_delivery(connection: &Connection, key: &str) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM due WHERE queue = 1 AND key = ?1", [key]).map(drop)
}

/// When the lease runs out, if it is the key's last and was not given back.
pub(crate) fn held_until(connection: &Connection, held: &Lease) -> Result<Option<SteadyTime>, StoreError> {
    let Ok(fence) = i64::try_from(held.fence) else { return Ok(None) };
    let sql = "SELECT due_at FROM due WHERE queue = ?1 AND key = ?2 AND leased = 1 AND fence = ?3";
    first(connection, sql, params![number(held.queue), held.key, fence], due_time)
}

/// Whether the lease is the key's last and was not given back.
pub(crate) fn is_held(connection: &Connection, held: &Lease) -> Result<bool, StoreError> {
    Ok(held_until(connection, held)?.is_some())
}

/// Makes a held lease last until then.
pub(crate) fn renew(connection: &Connection, held: &Lease, until: SteadyTime) -> Result<(), StoreError> {
    let sql = "UPDATE due SET due_at = ?3 WHERE queue = ?1 AND key = ?2";
    execute(connection, sql, params![number(held.queue), held.key, until.as_millis()]).map(drop)
}

/// Ends the key's lease, if there is one; the key is due then, or has no due time.
pub(crate) fn settle(
    connection: &Connection,
    queue: Queue,
    key: &str,
    due: Option<SteadyTime>,
) -> Result<(), StoreError> {
    let sql = "UPDATE due SET due_at = ?3, leased = 0 WHERE queue = ?1 AND key = ?2";
    execute(connection, sql, params![number(queue), key, due.map(SteadyTime::as_millis)]).map(drop)
}

/// Makes a key due now that has a due time and is not leased. Returns whether there was one.
pub(crate) fn hasten(connection: &Connection, queue: Queue, key: &str, now: SteadyTime) -> Result<bool, StoreError> {
    let sql = "UPDATE due SET due_at = min(due_at, ?3)
               WHERE queue = ?1 AND key = ?2 AND due_at IS NOT NULL AND leased = 0";
    Ok(execute(connection, sql, params![number(queue), key, now.as_millis()])? > 0)
}

/// Makes the waiting cursors of a task due (`CursorState::is_woken_by_event`). Returns whether there were any.
pub(crate) fn wake_cursors(connection: &Connection, task: i64, now: SteadyTime) -> Result<bool, StoreError> {
    // Without the hint the planner takes the primary key and reads every cursor.
    let sql = "UPDATE due INDEXED BY due_by_task SET due_at = ?2
               WHERE task = ?1 AND queue = 1 AND due_at IS NULL AND parked = 0";
    Ok(execute(connection, sql, params![task, now.as_millis()])? > 0)
}

/// Parks a cursor.
pub(crate) fn park(connection: &Connection, key: &str) -> Result<(), StoreError> {
    let sql = "UPDATE due SET due_at = NULL, leased = 0, parked = 1 WHERE queue = 1 AND key = ?1";
    execute(connection, sql, [key]).map(drop)
}

/// Makes the parked cursors of a lane due (`CursorState::is_woken_by_endpoint`). Returns how many there were.
pub(crate) fn unpark(connection: &Connection, lane: &str, now: SteadyTime) -> Result<usize, StoreError> {
    let sql = "UPDATE due INDEXED BY due_parked SET due_at = ?2, parked = 0 WHERE lane = ?1 AND parked = 1";
    execute(connection, sql, params![lane, now.as_millis()])
}

/// Deletes the keys of a task.
pub(crate) fn delete_of_task(connection: &Connection, task: i64) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM due WHERE task = ?1", [task]).map(drop)
}

/// The queue's earliest due time.
pub(crate) fn next_due(connection: &Connection, queue: Queue) -> Result<Option<SteadyTime>, StoreError> {
    let sql = "SELECT due_at FROM due WHERE queue = ?1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";
    first(connection, sql, [number(queue)], due_time)
}

/// The earliest due time of deliveries after now.
pub(crate) fn next_delivery_after(connection: &Connection, now: SteadyTime) -> Result<Option<SteadyTime>, StoreError> {
    let sql = "SELECT due_at FROM due WHERE queue = 1 AND due_at > ?1 ORDER BY due_at LIMIT 1";
    first(connection, sql, [now.as_millis()], due_time)
}

/// A key that may be taken, with its last fence.
pub(crate) type Free = (String, i64);

fn free(row: &Row<'_>) -> rusqlite::Result<Free> {
    Ok((row.get(0)?, row.get(1)?))
}

/// Due tasks in the order of their ranks. Rows passed over are leased or due later: tasks that were claimed before, so their ranks
/// are low, and they are as few as the workers have in hand, however many tasks wait behind them.
pub(crate) fn due_tasks(connection: &Connection, now: SteadyTime, max: usize) -> Result<Vec<Free>, StoreError> {
    let sql = "SELECT key, fence FROM due INDEXED BY due_by_rank
               WHERE queue = 0 AND rank IS NOT NULL AND due_at <= ?1 ORDER BY rank, task LIMIT ?2";
    all(connection, sql, params![now.as_millis(), limit(max)], free)
}

/// Due deliveries, oldest first.
pub(crate) fn due_deliveries(connection: &Connection, now: SteadyTime, max: usize) -> Result<Vec<Free>, StoreError> {
    let sql = "SELECT key, fence FROM due WHERE queue = 1 AND due_at <= ?1 ORDER BY due_at, task LIMIT ?2";
    all(connection, sql, params![now.as_millis(), limit(max)], free)
}

/// Due deliveries of a lane, oldest first.
pub(crate) fn due_of_lane(
    connection: &Connection,
    lane: &str,
    now: SteadyTime,
    max: usize,
) -> Result<Vec<Free>, StoreError> {
    let sql = "SELECT key, fence FROM due WHERE lane = ?1 AND due_at <= ?2
               ORDER BY due_at, task LIMIT ?3";
    all(connection, sql, params![lane, now.as_millis(), limit(max)], free)
}

/// The next lane in the order of names that has a key with a due time, and the earliest of these.
pub(crate) fn next_lane(connection: &Connection, after: &str) -> Result<Option<(String, SteadyTime)>, StoreError> {
    let sql = "SELECT lane, due_at FROM due WHERE lane > ?1 AND due_at IS NOT NULL ORDER BY lane, due_at LIMIT 1";
    first(connection, sql, [after], |row| Ok((row.get(0)?, row.get(1).map(SteadyTime::from_millis)?)))
}

/// Takes a key under a lease.
pub(crate) fn take(
    connection: &Connection,
    queue: Queue,
    (key, fence): Free,
    until: SteadyTime,
) -> Result<Lease, StoreError> {
    let fence = fence + 1;
    let sql = "UPDATE due SET due_at = ?3, leased = 1, fence = ?4 WHERE queue = ?1 AND key = ?2";
    execute(connection, sql, params![number(queue), key, until.as_millis(), fence])?;
    Ok(Lease { queue, key, fence: fence.unsigned_abs() })
}

/// How full a queue is.
pub(crate) fn counts(connection: &Connection, queue: Queue, now: SteadyTime) -> Result<QueueCounts, StoreError> {
    let sql = "SELECT count(*) FILTER (WHERE due_at <= ?2),
                      count(*) FILTER (WHERE due_at > ?2 AND leased = 1),
                      count(*) FILTER (WHERE due_at > ?2 AND leased = 0),
                      min(due_at)
               FROM due WHERE queue = ?1 AND due_at IS NOT NULL";
    let counts = first(connection, sql, params![number(queue), now.as_millis()], |row| {
        let oldest = row.get::<_, Option<i64>>(3)?.map(SteadyTime::from_millis);
        let oldest_due = oldest.map_or(Duration::ZERO, |due| now.since(due));
        Ok(QueueCounts { due: count(row, 0)?, leased: count(row, 1)?, later: count(row, 2)?, oldest_due })
    })?;
    Ok(counts.unwrap_or_default())
}

/// Moves every due time, milliseconds. All of them by the same, so that they keep their order. Reads the whole queue: once a start.
pub(crate) fn shift_all(connection: &Connection, shift: i64) -> Result<(), StoreError> {
    execute(connection, "UPDATE due SET due_at = due_at + ?1 WHERE due_at IS NOT NULL", [shift]).map(drop)
}

/// Makes every leased key due. Reads the whole queue: once a start.
pub(crate) fn end_leases(connection: &Connection, now: SteadyTime) -> Result<(), StoreError> {
    let sql = "UPDATE due SET due_at = ?1, leased = 0 WHERE leased = 1 AND due_at IS NOT NULL";
    execute(connection, sql, [now.as_millis()]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::tables::schema::new_database;
    use crate::store::sqlite::tables::tasks;
    use morag_core::Timestamp;
    use morag_core::store_policy::{CursorState, may_expire};
    use morag_core::task::StatusWord;

    const KEY: &str = "00000000-0000-0000-0000-000000000001/ep_a";

    /// A database with a task, and a cursor in this state.
    fn database(status: StatusWord, cursor: CursorState) -> Connection {
        let connection = new_database();
        let ended_at = status.is_ended().then_some(1);
        let sql =
            "INSERT INTO tasks(number, id, record, status, progress_percent, live_percent, last_sequence, ended_at)
                   VALUES (1, zeroblob(16), '', ?1, 0, 0, 0, ?2)";
        execute(&connection, sql, params![status.as_str(), ended_at]).unwrap();
        enter_delivery(&connection, KEY, 1, None).unwrap();
        match cursor {
            CursorState::Due => settle(&connection, Queue::Deliveries, KEY, Some(SteadyTime::from_millis(50))).unwrap(),
            CursorState::Waiting => {}
            CursorState::Parked => park(&connection, KEY).unwrap(),
        }
        connection
    }

    #[test]
    fn statements_take_the_cursors_that_the_policy_names() {
        let now = SteadyTime::from_millis(9);
        for cursor in CursorState::ALL {
            let woken = wake_cursors(&database(StatusWord::InProgress, cursor), 1, now).unwrap();
            assert_eq!(woken, cursor.is_woken_by_event(), "{cursor:?}");
            let unparked = unpark(&database(StatusWord::InProgress, cursor), "ep_a", now).unwrap();
            assert_eq!(unparked > 0, cursor.is_woken_by_endpoint(), "{cursor:?}");
            for status in StatusWord::ALL {
                let expired = tasks::expired(&database(status, cursor), Timestamp::from_millis(2), 10).unwrap();
                assert_eq!(!expired.is_empty(), may_expire(status, [cursor]), "{status:?} {cursor:?}");
            }
        }
    }

    #[test]
    fn a_parked_cursor_that_is_woken_is_due_and_waits_for_no_endpoint_any_more() {
        let (connection, now) = (database(StatusWord::InProgress, CursorState::Parked), SteadyTime::from_millis(9));
        assert_eq!(next_due(&connection, Queue::Deliveries).unwrap(), None);
        assert_eq!(unpark(&connection, "ep_a", now).unwrap(), 1);
        assert_eq!(next_due(&connection, Queue::Deliveries).unwrap(), Some(now));
        assert_eq!(unpark(&connection, "ep_a", now).unwrap(), 0);
    }
}
