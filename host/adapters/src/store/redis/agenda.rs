//! Which bucket has something due: what this process knows of the 256, without asking.
//!
//! A bucket is never thought emptier than it is for longer than until the next look at all of them: what is noted while a
//! call is under way outlives the call's older answer.

use super::keys::{BUCKETS, Bucket};
use super::lanes::{Chosen, Known, Listed};
use morag_core::Timestamp;
use morag_core::ports::{LaneLimits, Queue};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Longest time between two looks at every bucket: how late a key is found at worst, where its wake-up was lost.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(10);

/// Shortest: a look is 256 calls a queue.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);

/// After a call on a bucket has failed, it is left alone for so long: its node may be away, and whoever waits would only ask
/// again and again.
const AWAY_FOR: Duration = Duration::from_secs(1);

/// News of a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hint {
    /// A task is due, with this rank.
    Ready(f64),
    /// Cursors are due, since then.
    Cursors(u64, Vec<Arc<str>>),
    /// It comes due then, milliseconds.
    Due(f64),
    /// It was placed, where is not known.
    Unknown,
}

impl std::str::FromStr for Hint {
    type Err = ();

    /// As scripts write it: `r RANK`, `k SINCE KEY` with further keys each on a line, `d TIME` or `u`.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "u" {
            return Ok(Self::Unknown);
        }
        let (kind, rest) = text.split_once(' ').ok_or(())?;
        let number = |text: &str| text.parse::<f64>().map_err(|_| ());
        match kind {
            "r" => Ok(Self::Ready(number(rest)?)),
            "d" => Ok(Self::Due(number(rest)?)),
            "k" => {
                let (since, keys) = rest.split_once(' ').ok_or(())?;
                Ok(Self::Cursors(number(since)? as u64, keys.lines().map(Arc::from).collect()))
            }
            _ => Err(()),
        }
    }
}

/// What is known of a bucket.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// Lowest rank of a task that is due.
    ready: Option<f64>,
    /// When the next comes due, milliseconds.
    due: Option<f64>,
    /// It must be looked at.
    unknown: bool,
    /// Number of hints so far: tells an answer that is older than a hint.
    hints: u64,
    /// A call has failed: it is not asked before.
    away_until: Option<Instant>,
}

impl Head {
    fn is_away(&self) -> bool {
        self.away_until.is_some_and(|until| Instant::now() < until)
    }
}

/// What is known of all buckets of a queue.
struct State {
    heads: [Head; BUCKETS],
    /// Cursors that are due.
    known: Known,
}

/// The buckets of one queue.
pub(super) struct Buckets {
    state: Mutex<State>,
    changed: Notify,
    changes: AtomicU64,
}

/// A call on a bucket that is about to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) bucket: Bucket,
    hints: u64,
}

impl Buckets {
    /// Nothing is known.
    fn new() -> Self {
        let unknown = Head { unknown: true, ..Head::default() };
        let state = State { heads: [unknown; BUCKETS], known: Known::new() };
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

    /// Takes news in, and wakes those who wait.
    pub(super) fn note(&self, bucket: Bucket, hint: Hint) {
        let is_news = {
            let mut state = self.state();
            let State { heads, known } = &mut *state;
            let next = heads.iter().filter_map(|head| head.due).min_by(f64::total_cmp);
            // Who waits knows when the next comes due.
            let is_news = !matches!(hint, Hint::Due(at) if next.is_some_and(|next| next <= at));
            let head = &mut heads[usize::from(bucket.0)];
            head.hints += 1;
            match hint {
                Hint::Ready(rank) => head.ready = Some(head.ready.map_or(rank, |known| known.min(rank))),
                Hint::Cursors(since, keys) => {
                    for key in &keys {
                        head.unknown |= !known.add(bucket, key, since);
                    }
                }
                Hint::Due(at) => head.due = Some(head.due.map_or(at, |known| known.min(at))),
                Hint::Unknown => head.unknown = true,
            }
            is_news
        };
        if is_news {
            self.wake();
        }
    }

    /// Nothing is certain any more: every bucket is looked at before the next claim.
    pub(super) fn doubt_all(&self) {
        for head in &mut self.state().heads {
            head.unknown = true;
            // A call under way may be from before the doubt.
            head.hints += 1;
        }
        self.wake();
    }

    /// A call on a bucket has failed: nothing is known of it, and it is left alone for a while.
    pub(super) fn failed(&self, bucket: Bucket) {
        let mut state = self.state();
        let State { heads, known } = &mut *state;
        let head = &mut heads[usize::from(bucket.0)];
        known.clear(bucket);
        (head.ready, head.unknown, head.away_until) = (None, true, Some(Instant::now() + AWAY_FOR));
    }

    /// A call on a bucket begins.
    pub(super) fn ask(&self, bucket: Bucket) -> Asked {
        Asked { bucket, hints: self.state().heads[usize::from(bucket.0)].hints }
    }

    /// Takes the answer in: what is due in the bucket with which rank, and when the next comes due.
    pub(super) fn answered(&self, asked: Asked, ready: Option<f64>, due: Option<f64>) {
        let mut state = self.state();
        let head = &mut state.heads[usize::from(asked.bucket.0)];
        let newest = head.hints == asked.hints;
        (head.ready, head.due) = match newest {
            true => (ready, due),
            // A hint came in between: which of the two is newer cannot be told, so both may hold.
            false => (lower(head.ready, ready), lower(head.due, due)),
        };
        head.unknown &= !newest;
        head.away_until = None;
    }

    /// Takes the answer of a call on cursors in: which were taken, which were due no more, when the next comes due, and,
    /// where it was asked for, which are due.
    pub(super) fn took(
        &self,
        asked: Asked,
        due: Option<f64>,
        (taken, missing): (&[Arc<str>], &[Arc<str>]),
        listed: Option<Listed>,
    ) {
        let mut state = self.state();
        let State { heads, known } = &mut *state;
        let head = &mut heads[usize::from(asked.bucket.0)];
        let newest = head.hints == asked.hints;
        head.due = if newest { due } else { lower(head.due, due) };
        head.away_until = None;
        for key in taken.iter().chain(missing) {
            known.remove(asked.bucket, key);
        }
        // One that was gone may have come again with the hint.
        head.unknown |= !newest && !missing.is_empty();
        if let Some(listed) = listed {
            if newest {
                known.clear(asked.bucket);
                head.unknown = false;
            }
            head.unknown |= !known.list(asked.bucket, listed);
        }
    }

    /// Buckets that must be looked at: unknown ones, and those where something has come due since.
    pub(super) fn to_look_at(&self, now: Timestamp) -> Vec<Bucket> {
        let now = now.as_millis() as f64;
        let state = self.state();
        Bucket::all()
            .filter(|bucket| {
                let head = &state.heads[usize::from(bucket.0)];
                (head.unknown || head.due.is_some_and(|due| due <= now)) && !head.is_away()
            })
            .collect()
    }

    /// Buckets with tasks that are due, lowest rank first.
    pub(super) fn ready(&self) -> Vec<(Bucket, f64)> {
        let state = self.state();
        let mut ready: Vec<_> =
            Bucket::all().filter_map(|bucket| Some((bucket, state.heads[usize::from(bucket.0)].ready?))).collect();
        drop(state);
        ready.sort_by(|one, other| one.1.total_cmp(&other.1));
        ready
    }

    /// Whether something is known to be due.
    pub(super) fn has_ready(&self) -> bool {
        let state = self.state();
        !state.known.is_empty() || state.heads.iter().any(|head| head.ready.is_some())
    }

    /// [`Known::choose`].
    pub(super) fn choose(
        &self,
        max: usize,
        limits: &LaneLimits,
        taken: &HashMap<String, usize>,
        held: &HashSet<String>,
    ) -> (Chosen, bool) {
        self.state().known.choose(max, limits, taken, held)
    }

    /// [`Known::beyond`].
    pub(super) fn beyond(&self, bucket: Bucket) -> (bool, String) {
        self.state().known.beyond(bucket)
    }

    /// When it is time to look: now where something is due or unknown, else when the next comes due.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        match self.has_ready() {
            true => Some(now),
            false => self.next_look(now),
        }
    }

    /// The same, whatever is known to be due.
    pub(super) fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let state = self.state();
        let of = |head: &Head| {
            let due = head.due.map(|due| Timestamp::from_millis(due as i64));
            let due = if head.unknown { Some(now) } else { due };
            // Not before it is asked again.
            let away = head.away_until.map(|until| now.plus(until.saturating_duration_since(Instant::now())));
            due.map(|due| away.map_or(due, |away| away.max(due)))
        };
        state.heads.iter().filter_map(of).min()
    }

    /// What is notified when there is news.
    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    /// How often there was news.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

fn lower(known: Option<f64>, told: Option<f64>) -> Option<f64> {
    match (known, told) {
        (Some(known), Some(told)) => Some(known.min(told)),
        (known, told) => known.or(told),
    }
}

/// The buckets of both queues, and how often all of them are looked at.
pub(super) struct Agenda {
    tasks: Buckets,
    deliveries: Buckets,
    /// Milliseconds.
    look_every: AtomicU64,
}

impl Agenda {
    pub(super) fn new() -> Self {
        let look_every = AtomicU64::new(LOOK_EVERY_MAX.as_millis() as u64);
        Self { tasks: Buckets::new(), deliveries: Buckets::new(), look_every }
    }

    /// Between two looks at every bucket.
    pub(super) fn look_every(&self) -> Duration {
        Duration::from_millis(self.look_every.load(Ordering::Relaxed))
    }

    /// Keys are claimed for so long: one whose holder dies should not wait much longer than that.
    pub(super) fn lease_is(&self, lease: Duration) {
        let every = (lease / 3).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
        self.look_every.fetch_min(every.as_millis() as u64, Ordering::Relaxed);
    }

    /// The buckets of a queue.
    pub(super) fn of(&self, queue: Queue) -> &Buckets {
        match queue {
            Queue::Tasks => &self.tasks,
            Queue::Deliveries => &self.deliveries,
        }
    }

    /// Nothing is certain any more, in either queue.
    pub(super) fn doubt_all(&self) {
        self.tasks.doubt_all();
        self.deliveries.doubt_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1000);

    fn known() -> Buckets {
        let buckets = Buckets::new();
        for bucket in Bucket::all() {
            buckets.answered(buckets.ask(bucket), None, None);
        }
        buckets
    }

    #[test]
    fn everything_is_looked_at_first() {
        let buckets = Buckets::new();
        assert_eq!(buckets.to_look_at(NOON).len(), BUCKETS);
        assert_eq!(buckets.next_due(NOON), Some(NOON));
        assert_eq!((known().to_look_at(NOON).len(), known().next_due(NOON)), (0, None));
    }

    #[test]
    fn a_hint_outlives_an_older_answer() {
        let buckets = known();
        let asked = buckets.ask(Bucket(7));
        buckets.note(Bucket(7), Hint::Ready(3.0));
        buckets.answered(asked, None, None);
        assert_eq!(buckets.ready(), [(Bucket(7), 3.0)]);
        buckets.answered(buckets.ask(Bucket(7)), None, None);
        assert_eq!(buckets.ready(), []);
    }

    #[test]
    fn a_doubt_outlives_an_older_answer() {
        let buckets = known();
        let asked = buckets.ask(Bucket(7));
        buckets.doubt_all();
        buckets.answered(asked, None, None);
        assert!(buckets.to_look_at(NOON).contains(&Bucket(7)));
        buckets.answered(buckets.ask(Bucket(7)), None, None);
        assert!(!buckets.to_look_at(NOON).contains(&Bucket(7)));
        buckets.note(Bucket(7), Hint::Unknown);
        assert_eq!(buckets.to_look_at(NOON), Bucket::all().collect::<Vec<_>>());
    }

    #[test]
    fn the_lowest_rank_comes_first_and_the_next_due_time_is_known() {
        let buckets = known();
        buckets.note(Bucket(9), Hint::Ready(2.5));
        buckets.note(Bucket(1), Hint::Ready(2.0));
        buckets.note(Bucket(9), Hint::Ready(4.0));
        assert_eq!(buckets.ready(), [(Bucket(1), 2.0), (Bucket(9), 2.5)]);
        let buckets = known();
        buckets.note(Bucket(1), Hint::Due(1500.0));
        buckets.note(Bucket(2), Hint::Due(1200.0));
        assert_eq!(buckets.next_due(NOON), Some(Timestamp::from_millis(1200)));
        assert_eq!(buckets.to_look_at(Timestamp::from_millis(1200)), [Bucket(2)]);
    }

    #[test]
    fn a_bucket_that_cannot_be_asked_is_not_ready_and_not_asked_at_once() {
        let buckets = known();
        buckets.note(Bucket(7), Hint::Ready(1.0));
        buckets.note(Bucket(9), Hint::Ready(2.0));
        buckets.failed(Bucket(7));
        assert_eq!(buckets.ready(), [(Bucket(9), 2.0)]);
        assert_eq!(buckets.to_look_at(NOON), []);
        buckets.answered(buckets.ask(Bucket(9)), None, None);
        let again = buckets.next_due(NOON).unwrap();
        assert!(NOON < again && again <= NOON.plus(AWAY_FOR), "{again}");
        buckets.answered(buckets.ask(Bucket(7)), None, None);
        assert_eq!(buckets.next_due(NOON), None);
    }

    #[test]
    fn only_news_are_changes() {
        let buckets = known();
        let seen = buckets.changes();
        buckets.note(Bucket(1), Hint::Due(1500.0));
        assert_eq!(buckets.changes(), seen + 1);
        buckets.note(Bucket(2), Hint::Due(1600.0));
        buckets.answered(buckets.ask(Bucket(3)), Some(1.0), None);
        assert_eq!(buckets.changes(), seen + 1, "a later one, and what was asked");
        buckets.note(Bucket(2), Hint::Due(1400.0));
        buckets.doubt_all();
        assert_eq!(buckets.changes(), seen + 3);
    }

    #[test]
    fn a_cursor_that_was_gone_may_have_come_again() {
        let buckets = known();
        let key: Arc<str> = "07000000-0000-4000-8000-000000000000/a".into();
        let news = || buckets.note(Bucket(7), Hint::Cursors(5, vec![key.clone()]));
        news();
        let asked = buckets.ask(Bucket(7));
        news();
        buckets.took(asked, None, (&[], std::slice::from_ref(&key)), None);
        assert_eq!(buckets.to_look_at(NOON), [Bucket(7)]);
        let listed = Listed { keys: vec![(key.clone(), 5)], ..Listed::default() };
        buckets.took(buckets.ask(Bucket(7)), None, (&[], &[]), Some(listed));
        assert_eq!((buckets.to_look_at(NOON), buckets.has_ready()), (vec![], true));
        buckets.took(buckets.ask(Bucket(7)), None, (std::slice::from_ref(&key), &[]), None);
        assert!(!buckets.has_ready());
    }

    #[test]
    fn hints_read_as_scripts_write_them() {
        assert_eq!("r 2.5".parse(), Ok(Hint::Ready(2.5)));
        assert_eq!("k 17 x/a\ny/b c".parse(), Ok(Hint::Cursors(17, vec!["x/a".into(), "y/b c".into()])));
        assert_eq!("d 1769853600000".parse(), Ok(Hint::Due(1_769_853_600_000.0)));
        assert_eq!("u".parse(), Ok(Hint::Unknown));
        assert!(["", "r", "x 1", "r x", "k 1"].iter().all(|text| text.parse::<Hint>().is_err()));
    }
}
