//! The due-queue.

use super::keys::{AT_ONCE, Bucket, QueueKeys};
use super::queue_update::QueueUpdate;
use super::scripts;
use super::store::RedisStore;
use super::values::unexpected_reply;
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream;
use morag_core::Timestamp;
use morag_core::ports::{Claim, DueQueue, LaneLimits, Lease, Queue, QueueCounts, StoreError};
use std::time::Duration;

/// Pause where a key should be due and the bucket says it is not: the clock of one Cluster node is behind another's.
const BEHIND: Duration = Duration::from_millis(5);

impl RedisStore {
    /// A time of the store by this process's clock, as callers use it.
    fn by_own_clock(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        self.options.clock.now().plus(due.since(now))
    }
}

#[async_trait]
impl DueQueue for RedisStore {
    async fn claim(&self, queue: Queue, max: usize, lease: Duration) -> Result<Claim, StoreError> {
        match queue {
            Queue::Tasks => {
                self.agenda.note_lease(lease);
                self.refresh(queue).await?;
                let leases = self.claim_tasks(max, lease).await?;
                let now = self.time.now();
                let next_due = self.agenda.of(queue).next_due(now).map(|due| self.by_own_clock(due, now));
                Ok(Claim { leases, next_due })
            }
            Queue::Deliveries => self.claim_deliveries(max, lease, &LaneLimits::default()).await,
        }
    }

    /// Keys of a closed lane are not chosen until it is open again.
    async fn claim_deliveries(&self, max: usize, lease: Duration, limits: &LaneLimits) -> Result<Claim, StoreError> {
        self.agenda.note_lease(lease);
        self.refresh(Queue::Deliveries).await?;
        let (leases, over) = self.claim_cursors(max, lease, limits).await?;
        let now = self.time.now();
        let next = if over { Some(now) } else { self.agenda.of(Queue::Deliveries).next_refresh(now) };
        Ok(Claim { leases, next_due: next.map(|due| self.by_own_clock(due, now)) })
    }

    async fn renew(&self, held: &Lease, lease: Duration) -> Result<bool, StoreError> {
        let Some(bucket) = Bucket::of_key(&held.key) else { return Ok(false) };
        let QueueKeys { due, ready, leases, beside, .. } = self.keys.queue(bucket, held.queue);
        let (now, key, fence) = (self.time.argument(), held.key.clone(), held.fence);
        let call = scripts::Renew { due, ready, leases, beside, now, key, fence, lease };
        let ends: String = self.redis.call(call).await?;
        if let Ok(ends) = ends.parse() {
            self.agenda.of(held.queue).apply(bucket, QueueUpdate::Due(ends));
        }
        Ok(!ends.is_empty())
    }

    async fn release(&self, held: &Lease, due: Timestamp) -> Result<bool, StoreError> {
        let Some(bucket) = Bucket::of_key(&held.key) else { return Ok(false) };
        let delay = self.delay(due);
        let QueueKeys { due, ready, ranks, leases, beside, .. } = self.keys.queue(bucket, held.queue);
        let call = scripts::Release {
            due,
            ready,
            ranks,
            leases,
            beside,
            now: self.time.argument(),
            key: held.key.clone(),
            fence: held.fence,
            delay,
            channel: self.keys.channel(),
            wake: self.wakes.of(held.queue, bucket),
        };
        let update: Result<String, _> = self.redis.call(call).await;
        match update.as_deref() {
            Ok(update) if !update.is_empty() => self.apply_update(held.queue, bucket, update),
            // Not held, or no answer: the same call may have released it before, and its answer was lost.
            _ => self.invalidate(held.queue, bucket),
        }
        Ok(!update?.is_empty())
    }

    async fn queue_counts(&self, queue: Queue) -> Result<QueueCounts, StoreError> {
        let count = |bucket| async move {
            let QueueKeys { due, ready, leases, beside, .. } = self.keys.queue(bucket, queue);
            // A cursor's rank is the time since which it is due.
            let since = if queue == Queue::Tasks { beside } else { ready.clone() };
            let call = scripts::Fullness { due, ready, leases, since, now: self.time.argument() };
            let counts: Vec<u64> = self.redis.call(call).await?;
            <[u64; 4]>::try_from(counts).map_err(|counts| unexpected_reply(&counts))
        };
        let mut counts = stream::iter(Bucket::all().map(count)).buffer_unordered(AT_ONCE);
        let mut sum = QueueCounts::default();
        while let Some(counts) = counts.next().await {
            let [due, leased, later, waited] = counts?;
            sum.due = sum.due.saturating_add(due);
            sum.leased = sum.leased.saturating_add(leased);
            sum.later = sum.later.saturating_add(later);
            sum.oldest_due = sum.oldest_due.max(Duration::from_millis(waited));
        }
        Ok(sum)
    }

    /// Returns at once while a key is known to be due.
    async fn wait(&self, queue: Queue, at_most: Duration) {
        let buckets = self.agenda.of(queue);
        // Registers for notifications before the agenda is read, so that none in between is missed.
        let changed = buckets.changed().notified();
        let now = self.time.now();
        let pause = match buckets.next_due(now) {
            None => at_most,
            Some(due) if due < now => BEHIND,
            Some(due) => due.since(now).min(at_most),
        };
        // Either way it is time to claim.
        let _ = tokio::time::timeout(pause, changed).await;
    }

    async fn hasten(&self, queue: Queue, key: &str) -> Result<bool, StoreError> {
        let Some(bucket) = Bucket::of_key(key) else { return Ok(false) };
        let QueueKeys { due, ready, ranks, leases, beside, .. } = self.keys.queue(bucket, queue);
        let (now, key) = (self.time.argument(), key.to_owned());
        let (channel, wake) = (self.keys.channel(), self.wakes.of(queue, bucket));
        let call = scripts::Hasten { due, ready, ranks, leases, beside, now, key, channel, wake };
        let update: Result<String, _> = self.redis.call(call).await;
        let update = update.inspect_err(|_| self.invalidate(queue, bucket))?;
        self.apply_update(queue, bucket, &update);
        Ok(!update.is_empty())
    }

    fn changes(&self, queue: Queue) -> u64 {
        self.agenda.of(queue).changes()
    }

    async fn wait_for_change(&self, queue: Queue, seen: u64, at_most: Duration) {
        let buckets = self.agenda.of(queue);
        let changed = buckets.changed().notified();
        if buckets.changes() == seen {
            // Either way it is time to claim.
            let _ = tokio::time::timeout(at_most, changed).await;
        }
    }
}
