//! Places for exchanges: how many at once in all, to a lane, and to a host, so that no receiver delays another's.
//!
//! What a lane may do is decided by [`Lane`]; here is only who is in it. Lanes that have not shown that they work share half of
//! all places, however many they are, and of that those that fail have half: receivers that answer always find one, and
//! so do, among the rest, those that are new. Where tenants share the server, each leaves places to the others ([`owners`]).

mod hosts;
mod owners;
mod repeated;

use crate::config::Config;
use hosts::{Hosts, Who};
use morag_core::SteadyTime;
use morag_core::ports::{LaneLimit, LaneLimits};
use morag_core::task::TenantId;
use morag_core::webhook::{Breaker, Lane, Refused, Signal};
use owners::Owners;
use repeated::Repeated;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Lanes remembered, each some 300 bytes and named in every claim. Beyond it those of which nothing needs to be known are
/// forgotten, and then the failures of those that had their turn longest ago: they are as new ones again.
const LANES_MAX: usize = 4096;

/// Lanes that wait to be called, of those remembered. Beyond it a cursor comes back by itself.
const WAITING_MAX: usize = LANES_MAX / 4;

/// Between two cursors that come back by themselves: what looking at them costs has a limit, whatever their number.
const RETURNS_APART: Duration = Duration::from_millis(1);

/// How many at once.
#[derive(Debug, Clone, Copy)]
pub struct LanesMax {
    /// In all.
    pub total: usize,
    /// To a lane.
    pub lane: usize,
    /// To a host and port.
    pub host: usize,
    /// Whether tenants share them: then one has at most as many as it leaves to the others.
    pub has_tenants: bool,
}

/// The lanes that deliveries go by, in this process.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max: LanesMax,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<String, Known>,
    /// Hosts with ports, and sites of lanes that have not shown that they work.
    hosts: Hosts,
    owners: Owners,
    /// Lanes that are to be called.
    waiting: usize,
    /// When the last of the cursors that come back by themselves does.
    last_return: Option<SteadyTime>,
    under_way: usize,
    unproven: usize,
    failing: usize,
    turns: u64,
}

#[derive(Debug, Default)]
struct Known {
    lane: Lane,
    /// Nothing of it is asked for until its host, or its owner, has a place.
    waits: bool,
    /// When it had its last turn, by the count of turns.
    turn: u64,
    /// Since when every attempt has failed.
    failing_since: Option<SteadyTime>,
    /// Since when credentials of it could not be read.
    unreadable_since: Option<SteadyTime>,
    given_up: Repeated,
    unreadable: Repeated,
}

/// A place in a lane. Giving it back is dropping it.
#[derive(Debug)]
pub struct Place {
    lanes: Lanes,
    name: String,
    standing: Standing,
}

/// What a lane has shown, as far as places are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It answers.
    Proven,
    /// Nothing yet.
    New,
    /// It fails.
    Failing,
}

impl Standing {
    fn of(lane: &Lane) -> Self {
        match (lane.is_proven(), lane.is_failing()) {
            (true, _) => Self::Proven,
            (false, false) => Self::New,
            (false, true) => Self::Failing,
        }
    }
}

/// A place with a host. Giving it back is dropping it.
#[derive(Debug)]
pub struct HostPlace {
    lanes: Lanes,
    /// The host, and the site where it is counted too.
    held: Vec<Who>,
}

/// A place among those of an owner. Giving it back is dropping it.
#[derive(Debug)]
pub struct OwnerPlace {
    lanes: Lanes,
    /// None where the places are not shared.
    held: Option<(TenantId, Standing)>,
}

/// How many lanes' breakers are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BreakerCounts {
    /// Everything goes.
    pub closed: usize,
    /// Nothing goes.
    pub open: usize,
    /// One at a time.
    pub half_open: usize,
}

impl Lanes {
    /// All places are free.
    pub fn new(max: LanesMax) -> Self {
        Self(Arc::new(Shared { max, state: Mutex::default(), freed: Notify::new() }))
    }

    /// As configured.
    pub fn of(config: &Config) -> Self {
        Self::new(LanesMax {
            total: config.webhook_concurrency,
            lane: config.webhook_endpoint_concurrency,
            host: config.webhook_host_concurrency,
            has_tenants: config.has_tenants(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics under the lock.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places that are free in all.
    pub(crate) fn free(&self) -> usize {
        self.0.max.total.saturating_sub(self.state().under_way)
    }

    /// Woken when a place was given back.
    pub(crate) fn freed(&self) -> &Notify {
        &self.0.freed
    }

    /// What a claim may take of each lane now, and when the next closed one opens.
    pub(crate) fn limits(&self, now: SteadyTime) -> (LaneLimits, Option<SteadyTime>) {
        let state = self.state();
        let max = self.0.max;
        let (unproven, failing) = state.left(max.total);
        let mut opens: Option<SteadyTime> = None;
        // One that has nothing under way and had its turn long ago is as one that is not known, unless that one has no place.
        let recent = state.turns.saturating_sub(max.total as u64);
        let matters = |known: &&Known| known.turn > recent || unproven < max.lane || !known.is_idle(now);
        let lanes = state.lanes.iter().filter(|(_, known)| matters(known)).map(|(name, known)| {
            let room = known.lane.room(max.lane, now);
            let (keys, closed_for) = match room {
                Ok(_) if known.waits => (0, Duration::ZERO),
                Ok(room) => match Standing::of(&known.lane) {
                    Standing::Proven => (room, Duration::ZERO),
                    Standing::New => (room.min(unproven), Duration::ZERO),
                    Standing::Failing => (room.min(unproven).min(failing), Duration::ZERO),
                },
                Err(Refused::Full) => (0, Duration::ZERO),
                Err(Refused::Until(until)) => {
                    opens = Some(opens.map_or(until, |known| known.min(until)));
                    (0, until.since(now))
                }
            };
            (name.clone(), LaneLimit { keys, closed_for, turn: known.turn })
        });
        let lanes = lanes.collect();
        (LaneLimits { share: max.lane.min(unproven), lanes }, opens)
    }

    /// Takes a place for a cursor that was claimed.
    pub(crate) fn enter(&self, name: &str, now: SteadyTime) -> Result<Place, Refused> {
        let mut state = self.state();
        state.forget(now);
        state.turns += 1;
        let (turn, (unproven, failing)) = (state.turns, state.left(self.0.max.total));
        let known = state.lanes.entry(name.to_owned()).or_default();
        known.lane.room(self.0.max.lane, now)?;
        let standing = Standing::of(&known.lane);
        let is_refused = match standing {
            Standing::Proven => false,
            Standing::New => unproven == 0,
            Standing::Failing => unproven.min(failing) == 0,
        };
        if is_refused {
            return Err(Refused::Full);
        }
        known.turn = turn;
        known.lane.enter();
        state.under_way += 1;
        state.unproven += usize::from(standing != Standing::Proven);
        state.failing += usize::from(standing == Standing::Failing);
        Ok(Place { lanes: self.clone(), name: name.to_owned(), standing })
    }

    /// Forgets a lane's failures: its endpoint is not sent to any more, and will have been mended when it is again.
    pub(crate) fn forgive(&self, name: &str) {
        if let Some(known) = self.state().lanes.get_mut(name) {
            known.failing_since = None;
            known.lane.forgive();
        }
    }

    /// A place among those of an owner, for whose task a lane was entered. Where it has none, nothing of the lane is asked for
    /// until it has. `Err`: how long its cursor is left alone.
    pub(crate) fn enter_owner(&self, owner: &TenantId, place: &Place, now: SteadyTime) -> Result<OwnerPlace, Duration> {
        let max = self.0.max;
        if !max.has_tenants {
            return Ok(OwnerPlace { lanes: self.clone(), held: None });
        }
        let mut state = self.state();
        let (unproven, failing) = of_total(max.total);
        if state.owners.take(owner, place.standing, [max.total, unproven, failing]) {
            return Ok(OwnerPlace { lanes: self.clone(), held: Some((owner.clone(), place.standing)) });
        }
        let is_new = state.wait(&place.name, now)?;
        if is_new {
            state.owners.wait(owner, &place.name);
        }
        Err(Duration::ZERO)
    }

    /// A place with a host for a lane. Where it has none, nothing of the lane is asked for until it has. Lanes of one site that
    /// have not shown that they work have half of the places of such lanes at most: whatever number of URLs and names lead to
    /// servers that do not answer, or to names that nobody answers for, new receivers find a place. `Err`: how long a cursor of
    /// the lane is left alone.
    pub fn enter_host(&self, authority: String, lane: &str, now: SteadyTime) -> Result<HostPlace, Duration> {
        let mut state = self.state();
        let max = self.0.max;
        let is_unproven = state.lanes.get(lane).is_none_or(|known| !known.lane.is_proven());
        let site = is_unproven.then(|| (Who::site_of(&authority), (max.total / 4).max(1)));
        let wanted = [(Who::Host(authority), max.host)].into_iter().chain(site).collect();
        match state.hosts.take(wanted) {
            Ok(held) => Ok(HostPlace { lanes: self.clone(), held }),
            Err(who) => {
                let is_new = state.wait(lane, now)?;
                if is_new {
                    state.hosts.wait(who, lane);
                }
                Err(Duration::ZERO)
            }
        }
    }

    /// Notes that deliveries of a lane were given up for their age. Says how many there were since that was said last, if it is to be
    /// said again.
    pub(crate) fn note_given_up(&self, name: &str, count: u64, now: SteadyTime) -> Option<u64> {
        let mut state = self.state();
        state.lanes.get_mut(name)?.given_up.note(count, now)
    }

    /// Lets claims take cursors of these lanes again.
    fn call(&self, lanes: &[String]) {
        if lanes.is_empty() {
            return;
        }
        let mut state = self.state();
        let mut called = 0;
        for lane in lanes {
            if let Some(known) = state.lanes.get_mut(lane).filter(|known| known.waits) {
                known.waits = false;
                called += 1;
            }
        }
        state.waiting -= called;
        drop(state);
        self.0.freed.notify_waiters();
    }

    /// Breakers by state.
    pub fn breakers(&self, now: SteadyTime) -> BreakerCounts {
        let mut counts = BreakerCounts::default();
        for known in self.state().lanes.values() {
            match known.lane.breaker(now) {
                Breaker::Closed => counts.closed += 1,
                Breaker::Open => counts.open += 1,
                Breaker::HalfOpen => counts.half_open += 1,
            }
        }
        counts
    }

    /// State of one lane's breaker, where it is known.
    pub fn breaker(&self, name: &str, now: SteadyTime) -> Option<Breaker> {
        self.state().lanes.get(name).map(|known| known.lane.breaker(now))
    }
}

impl Place {
    /// Name of the lane.
    pub fn lane(&self) -> &str {
        &self.name
    }

    /// Whether the holder may make another exchange: not where the lane was closed meanwhile, or has become narrower than those
    /// who are in it. Says then when to come back.
    pub fn may_go_on(&self, now: SteadyTime) -> Result<(), SteadyTime> {
        let state = self.lanes.state();
        let Some(known) = state.lanes.get(&self.name) else { return Ok(()) };
        match known.lane.closed_until(now) {
            Some(until) => Err(until),
            None if known.lane.is_crowded(self.lanes.0.max.lane) => Err(now),
            None => Ok(()),
        }
    }

    /// When the next attempt may be made at a rate. `Err`: when to come back for it.
    pub fn on_rate(&self, rate: u32, now: SteadyTime) -> Result<SteadyTime, SteadyTime> {
        let mut state = self.lanes.state();
        state.lanes.entry(self.name.clone()).or_default().lane.on_rate(rate, now)
    }

    /// For how long the receiver has taken nothing; none where it took what it was sent last, and where that is too long ago to say
    /// anything.
    pub(crate) fn failing_for(&self, now: SteadyTime) -> Option<Duration> {
        let state = self.lanes.state();
        let known = state.lanes.get(&self.name).filter(|known| !known.lane.is_silent(now))?;
        known.failing_since.map(|since| now.since(since))
    }

    /// For how long credentials of the lane could not be read, as far as this process knows.
    pub(crate) fn unreadable_for(&self, now: SteadyTime) -> Option<Duration> {
        self.lanes.state().lanes.get(&self.name)?.unreadable_since.map(|since| now.since(since))
    }

    /// Notes that credentials cannot be read. Says for how many deliveries that was so since it was said last, if it is to be said again.
    pub(crate) fn note_unreadable(&self, now: SteadyTime) -> Option<u64> {
        let mut state = self.lanes.state();
        let known = state.lanes.entry(self.name.clone()).or_default();
        known.unreadable_since.get_or_insert(now);
        known.unreadable.note(1, now)
    }

    /// Notes how an exchange ended. Says since when every one has failed.
    pub fn note(&self, signal: Signal, now: SteadyTime) -> Option<SteadyTime> {
        let mut state = self.lanes.state();
        let known = state.lanes.entry(self.name.clone()).or_default();
        known.lane.note(signal, now);
        match signal {
            Signal::Success => known.failing_since = None,
            Signal::Failure(_) | Signal::Pause(_) => {
                known.failing_since.get_or_insert(now);
            }
        }
        known.failing_since
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lanes.state();
        state.under_way = state.under_way.saturating_sub(1);
        state.unproven = state.unproven.saturating_sub(usize::from(self.standing != Standing::Proven));
        state.failing = state.failing.saturating_sub(usize::from(self.standing == Standing::Failing));
        if let Some(known) = state.lanes.get_mut(&self.name) {
            known.lane.leave();
        }
        drop(state);
        self.lanes.0.freed.notify_waiters();
    }
}

impl Drop for HostPlace {
    fn drop(&mut self) {
        let called = self.lanes.state().hosts.give_back(&self.held);
        self.lanes.call(&called);
    }
}

impl Drop for OwnerPlace {
    fn drop(&mut self) {
        let Some((owner, standing)) = self.held.take() else { return };
        let called = self.lanes.state().owners.give_back(&owner, standing);
        self.lanes.call(&called);
    }
}

impl State {
    /// Places that are left of `total` for lanes that have not shown that they work, and of those for lanes that fail.
    fn left(&self, total: usize) -> (usize, usize) {
        let (unproven, failing) = of_total(total);
        (unproven.saturating_sub(self.unproven), failing.saturating_sub(self.failing))
    }

    /// Makes a lane wait until it is called, and says whether it did not wait before. `Err`: too many do, so its cursor comes
    /// back after this time.
    fn wait(&mut self, lane: &str, now: SteadyTime) -> Result<bool, Duration> {
        if self.lanes.get(lane).is_some_and(|known| known.waits) {
            return Ok(false);
        }
        if self.waiting >= WAITING_MAX {
            let next = self.last_return.map_or(now, |last| last.max(now)).plus(RETURNS_APART);
            self.last_return = Some(next);
            return Err(next.since(now));
        }
        self.lanes.entry(lane.to_owned()).or_default().waits = true;
        self.waiting += 1;
        Ok(true)
    }

    /// Makes room where there are too many lanes.
    fn forget(&mut self, now: SteadyTime) {
        if self.lanes.len() < LANES_MAX {
            return;
        }
        self.lanes.retain(|_, known| !known.is_idle(now));
        // Half of the rest at once, so that entering a lane does not go through all of them each time.
        if self.lanes.len() < LANES_MAX / 2 {
            return;
        }
        let is_kept = |known: &Known| known.waits || known.lane.under_way() > 0;
        let mut turns: Vec<_> = self.lanes.values().filter(|known| !is_kept(known)).map(|known| known.turn).collect();
        if turns.is_empty() {
            return;
        }
        let middle = turns.len() / 2;
        let (_, &mut middle, _) = turns.select_nth_unstable(middle);
        self.lanes.retain(|_, known| is_kept(known) || known.turn > middle);
    }
}

/// Places of `total` for lanes that have not shown that they work, and of those for lanes that fail.
fn of_total(total: usize) -> (usize, usize) {
    let half = (total / 2).max(1);
    (half, (half / 2).max(1))
}

impl Known {
    fn is_idle(&self, now: SteadyTime) -> bool {
        self.lane.is_idle(now) && !self.waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SteadyTime = SteadyTime::from_millis(1_000_000);
    const MAX: LanesMax = LanesMax { total: 8, lane: 3, host: 2, has_tenants: false };

    fn proven(lanes: &Lanes, name: &str) {
        let place = lanes.enter(name, NOW).unwrap();
        place.note(Signal::Success, NOW);
    }

    #[test]
    fn a_lane_has_its_share_and_another_lane_its_own() {
        let lanes = Lanes::new(MAX);
        proven(&lanes, "a");
        proven(&lanes, "b");
        let held: Vec<_> = (0..3).map(|_| lanes.enter("a", NOW).unwrap()).collect();
        assert!(lanes.enter("a", NOW).is_err());
        assert_eq!(lanes.limits(NOW).0.lanes["a"].keys, 0);
        assert_eq!(lanes.limits(NOW).0.lanes["b"].keys, 3);
        assert!(lanes.enter("b", NOW).is_ok());
        assert_eq!(lanes.free(), 5);
        drop(held);
        assert_eq!(lanes.free(), 8);
    }

    #[test]
    fn lanes_that_have_not_answered_leave_half_of_the_places_to_those_that_have() {
        let lanes = Lanes::new(MAX);
        proven(&lanes, "good");
        let unproven: Vec<_> = (0..4).map(|n| lanes.enter(&format!("new{n}"), NOW).unwrap()).collect();
        assert!(lanes.enter("new9", NOW).is_err());
        assert_eq!(lanes.limits(NOW).0.share, 0);
        assert!(lanes.enter("good", NOW).is_ok());
        drop(unproven);
        assert!(lanes.enter("new9", NOW).is_ok());
    }

    #[test]
    fn lanes_that_fail_leave_places_to_new_ones() {
        let lanes = Lanes::new(MAX);
        for n in 0..4 {
            lanes.enter(&format!("bad{n}"), NOW).unwrap().note(Signal::Failure(None), NOW);
        }
        let failing: Vec<_> = (0..4).filter_map(|n| lanes.enter(&format!("bad{n}"), NOW).ok()).collect();
        assert_eq!(failing.len(), 2, "half of the half");
        assert!(lanes.enter("new", NOW).is_ok());
    }

    #[test]
    fn who_had_a_turn_last_is_last() {
        let lanes = Lanes::new(MAX);
        proven(&lanes, "a");
        proven(&lanes, "b");
        proven(&lanes, "a");
        let limits = lanes.limits(NOW).0;
        assert!(limits.lanes["b"].turn < limits.lanes["a"].turn);
    }

    #[test]
    fn a_paused_lane_is_closed_for_all_who_are_in_it() {
        let lanes = Lanes::new(MAX);
        let (one, other) = (lanes.enter("a", NOW).unwrap(), lanes.enter("a", NOW).unwrap());
        one.note(Signal::Pause(Duration::from_secs(5)), NOW);
        let until = NOW.plus(Duration::from_secs(5));
        assert_eq!(other.may_go_on(NOW), Err(until));
        let (limits, opens) = lanes.limits(NOW);
        assert_eq!((limits.lanes["a"].keys, limits.lanes["a"].closed_for), (0, Duration::from_secs(5)));
        assert_eq!(opens, Some(until));
        assert_eq!(lanes.breakers(NOW), BreakerCounts { open: 1, ..BreakerCounts::default() });
    }

    #[test]
    fn after_a_failure_all_but_one_go() {
        let lanes = Lanes::new(MAX);
        let (one, other) = (lanes.enter("a", NOW).unwrap(), lanes.enter("a", NOW).unwrap());
        one.note(Signal::Failure(None), NOW);
        assert_eq!(other.may_go_on(NOW), Err(NOW));
        drop(other);
        assert_eq!(one.may_go_on(NOW), Ok(()));
    }

    #[test]
    fn a_site_that_has_not_answered_leaves_places_to_other_new_ones() {
        let lanes = Lanes::new(LanesMax { host: 8, ..MAX });
        let silent = |n: usize| lanes.enter_host(format!("n{n}.silent.example:1"), &format!("s{n}"), NOW).ok();
        let held: Vec<_> = (0..4).filter_map(silent).collect();
        assert_eq!(held.len(), 2, "half of what is for lanes that have not answered");
        assert!(lanes.enter_host("new.example:1".into(), "new", NOW).is_ok());
        proven(&lanes, "good");
        let all: Vec<_> =
            (0..8).map(|_| lanes.enter_host("n9.silent.example:1".into(), "good", NOW).unwrap()).collect();
        assert!(lanes.enter_host("n9.silent.example:1".into(), "good", NOW).is_err(), "the host's own limit");
        drop((all, held));
        assert!(lanes.limits(NOW).0.lanes.iter().all(|(_, limit)| limit.keys > 0), "who waited is called");
        assert!(silent(3).is_some());
        assert!(lanes.state().hosts.is_empty(), "nothing is left behind");
    }

    #[test]
    fn a_host_has_its_places_whatever_its_lanes() {
        let lanes = Lanes::new(MAX);
        let held: Vec<_> = (0..2).map(|_| lanes.enter_host("h:1".into(), "a", NOW).unwrap()).collect();
        assert!(lanes.enter_host("h:1".into(), "a", NOW).is_err());
        assert!(lanes.enter_host("h:2".into(), "b", NOW).is_ok());
        drop(held);
        assert!(lanes.enter_host("h:1".into(), "a", NOW).is_ok());
    }

    #[test]
    fn a_lane_whose_host_is_full_is_asked_for_again_once_it_has_a_place() {
        let lanes = Lanes::new(MAX);
        let held: Vec<_> = (0..2).map(|_| lanes.enter_host("h:1".into(), "a", NOW).unwrap()).collect();
        for name in ["b", "c"] {
            let place = lanes.enter(name, NOW).unwrap();
            assert!(lanes.enter_host("h:1".into(), place.lane(), NOW).is_err());
        }
        let keys = || {
            let limits = lanes.limits(NOW).0;
            ["b", "c"].map(|name| limits.lanes[name].keys)
        };
        assert_eq!(keys(), [0, 0]);
        let mut held = held.into_iter();
        drop(held.next());
        assert_eq!(keys(), [3, 0], "one place, one lane");
        drop(held.next());
        assert_eq!(keys(), [3, 3]);
    }

    #[test]
    fn of_any_number_of_lanes_that_find_no_place_so_many_are_remembered() {
        let lanes = Lanes::new(MAX);
        let held: Vec<_> = (0..2).map(|_| lanes.enter_host("h:1".into(), "a", NOW).unwrap()).collect();
        let mut pauses = Vec::new();
        for n in 0..20_000 {
            let place = lanes.enter(&format!("w{n}"), NOW).unwrap();
            pauses.push(lanes.enter_host("h:1".into(), place.lane(), NOW).unwrap_err());
        }
        assert!(lanes.limits(NOW).0.lanes.len() <= LANES_MAX);
        assert_eq!(lanes.state().waiting, WAITING_MAX);
        assert!(pauses[..WAITING_MAX].iter().all(Duration::is_zero), "these are called");
        let apart: Vec<_> = pauses[WAITING_MAX..].windows(2).map(|two| two[1] - two[0]).collect();
        assert!(apart.iter().all(|apart| *apart == RETURNS_APART), "the others come back one by one");
        drop(held);
        assert_eq!(lanes.state().waiting, 0, "nobody is left waiting");
        assert!(lanes.enter_host("h:1".into(), "w0", NOW).is_ok());
    }

    #[test]
    fn of_any_number_of_lanes_that_fail_the_last_are_remembered() {
        let lanes = Lanes::new(MAX);
        for n in 0..20_000 {
            lanes.enter(&format!("f{n}"), NOW).unwrap().note(Signal::Failure(None), NOW);
        }
        let known = lanes.limits(NOW).0.lanes;
        assert!(known.len() <= LANES_MAX);
        assert!(known.contains_key("f19999") && !known.contains_key("f0"));
        let held = lanes.enter("f19999", NOW).unwrap();
        assert!(lanes.enter("f19999", NOW).is_err(), "one at a time: it has failed");
        drop(held);
    }

    #[test]
    fn failing_is_since_the_first_failure_after_a_success() {
        let lanes = Lanes::new(MAX);
        let place = lanes.enter("a", NOW).unwrap();
        let later = NOW.plus(Duration::from_secs(9));
        assert_eq!(place.note(Signal::Failure(None), NOW), Some(NOW));
        assert_eq!(place.note(Signal::Pause(Duration::ZERO), later), Some(NOW));
        assert_eq!(place.note(Signal::Success, later), None);
        assert_eq!(place.note(Signal::Failure(None), later), Some(later));
    }
}
