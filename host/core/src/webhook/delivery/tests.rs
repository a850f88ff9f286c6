//! Each gate of a delivery, and their order.

use super::DeliveryEffect as Do;
use super::DeliveryInput as In;
use super::*;
use crate::Timestamp;
use crate::task::TaskId;
use crate::webhook::{Cursor, CursorMove, CursorName, EndpointId, Resend, WebhookUrl};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// How long a cursor waits whose credentials cannot be read.
const MINUTE: Duration = Duration::from_secs(60);
const READY: TargetFacts = TargetFacts { receiver: Receiver::Enabled, is_ordered: false, is_readable: true };
const ORDERED: TargetFacts = TargetFacts { is_ordered: true, ..READY };
const UNREADABLE: TargetFacts = TargetFacts { is_readable: false, ..READY };
const WANTED: EventFacts = EventFacts { is_wanted: true, is_hopeless: false };
const UNWANTED: EventFacts = EventFacts { is_wanted: false, is_hopeless: false };
const HOPELESS: EventFacts = EventFacts { is_wanted: true, is_hopeless: true };
const RETRY: CursorMove = CursorMove::Retry(Timestamp::from_millis(5));

fn cursor() -> Cursor {
    let name = CursorName::of_named(EndpointId::from("ep_a".to_owned()));
    Cursor { task: TaskId::from(uuid::Uuid::nil()), name, next_event: 7, next_delivery: 3, attempts: 2, url: None }
}

fn elsewhere() -> Cursor {
    Cursor { url: Some("https://elsewhere.example/".parse::<WebhookUrl>().unwrap()), ..resend() }
}

fn resend() -> Cursor {
    let name = cursor().name.resending(Resend { delivery: 3, number: 1 });
    Cursor { name, ..cursor() }
}

/// A page of so many events, the last of its log.
fn page(events: usize) -> In {
    page_of(cursor(), events)
}

fn page_of(cursor: Cursor, events: usize) -> In {
    In::Read(Some(Page { cursor, events, is_end: true }))
}

fn released(after: Duration, cause: ReleaseCause) -> Do {
    Do::Release { after, cause }
}

/// Feeds inputs, and gives the last effect.
fn after(inputs: &[In]) -> Do {
    let mut claim = CursorClaim::new(MINUTE);
    let mut effect = Do::Stop;
    for input in inputs {
        effect = claim.step(input.clone(), false).unwrap_or_else(|error| panic!("{error} {input:?} after {effect:?}"));
    }
    effect
}

/// Inputs of a claim that has passed all gates up to the facts of its first event.
fn up_to_event(page: In, target: TargetFacts) -> Vec<In> {
    let mut inputs = vec![In::Claimed, page, In::Tenant(Gate::Open), In::Target(target)];
    inputs.extend(target.is_ordered.then_some(In::Turn(Gate::Open)));
    inputs
}

/// [`up_to_event`], with more.
fn with(mut inputs: Vec<In>, more: &[In]) -> Vec<In> {
    inputs.extend_from_slice(more);
    inputs
}

#[test]
fn each_gate_lets_a_delivery_through_to_the_next() {
    let passed = [
        (In::Claimed, Do::Read),
        (page(1), Do::EnterTenant),
        (In::Tenant(Gate::Open), Do::FindTarget),
        (In::Target(ORDERED), Do::AskTurn),
        (In::Turn(Gate::Open), Do::Assess(0)),
        (In::Event(WANTED), Do::EnterLane),
        (In::Lane(RateGate::OpenAfter(SECOND)), Do::Wait(SECOND)),
        (In::Waited, Do::CheckLane),
        (In::Lane(RateGate::Open), Do::EnterHost),
        (In::Host(Gate::Open), Do::Attempt(0)),
        (In::Attempted(CursorMove::Delivered), Do::Record),
        (In::Recorded(LeaseState::Ended), Do::FinishTurn { delivered: 3 }),
        (In::Done, Do::Stop),
    ];
    let mut claim = CursorClaim::new(MINUTE);
    for (input, effect) in passed {
        assert_eq!(claim.step(input.clone(), false), Ok(effect), "{input:?}");
    }
}

#[test]
fn each_closed_gate_ends_the_claim() {
    let closed = Gate::Closed(SECOND);
    let until_event = || up_to_event(page(1), READY);
    let unreadable = || up_to_event(page(1), UNREADABLE);
    let disabled = TargetFacts { receiver: Receiver::Disabled, ..READY };
    let unknown = TargetFacts { receiver: Receiver::Unknown, ..READY };
    let unreadable_turn = TargetFacts { is_readable: false, ..ORDERED };
    let ask_turn = |facts| vec![In::Claimed, page(1), In::Tenant(Gate::Open), In::Target(facts)];
    let table = [
        (vec![In::Claimed, In::Read(None)], Do::Stop),
        (vec![In::Claimed, page(1), In::Tenant(closed)], released(SECOND, ReleaseCause::Tenant)),
        (up_to_event(page(1), disabled), Do::Park),
        (up_to_event(page(1), unknown), Do::Park),
        (up_to_event(page_of(elsewhere(), 1), disabled), Do::Assess(0)),
        (up_to_event(page_of(elsewhere(), 1), unknown), Do::Park),
        (with(ask_turn(ORDERED), &[In::Turn(closed)]), released(SECOND, ReleaseCause::Turn)),
        (with(ask_turn(unreadable_turn), &[In::Turn(closed)]), released(MINUTE, ReleaseCause::Turn)),
        (
            with(ask_turn(unreadable_turn), &[In::Turn(Gate::Closed(MINUTE * 2))]),
            released(MINUTE * 2, ReleaseCause::Turn),
        ),
        (up_to_event(page(0), READY), Do::Rest),
        (with(until_event(), &[In::Event(UNWANTED)]), Do::Skip),
        (with(until_event(), &[In::Event(HOPELESS)]), Do::GiveUp),
        (with(unreadable(), &[In::Event(WANTED)]), released(MINUTE, ReleaseCause::UnreadableCredentials)),
        (
            with(until_event(), &[In::Event(WANTED), In::Lane(RateGate::Closed(SECOND))]),
            released(SECOND, ReleaseCause::Lane),
        ),
        (
            with(until_event(), &[In::Event(WANTED), In::Lane(RateGate::Open), In::Host(closed)]),
            released(SECOND, ReleaseCause::Host),
        ),
    ];
    for (inputs, effect) in table {
        assert_eq!(after(&inputs), effect, "{inputs:?}");
    }
}

#[test]
fn an_earlier_gate_decides_before_a_later_one() {
    let both_unwanted = EventFacts { is_wanted: false, is_hopeless: true };
    // Parked before its turn is asked for, and whatever else is true of it.
    let disabled = TargetFacts { receiver: Receiver::Disabled, is_ordered: true, is_readable: false };
    assert_eq!(after(&up_to_event(page(0), TargetFacts { is_ordered: false, ..disabled })), Do::Park);
    let parked = [In::Claimed, page(0), In::Tenant(Gate::Open), In::Target(disabled)];
    assert_eq!(after(&parked), Do::Park);
    let table = [
        // Nothing to deliver: it rests, whether or not the credentials can be read.
        (up_to_event(page(0), UNREADABLE), Do::Rest),
        // What is not for the endpoint is skipped, however old, and without credentials.
        (with(up_to_event(page(1), UNREADABLE), &[In::Event(both_unwanted)]), Do::Skip),
        // What is too old is given up without credentials.
        (with(up_to_event(page(1), UNREADABLE), &[In::Event(HOPELESS)]), Do::GiveUp),
    ];
    for (inputs, effect) in table {
        assert_eq!(after(&inputs), effect, "{inputs:?}");
    }
}

#[test]
fn what_is_asked_for_again_is_sent_whatever_the_endpoints_filter() {
    let inputs = up_to_event(page_of(resend(), 1), READY);
    assert_eq!(after(&with(inputs.clone(), &[In::Event(UNWANTED)])), Do::EnterLane);
    assert_eq!(after(&with(inputs, &[In::Event(HOPELESS)])), Do::GiveUp);
}

#[test]
fn a_move_leads_to_what_the_record_says() {
    let up_to_attempt = |target| {
        let gates = [In::Event(WANTED), In::Lane(RateGate::Open), In::Host(Gate::Open)];
        with(up_to_event(page(2), target), &gates)
    };
    let share = LeaseState::Held;
    let table = [
        (READY, CursorMove::Delivered, share, Do::Assess(1)),
        (READY, CursorMove::Dead, share, Do::Assess(1)),
        (READY, CursorMove::Skip, share, Do::Assess(1)),
        (READY, CursorMove::Delivered, LeaseState::Lost, Do::Stop),
        (READY, CursorMove::Delivered, LeaseState::Ended, Do::Stop),
        (ORDERED, CursorMove::Delivered, LeaseState::Ended, Do::FinishTurn { delivered: 3 }),
        (ORDERED, RETRY, LeaseState::Ended, Do::Stop),
        (ORDERED, CursorMove::Disable, LeaseState::Ended, Do::Stop),
        (ORDERED, CursorMove::Park, LeaseState::Ended, Do::UnparkIfEnabled),
        (ORDERED, CursorMove::Park, LeaseState::Lost, Do::Stop),
        (READY, RETRY, LeaseState::Held, released(Duration::ZERO, ReleaseCause::NewEvent)),
        (READY, CursorMove::Park, LeaseState::Held, released(Duration::ZERO, ReleaseCause::NewEvent)),
    ];
    for (target, movement, lease, effect) in table {
        let inputs = with(up_to_attempt(target), &[In::Attempted(movement)]);
        assert_eq!(after(&inputs), Do::Record);
        let inputs = with(inputs, &[In::Recorded(lease)]);
        assert_eq!(after(&inputs), effect, "{movement:?} {lease:?}");
    }
}

#[test]
fn a_parked_cursor_is_looked_after_and_an_idle_one_finishes_its_turn() {
    let disabled = TargetFacts { receiver: Receiver::Disabled, ..READY };
    let ended = In::Recorded(LeaseState::Ended);
    let parked = with(up_to_event(page(1), disabled), std::slice::from_ref(&ended));
    assert_eq!(after(&parked), Do::UnparkIfEnabled);
    assert_eq!(after(&with(parked, &[In::Done])), Do::Stop);
    let idle = |page, target| after(&with(up_to_event(page, target), std::slice::from_ref(&ended)));
    let not_ended = In::Read(Some(Page { cursor: cursor(), events: 0, is_end: false }));
    assert_eq!(idle(page(0), ORDERED), Do::FinishTurn { delivered: 2 });
    assert_eq!(idle(page(0), READY), Do::Stop, "its endpoint knows no turns");
    assert_eq!(idle(not_ended, ORDERED), Do::Stop, "more events will come");
    assert_eq!(idle(page_of(resend(), 0), ORDERED), Do::Stop, "the turn was over before");
}

#[test]
fn skipped_events_are_recorded_with_the_next_attempt_or_at_the_end_of_the_page() {
    let skips = [In::Event(UNWANTED), In::Added];
    let two = with(with(up_to_event(page(2), READY), &skips), &skips);
    assert_eq!(after(&two[..two.len() - 2]), Do::Assess(1));
    assert_eq!(after(&two), Do::Record);
    let next_page = with(two, &[In::Recorded(LeaseState::Held)]);
    assert_eq!(after(&next_page), Do::Read);
    // The tenant's slot is held still.
    assert_eq!(after(&with(next_page, &[page(1)])), Do::FindTarget);
}

#[test]
fn the_cursor_goes_with_the_moves() {
    let mut claim = CursorClaim::new(MINUTE);
    assert_eq!(claim.cursor(), None);
    let given_up = [In::Event(HOPELESS), In::Added, In::Event(UNWANTED)];
    for input in with(up_to_event(page(3), READY), &given_up) {
        claim.step(input, false).unwrap();
    }
    let moved = claim.cursor().unwrap();
    assert_eq!((moved.next_event, moved.next_delivery, moved.attempts), (8, 4, 0));
    claim.step(In::Added, false).unwrap();
    let moved = claim.cursor().unwrap();
    assert_eq!((moved.next_event, moved.next_delivery, moved.attempts), (9, 4, 0));
}

/// Delivers an event from its facts on.
const DELIVER: [In; 5] = [
    In::Event(WANTED),
    In::Lane(RateGate::Open),
    In::Host(Gate::Open),
    In::Attempted(CursorMove::Delivered),
    In::Recorded(LeaseState::Held),
];

#[test]
fn a_claim_makes_so_many_attempts() {
    let mut claim = CursorClaim::new(MINUTE);
    for input in up_to_event(page(ATTEMPTS_A_CLAIM_MAX + 2), READY) {
        claim.step(input, false).unwrap();
    }
    for _ in 0..ATTEMPTS_A_CLAIM_MAX {
        for input in DELIVER {
            claim.step(input, false).unwrap();
        }
    }
    // What needs no attempt goes on.
    assert_eq!(claim.step(In::Event(UNWANTED), false), Ok(Do::Skip));
    assert_eq!(claim.step(In::Added, false), Ok(Do::Assess(ATTEMPTS_A_CLAIM_MAX + 1)));
    assert_eq!(claim.step(In::Event(WANTED), false), Ok(released(Duration::ZERO, ReleaseCause::Share)));
}

#[test]
fn a_claim_ends_with_its_last_page_after_so_many_attempts() {
    let mut claim = CursorClaim::new(MINUTE);
    for input in up_to_event(page(ATTEMPTS_A_CLAIM_MAX), READY) {
        claim.step(input, false).unwrap();
    }
    let mut effect = Do::Stop;
    for _ in 0..ATTEMPTS_A_CLAIM_MAX {
        for input in DELIVER {
            effect = claim.step(input, false).unwrap();
        }
    }
    assert_eq!(effect, released(Duration::ZERO, ReleaseCause::Share));
}

#[test]
fn stopping_lets_a_claim_that_has_read_make_one_attempt() {
    let stopped = released(Duration::ZERO, ReleaseCause::Stopping);
    assert_eq!(CursorClaim::new(MINUTE).step(In::Claimed, true), Ok(stopped));
    let mut claim = CursorClaim::new(MINUTE);
    claim.step(In::Claimed, false).unwrap();
    for input in with(up_to_event(page(2), READY)[1..].to_vec(), &DELIVER) {
        claim.step(input, true).unwrap();
    }
    assert_eq!(claim.step(In::Event(WANTED), true), Ok(stopped));
}

#[test]
fn an_input_that_nothing_asked_for_is_refused() {
    for input in [In::Waited, In::Done, In::Added, In::Event(WANTED), In::Recorded(LeaseState::Held)] {
        assert_eq!(CursorClaim::new(MINUTE).step(input, false), Err(InvalidDeliveryInput));
    }
}
