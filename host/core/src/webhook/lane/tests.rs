//! What a lane allows, and when.

use super::*;

const SHARE: usize = 8;
const SECOND: Duration = Duration::from_secs(1);
const NOW: SteadyTime = SteadyTime::from_millis(1_000_000);

fn failing(times: u32) -> Lane {
    let mut lane = Lane::default();
    for _ in 0..times {
        lane.note(Signal::Failure(Some(SECOND * 5)), NOW);
    }
    lane
}

#[test]
fn a_lane_has_its_share_and_no_more() {
    let mut lane = Lane::default();
    for taken in 0..SHARE {
        assert_eq!(lane.room(SHARE, NOW), Ok(SHARE - taken));
        lane.enter();
    }
    assert_eq!(lane.room(SHARE, NOW), Err(Refused::Full));
    lane.leave();
    assert_eq!(lane.room(SHARE, NOW), Ok(1));
}

#[test]
fn after_a_failure_one_goes_at_a_time() {
    let mut lane = failing(1);
    assert_eq!(lane.room(SHARE, NOW), Ok(1));
    lane.enter();
    assert_eq!(lane.room(SHARE, NOW), Err(Refused::Full));
    assert_eq!(lane.breaker(NOW), Breaker::Closed);
}

#[test]
fn the_breaker_opens_after_so_many_failures_and_a_probe_follows() {
    assert_eq!(failing(FAILURES_MAX - 1).room(SHARE, NOW), Ok(1));
    let lane = failing(FAILURES_MAX);
    let until = NOW.plus(SECOND * 5);
    assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(until)));
    assert_eq!(lane.breaker(NOW), Breaker::Open);
    assert_eq!(lane.room(SHARE, until), Ok(1), "the probe");
    assert_eq!(lane.breaker(until), Breaker::HalfOpen);
}

#[test]
fn a_day_long_retry_does_not_close_a_lane_for_a_day() {
    let mut lane = failing(FAILURES_MAX - 1);
    lane.note(Signal::Failure(Some(SECOND * 86_400)), NOW);
    assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(NOW.plus(PAUSE_MAX))));
}

#[test]
fn a_lane_that_is_back_is_drained_at_a_pace() {
    let mut lane = failing(FAILURES_MAX);
    let mut rooms = vec![];
    for _ in 0..SHARE {
        lane.note(Signal::Success, NOW);
        rooms.push(lane.room(SHARE, NOW).unwrap());
    }
    assert_eq!(rooms, [2, 3, 4, 5, 6, 7, 8, 8]);
}

#[test]
fn retry_after_pauses_the_whole_lane() {
    let mut lane = Lane::default();
    lane.note(Signal::Pause(SECOND * 7), NOW);
    assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(NOW.plus(SECOND * 7))));
    lane.note(Signal::Pause(SECOND), NOW);
    assert_eq!(lane.closed_until(NOW), Some(NOW.plus(SECOND * 7)), "a shorter one does not shorten it");
    assert_eq!(lane.room(SHARE, NOW.plus(SECOND * 7)), Ok(1), "one probe");
}

#[test]
fn a_success_that_was_under_way_ends_no_pause() {
    let mut lane = Lane::default();
    lane.note(Signal::Pause(SECOND * 7), NOW);
    lane.note(Signal::Success, NOW);
    assert_eq!(lane.room(SHARE, NOW), Err(Refused::Until(NOW.plus(SECOND * 7))));
    let mut open = failing(FAILURES_MAX);
    open.note(Signal::Success, NOW);
    assert!(open.room(SHARE, NOW).is_ok(), "the breaker closes with it");
}

#[test]
fn a_lane_waits_a_little_for_its_rate_and_closes_for_longer() {
    let mut lane = Lane::default();
    let gates: Vec<_> = (0..13).map(|_| lane.admit(SHARE, Some(10), NOW)).collect();
    assert_eq!(gates[..10], [RateGate::Open; 10]);
    let late = [100, 200].map(|ms| RateGate::OpenAfter(Duration::from_millis(ms)));
    assert_eq!(gates[10..12], late);
    assert_eq!(gates[12], RateGate::Closed(Duration::from_millis(300)));
    assert!(matches!(lane.room(SHARE, NOW), Err(Refused::Until(until)) if until > NOW));
    assert_eq!(lane.admit(SHARE, None, NOW), RateGate::Open, "where there is a rate");
}

#[test]
fn what_is_closed_or_too_narrow_admits_nothing_and_counts_nothing() {
    let mut paused = Lane::default();
    paused.note(Signal::Pause(SECOND), NOW);
    assert_eq!(paused.admit(SHARE, Some(1), NOW), RateGate::Closed(SECOND));
    assert_eq!(paused.admit(SHARE, Some(1), NOW.plus(SECOND)), RateGate::Open, "its first");
    let mut narrow = failing(1);
    narrow.enter();
    assert_eq!(narrow.admit(SHARE, None, NOW), RateGate::Open);
    narrow.enter();
    assert_eq!(narrow.admit(SHARE, None, NOW), RateGate::Closed(Duration::ZERO));
}

#[test]
fn a_full_lane_is_asked_for_again_soon_and_a_closed_one_when_it_opens() {
    assert_eq!(Refused::Full.pause(NOW), FULL_PAUSE);
    assert_eq!(Refused::Until(NOW.plus(SECOND)).pause(NOW), SECOND);
}

#[test]
fn a_lane_is_forgotten_only_where_nothing_is_known_of_it() {
    let mut lane = Lane::default();
    assert!(lane.is_idle(NOW));
    lane.enter();
    assert!(!lane.is_idle(NOW));
    assert!(!failing(1).is_idle(NOW));
    assert!(failing(1).is_idle(NOW.plus(SILENT_MAX + SECOND)), "nothing went there for long");
}
