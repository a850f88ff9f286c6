//! Claiming deliveries: lanes take turns, whatever the number of keys of each.

use super::due_queue::{claimed, take};
use super::query::{all, first};
use super::store::Context;
use morag_core::SteadyTime;
use morag_core::ports::{Claim, LaneLimit, LaneLimits, Lease, Queue, StoreError};
use morag_core::webhook::CursorName;
use rusqlite::{Connection, params};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Due keys that a claim looks at for each key it may take, oldest first. Mostly they are all there are.
const LOOK_FACTOR: usize = 2;

/// Fewest and most of them: with a long backlog of one lane, of which only its share is taken, more would be read in vain.
const LOOK: std::ops::RangeInclusive<usize> = 32..=128;

/// Lanes that a claim looks at beyond those. The next claim goes on where this one ended.
const LANES_LOOKED_AT_MAX: usize = 256;

/// Fewest of them, even where enough are known: the one that had no turn for longest may be among them.
const LANES_LOOKED_AT_MIN: usize = 8;

/// Where the last claim that did not see every due key has ended.
#[derive(Debug, Default)]
pub(super) struct Rotor(Mutex<String>);

impl Rotor {
    fn get(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, lane: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lane;
    }
}

/// Due keys of one lane that may be taken.
struct Waiting {
    keys: VecDeque<(String, i64)>,
    /// How many of them.
    room: usize,
    turn: u64,
    /// Whether it has no more keys that it may give.
    complete: bool,
}

impl Waiting {
    fn has_more(&self) -> bool {
        self.room > 0 && !(self.keys.is_empty() && self.complete)
    }
}

/// Due keys by lane, in the order in which lanes were met.
struct Lanes<'a> {
    limits: &'a LaneLimits,
    lanes: Vec<Waiting>,
    index: HashMap<String, usize>,
}

impl<'a> Lanes<'a> {
    fn new(limits: &'a LaneLimits) -> Self {
        Self { limits, lanes: Vec::new(), index: HashMap::new() }
    }

    fn limit(&self, lane: &str) -> LaneLimit {
        let unknown = LaneLimit { keys: self.limits.share, closed_for: Duration::ZERO, turn: 0 };
        self.limits.lanes.get(lane).copied().unwrap_or(unknown)
    }

    fn add(&mut self, lane: &str, key: String, fence: i64, complete: bool) {
        let index = match self.index.get(lane) {
            Some(index) => *index,
            None => {
                let LaneLimit { keys: room, turn, .. } = self.limit(lane);
                self.lanes.push(Waiting { keys: VecDeque::new(), room, turn, complete });
                self.index.insert(lane.to_owned(), self.lanes.len() - 1);
                self.lanes.len() - 1
            }
        };
        self.lanes[index].keys.push_back((key, fence));
    }

    /// Lanes of which something may be taken.
    fn open(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.room > 0).count()
    }

    /// One key of each lane after the other, up to `max` in all; and whether more could have been taken.
    fn deal(mut self, max: usize) -> (Vec<(String, i64)>, bool) {
        self.lanes.sort_by_key(|lane| lane.turn);
        let mut dealt = Vec::new();
        loop {
            let before = dealt.len();
            for lane in self.lanes.iter_mut().filter(|lane| lane.room > 0) {
                if dealt.len() == max {
                    return (dealt, self.lanes.iter().any(Waiting::has_more));
                }
                if let Some(key) = lane.keys.pop_front() {
                    lane.room -= 1;
                    dealt.push(key);
                }
            }
            if dealt.len() == before {
                return (dealt, self.lanes.iter().any(Waiting::has_more));
            }
        }
    }
}

/// The job behind [`morag_core::ports::DueQueue::claim_deliveries`].
pub(super) fn claim(
    connection: &Connection,
    context: &Context,
    max: usize,
    lease: Duration,
    limits: &LaneLimits,
    rotor: &Rotor,
) -> Result<Claim, StoreError> {
    let now = context.steady();
    let look = max.saturating_mul(LOOK_FACTOR).clamp(*LOOK.start(), *LOOK.end());
    let sql = "SELECT key, fence FROM due WHERE queue = 1 AND due_at <= ?1 ORDER BY due_at, task LIMIT ?2";
    let limit = i64::try_from(look).unwrap_or(i64::MAX);
    let oldest = all(connection, sql, params![now.as_millis(), limit], key_and_fence)?;
    let sees_all = oldest.len() < look;
    let mut lanes = Lanes::new(limits);
    for (key, fence) in oldest {
        let lane = CursorName::lane_of_key(&key).to_owned();
        lanes.add(&lane, key, fence, sees_all);
    }
    let mut seen_all_lanes = true;
    if !sees_all {
        seen_all_lanes = look_further(connection, &mut lanes, max, now, rotor)?;
    }
    let (keys, left_over) = lanes.deal(max);
    let until = now.plus(lease);
    let leases: Result<Vec<Lease>, _> =
        keys.into_iter().map(|(key, fence)| take(connection, Queue::Deliveries, key, fence, until)).collect();
    let leases = leases?;
    // A lease of no time has run out.
    let due_again = lease.is_zero() && !leases.is_empty();
    let next_due = match left_over || !seen_all_lanes || due_again {
        true => Some(now),
        false => {
            let sql = "SELECT due_at FROM due WHERE queue = 1 AND due_at > ?1 ORDER BY due_at LIMIT 1";
            first(connection, sql, [now.as_millis()], |row| row.get(0).map(SteadyTime::from_millis))?
        }
    };
    claimed(connection, context, Queue::Deliveries, leases, next_due)
}

fn key_and_fence(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

/// Adds lanes whose keys are all younger than those that were looked at: a few, and until there are as many open ones as keys
/// are wanted.
/// `false`: some may be left.
fn look_further(
    connection: &Connection,
    lanes: &mut Lanes<'_>,
    max: usize,
    now: SteadyTime,
    rotor: &Rotor,
) -> Result<bool, StoreError> {
    let start = rotor.get();
    let (mut at, mut wrapped) = (start.clone(), false);
    for looked in 0..LANES_LOOKED_AT_MAX {
        if looked >= LANES_LOOKED_AT_MIN && lanes.open() >= max {
            break;
        }
        let sql = "SELECT lane, due_at FROM due WHERE lane > ?1 AND due_at IS NOT NULL ORDER BY lane, due_at LIMIT 1";
        let next = first(connection, sql, [&at], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
        match next {
            Some((lane, _)) if wrapped && lane > start => {
                rotor.set(start);
                return Ok(true);
            }
            Some((lane, due)) => {
                let keys = lanes.limit(&lane).keys;
                let room = keys.min(max);
                if due <= now.as_millis() && room > 0 && !lanes.index.contains_key(&lane) {
                    let sql = "SELECT key, fence FROM due WHERE lane = ?1 AND due_at <= ?2
                               ORDER BY due_at, task LIMIT ?3";
                    let room = i64::try_from(room).unwrap_or(i64::MAX);
                    for (key, fence) in all(connection, sql, params![lane, now.as_millis(), room], key_and_fence)? {
                        lanes.add(&lane, key, fence, keys <= max);
                    }
                }
                at = lane;
            }
            None if wrapped || start.is_empty() => {
                rotor.set(String::new());
                return Ok(true);
            }
            None => {
                wrapped = true;
                at = String::new();
            }
        }
    }
    rotor.set(at);
    Ok(false)
}
