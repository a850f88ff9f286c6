//! The lanes that are remembered, and the slots that are taken. Pure: time is an argument.

use super::hosts::Hosts;
use super::repeated::Repeated;
use super::tenants::Tenants;
use morag_core::SteadyTime;
use morag_core::ports::{LaneLimit, LaneLimits};
use morag_core::webhook::{Lane, Refused, Signal, Slots, Standing};
use std::collections::HashMap;
use std::time::Duration;

/// Lanes remembered, each some 300 bytes and named in every claim. Beyond it idle lanes are forgotten, and then the failures of those
/// that had their turn longest ago: they count as new again.
pub(super) const LANES_MAX: usize = 4096;

/// Lanes that wait to be reopened, of those remembered. Beyond it a cursor comes back by itself.
pub(super) const WAITING_MAX: usize = LANES_MAX / 4;

/// Between two cursors that come back by themselves: what claiming them costs has a limit, whatever their number.
pub(super) const RETURN_INTERVAL: Duration = Duration::from_millis(1);

/// Limits of exchanges at once.
#[derive(Debug, Clone, Copy)]
pub struct LanesMax {
    /// In all.
    pub total: usize,
    /// To a lane.
    pub lane: usize,
    /// To a host and port.
    pub host: usize,
    /// Whether tenants share the slots: then one takes at most as many as it leaves to the others.
    pub has_tenants: bool,
}

impl LanesMax {
    /// The limits by standing.
    pub(super) fn slots(&self) -> Slots {
        Slots::of_total(self.total)
    }
}

/// What is known of the lanes, the hosts and the tenants.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) lanes: HashMap<String, LaneEntry>,
    /// Hosts with ports, and sites of lanes that are not proven.
    pub(super) hosts: Hosts,
    pub(super) tenants: Tenants,
    /// Lanes that wait to be reopened.
    pub(super) waiting: usize,
    /// When the last of the cursors that come back by themselves does.
    last_return: Option<SteadyTime>,
    taken: Slots,
    turns: u64,
}

/// What is known of a lane.
#[derive(Debug, Default)]
pub(super) struct LaneEntry {
    pub(super) lane: Lane,
    /// Whether nothing of it is claimed until its host, or its tenant, has a slot.
    waits: bool,
    /// When it had its last turn, by the count of turns.
    turn: u64,
    /// Since when every attempt has failed.
    failing_since: Option<SteadyTime>,
    /// Since when credentials of it could not be read.
    unreadable_since: Option<SteadyTime>,
    pub(super) given_up: Repeated,
    unreadable: Repeated,
}

impl LaneEntry {
    /// Whether the lane can be forgotten.
    fn is_idle(&self, now: SteadyTime) -> bool {
        self.lane.is_idle(now) && !self.waits
    }

    /// Forgets its failures.
    pub(super) fn forgive(&mut self) {
        self.failing_since = None;
        self.lane.forgive();
    }

    /// Notes how an exchange ended. Gives since when every one has failed.
    pub(super) fn note(&mut self, signal: Signal, now: SteadyTime) -> Option<SteadyTime> {
        self.lane.note(signal, now);
        match signal {
            Signal::Success => self.failing_since = None,
            Signal::Failure(_) | Signal::Pause(_) => {
                self.failing_since.get_or_insert(now);
            }
        }
        self.failing_since
    }

    /// Notes that credentials cannot be read. Gives for how many deliveries since it was logged last, if it is to be logged again.
    pub(super) fn note_unreadable(&mut self, now: SteadyTime) -> Option<u64> {
        self.unreadable_since.get_or_insert(now);
        self.unreadable.note(1, now)
    }

    /// For how long every attempt has failed; none where the last one did not, and where it is too long ago to matter.
    pub(super) fn failing_for(&self, now: SteadyTime) -> Option<Duration> {
        self.failing_since.filter(|_| !self.lane.is_silent(now)).map(|since| now.since(since))
    }

    /// For how long credentials could not be read.
    pub(super) fn unreadable_for(&self, now: SteadyTime) -> Option<Duration> {
        self.unreadable_since.map(|since| now.since(since))
    }
}

impl State {
    /// Slots that are taken.
    pub(super) fn under_way(&self) -> usize {
        self.taken.counts()[0]
    }

    /// What is known of a lane; of a new one, nothing.
    pub(super) fn entry(&mut self, name: &str) -> &mut LaneEntry {
        self.lanes.entry(name.to_owned()).or_default()
    }

    /// What a claim may take of each lane now, and when the next closed one opens.
    pub(super) fn limits(&self, max: LanesMax, now: SteadyTime) -> (LaneLimits, Option<SteadyTime>) {
        let left = max.slots().without(self.taken);
        let share = left.for_new(max.lane);
        // Idle lanes are left out: defaults apply. Not where new lanes have no slot, and not while the last turn matters.
        let recent = self.turns.saturating_sub(max.total as u64);
        let is_listed = |entry: &&LaneEntry| entry.turn > recent || share < max.lane || !entry.is_idle(now);
        let mut opens: Option<SteadyTime> = None;
        let lanes = self.lanes.iter().filter(|(_, entry)| is_listed(entry)).map(|(name, entry)| {
            let (keys, closed_for) = match entry.lane.room(max.lane, now) {
                Ok(_) if entry.waits => (0, Duration::ZERO),
                Ok(room) => (left.for_lane(Standing::of(&entry.lane), room), Duration::ZERO),
                Err(Refused::Full) => (0, Duration::ZERO),
                Err(Refused::Until(until)) => {
                    opens = Some(opens.map_or(until, |opens| opens.min(until)));
                    (0, until.since(now))
                }
            };
            (name.clone(), LaneLimit { keys, closed_for, turn: entry.turn })
        });
        let lanes = lanes.collect();
        (LaneLimits { share, lanes }, opens)
    }

    /// Takes a slot of a lane, which had the standing then.
    pub(super) fn enter(&mut self, name: &str, max: LanesMax, now: SteadyTime) -> Result<Standing, Refused> {
        self.forget(now);
        self.turns += 1;
        let (turn, left) = (self.turns, max.slots().without(self.taken));
        let entry = self.entry(name);
        let room = entry.lane.room(max.lane, now)?;
        let standing = Standing::of(&entry.lane);
        if left.for_lane(standing, room) == 0 {
            return Err(Refused::Full);
        }
        entry.turn = turn;
        entry.lane.enter();
        self.taken.take(standing);
        Ok(standing)
    }

    /// Gives a slot of a lane back.
    pub(super) fn leave(&mut self, name: &str, standing: Standing) {
        self.taken.give_back(standing);
        if let Some(entry) = self.lanes.get_mut(name) {
            entry.lane.leave();
        }
    }

    /// Makes a lane wait until it is reopened, and says whether it did not wait before. `Err`: too many do, so its cursor comes
    /// back after this time.
    pub(super) fn wait(&mut self, name: &str, now: SteadyTime) -> Result<bool, Duration> {
        if self.lanes.get(name).is_some_and(|entry| entry.waits) {
            return Ok(false);
        }
        if self.waiting >= WAITING_MAX {
            let next = self.last_return.map_or(now, |last| last.max(now)).plus(RETURN_INTERVAL);
            self.last_return = Some(next);
            return Err(next.since(now));
        }
        self.entry(name).waits = true;
        self.waiting += 1;
        Ok(true)
    }

    /// Lets claims take cursors of these lanes again.
    pub(super) fn reopen(&mut self, names: &[String]) {
        for name in names {
            if let Some(entry) = self.lanes.get_mut(name).filter(|entry| entry.waits) {
                entry.waits = false;
                self.waiting -= 1;
            }
        }
    }

    /// Forgets lanes where there are too many.
    fn forget(&mut self, now: SteadyTime) {
        if self.lanes.len() < LANES_MAX {
            return;
        }
        self.lanes.retain(|_, entry| !entry.is_idle(now));
        // Half of the rest at once, so that entering a lane does not go through all of them each time.
        if self.lanes.len() < LANES_MAX / 2 {
            return;
        }
        let is_used = |entry: &LaneEntry| entry.waits || entry.lane.under_way() > 0;
        let mut turns: Vec<_> = self.lanes.values().filter(|entry| !is_used(entry)).map(|entry| entry.turn).collect();
        if turns.is_empty() {
            return;
        }
        let middle = turns.len() / 2;
        let (_, &mut middle, _) = turns.select_nth_unstable(middle);
        self.lanes.retain(|_, entry| is_used(entry) || entry.turn > middle);
    }
}
