//! Cursors that this process knows to be due, by lane: what a claim of deliveries chooses from without asking.
//!
//! What is known may be wrong by now; the script that takes a key decides. Of a bucket with many due keys only the oldest are
//! known, and one of each lane.

use super::keys::{BUCKETS, Bucket};
use morag_core::ports::LaneLimits;
use morag_core::webhook::CursorName;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Keys known of a bucket; a hint of a further one only says that the bucket must be looked at.
const OF_A_BUCKET_MAX: usize = 1024;

/// Keys of one bucket to take, and which.
pub(super) type Chosen = Vec<(Bucket, Vec<Arc<str>>)>;

/// What is known of a bucket's due keys.
#[derive(Default, Clone)]
struct Shelf {
    /// Key to since when it is due, milliseconds.
    keys: HashMap<Arc<str>, u64>,
    /// Whether it has more.
    more: bool,
    /// Where the next look for its other lanes begins.
    lanes_from: String,
}

/// Due keys as a look at a bucket tells them.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Keys, and since when each is due.
    pub(super) keys: Vec<(Arc<str>, u64)>,
    /// Whether there are more.
    pub(super) more: bool,
    /// Where the next look for other lanes begins; empty: at the first.
    pub(super) lanes_from: String,
}

/// The keys of all buckets.
pub(super) struct Known {
    buckets: Vec<Shelf>,
    lanes: HashMap<String, BTreeSet<(u64, Arc<str>)>>,
}

/// Keys with since when they are due, oldest first.
type Oldest<'a> = Box<dyn Iterator<Item = &'a (u64, Arc<str>)> + 'a>;

/// What a lane still has to give.
struct Waiting<'a> {
    turn: u64,
    /// Since when its first key is due.
    oldest: u64,
    room: usize,
    keys: std::iter::Peekable<Oldest<'a>>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self { buckets: vec![Shelf::default(); BUCKETS], lanes: HashMap::new() }
    }

    fn shelf(&mut self, bucket: Bucket) -> &mut Shelf {
        &mut self.buckets[usize::from(bucket.0)]
    }

    /// Adds a key. `false`: there are too many.
    pub(super) fn add(&mut self, bucket: Bucket, key: &Arc<str>, since: u64) -> bool {
        let shelf = self.shelf(bucket);
        if shelf.keys.contains_key(key) {
            return true;
        }
        if shelf.keys.len() >= OF_A_BUCKET_MAX {
            return false;
        }
        shelf.keys.insert(Arc::clone(key), since);
        let lane = CursorName::lane_of_key(key);
        let place = (since, Arc::clone(key));
        match self.lanes.get_mut(lane) {
            Some(keys) => _ = keys.insert(place),
            None => _ = self.lanes.insert(lane.to_owned(), [place].into()),
        }
        true
    }

    /// Forgets a key that is due no more.
    pub(super) fn remove(&mut self, bucket: Bucket, key: &str) {
        let Some((key, since)) = self.shelf(bucket).keys.remove_entry(key) else { return };
        let lane = CursorName::lane_of_key(&key).to_owned();
        if let Some(keys) = self.lanes.get_mut(&lane) {
            keys.remove(&(since, key));
            if keys.is_empty() {
                self.lanes.remove(&lane);
            }
        }
    }

    /// Forgets all keys of a bucket.
    pub(super) fn clear(&mut self, bucket: Bucket) {
        let keys: Vec<_> = self.shelf(bucket).keys.keys().cloned().collect();
        keys.iter().for_each(|key| self.remove(bucket, key));
        let shelf = self.shelf(bucket);
        (shelf.more, shelf.lanes_from) = (false, String::new());
    }

    /// Takes in what a look has told. `false`: there are too many.
    pub(super) fn list(&mut self, bucket: Bucket, listed: Listed) -> bool {
        let mut all = true;
        for (key, since) in &listed.keys {
            all &= self.add(bucket, key, *since);
        }
        let shelf = self.shelf(bucket);
        (shelf.more, shelf.lanes_from) = (listed.more, listed.lanes_from);
        all
    }

    /// Whether a bucket has more keys than are known, and where the next look for its lanes begins.
    pub(super) fn beyond(&self, bucket: Bucket) -> (bool, String) {
        let shelf = &self.buckets[usize::from(bucket.0)];
        (shelf.more, shelf.lanes_from.clone())
    }

    /// Whether no key is known.
    pub(super) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Chooses up to `max` keys, one of each lane after the other, oldest first within a lane; of lanes those first that had no
    /// turn for longest. `taken` were taken of a lane already, none of `held` is chosen. Says too whether more could have been.
    pub(super) fn choose(
        &self,
        max: usize,
        limits: &LaneLimits,
        taken: &HashMap<String, usize>,
        held: &HashSet<String>,
    ) -> (Chosen, bool) {
        let mut waiting: Vec<Waiting<'_>> = Vec::new();
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
            waiting.push(Waiting { turn: limit.map_or(0, |limit| limit.turn), oldest: *oldest, room, keys });
        }
        waiting.sort_by_key(|lane| (lane.turn, lane.oldest));
        let (mut by_bucket, mut count, mut over) = (HashMap::<Bucket, Vec<Arc<str>>>::new(), 0, false);
        loop {
            let before = count;
            for lane in &mut waiting {
                let Some((_, key)) = lane.keys.peek().filter(|_| lane.room > 0) else { continue };
                if count == max {
                    over = true;
                    break;
                }
                if let Some(bucket) = super::due_queue::bucket_of(key) {
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

    fn chosen(known: &Known, max: usize, limits: &LaneLimits) -> (Vec<String>, bool) {
        let (chosen, over) = known.choose(max, limits, &HashMap::new(), &HashSet::new());
        let mut lanes: Vec<_> =
            chosen.iter().flat_map(|(_, keys)| keys).map(|key| CursorName::lane_of_key(key).to_owned()).collect();
        lanes.sort();
        (lanes, over)
    }

    fn backlog() -> Known {
        let mut known = Known::new();
        for task in 0..50 {
            known.add(Bucket(task % 4), &key(task % 4, task, "dead"), u64::from(task));
        }
        for task in 50..53 {
            known.add(Bucket(9), &key(9, task, "fine"), 100 + u64::from(task));
        }
        known
    }

    #[test]
    fn a_backlog_holds_up_no_other_lane() {
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
    fn what_is_held_or_gone_is_not_chosen() {
        let mut known = Known::new();
        let (one, other) = (key(1, 1, "a"), key(1, 2, "a#3.1"));
        known.list(
            Bucket(1),
            Listed { keys: vec![(one.clone(), 5), (other.clone(), 6)], more: true, lanes_from: "b".into() },
        );
        let held = HashSet::from([one.to_string()]);
        let taken = HashMap::from([("a".to_owned(), 1)]);
        let limits = LaneLimits { share: 2, ..LaneLimits::default() };
        assert_eq!(known.choose(9, &limits, &taken, &held).0, [(Bucket(1), vec![other.clone()])]);
        known.remove(Bucket(1), &other);
        assert_eq!(known.choose(9, &limits, &taken, &held).0, []);
        assert_eq!(known.beyond(Bucket(1)), (true, "b".to_owned()));
        known.clear(Bucket(1));
        assert!(known.is_empty() && known.lanes.is_empty());
    }
}
