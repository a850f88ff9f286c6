//! Which of the 256 buckets have something due, as this process knows it without asking Redis.
//!
//! A bucket never counts as emptier than it is for longer than until the next refresh of all buckets: an update that arrives during a
//! call is not overwritten by the call's older answer.

use super::due_cursors::{DueCursors, Listing, Selection};
use super::keys::{BUCKETS, Bucket};
use super::queue_update::QueueUpdate;
use morag_core::Timestamp;
use morag_core::ports::LaneLimits;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// After a failed call, a bucket is not asked for this long: its node may be unavailable, and waiting callers would ask it again and
/// again.
const AVOIDED_FOR: Duration = Duration::from_secs(1);

/// The state of a bucket, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
struct BucketState {
    /// Lowest rank of a task that is due.
    ready: Option<f64>,
    /// When the next comes due, milliseconds.
    due: Option<f64>,
    /// It must be refreshed.
    is_stale: bool,
    /// Number of updates so far: an answer is out of date where it has changed during the call.
    updates: u64,
    /// A call has failed: the bucket is not asked before.
    avoided_until: Option<Instant>,
}

impl BucketState {
    fn is_avoided(&self) -> bool {
        self.avoided_until.is_some_and(|until| Instant::now() < until)
    }
}

/// The state of all buckets of a queue.
struct State {
    buckets: [BucketState; BUCKETS],
    cursors: DueCursors,
}

/// What is due in the buckets of one queue.
pub(super) struct QueueAgenda {
    state: Mutex<State>,
    changed: Notify,
    changes: AtomicU64,
}

/// A call on a bucket that has begun.
#[derive(Debug, Clone, Copy)]
pub(super) struct BucketCall {
    pub(super) bucket: Bucket,
    updates: u64,
}

impl QueueAgenda {
    /// An agenda that knows nothing.
    pub(super) fn new() -> Self {
        let unknown = BucketState { is_stale: true, ..BucketState::default() };
        let state = State { buckets: [unknown; BUCKETS], cursors: DueCursors::new() };
        Self { state: Mutex::new(state), changed: Notify::new(), changes: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// Applies an update, and wakes waiting callers.
    pub(super) fn apply(&self, bucket: Bucket, update: QueueUpdate) {
        let is_earlier = {
            let mut state = self.state();
            let State { buckets, cursors } = &mut *state;
            let next = buckets.iter().filter_map(|bucket| bucket.due).min_by(f64::total_cmp);
            // Waiting callers know when the next key comes due.
            let is_earlier = !matches!(update, QueueUpdate::Due(at) if next.is_some_and(|next| next <= at));
            let state = &mut buckets[usize::from(bucket.0)];
            state.updates += 1;
            match update {
                QueueUpdate::Ready(rank) => state.ready = lower(state.ready, Some(rank)),
                QueueUpdate::Cursors(since, keys) => {
                    for key in &keys {
                        state.is_stale |= !cursors.add(bucket, key, since);
                    }
                }
                QueueUpdate::Due(at) => state.due = lower(state.due, Some(at)),
                QueueUpdate::Unknown => state.is_stale = true,
            }
            is_earlier
        };
        if is_earlier {
            self.wake();
        }
    }

    /// Marks every bucket as stale: all are refreshed before the next claim.
    pub(super) fn invalidate_all(&self) {
        for bucket in &mut self.state().buckets {
            bucket.is_stale = true;
            // The answer to a call in progress may be older than this.
            bucket.updates += 1;
        }
        self.wake();
    }

    /// A call on a bucket has failed: the bucket is unknown, and is not asked for a while.
    pub(super) fn fail(&self, bucket: Bucket) {
        let mut state = self.state();
        let State { buckets, cursors } = &mut *state;
        let state = &mut buckets[usize::from(bucket.0)];
        cursors.clear(bucket);
        (state.ready, state.is_stale, state.avoided_until) = (None, true, Some(Instant::now() + AVOIDED_FOR));
    }

    /// A call on a bucket begins.
    pub(super) fn begin_call(&self, bucket: Bucket) -> BucketCall {
        BucketCall { bucket, updates: self.state().buckets[usize::from(bucket.0)].updates }
    }

    /// A call on tasks has ended. `ready`: the lowest rank that is due; `due`: when the next key comes due.
    pub(super) fn end_call(&self, call: BucketCall, ready: Option<f64>, due: Option<f64>) {
        let mut state = self.state();
        let bucket = &mut state.buckets[usize::from(call.bucket.0)];
        let is_current = bucket.updates == call.updates;
        (bucket.ready, bucket.due) = match is_current {
            true => (ready, due),
            // There was an update during the call. Which of the two is newer is unknown, so both may hold.
            false => (lower(bucket.ready, ready), lower(bucket.due, due)),
        };
        bucket.is_stale &= !is_current;
        bucket.avoided_until = None;
    }

    /// A call on cursors has ended: some were taken, some were not due any more, and the bucket may have listed its due cursors. `due`:
    /// when the next key comes due.
    pub(super) fn end_take(
        &self,
        call: BucketCall,
        due: Option<f64>,
        (taken, missing): (&[Arc<str>], &[Arc<str>]),
        listing: Option<Listing>,
    ) {
        let mut state = self.state();
        let State { buckets, cursors } = &mut *state;
        let state = &mut buckets[usize::from(call.bucket.0)];
        let is_current = state.updates == call.updates;
        state.due = if is_current { due } else { lower(state.due, due) };
        state.avoided_until = None;
        for key in taken.iter().chain(missing) {
            cursors.remove(call.bucket, key);
        }
        // A cursor that was missing may have come due again with the update.
        state.is_stale |= !is_current && !missing.is_empty();
        if let Some(listing) = listing {
            if is_current {
                cursors.clear(call.bucket);
                state.is_stale = false;
            }
            state.is_stale |= !cursors.add_listing(call.bucket, listing);
        }
    }

    /// Buckets to refresh: stale ones, and those where a key has come due since.
    pub(super) fn stale(&self, now: Timestamp) -> Vec<Bucket> {
        let now = now.as_millis() as f64;
        let state = self.state();
        Bucket::all()
            .filter(|bucket| {
                let bucket = &state.buckets[usize::from(bucket.0)];
                (bucket.is_stale || bucket.due.is_some_and(|due| due <= now)) && !bucket.is_avoided()
            })
            .collect()
    }

    /// Buckets with tasks that are due, lowest rank first.
    pub(super) fn ready(&self) -> Vec<(Bucket, f64)> {
        let state = self.state();
        let mut ready: Vec<_> =
            Bucket::all().filter_map(|bucket| Some((bucket, state.buckets[usize::from(bucket.0)].ready?))).collect();
        drop(state);
        ready.sort_by(|one, other| one.1.total_cmp(&other.1));
        ready
    }

    /// Whether a key is known to be due.
    pub(super) fn has_ready(&self) -> bool {
        let state = self.state();
        !state.cursors.is_empty() || state.buckets.iter().any(|bucket| bucket.ready.is_some())
    }

    /// [`DueCursors::choose`].
    pub(super) fn choose(
        &self,
        max: usize,
        limits: &LaneLimits,
        taken: &HashMap<String, usize>,
        held: &HashSet<String>,
    ) -> (Selection, bool) {
        self.state().cursors.choose(max, limits, taken, held)
    }

    /// [`DueCursors::unlisted`].
    pub(super) fn unlisted(&self, bucket: Bucket) -> (bool, String) {
        self.state().cursors.unlisted(bucket)
    }

    /// When to claim next: now where a key is due or a bucket is stale, else when the next key comes due.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        match self.has_ready() {
            true => Some(now),
            false => self.next_refresh(now),
        }
    }

    /// The same without keys that are known to be due.
    pub(super) fn next_refresh(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        let of = |bucket: &BucketState| {
            let due = bucket.due.map(|due| Timestamp::from_millis(due as i64));
            let due = if bucket.is_stale { Some(now) } else { due };
            // Not before the bucket is asked again.
            let avoided = bucket.avoided_until.map(|until| now.plus(until.saturating_duration_since(Instant::now())));
            due.map(|due| avoided.map_or(due, |until| until.max(due)))
        };
        state.buckets.iter().filter_map(of).min()
    }

    /// Notified when an earlier key is known than before.
    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    /// How often that was notified.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

/// The lower of two numbers that may be unknown.
fn lower(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1000);

    fn refreshed() -> QueueAgenda {
        let buckets = QueueAgenda::new();
        for bucket in Bucket::all() {
            buckets.end_call(buckets.begin_call(bucket), None, None);
        }
        buckets
    }

    #[test]
    fn every_bucket_is_stale_at_first() {
        let buckets = QueueAgenda::new();
        assert_eq!(buckets.stale(NOON).len(), BUCKETS);
        assert_eq!(buckets.next_due(NOON), Some(NOON));
        assert_eq!((refreshed().stale(NOON).len(), refreshed().next_due(NOON)), (0, None));
    }

    #[test]
    fn an_update_outlives_an_older_answer() {
        let buckets = refreshed();
        let call = buckets.begin_call(Bucket(7));
        buckets.apply(Bucket(7), QueueUpdate::Ready(3.0));
        buckets.end_call(call, None, None);
        assert_eq!(buckets.ready(), [(Bucket(7), 3.0)]);
        buckets.end_call(buckets.begin_call(Bucket(7)), None, None);
        assert_eq!(buckets.ready(), []);
    }

    #[test]
    fn invalidation_outlives_an_older_answer() {
        let buckets = refreshed();
        let call = buckets.begin_call(Bucket(7));
        buckets.invalidate_all();
        buckets.end_call(call, None, None);
        assert!(buckets.stale(NOON).contains(&Bucket(7)));
        buckets.end_call(buckets.begin_call(Bucket(7)), None, None);
        assert!(!buckets.stale(NOON).contains(&Bucket(7)));
        buckets.apply(Bucket(7), QueueUpdate::Unknown);
        assert_eq!(buckets.stale(NOON), Bucket::all().collect::<Vec<_>>());
    }

    #[test]
    fn the_lowest_rank_comes_first_and_the_next_due_time_is_known() {
        let buckets = refreshed();
        buckets.apply(Bucket(9), QueueUpdate::Ready(2.5));
        buckets.apply(Bucket(1), QueueUpdate::Ready(2.0));
        buckets.apply(Bucket(9), QueueUpdate::Ready(4.0));
        assert_eq!(buckets.ready(), [(Bucket(1), 2.0), (Bucket(9), 2.5)]);
        let buckets = refreshed();
        buckets.apply(Bucket(1), QueueUpdate::Due(1500.0));
        buckets.apply(Bucket(2), QueueUpdate::Due(1200.0));
        assert_eq!(buckets.next_due(NOON), Some(Timestamp::from_millis(1200)));
        assert_eq!(buckets.stale(Timestamp::from_millis(1200)), [Bucket(2)]);
    }

    #[test]
    fn a_bucket_whose_call_failed_is_not_ready_and_not_asked_at_once() {
        let buckets = refreshed();
        buckets.apply(Bucket(7), QueueUpdate::Ready(1.0));
        buckets.apply(Bucket(9), QueueUpdate::Ready(2.0));
        buckets.fail(Bucket(7));
        assert_eq!(buckets.ready(), [(Bucket(9), 2.0)]);
        assert_eq!(buckets.stale(NOON), []);
        buckets.end_call(buckets.begin_call(Bucket(9)), None, None);
        let again = buckets.next_due(NOON).unwrap();
        assert!(NOON < again && again <= NOON.plus(AVOIDED_FOR), "{again}");
        buckets.end_call(buckets.begin_call(Bucket(7)), None, None);
        assert_eq!(buckets.next_due(NOON), None);
    }

    #[test]
    fn only_earlier_keys_are_changes() {
        let buckets = refreshed();
        let seen = buckets.changes();
        buckets.apply(Bucket(1), QueueUpdate::Due(1500.0));
        assert_eq!(buckets.changes(), seen + 1);
        buckets.apply(Bucket(2), QueueUpdate::Due(1600.0));
        buckets.end_call(buckets.begin_call(Bucket(3)), Some(1.0), None);
        assert_eq!(buckets.changes(), seen + 1, "a later key, and the answer to a call");
        buckets.apply(Bucket(2), QueueUpdate::Due(1400.0));
        buckets.invalidate_all();
        assert_eq!(buckets.changes(), seen + 3);
    }

    #[test]
    fn a_missing_cursor_may_have_come_due_again() {
        let buckets = refreshed();
        let key: Arc<str> = "07000000-0000-4000-8000-000000000000/a".into();
        let update = || buckets.apply(Bucket(7), QueueUpdate::Cursors(5, vec![key.clone()]));
        update();
        let call = buckets.begin_call(Bucket(7));
        update();
        buckets.end_take(call, None, (&[], std::slice::from_ref(&key)), None);
        assert_eq!(buckets.stale(NOON), [Bucket(7)]);
        let listing = Listing { keys: vec![(key.clone(), 5)], ..Listing::default() };
        buckets.end_take(buckets.begin_call(Bucket(7)), None, (&[], &[]), Some(listing));
        assert_eq!((buckets.stale(NOON), buckets.has_ready()), (vec![], true));
        buckets.end_take(buckets.begin_call(Bucket(7)), None, (std::slice::from_ref(&key), &[]), None);
        assert!(!buckets.has_ready());
    }
}
