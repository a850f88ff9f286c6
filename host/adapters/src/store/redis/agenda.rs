//! Which bucket has something due: what this process knows of the 256, without asking.
//!
//! A bucket is never thought emptier than it is for longer than until the next look at all of them: what is noted while a
//! call is under way outlives the call's older answer.

use super::keys::{BUCKETS, Bucket};
use morag_core::Timestamp;
use morag_core::ports::Queue;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Longest time between two looks at every bucket: how late a key is found at worst, where its wake-up was lost.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(10);

/// Shortest: a look is 256 calls a queue.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);

/// News of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Hint {
    /// It is due, with this rank.
    Ready(f64),
    /// It comes due then, milliseconds.
    Due(f64),
    /// It was placed, where is not known.
    Unknown,
}

impl std::str::FromStr for Hint {
    type Err = ();

    /// As scripts write it: `r RANK`, `d TIME` or `u`.
    fn from_str(text: &str) -> Result<Self, ()> {
        if text == "u" {
            return Ok(Self::Unknown);
        }
        let (kind, number) = text.split_once(' ').ok_or(())?;
        let number = number.parse().map_err(|_| ())?;
        match kind {
            "r" => Ok(Self::Ready(number)),
            "d" => Ok(Self::Due(number)),
            _ => Err(()),
        }
    }
}

/// What is known of a bucket.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    /// Lowest rank that is due.
    ready: Option<f64>,
    /// When the next comes due, milliseconds.
    due: Option<f64>,
    /// It must be looked at.
    unknown: bool,
    /// Number of hints so far: tells an answer that is older than a hint.
    hints: u64,
}

/// The buckets of one queue.
pub(super) struct Buckets {
    heads: Mutex<[Head; BUCKETS]>,
    changed: Notify,
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
        Self { heads: Mutex::new([unknown; BUCKETS]), changed: Notify::new() }
    }

    fn heads(&self) -> MutexGuard<'_, [Head; BUCKETS]> {
        // No code panics under the lock, and a head is written whole.
        self.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes news in, and wakes those who wait.
    pub(super) fn note(&self, bucket: Bucket, hint: Hint) {
        {
            let head = &mut self.heads()[usize::from(bucket.0)];
            head.hints += 1;
            match hint {
                Hint::Ready(rank) => head.ready = Some(head.ready.map_or(rank, |known| known.min(rank))),
                Hint::Due(at) => head.due = Some(head.due.map_or(at, |known| known.min(at))),
                Hint::Unknown => head.unknown = true,
            }
        }
        self.changed.notify_waiters();
    }

    /// Nothing is certain any more: every bucket is looked at before the next claim.
    pub(super) fn doubt_all(&self) {
        for head in self.heads().iter_mut() {
            head.unknown = true;
            // A call under way may be from before the doubt.
            head.hints += 1;
        }
        self.changed.notify_waiters();
    }

    /// A call on a bucket begins.
    pub(super) fn ask(&self, bucket: Bucket) -> Asked {
        Asked { bucket, hints: self.heads()[usize::from(bucket.0)].hints }
    }

    /// Takes the answer in: what is due in the bucket with which rank, and when the next comes due.
    pub(super) fn answered(&self, asked: Asked, ready: Option<f64>, due: Option<f64>) {
        let head = &mut self.heads()[usize::from(asked.bucket.0)];
        let lower = |known: Option<f64>, told: Option<f64>| match (known, told) {
            (Some(known), Some(told)) => Some(known.min(told)),
            (known, told) => known.or(told),
        };
        let newest = head.hints == asked.hints;
        (head.ready, head.due) = match newest {
            true => (ready, due),
            // A hint came in between: which of the two is newer cannot be told, so both may hold.
            false => (lower(head.ready, ready), lower(head.due, due)),
        };
        head.unknown &= !newest;
    }

    /// Buckets that must be looked at: unknown ones, and those where something has come due since.
    pub(super) fn to_look_at(&self, now: Timestamp) -> Vec<Bucket> {
        let now = now.as_millis() as f64;
        let heads = self.heads();
        Bucket::all()
            .filter(|bucket| {
                let head = &heads[usize::from(bucket.0)];
                head.unknown || head.due.is_some_and(|due| due <= now)
            })
            .collect()
    }

    /// Buckets with something due, lowest rank first.
    pub(super) fn ready(&self) -> Vec<(Bucket, f64)> {
        let heads = self.heads();
        let mut ready: Vec<_> =
            Bucket::all().filter_map(|bucket| Some((bucket, heads[usize::from(bucket.0)].ready?))).collect();
        drop(heads);
        ready.sort_by(|one, other| one.1.total_cmp(&other.1));
        ready
    }

    /// When it is time to look: now where something is due or unknown, else when the next comes due.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let heads = self.heads();
        if heads.iter().any(|head| head.unknown || head.ready.is_some()) {
            return Some(now);
        }
        let due = heads.iter().filter_map(|head| head.due).min_by(f64::total_cmp)?;
        Some(Timestamp::from_millis(due as i64))
    }

    /// What is notified when there is news.
    pub(super) fn changed(&self) -> &Notify {
        &self.changed
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
    fn hints_read_as_scripts_write_them() {
        assert_eq!("r 2.5".parse(), Ok(Hint::Ready(2.5)));
        assert_eq!("d 1769853600000".parse(), Ok(Hint::Due(1_769_853_600_000.0)));
        assert_eq!("u".parse(), Ok(Hint::Unknown));
        assert!(["", "r", "x 1", "r x"].iter().all(|text| text.parse::<Hint>().is_err()));
    }
}
