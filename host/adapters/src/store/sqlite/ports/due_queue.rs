//! The due-queue. Due times are by the steady clock (`clocks`); those of callers are not.

use super::lanes;
use super::query::{all, execute, first};
use super::store::{Context, SqliteStore};
use super::writer::Durability;
use async_trait::async_trait;
use morag_core::ports::{Claim, DueQueue, LaneLimits, Lease, Queue, QueueCounts, StoreError};
use morag_core::webhook::CursorName;
use morag_core::{SteadyTime, Timestamp};
use rusqlite::{Connection, params};
use std::sync::Arc;
use std::time::Duration;

/// How a queue is written in the database.
pub(super) fn number(queue: Queue) -> u8 {
    match queue {
        Queue::Tasks => 0,
        Queue::Deliveries => 1,
    }
}

/// Puts a new task into its queue.
pub(super) fn enter_task(
    connection: &Connection,
    key: &str,
    task: i64,
    due: SteadyTime,
    rank: f64,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO due(queue, key, task, due_at, rank) VALUES (0, ?1, ?2, ?3, ?4)";
    execute(connection, sql, params![key, task, due.as_millis(), rank]).map(drop)
}

/// Gives a new cursor its place: it comes due then, or waits for an event.
pub(super) fn enter_delivery(
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
pub(super) fn rank(connection: &Connection, key: &str) -> Result<Option<f64>, StoreError> {
    let sql = "SELECT rank FROM due WHERE queue = 0 AND key = ?1";
    Ok(first(connection, sql, [key], |row| row.get(0))?.flatten())
}

/// Gives a task that runs again a new rank. It is parked until it has begun, which says that it waits: its status does not.
pub(super) fn enter_again(connection: &Connection, key: &str, rank: f64) -> Result<(), StoreError> {
    let sql = "UPDATE due SET rank = ?2, parked = 1 WHERE queue = 0 AND key = ?1";
    execute(connection, sql, params![key, rank]).map(drop)
}

/// A task that runs again waits no more.
pub(super) fn begin_again(connection: &Connection, key: &str) -> Result<(), StoreError> {
    execute(connection, "UPDATE due SET parked = 0 WHERE queue = 0 AND key = ?1", [key]).map(drop)
}

/// When the lease runs out, if it is the key's last and was not given back.
fn held_until(connection: &Connection, held: &Lease) -> Result<Option<SteadyTime>, StoreError> {
    let Ok(fence) = i64::try_from(held.fence) else { return Ok(None) };
    let sql = "SELECT due_at FROM due WHERE queue = ?1 AND key = ?2 AND leased = 1 AND fence = ?3";
    let params = params![number(held.queue), held.key, fence];
    first(connection, sql, params, |row| row.get(0).map(SteadyTime::from_millis))
}

/// Whether the lease is the key's last and was not given back.
pub(super) fn is_held(connection: &Connection, held: &Lease) -> Result<bool, StoreError> {
    Ok(held_until(connection, held)?.is_some())
}

/// Ends the key's lease, if any; the key comes due then, or waits for nothing.
pub(super) fn settle(
    connection: &Connection,
    queue: Queue,
    key: &str,
    due: Option<SteadyTime>,
) -> Result<(), StoreError> {
    let sql = "UPDATE due SET due_at = ?3, leased = 0 WHERE queue = ?1 AND key = ?2";
    execute(connection, sql, params![number(queue), key, due.map(SteadyTime::as_millis)]).map(drop)
}

/// Makes those cursors of a task due that wait for an event. Says whether there were any.
pub(super) fn rouse(connection: &Connection, task: i64, now: SteadyTime) -> Result<bool, StoreError> {
    // Left alone, the planner takes the primary key and walks every cursor there is.
    let sql = "UPDATE due INDEXED BY due_by_task SET due_at = ?3 WHERE task = ?1 AND queue = ?2 AND due_at IS NULL AND parked = 0";
    Ok(execute(connection, sql, params![task, number(Queue::Deliveries), now.as_millis()])? > 0)
}

fn next_due(connection: &Connection, queue: Queue) -> Result<Option<SteadyTime>, StoreError> {
    let sql = "SELECT due_at FROM due WHERE queue = ?1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";
    first(connection, sql, [number(queue)], |row| row.get(0).map(SteadyTime::from_millis))
}

/// Takes a key under a lease.
pub(super) fn take(
    connection: &Connection,
    queue: Queue,
    key: String,
    fence: i64,
    until: SteadyTime,
) -> Result<Lease, StoreError> {
    let fence = fence + 1;
    let sql = "UPDATE due SET due_at = ?3, leased = 1, fence = ?4 WHERE queue = ?1 AND key = ?2";
    execute(connection, sql, params![number(queue), key, until.as_millis(), fence])?;
    Ok(Lease { queue, key, fence: fence.unsigned_abs() })
}

/// Takes tasks, in the order of ranks. What is passed over on the way is leased or due later: tasks that were claimed before,
/// so their ranks are low, and they are as few as the workers have in hand, however many tasks wait behind them.
fn claim_tasks(connection: &Connection, context: &Context, max: usize, lease: Duration) -> Result<Claim, StoreError> {
    let now = context.steady();
    let due = "SELECT key, fence FROM due INDEXED BY due_by_rank
               WHERE queue = 0 AND rank IS NOT NULL AND due_at <= ?1 ORDER BY rank, task LIMIT ?2";
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let keys = all(connection, due, params![now.as_millis(), limit], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    let until = now.plus(lease);
    let leases: Result<Vec<_>, _> =
        keys.into_iter().map(|(key, fence)| take(connection, Queue::Tasks, key, fence, until)).collect();
    let next_due = next_due(connection, Queue::Tasks)?;
    claimed(connection, context, Queue::Tasks, leases?, next_due)
}

/// What a claim brought, with what it means for others.
pub(super) fn claimed(
    connection: &Connection,
    context: &Context,
    queue: Queue,
    leases: Vec<Lease>,
    next_due: Option<SteadyTime>,
) -> Result<Claim, StoreError> {
    if !leases.is_empty() {
        // The others' next time to look is now the end of these leases, which they could not know of.
        context.wakes.mark(queue);
    }
    context.keep_noted(connection, !leases.is_empty())?;
    Ok(Claim { leases, next_due: next_due.map(|due| context.at(due)) })
}

#[async_trait]
impl DueQueue for SqliteStore {
    async fn claim(&self, queue: Queue, max: usize, lease: Duration) -> Result<Claim, StoreError> {
        match queue {
            Queue::Tasks => {
                let context = self.context();
                let job = move |connection: &Connection| claim_tasks(connection, &context, max, lease);
                self.writer.run(Durability::Normal, job).await
            }
            Queue::Deliveries => self.claim_deliveries(max, lease, &LaneLimits::default()).await,
        }
    }

    async fn claim_deliveries(&self, max: usize, lease: Duration, limits: &LaneLimits) -> Result<Claim, StoreError> {
        let (context, limits, rotor) = (self.context(), limits.clone(), Arc::clone(&self.rotor));
        let job = move |connection: &Connection| lanes::claim(connection, &context, max, lease, &limits, &rotor);
        self.writer.run(Durability::Normal, job).await
    }

    async fn hasten(&self, queue: Queue, key: &str) -> Result<bool, StoreError> {
        let (context, key) = (self.context(), key.to_owned());
        let job = move |connection: &Connection| {
            let sql = "UPDATE due SET due_at = min(due_at, ?3)
                       WHERE queue = ?1 AND key = ?2 AND due_at IS NOT NULL AND leased = 0";
            let waits = execute(connection, sql, params![number(queue), key, context.steady().as_millis()])? > 0;
            if waits {
                context.wakes.mark(queue);
            }
            Ok::<_, StoreError>(waits)
        };
        self.writer.run(Durability::Normal, job).await
    }

    async fn renew(&self, held: &Lease, lease: Duration) -> Result<bool, StoreError> {
        let (context, held) = (self.context(), held.clone());
        let job = move |connection: &Connection| {
            let Some(until) = held_until(connection, &held)? else { return Ok(false) };
            let renewed = context.steady().plus(lease);
            let sql = "UPDATE due SET due_at = ?3 WHERE queue = ?1 AND key = ?2";
            execute(connection, sql, params![number(held.queue), held.key, renewed.as_millis()])?;
            if renewed < until {
                context.wakes.mark(held.queue);
            }
            Ok::<_, StoreError>(true)
        };
        self.writer.run(Durability::Normal, job).await
    }

    async fn release(&self, held: &Lease, due: Timestamp) -> Result<bool, StoreError> {
        let (context, held) = (self.context(), held.clone());
        let job = move |connection: &Connection| {
            let is_held = is_held(connection, &held)?;
            if is_held {
                settle(connection, held.queue, &held.key, Some(context.due(due)))?;
                context.wakes.mark(held.queue);
            }
            Ok::<_, StoreError>(is_held)
        };
        self.writer.run(Durability::Normal, job).await
    }

    async fn queue_counts(&self, queue: Queue) -> Result<QueueCounts, StoreError> {
        let now = self.clock.steady().as_millis();
        let count = move |connection: &Connection| {
            let sql = "SELECT count(*) FILTER (WHERE due_at <= ?2),
                              count(*) FILTER (WHERE due_at > ?2 AND leased = 1),
                              count(*) FILTER (WHERE due_at > ?2 AND leased = 0),
                              min(due_at)
                       FROM due WHERE queue = ?1 AND due_at IS NOT NULL";
            first(connection, sql, params![number(queue), now], |row| {
                let count = |index| row.get::<_, i64>(index).map(i64::unsigned_abs);
                let oldest = row.get::<_, Option<i64>>(3)?.map(SteadyTime::from_millis);
                let oldest_due = oldest.map_or(Duration::ZERO, |due| SteadyTime::from_millis(now).since(due));
                Ok(QueueCounts { due: count(0)?, leased: count(1)?, later: count(2)?, oldest_due })
            })
        };
        Ok(self.readers.read(count).await?.unwrap_or_default())
    }

    /// Returns at once while a key is due: a key that entered before the call is seen by the look, one that enters after it
    /// ends the wait.
    async fn wait(&self, queue: Queue, at_most: Duration) {
        // It counts from here on, not from when it is first polled: so the look below may be old by the time it is read.
        let changed = self.wakes.changed(queue).notified();
        let look: Result<_, StoreError> = self.readers.read(move |connection| next_due(connection, queue)).await;
        let pause = match look {
            Ok(Some(due)) => due.since(self.clock.steady()).min(at_most),
            // A store that cannot be read is asked again when the caller would have asked anyway.
            Ok(None) | Err(_) => at_most,
        };
        // Either way it is time to look.
        let _ = tokio::time::timeout(pause, changed).await;
    }

    fn changes(&self, queue: Queue) -> u64 {
        self.wakes.count(queue)
    }

    async fn wait_for_change(&self, queue: Queue, seen: u64, at_most: Duration) {
        let changed = self.wakes.changed(queue).notified();
        if self.wakes.count(queue) == seen {
            // Either way it is time to look.
            let _ = tokio::time::timeout(at_most, changed).await;
        }
    }
}
