//! Taking keys of the due-queue under leases, bucket by bucket.

use super::due_cursors::Listing;
use super::keys::{AT_ONCE, Bucket, QueueKeys};
use super::queue_agenda::BucketCall;
use super::scripts;
use super::store::RedisStore;
use super::values::unexpected_reply;
use futures::StreamExt as _;
use futures::stream;
use morag_core::ports::{LaneLimits, Lease, Queue, StoreError};
use morag_core::webhook::CursorName;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Keys of a bucket made ready in one call at most: a script blocks its whole node.
const COLLECTED_MAX: usize = 500;

/// Rounds of one claim of tasks. Each takes a task or finds one of 256 buckets empty; more would mean that other processes are always
/// faster, and then the caller may as well claim again.
const ROUNDS_MAX: usize = 600;

/// Rounds of one claim of deliveries. The first takes all known cursors; another follows where other processes were faster, or where
/// more cursors of a lane were found.
const LANE_ROUNDS_MAX: usize = 8;

/// Oldest due cursors that a bucket lists.
const LISTED_MAX: usize = 32;

/// Further lanes that a bucket lists, with one cursor each.
const LANES_MAX: usize = 256;

/// Keys as scripts list them, each with a number after it.
fn pairs(listed: Vec<String>) -> Result<Vec<(Arc<str>, u64)>, StoreError> {
    let pair = |pair: &[String]| match pair {
        [key, since] => since.parse::<f64>().ok().map(|since| (Arc::from(key.as_str()), since as u64)),
        _ => None,
    };
    listed.chunks(2).map(pair).collect::<Option<_>>().ok_or_else(|| unexpected_reply(&listed))
}

impl RedisStore {
    /// Takes up to `max` tasks of a bucket, none with a rank above `rank_max`, and notes what is left.
    async fn take(
        &self,
        begun: BucketCall,
        max: usize,
        rank_max: Option<f64>,
        lease: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        let queue = Queue::Tasks;
        // Random, as a cursor's: a count of claims would repeat after a failover that has lost the last of them, and two workers would
        // hold the task.
        let fence = random_fence();
        let QueueKeys { due, ready, ranks, leases, fences, beside: since } = self.keys.queue(begun.bucket, queue);
        let now = self.time.argument();
        let collected_max = COLLECTED_MAX;
        let call = scripts::Claim {
            due,
            ready,
            ranks,
            leases,
            fences,
            since,
            now,
            max,
            lease,
            rank_max,
            collected_max,
            fence,
        };
        let answer = self.redis.call(call).await;
        let answer = answer.inspect_err(|_| self.agenda.of(queue).fail(begun.bucket));
        let (now, ready, due, taken): (f64, String, String, Vec<String>) = answer?;
        self.time.observe(now);
        self.agenda.of(queue).end_call(begun, ready.parse().ok(), due.parse().ok());
        Ok(taken.into_iter().map(|key| Lease { queue, key, fence }).collect())
    }

    /// Takes cursors of a bucket, and notes what is left. The bucket lists its due cursors where it has more than are known, or where
    /// `wants_listing` asks for it.
    async fn take_cursors(
        &self,
        bucket: Bucket,
        wanted: &[Arc<str>],
        lease: Duration,
        wants_listing: bool,
    ) -> Result<Vec<Lease>, StoreError> {
        let queue = Queue::Deliveries;
        let buckets = self.agenda.of(queue);
        let (begun, (more, lanes_from)) = (buckets.begin_call(bucket), buckets.unlisted(bucket));
        let fence = random_fence();
        let QueueKeys { due, ready, leases, beside: lanes, .. } = self.keys.queue(bucket, queue);
        let call = scripts::Take {
            due,
            ready,
            leases,
            lanes,
            now: self.time.argument(),
            lease,
            fence,
            collected_max: COLLECTED_MAX,
            wants_listing: wants_listing || more,
            listed_max: LISTED_MAX,
            lanes_max: LANES_MAX,
            lanes_from,
            wanted: wanted.iter().map(|key| key.as_bytes().to_owned()).collect(),
        };
        let answer = self.redis.call::<Vec<redis::Value>>(call).await;
        let answer = answer.inspect_err(|_| buckets.fail(bucket))?;
        let mut parts = answer.into_iter();
        let head: (f64, String, Vec<String>) = part(&mut parts, 3)?;
        let listing: Option<(String, String, Vec<String>)> = match parts.len() {
            0 => None,
            _ => Some(part(&mut parts, 3)?),
        };
        let (now, due, taken) = head;
        self.time.observe(now);
        let listing = match listing {
            None => None,
            Some((more, lanes_from, listed)) => Some(Listing { keys: pairs(listed)?, more: more == "1", lanes_from }),
        };
        let (taken, missing): (Vec<_>, Vec<_>) =
            wanted.iter().cloned().partition(|key| taken.iter().any(|taken| **taken == **key));
        buckets.end_take(begun, due.parse().ok(), (&taken, &missing), listing);
        Ok(taken.into_iter().map(|key| Lease { queue, key: key.as_ref().to_owned(), fence }).collect())
    }

    /// Reads the store's time, for a process that claims nothing.
    pub(super) async fn read_time(&self) -> Result<(), StoreError> {
        let begun = self.agenda.of(Queue::Tasks).begin_call(Bucket(0));
        self.take(begun, 0, None, Duration::ZERO).await.map(drop)
    }

    /// Refreshes the stale buckets.
    pub(super) async fn refresh(&self, queue: Queue) -> Result<(), StoreError> {
        let buckets = self.agenda.of(queue);
        let calls = stream::iter(buckets.stale(self.time.now()).into_iter().map(|bucket| async move {
            match queue {
                Queue::Tasks => self.take(buckets.begin_call(bucket), 0, None, Duration::ZERO).await,
                Queue::Deliveries => self.take_cursors(bucket, &[], Duration::ZERO, true).await,
            }
        }));
        let (mut calls, mut failure) = (calls.buffer_unordered(AT_ONCE), None);
        while let Some(called) = calls.next().await {
            failure = failure.or(called.err());
        }
        match failure {
            // An unavailable node does not stop work that is on another.
            Some(error) if !buckets.has_ready() => Err(error),
            _ => Ok(()),
        }
    }

    /// Claims tasks strictly by rank: of the first bucket, as many as come before the second bucket's first.
    pub(super) async fn claim_tasks(&self, max: usize, lease: Duration) -> Result<Vec<Lease>, StoreError> {
        let buckets = self.agenda.of(Queue::Tasks);
        let (mut leases, mut failure) = (Vec::new(), None);
        for _ in 0..ROUNDS_MAX {
            // Tasks beyond `max` are worked on too: they are claimed.
            let (left, ready) = (max.saturating_sub(leases.len()), buckets.ready());
            let Some((bucket, _)) = ready.first().filter(|_| left > 0) else { break };
            let limit = ready.get(1).map(|(_, rank)| *rank);
            match self.take(buckets.begin_call(*bucket), left, limit, lease).await {
                Ok(taken) => {
                    // A very short lease may have run out meanwhile: then the new one is valid.
                    leases.retain(|earlier: &Lease| taken.iter().all(|later| later.key != earlier.key));
                    leases.extend(taken);
                }
                // The bucket is avoided now.
                Err(error) => failure = Some(error),
            }
        }
        // What was taken is worked on, even where another bucket failed.
        match failure {
            Some(error) if leases.is_empty() => Err(error),
            _ => Ok(leases),
        }
    }

    /// Claims cursors: chooses among the known ones and takes them from their buckets in parallel. Also returns whether more could be
    /// taken.
    pub(super) async fn claim_cursors(
        &self,
        max: usize,
        lease: Duration,
        limits: &LaneLimits,
    ) -> Result<(Vec<Lease>, bool), StoreError> {
        let buckets = self.agenda.of(Queue::Deliveries);
        let (mut leases, mut failure) = (Vec::new(), None);
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
        debug_assert!(left.is_empty(), "max is 0");
        match failure {
            Some(error) if leases.is_empty() => Err(error),
            _ => Ok((leases, over)),
        }
    }
}

/// The next parts of an answer.
fn part<T: redis::FromRedisValue>(parts: &mut std::vec::IntoIter<redis::Value>, count: usize) -> Result<T, StoreError> {
    let value = redis::Value::Array(parts.take(count).collect());
    T::from_redis_value(value).map_err(|error| unexpected_reply(&error))
}

/// A random number above 0 and below 2^53, the integers that Lua represents exactly: no other claim has it. A count would repeat after a
/// failover that has lost the claim before, and would have to be stored and removed for each cursor.
fn random_fence() -> u64 {
    (uuid::Uuid::new_v4().as_u128() as u64 & ((1 << 53) - 1)).max(1)
}
