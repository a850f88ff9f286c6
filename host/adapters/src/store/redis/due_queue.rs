//! The due-queue.

use super::agenda::{Asked, Hint};
use super::keys::Bucket;
use super::scripts;
use super::store::{RedisStore, strange};
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream;
use morag_core::Timestamp;
use morag_core::ports::{Claim, DueQueue, LaneLimits, Lease, Queue, QueueCounts, StoreError};
use std::time::Duration;

/// Buckets asked at once: enough to hide the way to Redis, few enough not to hold up other callers.
pub(super) const AT_ONCE: usize = 32;

/// Keys of a bucket made ready in one call: a script holds up its whole node.
const MADE_READY_MAX: usize = 500;

/// Rounds of one claim. Each takes a key or finds a bucket empty, of which there are 256; more would mean that others are
/// always faster, and then the caller may as well ask again.
const ROUNDS_MAX: usize = 600;

/// Pause where a key should be due and the look found that it is not: the clock of a Cluster's node is behind another's.
const BEHIND: Duration = Duration::from_millis(5);

/// What was taken of a bucket.
type Taken = Vec<Lease>;

impl RedisStore {
    fn queue_keys(&self, bucket: Bucket, queue: Queue) -> [String; 5] {
        let keys = &self.keys;
        [
            keys.due(bucket, queue),
            keys.ready(bucket, queue),
            keys.ranks(bucket, queue),
            keys.leases(bucket, queue),
            keys.fences(bucket, queue),
        ]
    }

    /// Takes up to `max` keys of a bucket, none with a rank above `limit`, and learns what is left.
    async fn take(
        &self,
        asked: Asked,
        queue: Queue,
        max: usize,
        limit: Option<f64>,
        lease: Duration,
    ) -> Result<Taken, StoreError> {
        let call = scripts::CLAIM
            .on(self.queue_keys(asked.bucket, queue))
            .arg(self.time.argument())
            .arg(max)
            .arg(lease.as_millis())
            .arg(limit.map_or_else(String::new, |limit| limit.to_string()))
            .arg(MADE_READY_MAX)
            .arg(match queue {
                // A task's fence says how often it was claimed, and goes with it.
                Queue::Tasks => String::new(),
                // Nobody asks that of a cursor. One that is drawn is nobody else's even where a failover has lost the claim
                // before, which a count would repeat; and nothing is left to be forgotten.
                Queue::Deliveries => drawn_fence().to_string(),
            });
        let (now, ready, due, taken): (f64, String, String, Vec<(String, u64)>) = self.redis.call(call).await?;
        self.time.heard(now);
        self.agenda.of(queue).answered(asked, ready.parse().ok(), due.parse().ok());
        Ok(taken.into_iter().map(|(key, fence)| Lease { queue, key, fence }).collect())
    }

    /// Learns what time it is in the store, for a process that claims nothing.
    pub(super) async fn learn_time(&self) -> Result<(), StoreError> {
        let asked = self.agenda.of(Queue::Tasks).ask(Bucket(0));
        self.take(asked, Queue::Tasks, 0, None, Duration::ZERO).await.map(drop)
    }

    /// Looks at the buckets of which it is not known what is due.
    async fn look(&self, queue: Queue) -> Result<(), StoreError> {
        let buckets = self.agenda.of(queue);
        let looks = stream::iter(buckets.to_look_at(self.time.now()).into_iter().map(|bucket| async move {
            self.take(buckets.ask(bucket), queue, 0, None, Duration::ZERO).await.map(drop)
        }));
        let (mut looks, mut failure) = (looks.buffer_unordered(AT_ONCE), None);
        while let Some(look) = looks.next().await {
            failure = failure.or(look.err());
        }
        match failure {
            // A node that is away holds up nobody whose work lies on another.
            Some(error) if buckets.ready().is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    /// Tasks: strictly by rank. As many of the first bucket as come before the second's first.
    async fn take_in_order(&self, queue: Queue, max: usize, lease: Duration) -> Result<Taken, StoreError> {
        let buckets = self.agenda.of(queue);
        let ready = buckets.ready();
        let Some((bucket, _)) = ready.first() else { return Ok(Vec::new()) };
        let limit = ready.get(1).map(|(_, rank)| *rank);
        self.take(buckets.ask(*bucket), queue, max, limit, lease).await
    }

    /// Deliveries: the oldest of each bucket, all at once. Which of two that are due goes first matters little.
    async fn take_side_by_side(&self, queue: Queue, max: usize, lease: Duration) -> Result<Taken, StoreError> {
        let buckets = self.agenda.of(queue);
        let mut ready = buckets.ready();
        ready.truncate(max);
        let each = max.checked_div(ready.len()).unwrap_or(0);
        let takes = ready.into_iter().map(|(bucket, _)| self.take(buckets.ask(bucket), queue, each, None, lease));
        let mut takes = stream::iter(takes).buffer_unordered(AT_ONCE);
        let (mut taken, mut failure) = (Vec::new(), None);
        while let Some(take) = takes.next().await {
            match take {
                Ok(leases) => taken.extend(leases),
                Err(error) => failure = Some(error),
            }
        }
        // What was taken is worked on, whatever became of the rest.
        match failure {
            Some(error) if taken.is_empty() => Err(error),
            _ => Ok(taken),
        }
    }

    /// Takes in where a script has placed a key.
    pub(super) fn placed(&self, queue: Queue, bucket: Bucket, moved: &str) {
        if let Ok(hint) = moved.parse::<Hint>() {
            self.agenda.of(queue).note(bucket, hint);
        }
    }
}

/// A number that no other claim has: of 2^53, the integers that Lua keeps exactly, above 0.
fn drawn_fence() -> u64 {
    (uuid::Uuid::new_v4().as_u128() as u64 & ((1 << 53) - 1)).max(1)
}

/// The bucket of a key; none where it is no key of ours.
pub(super) fn bucket_of(key: &str) -> Option<Bucket> {
    let task = key.split_once('/').map_or(key, |(task, _)| task);
    task.parse().ok().map(Bucket::of)
}

#[async_trait]
impl DueQueue for RedisStore {
    async fn claim(&self, queue: Queue, max: usize, lease: Duration) -> Result<Claim, StoreError> {
        self.agenda.lease_is(lease);
        let mut leases: Vec<Lease> = Vec::new();
        self.look(queue).await?;
        for _ in 0..ROUNDS_MAX {
            let left = max - leases.len();
            if left == 0 || self.agenda.of(queue).ready().is_empty() {
                break;
            }
            let taken = match queue {
                Queue::Tasks => self.take_in_order(queue, left, lease).await,
                Queue::Deliveries => self.take_side_by_side(queue, left, lease).await,
            };
            match taken {
                Ok(taken) => {
                    // A lease so short that it has run out meanwhile: the new one is the one that holds.
                    leases.retain(|earlier| taken.iter().all(|later| later.key != earlier.key));
                    leases.extend(taken);
                }
                Err(error) if leases.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        let now = self.time.now();
        let next_due = self.agenda.of(queue).next_due(now);
        // By the caller's clock, as due times are given.
        let next_due = next_due.map(|due| self.options.clock.now().plus(due.since(now)));
        Ok(Claim { leases, next_due })
    }

    async fn renew(&self, held: &Lease, lease: Duration) -> Result<bool, StoreError> {
        let Some(bucket) = bucket_of(&held.key) else { return Ok(false) };
        let [due, ready, _, leases, _] = self.queue_keys(bucket, held.queue);
        let call = scripts::RENEW
            .on([due, ready, leases])
            .arg(self.time.argument())
            .arg(&held.key)
            .arg(held.fence)
            .arg(lease.as_millis());
        let ends: String = self.redis.call(call).await?;
        if let Ok(ends) = ends.parse() {
            self.agenda.of(held.queue).note(bucket, Hint::Due(ends));
        }
        Ok(!ends.is_empty())
    }

    async fn release(&self, held: &Lease, due: Timestamp) -> Result<bool, StoreError> {
        let Some(bucket) = bucket_of(&held.key) else { return Ok(false) };
        let [due_key, ready, ranks, leases, _] = self.queue_keys(bucket, held.queue);
        let call = scripts::RELEASE
            .on([due_key, ready, ranks, leases])
            .arg(self.time.argument())
            .arg(&held.key)
            .arg(held.fence)
            .arg(self.delay(due))
            .arg(self.keys.channel())
            .arg(self.wakes.of(held.queue, bucket));
        let moved: Result<String, _> = self.redis.call(call).await;
        // Not held, or no answer: it may have been given back by this very call, whose first answer was lost.
        let known = moved.as_deref().ok().filter(|moved| !moved.is_empty());
        self.placed(held.queue, bucket, known.unwrap_or("u"));
        Ok(!moved?.is_empty())
    }

    async fn queue_counts(&self, queue: Queue) -> Result<QueueCounts, StoreError> {
        let count = |bucket| async move {
            let [due, ready, _, leases, _] = self.queue_keys(bucket, queue);
            let call = scripts::FULLNESS.on([due, ready, leases]).arg(self.time.argument());
            let counts: Vec<u64> = self.redis.call(call).await?;
            <[u64; 3]>::try_from(counts).map_err(|counts| strange(&counts))
        };
        let mut counts = stream::iter(Bucket::all().map(count)).buffer_unordered(AT_ONCE);
        let mut sum = QueueCounts::default();
        while let Some(counts) = counts.next().await {
            let [due, leased, later] = counts?;
            sum.due += due;
            sum.leased += leased;
            sum.later += later;
        }
        Ok(sum)
    }

    /// Returns at once while a key is known to be due.
    async fn wait(&self, queue: Queue, at_most: Duration) {
        let buckets = self.agenda.of(queue);
        // It counts from here on, not from when it is first polled: so what is known below may be old by the time it is read.
        let changed = buckets.changed().notified();
        let now = self.time.now();
        let pause = match buckets.next_due(now) {
            None => at_most,
            Some(due) if due < now => BEHIND,
            Some(due) => due.since(now).min(at_most),
        };
        // Either way it is time to look.
        let _ = tokio::time::timeout(pause, changed).await;
    }

    async fn claim_deliveries(&self, max: usize, lease: Duration, _limits: &LaneLimits) -> Result<Claim, StoreError> {
        self.claim(Queue::Deliveries, max, lease).await
    }

    async fn hasten(&self, _queue: Queue, _key: &str) -> Result<bool, StoreError> {
        Err(StoreError::Unavailable("not on Redis yet".into()))
    }

    fn changes(&self, _queue: Queue) -> u64 {
        0
    }

    async fn wait_for_change(&self, queue: Queue, _seen: u64, at_most: Duration) {
        self.wait(queue, at_most).await;
    }
}
