//! The due-queue.

use super::agenda::{Asked, Hint};
use super::keys::Bucket;
use super::lanes::Listed;
use super::scripts;
use super::store::{RedisStore, strange};
use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream;
use morag_core::Timestamp;
use morag_core::ports::{Claim, DueQueue, LaneLimits, Lease, Queue, QueueCounts, StoreError};
use morag_core::webhook::CursorName;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Buckets asked at once: enough to hide the way to Redis, few enough not to hold up other callers.
pub(super) const AT_ONCE: usize = 32;

/// Keys of a bucket made ready in one call: a script holds up its whole node.
const MADE_READY_MAX: usize = 500;

/// Rounds of one claim of tasks. Each takes a key or finds a bucket empty, of which there are 256; more would mean that others
/// are always faster, and then the caller may as well ask again.
const ROUNDS_MAX: usize = 600;

/// Rounds of one claim of deliveries. The first takes all that is known; another follows where others were faster, or more of
/// a lane was found.
const LANE_ROUNDS_MAX: usize = 8;

/// Oldest due cursors of a bucket that are kept in mind; a refresh brings as many again.
const TOLD: usize = 32;

/// Lanes of a bucket beyond those that one look tells of.
const LANES_TOLD: usize = 256;

/// Pause where a key should be due and the look found that it is not: the clock of a Cluster's node is behind another's.
const BEHIND: Duration = Duration::from_millis(5);

/// What was taken of a bucket.
type Taken = Vec<Lease>;

/// Keys as scripts tell them, each with a number behind it.
fn pairs(told: Vec<String>) -> Result<Vec<(Arc<str>, u64)>, StoreError> {
    let pair = |pair: &[String]| match pair {
        [key, since] => since.parse::<f64>().ok().map(|since| (Arc::from(key.as_str()), since as u64)),
        _ => None,
    };
    told.chunks(2).map(pair).collect::<Option<_>>().ok_or_else(|| strange(&told))
}

impl RedisStore {
    fn queue_keys(&self, bucket: Bucket, queue: Queue) -> [String; 6] {
        let keys = &self.keys;
        [
            keys.due(bucket, queue),
            keys.ready(bucket, queue),
            keys.ranks(bucket, queue),
            keys.leases(bucket, queue),
            keys.fences(bucket, queue),
            keys.beside(bucket, queue),
        ]
    }

    /// Takes up to `max` tasks of a bucket, none with a rank above `limit`, and learns what is left.
    async fn take(&self, asked: Asked, max: usize, limit: Option<f64>, lease: Duration) -> Result<Taken, StoreError> {
        let queue = Queue::Tasks;
        // Drawn, as a cursor's: the count of claims would repeat after a failover that has lost the last of them, and two
        // workers would hold the task.
        let fence = drawn_fence();
        let call = scripts::CLAIM
            .on(self.queue_keys(asked.bucket, queue))
            .arg(self.time.argument())
            .arg(max)
            .arg(lease.as_millis())
            .arg(limit.map_or_else(String::new, |limit| limit.to_string()))
            .arg(MADE_READY_MAX)
            .arg(fence);
        let answer = self.redis.call(call).await;
        let answer = answer.inspect_err(|_| self.agenda.of(queue).failed(asked.bucket));
        let (now, ready, due, taken): (f64, String, String, Vec<String>) = answer?;
        self.time.heard(now);
        self.agenda.of(queue).answered(asked, ready.parse().ok(), due.parse().ok());
        Ok(taken.into_iter().map(|key| Lease { queue, key, fence }).collect())
    }

    /// Takes cursors of a bucket, and learns what is left: where there is more than is known, or `look` says so.
    async fn take_cursors(
        &self,
        bucket: Bucket,
        wanted: &[Arc<str>],
        lease: Duration,
        look: bool,
    ) -> Result<Taken, StoreError> {
        let queue = Queue::Deliveries;
        let buckets = self.agenda.of(queue);
        let (asked, (more, lanes_from)) = (buckets.ask(bucket), buckets.beyond(bucket));
        // Nobody asks how often a cursor was claimed. A fence that is drawn is nobody else's even where a failover has lost the
        // claim before, which a count would repeat; and nothing is left to be forgotten.
        let fence = drawn_fence();
        let [due, ready, _, leases, _, lanes] = self.queue_keys(bucket, queue);
        let mut call = scripts::TAKE
            .on([due, ready, leases, lanes])
            .arg(self.time.argument())
            .arg(lease.as_millis())
            .arg(fence)
            .arg(MADE_READY_MAX)
            .arg(if look || more { TOLD } else { 0 })
            .arg(TOLD)
            .arg(LANES_TOLD)
            .arg(lanes_from);
        for key in wanted {
            call = call.arg(key);
        }
        let answer = self.redis.call::<Vec<redis::Value>>(call).await;
        let answer = answer.inspect_err(|_| buckets.failed(bucket))?;
        let mut parts = answer.into_iter();
        let head: (f64, String, Vec<String>) = part(&mut parts, 3)?;
        let listed: Option<(String, String, Vec<String>)> = match parts.len() {
            0 => None,
            _ => Some(part(&mut parts, 3)?),
        };
        let (now, due, taken) = head;
        self.time.heard(now);
        let listed = match listed {
            None => None,
            Some((more, lanes_from, told)) => Some(Listed { keys: pairs(told)?, more: more == "1", lanes_from }),
        };
        let (taken, missing): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(|key| taken.iter().any(|taken| **taken == **key));
        buckets.took(asked, due.parse().ok(), (&taken, &missing), listed);
        Ok(taken.into_iter().map(|key| Lease { queue, key: key.as_ref().to_owned(), fence }).collect())
    }

    /// Learns what time it is in the store, for a process that claims nothing.
    pub(super) async fn learn_time(&self) -> Result<(), StoreError> {
        let asked = self.agenda.of(Queue::Tasks).ask(Bucket(0));
        self.take(asked, 0, None, Duration::ZERO).await.map(drop)
    }

    /// Looks at the buckets of which it is not known what is due.
    async fn look(&self, queue: Queue) -> Result<(), StoreError> {
        let buckets = self.agenda.of(queue);
        let looks = stream::iter(buckets.to_look_at(self.time.now()).into_iter().map(|bucket| async move {
            match queue {
                Queue::Tasks => self.take(buckets.ask(bucket), 0, None, Duration::ZERO).await,
                Queue::Deliveries => self.take_cursors(bucket, &[], Duration::ZERO, true).await,
            }
        }));
        let (mut looks, mut failure) = (looks.buffer_unordered(AT_ONCE), None);
        while let Some(look) = looks.next().await {
            failure = failure.or(look.err());
        }
        match failure {
            // A node that is away holds up nobody whose work lies on another.
            Some(error) if !buckets.has_ready() => Err(error),
            _ => Ok(()),
        }
    }

    /// Tasks: strictly by rank. As many of the first bucket as come before the second's first.
    async fn claim_tasks(&self, max: usize, lease: Duration) -> Result<Taken, StoreError> {
        let buckets = self.agenda.of(Queue::Tasks);
        let (mut leases, mut failure) = (Taken::new(), None);
        for _ in 0..ROUNDS_MAX {
            // More than was asked for is worked on too: they are claimed.
            let (left, ready) = (max.saturating_sub(leases.len()), buckets.ready());
            let Some((bucket, _)) = ready.first().filter(|_| left > 0) else { break };
            let limit = ready.get(1).map(|(_, rank)| *rank);
            match self.take(buckets.ask(*bucket), left, limit, lease).await {
                Ok(taken) => {
                    // A lease so short that it has run out meanwhile: the new one is the one that holds.
                    leases.retain(|earlier: &Lease| taken.iter().all(|later| later.key != earlier.key));
                    leases.extend(taken);
                }
                // The bucket is out of the way now.
                Err(error) => failure = Some(error),
            }
        }
        // What was taken is worked on, whatever became of the rest.
        match failure {
            Some(error) if leases.is_empty() => Err(error),
            _ => Ok(leases),
        }
    }

    /// Cursors: chosen among those that are known, taken bucket by bucket side by side. Says too whether more could have been.
    async fn claim_cursors(
        &self,
        max: usize,
        lease: Duration,
        limits: &LaneLimits,
    ) -> Result<(Taken, bool), StoreError> {
        let buckets = self.agenda.of(Queue::Deliveries);
        let (mut leases, mut failure) = (Taken::new(), None);
        let (mut of_lane, mut held) = (HashMap::<String, usize>::new(), HashSet::new());
        for _ in 0..LANE_ROUNDS_MAX {
            let (chosen, _) = buckets.choose(max - leases.len(), limits, &of_lane, &held);
            if chosen.is_empty() {
                break;
            }
            let takes = chosen
                .into_iter()
                .map(|(bucket, keys)| async move { self.take_cursors(bucket, &keys, lease, false).await });
            let mut takes = stream::iter(takes).buffer_unordered(AT_ONCE);
            while let Some(taken) = takes.next().await {
                match taken {
                    Ok(taken) => {
                        for lease in taken {
                            *of_lane.entry(CursorName::lane_of_key(&lease.key).to_owned()).or_default() += 1;
                            held.insert(lease.key.clone());
                            leases.push(lease);
                        }
                    }
                    Err(error) => failure = Some(error),
                }
            }
        }
        let (left, over) = buckets.choose(0, limits, &of_lane, &held);
        debug_assert!(left.is_empty(), "none was asked for");
        match failure {
            Some(error) if leases.is_empty() => Err(error),
            _ => Ok((leases, over)),
        }
    }

    /// A time of the store by the caller's clock, as due times are given.
    fn told(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        self.options.clock.now().plus(due.since(now))
    }

    /// Takes in where a script has placed a key.
    pub(super) fn placed(&self, queue: Queue, bucket: Bucket, moved: &str) {
        if let Ok(hint) = moved.parse::<Hint>() {
            self.agenda.of(queue).note(bucket, hint);
        }
    }
}

/// The next parts of an answer.
fn part<T: redis::FromRedisValue>(parts: &mut std::vec::IntoIter<redis::Value>, count: usize) -> Result<T, StoreError> {
    let value = redis::Value::Array(parts.take(count).collect());
    T::from_redis_value(value).map_err(|error| strange(&error))
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
        match queue {
            Queue::Tasks => {
                self.agenda.lease_is(lease);
                self.look(queue).await?;
                let leases = self.claim_tasks(max, lease).await?;
                let now = self.time.now();
                let next_due = self.agenda.of(queue).next_due(now).map(|due| self.told(due, now));
                Ok(Claim { leases, next_due })
            }
            Queue::Deliveries => self.claim_deliveries(max, lease, &LaneLimits::default()).await,
        }
    }

    /// Keys of a closed lane stay where they are: none of them is chosen until it is open again.
    async fn claim_deliveries(&self, max: usize, lease: Duration, limits: &LaneLimits) -> Result<Claim, StoreError> {
        self.agenda.lease_is(lease);
        self.look(Queue::Deliveries).await?;
        let (leases, over) = self.claim_cursors(max, lease, limits).await?;
        let now = self.time.now();
        let next = if over { Some(now) } else { self.agenda.of(Queue::Deliveries).next_look(now) };
        Ok(Claim { leases, next_due: next.map(|due| self.told(due, now)) })
    }

    async fn renew(&self, held: &Lease, lease: Duration) -> Result<bool, StoreError> {
        let Some(bucket) = bucket_of(&held.key) else { return Ok(false) };
        let [due, ready, _, leases, _, beside] = self.queue_keys(bucket, held.queue);
        let call = scripts::RENEW
            .on([due, ready, leases, beside])
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
        let [due_key, ready, ranks, leases, _, beside] = self.queue_keys(bucket, held.queue);
        let call = scripts::RELEASE
            .on([due_key, ready, ranks, leases, beside])
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
            let [due, ready, _, leases, _, beside] = self.queue_keys(bucket, queue);
            // The rank of a cursor is since when it is due.
            let since = if queue == Queue::Tasks { beside } else { ready.clone() };
            let call = scripts::FULLNESS.on([due, ready, leases, since]).arg(self.time.argument());
            let counts: Vec<u64> = self.redis.call(call).await?;
            <[u64; 4]>::try_from(counts).map_err(|counts| strange(&counts))
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

    async fn hasten(&self, queue: Queue, key: &str) -> Result<bool, StoreError> {
        let Some(bucket) = bucket_of(key) else { return Ok(false) };
        let [due, ready, ranks, leases, _, beside] = self.queue_keys(bucket, queue);
        let call = scripts::HASTEN
            .on([due, ready, ranks, leases, beside])
            .arg(self.time.argument())
            .arg(key)
            .arg(self.keys.channel())
            .arg(self.wakes.of(queue, bucket));
        let moved: Result<String, _> = self.redis.call(call).await;
        // Without an answer it may have happened.
        let moved = moved.inspect_err(|_| self.placed(queue, bucket, "u"))?;
        self.placed(queue, bucket, &moved);
        Ok(!moved.is_empty())
    }

    fn changes(&self, queue: Queue) -> u64 {
        self.agenda.of(queue).changes()
    }

    async fn wait_for_change(&self, queue: Queue, seen: u64, at_most: Duration) {
        let buckets = self.agenda.of(queue);
        let changed = buckets.changed().notified();
        if buckets.changes() == seen {
            // Either way it is time to look.
            let _ = tokio::time::timeout(at_most, changed).await;
        }
    }
}
