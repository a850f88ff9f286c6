//! Who gets which slot.

use super::state::{LANES_MAX, LanesMax, RETURN_INTERVAL, WAITING_MAX};
use super::*;
use morag_core::SteadyTime;
use morag_core::webhook::{RateGate, Signal};
use std::time::Duration;

const NOW: SteadyTime = SteadyTime::from_millis(1_000_000);
const MAX: LanesMax = LanesMax { total: 8, lane: 3, host: 2, has_tenants: false };

fn proven(lanes: &Lanes, name: &str) {
    let slot = lanes.enter(name, NOW).unwrap();
    slot.note(Signal::Success, NOW);
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
fn lanes_that_have_not_answered_leave_half_of_the_slots_to_those_that_have() {
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
fn lanes_that_fail_leave_slots_to_new_ones() {
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
    assert_eq!(other.admit(None, NOW), RateGate::Closed(Duration::from_secs(5)));
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
    assert_eq!(other.admit(None, NOW), RateGate::Closed(Duration::ZERO));
    drop(other);
    assert_eq!(one.admit(None, NOW), RateGate::Open);
}

#[test]
fn a_site_that_has_not_answered_leaves_slots_to_other_new_ones() {
    let lanes = Lanes::new(LanesMax { host: 8, ..MAX });
    let silent = |n: usize| lanes.enter_host(format!("n{n}.silent.example:1"), &format!("s{n}"), NOW).ok();
    let held: Vec<_> = (0..4).filter_map(silent).collect();
    assert_eq!(held.len(), 2, "half of what is for lanes that have not answered");
    assert!(lanes.enter_host("new.example:1".into(), "new", NOW).is_ok());
    proven(&lanes, "good");
    let all: Vec<_> = (0..8).map(|_| lanes.enter_host("n9.silent.example:1".into(), "good", NOW).unwrap()).collect();
    assert!(lanes.enter_host("n9.silent.example:1".into(), "good", NOW).is_err(), "the host's own limit");
    drop((all, held));
    assert!(lanes.limits(NOW).0.lanes.iter().all(|(_, limit)| limit.keys > 0), "who waited is called");
    assert!(silent(3).is_some());
    assert!(lanes.state().hosts.is_empty(), "nothing is left behind");
}

#[test]
fn a_host_has_its_slots_whatever_its_lanes() {
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
        let slot = lanes.enter(name, NOW).unwrap();
        assert!(lanes.enter_host("h:1".into(), slot.lane(), NOW).is_err());
    }
    let keys = || {
        let limits = lanes.limits(NOW).0;
        ["b", "c"].map(|name| limits.lanes[name].keys)
    };
    assert_eq!(keys(), [0, 0]);
    let mut held = held.into_iter();
    drop(held.next());
    assert_eq!(keys(), [3, 0], "one slot, one lane");
    drop(held.next());
    assert_eq!(keys(), [3, 3]);
}

#[test]
fn of_any_number_of_lanes_that_find_no_slot_so_many_are_remembered() {
    let lanes = Lanes::new(MAX);
    let held: Vec<_> = (0..2).map(|_| lanes.enter_host("h:1".into(), "a", NOW).unwrap()).collect();
    let mut pauses = Vec::new();
    for n in 0..20_000 {
        let slot = lanes.enter(&format!("w{n}"), NOW).unwrap();
        pauses.push(lanes.enter_host("h:1".into(), slot.lane(), NOW).unwrap_err());
    }
    assert!(lanes.limits(NOW).0.lanes.len() <= LANES_MAX);
    assert_eq!(lanes.state().waiting, WAITING_MAX);
    assert!(pauses[..WAITING_MAX].iter().all(Duration::is_zero), "these are called");
    let apart: Vec<_> = pauses[WAITING_MAX..].windows(2).map(|two| two[1] - two[0]).collect();
    assert!(apart.iter().all(|apart| *apart == RETURN_INTERVAL), "the others come back one by one");
    drop(held);
    assert_eq!(lanes.state().waiting, 0, "no cursor is left waiting");
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
    let slot = lanes.enter("a", NOW).unwrap();
    let later = NOW.plus(Duration::from_secs(9));
    assert_eq!(slot.note(Signal::Failure(None), NOW), Some(NOW));
    assert_eq!(slot.note(Signal::Pause(Duration::ZERO), later), Some(NOW));
    assert_eq!(slot.note(Signal::Success, later), None);
    assert_eq!(slot.note(Signal::Failure(None), later), Some(later));
}
