//! Due cursors as this process knows them, by lane: a claim of deliveries chooses among them without asking Redis.
//!
//! They may be out of date; the script that takes a cursor decides. Of a bucket with many due cursors only the oldest are known, and
//! one of each lane.

use super::keys::{BUCKETS, Bucket};
use morag_core::ports::LaneLimits;
use morag_core::webhook::CursorName;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Cursors known of a bucket; an update about a further one only marks the bucket as out of date.
const OF_BUCKET_MAX: usize = 1024;

/// Buckets with the keys to take of each.
pub(super) type Selection = Vec<(Bucket, Vec<Arc<str>>)>;

/// A bucket's due cursors.
#[derive(Default, Clone)]
struct OfBucket {
    /// Key to the time since which it is due, milliseconds.
    keys: HashMap<Arc<str>, u64>,
    /// Whether the bucket has more.
    more: bool,
    /// Where the next listing of its other lanes begins.
    lanes_from: String,
}

/// Due cursors of a bucket as the bucket lists them.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Keys, and the time since which each is due, milliseconds.
    pub(super) keys: Vec<(Arc<str>, u64)>,
    /// Whether there are more.
    pub(super) more: bool,
    /// Where the next listing of other lanes begins; empty: at the first.
    pub(super) lanes_from: String,
}

/// Due cursors of all buckets.
pub(super) struct DueCursors {
    buckets: Vec<OfBucket>,
    lanes: HashMap<String, BTreeSet<(u64, Arc<str>)>>,
}

/// Keys with the time since which each is due, oldest first.
type Oldest<'a> = Box<dyn Iterator<Item = &'a (u64, Arc<str>)> + 'a>;

/// A lane that can still be chosen from.
struct OpenLane<'a> {
    turn: u64,
    /// Time since which its first key is due.
    oldest: u64,
    room: usize,
    keys: std::iter::Peekable<Oldest<'a>>,
}

impl DueCursors {
    pub(super) fn new() -> Self {
        Self { buckets: vec![OfBucket::default(); BUCKETS], lanes: HashMap::new() }
    }

    fn of_bucket(&mut self, bucket: Bucket) -> &mut OfBucket {
        &mut self.buckets[usize::from(bucket.0)]
    }

    /// Adds a key. `false`: there are too many.
    pub(super) fn add(&mut self, bucket: Bucket, key: &Arc<str>, since: u64) -> bool {
        let of_bucket = self.of_bucket(bucket);
        if of_bucket.keys.contains_key(key) {
            return true;
        }
        if of_bucket.keys.len() >= OF_BUCKET_MAX {
            return false;
        }
        of_bucket.keys.insert(Arc::clone(key), since);
        let lane = CursorName::lane_of_key(key);
        let entry = (since, Arc::clone(key));
        match self.lanes.get_mut(lane) {
            Some(keys) => _ = keys.insert(entry),
            None => _ = self.lanes.insert(lane.to_owned(), [entry].into()),
        }
        true
    }

    /// Removes a key that is not due any more.
    pub(super) fn remove(&mut self, bucket: Bucket, key: &str) {
        let Some((key, since)) = self.of_bucket(bucket).keys.remove_entry(key) else { return };
        let lane = CursorName::lane_of_key(&key).to_owned();
        if let Some(keys) = self.lanes.get_mut(&lane) {
            keys.remove(&(since, key));
            if keys.is_empty() {
                self.lanes.remove(&lane);
            }
        }
    }

    /// Removes all keys of a bucket.
    pub(super) fn clear(&mut self, bucket: Bucket) {
        let keys: Vec<_> = self.of_bucket(bucket).keys.keys().cloned().collect();
        keys.iter().for_each(|key| self.remove(bucket, key));
        let of_bucket = self.of_bucket(bucket);
        (of_bucket.more, of_bucket.lanes_from) = (false, String::new());
    }

    /// Adds what a bucket has listed. `false`: there are too many.
    pub(super) fn add_listing(&mut self, bucket: Bucket, listing: Listing) -> bool {
        let mut all = true;
        for (key, since) in &listing.keys {
            all &= self.add(bucket, key, *since);
        }
        let of_bucket = self.of_bucket(bucket);
        (of_bucket.more, of_bucket.lanes_from) = (listing.more, listing.lanes_from);
        all
    }

    /// Whether a bucket has more keys than are known, and where the next listing of its lanes begins.
    pub(super) fn unlisted(&self, bucket: Bucket) -> (bool, String) {
        let of_bucket = &self.buckets[usize::from(bucket.0)];
        (of_bucket.more, of_bucket.lanes_from.clone())
    }

    /// Whether no key is known.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Chooses up to `max` keys, one of each lane in turn, the oldest of a lane first; lanes begin with the one whose last turn is the
    /// longest ago. `taken`: keys taken of each lane already. None of `held` is chosen. Also returns whether more could be chosen.
    pub(super) fn choose(
        &self,
        max: usize,
        limits: &LaneLimits,
        taken: &HashMap<String, usize>,
        held: &HashSet<String>,
    ) -> (Selection, bool) {
        let mut open: Vec<OpenLane<'_>> = Vec::new();
        for (lane, keys) in &self.lanes {
            let limit = limits.lanes.get(lane);
            let room = limit.map_or(limits.share, |limit| limit.keys);
            let room = room.saturating_sub(taken.get(lane).copied().unwrap_or(0));
            if room == 0 {
                continue;
            }
            let keys: Oldest<'_> = Box::new(keys.iter().filter(|(_, key)| !held.contains(&**key)));
            let mut keys = keys.peekable();
            let Some((oldest, _)) = keys.peek() else { continue };
            open.push(OpenLane { turn: limit.map_or(0, |limit| limit.turn), oldest: *oldest, room, keys });
        }
        open.sort_by_key(|lane| (lane.turn, lane.oldest));
        let (mut by_bucket, mut count, mut over) = (HashMap::<Bucket, Vec<Arc<str>>>::new(), 0, false);
        loop {
            let before = count;
            for lane in &mut open {
                let Some((_, key)) = lane.keys.peek().filter(|_| lane.room > 0) else { continue };
                if count == max {
                    over = true;
                    break;
                }
                if let Some(bucket) = Bucket::of_key(key) {
                    by_bucket.entry(bucket).or_default().push(Arc::clone(key));
                }
                lane.keys.next();
                lane.room -= 1;
                count += 1;
            }
            if over || count == before {
                return (by_bucket.into_iter().collect(), over);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::ports::LaneLimit;
    use std::time::Duration;

    fn key(bucket: u8, task: u8, lane: &str) -> Arc<str> {
        let mut bytes = [task; 16];
        bytes[0] = bucket;
        format!("{}/{lane}", uuid::Uuid::from_bytes(bytes)).into()
    }

    fn chosen(known: &DueCursors, max: usize, limits: &LaneLimits) -> (Vec<String>, bool) {
        let (chosen, over) = known.choose(max, limits, &HashMap::new(), &HashSet::new());
        let mut lanes: Vec<_> =
            chosen.iter().flat_map(|(_, keys)| keys).map(|key| CursorName::lane_of_key(key).to_owned()).collect();
        lanes.sort();
        (lanes, over)
    }

    fn backlog() -> DueCursors {
        let mut known = DueCursors::new();
        for task in 0..50 {
            known.add(Bucket(task % 4), &key(task % 4, task, "dead"), u64::from(task));
        }
        for task in 50..53 {
            known.add(Bucket(9), &key(9, task, "fine"), 100 + u64::from(task));
        }
        known
    }

    #[test]
    fn a_backlog_delays_no_other_lane() {
        let known = backlog();
        assert_eq!(
            chosen(&known, 4, &LaneLimits::default()),
            (["dead", "dead", "fine", "fine"].map(str::to_owned).into(), true)
        );
        let full = LaneLimit { keys: 0, closed_for: Duration::ZERO, turn: 0 };
        let limits = LaneLimits { share: 2, lanes: [("dead".to_owned(), full)].into() };
        assert_eq!(chosen(&known, 9, &limits), (["fine", "fine"].map(str::to_owned).into(), false));
    }

    #[test]
    fn the_lane_that_had_no_turn_for_longest_is_first() {
        let known = backlog();
        let had = LaneLimit { keys: 9, closed_for: Duration::ZERO, turn: 7 };
        let limits = LaneLimits { share: 9, lanes: [("dead".to_owned(), had)].into() };
        assert_eq!(chosen(&known, 1, &limits).0, ["fine"]);
    }

    #[test]
    fn held_and_removed_cursors_are_not_chosen() {
        let mut known = DueCursors::new();
        let (one, other) = (key(1, 1, "a"), key(1, 2, "a#3.1"));
        known.add_listing(
            Bucket(1),
            Listing { keys: vec![(one.clone(), 5), (other.clone(), 6)], more: true, lanes_from: "b".into() },
        );
        let held = HashSet::from([one.to_string()]);
        let taken = HashMap::from([("a".to_owned(), 1)]);
        let limits = LaneLimits { share: 2, ..LaneLimits::default() };
        assert_eq!(known.choose(9, &limits, &taken, &held).0, [(Bucket(1), vec![other.clone()])]);
        known.remove(Bucket(1), &other);
        assert_eq!(known.choose(9, &limits, &taken, &held).0, []);
        assert_eq!(known.unlisted(Bucket(1)), (true, "b".to_owned()));
        known.clear(Bucket(1));
        assert!(known.is_empty() && known.lanes.is_empty());
    }
}
