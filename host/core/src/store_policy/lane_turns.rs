//! Which due deliveries a claim takes: lanes take turns, whatever the number of keys of each.

use crate::ports::{LaneLimit, LaneLimits};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Due keys of one lane that may be taken.
#[derive(Debug)]
struct Waiting<K> {
    keys: VecDeque<K>,
    /// How many of them.
    room: usize,
    turn: u64,
    /// Whether these are all due keys of the lane.
    complete: bool,
}

impl<K> Waiting<K> {
    fn has_more(&self) -> bool {
        self.room > 0 && !(self.keys.is_empty() && self.complete)
    }
}

/// Due keys by lane, in the order in which the lanes were added.
#[derive(Debug)]
pub struct LaneTurns<'a, K> {
    limits: &'a LaneLimits,
    lanes: Vec<Waiting<K>>,
    index: HashMap<String, usize>,
}

/// What a claim takes.
#[derive(Debug, PartialEq, Eq)]
pub struct Dealt<K> {
    /// The keys, in order.
    pub keys: Vec<K>,
    /// Whether more could have been taken.
    pub left_over: bool,
}

impl<'a, K> LaneTurns<'a, K> {
    /// No keys yet.
    pub fn new(limits: &'a LaneLimits) -> Self {
        Self { limits, lanes: Vec::new(), index: HashMap::new() }
    }

    /// What may be taken of a lane. One that is not listed has the share, and has had no turn.
    pub fn limit(&self, lane: &str) -> LaneLimit {
        let unlisted = LaneLimit { keys: self.limits.share, closed_for: Duration::ZERO, turn: 0 };
        self.limits.lanes.get(lane).copied().unwrap_or(unlisted)
    }

    /// Adds a due key; of a lane, the oldest first. `complete`: no other key of the lane is due but those that are added.
    pub fn add(&mut self, lane: &str, key: K, complete: bool) {
        let index = match self.index.get(lane) {
            Some(index) => *index,
            None => {
                let LaneLimit { keys: room, turn, .. } = self.limit(lane);
                self.lanes.push(Waiting { keys: VecDeque::new(), room, turn, complete });
                self.index.insert(lane.to_owned(), self.lanes.len() - 1);
                self.lanes.len() - 1
            }
        };
        self.lanes[index].keys.push_back(key);
    }

    /// Whether a key of the lane was added.
    pub fn has(&self, lane: &str) -> bool {
        self.index.contains_key(lane)
    }

    /// Number of lanes of which something may be taken.
    pub fn open(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.room > 0).count()
    }

    /// One key of each lane after the other, the lane whose last turn was first, up to `max` in all.
    pub fn deal(mut self, max: usize) -> Dealt<K> {
        self.lanes.sort_by_key(|lane| lane.turn);
        let mut keys = Vec::new();
        loop {
            let before = keys.len();
            for lane in self.lanes.iter_mut().filter(|lane| lane.room > 0) {
                if keys.len() == max {
                    break;
                }
                if let Some(key) = lane.keys.pop_front() {
                    lane.room -= 1;
                    keys.push(key);
                }
            }
            if keys.len() == before || keys.len() == max {
                return Dealt { left_over: self.lanes.iter().any(Waiting::has_more), keys };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(share: usize, lanes: &[(&str, usize, u64)]) -> LaneLimits {
        let limit = |(lane, keys, turn): &(&str, usize, u64)| {
            ((*lane).to_owned(), LaneLimit { keys: *keys, closed_for: Duration::ZERO, turn: *turn })
        };
        LaneLimits { share, lanes: lanes.iter().map(limit).collect() }
    }

    /// `keys`: letters of lanes, oldest first.
    fn deal(limits: &LaneLimits, keys: &str, complete: bool, max: usize) -> (String, bool) {
        let mut turns = LaneTurns::new(limits);
        for (lane, index) in keys.chars().zip(0..) {
            turns.add(&lane.to_string(), format!("{lane}{index} "), complete);
        }
        let Dealt { keys, left_over } = turns.deal(max);
        (keys.concat().trim_end().to_owned(), left_over)
    }

    #[test]
    fn lanes_take_turns_and_each_gives_its_oldest_first() {
        let all = LaneLimits::default();
        assert_eq!(deal(&all, "aaaab", true, 10), ("a0 b4 a1 a2 a3".into(), false));
        assert_eq!(deal(&all, "aaaab", true, 3), ("a0 b4 a1".into(), true));
        assert_eq!(deal(&all, "aab", true, 3), ("a0 b2 a1".into(), false));
        assert_eq!(deal(&all, "", true, 3), (String::new(), false));
        assert_eq!(deal(&all, "a", true, 0), (String::new(), true));
    }

    #[test]
    fn a_lane_gives_no_more_than_its_limit_and_a_full_one_is_nothing_left_over() {
        let of_a = limits(2, &[("a", 1, 0)]);
        assert_eq!(deal(&of_a, "aaabbb", true, 10), ("a0 b3 b4".into(), false));
        let closed = limits(2, &[("a", 0, 0)]);
        assert_eq!(deal(&closed, "aaab", true, 10), ("b3".into(), false));
    }

    #[test]
    fn a_lane_that_may_have_more_keys_is_left_over() {
        assert_eq!(deal(&limits(9, &[]), "ab", false, 10), ("a0 b1".into(), true));
        assert_eq!(deal(&limits(1, &[]), "ab", false, 10), ("a0 b1".into(), false), "it may give no more");
    }

    #[test]
    fn the_lane_whose_turn_was_first_comes_first() {
        let turns = limits(9, &[("a", 9, 7), ("b", 9, 3)]);
        assert_eq!(deal(&turns, "abc", true, 10).0, "c2 b1 a0");
    }

    #[test]
    fn closed_lanes_are_not_open() {
        let limits = limits(1, &[("a", 0, 0)]);
        let mut turns = LaneTurns::new(&limits);
        ["a", "b", "b"].into_iter().for_each(|lane| turns.add(lane, (), true));
        assert_eq!((turns.open(), turns.has("a"), turns.has("c")), (1, true, false));
    }
}
