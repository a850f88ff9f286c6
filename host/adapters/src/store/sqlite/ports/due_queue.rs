//! [`DueQueue`]. Due times are by the steady clock; those of callers are times of day.

use super::store::SqliteStore;
use super::{claim, lanes};
use crate::store::sqlite::database::writer::Durability;
use crate::store::sqlite::tables::due;
use async_trait::async_trait;
use morag_core::Timestamp;
use morag_core::ports::{Claim, DueQueue, LaneLimits, Lease, Queue, QueueCounts, StoreError};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

#[async_trait]
impl DueQueue for SqliteStore {
    async fn claim(&self, queue: Queue, max: usize, lease: Duration) -> Result<Claim, StoreError> {
        match queue {
            Queue::Tasks => {
                let context = self.context();
                let job = move |connection: &Connection| claim::claim_tasks(connection, &context, max, lease);
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
            let waits = due::hasten(connection, queue, &key, context.steady())?;
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
            let Some(until) = due::held_until(connection, &held)? else { return Ok(false) };
            let renewed = context.steady().plus(lease);
            due::renew(connection, &held, renewed)?;
            if renewed < until {
                context.wakes.mark(held.queue);
            }
            Ok::<_, StoreError>(true)
        };
        self.writer.run(Durability::Normal, job).await
    }

    async fn release(&self, held: &Lease, due_at: Timestamp) -> Result<bool, StoreError> {
        let (context, held) = (self.context(), held.clone());
        let job = move |connection: &Connection| {
            let is_held = due::is_held(connection, &held)?;
            if is_held {
                due::settle(connection, held.queue, &held.key, Some(context.due(due_at)))?;
                context.wakes.mark(held.queue);
            }
            Ok::<_, StoreError>(is_held)
        };
        self.writer.run(Durability::Normal, job).await
    }

    async fn queue_counts(&self, queue: Queue) -> Result<QueueCounts, StoreError> {
        let now = self.clock.steady();
        self.readers.read(move |connection| due::counts(connection, queue, now)).await
    }

    /// Returns at once while a key is due: a key that entered before the call is read here, one that enters after it ends the wait.
    async fn wait(&self, queue: Queue, at_most: Duration) {
        // Registered here, not at the first poll: so a key that enters while the database is read ends the wait.
        let changed = self.wakes.changed(queue).notified();
        let next: Result<_, StoreError> = self.readers.read(move |connection| due::next_due(connection, queue)).await;
        let pause = match next {
            Ok(Some(due)) => due.since(self.clock.steady()).min(at_most),
            // The caller asks again after `at_most` anyway.
            Ok(None) | Err(_) => at_most,
        };
        // Woken or timed out: the caller looks again either way.
        let _ = tokio::time::timeout(pause, changed).await;
    }

    fn changes(&self, queue: Queue) -> u64 {
        self.wakes.count(queue)
    }

    async fn wait_for_change(&self, queue: Queue, seen: u64, at_most: Duration) {
        let changed = self.wakes.changed(queue).notified();
        if self.wakes.count(queue) == seen {
            // Woken or timed out: the caller looks again either way.
            let _ = tokio::time::timeout(at_most, changed).await;
        }
    }
}
