//! The promises of [`morag_core::ports::DueQueue::claim_deliveries`].

use crate::backends::{Backend, Store, promises};
use crate::samples::{LEASE, accept, append, attempt, task};
use morag_core::ports::{Claim, CursorMove, LaneLimit, LaneLimits, NewResend, Queue};
use morag_core::task::TaskId;
use morag_core::webhook::CursorName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

promises!(
    a_backlog_does_not_delay_other_lanes,
    one_key_at_a_time_serves_lanes_in_turn,
    a_claim_respects_the_limit_of_a_lane,
    full_and_closed_lanes_are_passed_over,
    no_key_is_lost_when_a_lane_closes_and_opens,
    a_new_process_looks_past_a_backlog,
    a_resend_is_in_its_endpoints_lane,
    a_waiter_hears_of_changes_and_not_of_full_lanes,
);

/// Long enough for any machine; a test that reaches it has failed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A timeout that these tests must not reach.
const FOREVER: Duration = Duration::from_secs(3600);

/// Creates `count` tasks with an event for this endpoint, in the order of acceptance.
async fn due(backend: &impl Backend, endpoint: &str, count: usize) -> Vec<TaskId> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        let id = accept(&*backend.store(), task(backend, &[endpoint])).await;
        append(backend, id, 1).await.unwrap();
        tasks.push(id);
    }
    tasks
}

/// Number of claimed keys of each lane.
fn lanes(claim: &Claim) -> BTreeMap<&str, usize> {
    let mut lanes = BTreeMap::new();
    for lease in &claim.leases {
        *lanes.entry(CursorName::lane_of_key(&lease.key)).or_default() += 1;
    }
    lanes
}

fn limits(share: usize, lanes: &[(&str, usize, Duration, u64)]) -> LaneLimits {
    let limit = |(lane, keys, closed_for, turn): &(&str, usize, Duration, u64)| {
        ((*lane).to_owned(), LaneLimit { keys: *keys, closed_for: *closed_for, turn: *turn })
    };
    LaneLimits { share, lanes: lanes.iter().map(limit).collect() }
}

async fn claim(store: &dyn Store, max: usize, limits: &LaneLimits) -> Claim {
    store.claim_deliveries(max, LEASE, limits).await.unwrap()
}

async fn a_backlog_does_not_delay_other_lanes(backend: impl Backend) {
    let store = backend.store();
    due(&backend, "dead", 300).await;
    backend.advance(Duration::from_secs(60));
    due(&backend, "fine", 3).await;
    let first = claim(&*store, 6, &LaneLimits::default()).await;
    assert_eq!(lanes(&first), [("dead", 3), ("fine", 3)].into());
    assert!(first.next_due.unwrap() <= backend.now(), "more are due");
    let mut left = 297;
    while left > 0 {
        let more = claim(&*store, 400, &LaneLimits::default()).await;
        assert!(lanes(&more).keys().eq(["dead"].iter()), "{more:?}");
        left -= more.leases.len();
        assert!(left == 0 || more.next_due.unwrap() <= backend.now(), "{left} are due");
    }
    assert_eq!(claim(&*store, 400, &LaneLimits::default()).await.leases, []);
}

async fn one_key_at_a_time_serves_lanes_in_turn(backend: impl Backend) {
    let store = backend.store();
    for lane in ["a", "b", "c"] {
        due(&backend, lane, 20).await;
        backend.advance(Duration::from_secs(1));
    }
    let mut turns: BTreeMap<&str, u64> = [("a", 0), ("b", 0), ("c", 0)].into();
    for turn in 1..=12 {
        let known: Vec<_> = turns.iter().map(|(lane, turn)| (*lane, 99, Duration::ZERO, *turn)).collect();
        let one = claim(&*store, 1, &limits(99, &known)).await;
        let served = *turns.keys().find(|lane| lanes(&one).contains_key(**lane)).unwrap();
        turns.insert(served, turn);
        if turn % 3 == 0 {
            assert!(turns.values().all(|had| *had > turn - 3), "{turns:?}");
        }
    }
}

async fn a_claim_respects_the_limit_of_a_lane(backend: impl Backend) {
    let store = backend.store();
    for lane in ["a", "b", "c"] {
        due(&backend, lane, 30).await;
    }
    let two_of_a = limits(5, &[("a", 2, Duration::ZERO, 1)]);
    assert_eq!(lanes(&claim(&*store, 99, &two_of_a).await), [("a", 2), ("b", 5), ("c", 5)].into());
    let few = claim(&*store, 3, &two_of_a).await;
    assert_eq!(few.leases.len(), 3);
    assert!(few.next_due.unwrap() <= backend.now(), "more may be taken");
}

async fn full_and_closed_lanes_are_passed_over(backend: impl Backend) {
    let store = backend.store();
    due(&backend, "full", 40).await;
    due(&backend, "closed", 40).await;
    let minute = Duration::from_secs(60);
    let known = limits(9, &[("full", 0, Duration::ZERO, 1), ("closed", 0, minute, 2)]);
    let nothing = claim(&*store, 9, &known).await;
    assert_eq!(lanes(&nothing), [].into());
    assert!(nothing.next_due.is_none_or(|due| due >= backend.now().plus(minute)), "{:?}", nothing.next_due);
    due(&backend, "fine", 2).await;
    let some = claim(&*store, 9, &known).await;
    assert_eq!(lanes(&some), [("fine", 2)].into());
    assert!(some.next_due.unwrap() > backend.now(), "no key may be claimed now: {:?}", some.next_due);
}

async fn no_key_is_lost_when_a_lane_closes_and_opens(backend: impl Backend) {
    let store = backend.store();
    let tasks = due(&backend, "lane", 120).await;
    let second = Duration::from_secs(1);
    let mut taken = BTreeSet::new();
    for round in 0..60 {
        let known = match round % 3 {
            0 => limits(9, &[("lane", 0, second, 1)]),
            1 => limits(9, &[("lane", 7, Duration::ZERO, 1)]),
            _ => limits(9, &[("lane", 0, Duration::ZERO, 1)]),
        };
        for lease in claim(&*store, 9, &known).await.leases {
            assert_eq!(round % 3, 1);
            let ok = Some(attempt(1, backend.now(), 200));
            store.advance(&lease, CursorMove::Delivered, ok).await.unwrap();
            assert!(taken.insert(lease.key));
        }
        backend.advance(Duration::from_millis(400));
    }
    assert_eq!(taken, tasks.iter().map(|id| format!("{id}/lane")).collect());
    assert_eq!(store.queue_counts(Queue::Deliveries).await.unwrap().due, 0);
}

async fn a_new_process_looks_past_a_backlog(mut backend: impl Backend) {
    // More keys in one bucket than a process remembers.
    let mut dead = Vec::new();
    for _ in 0..150 {
        let mut new = task(&backend, &["dead"]);
        let mut bytes = *new.record.id.as_bytes();
        bytes[0] = 7;
        new.record.id = TaskId::from(uuid::Uuid::from_bytes(bytes));
        dead.push(accept(&*backend.store(), new).await);
        append(&backend, *dead.last().unwrap(), 1).await.unwrap();
    }
    backend.advance(Duration::from_secs(1));
    let mut fine = BTreeSet::new();
    for _ in 0..5 {
        let mut new = task(&backend, &["fine"]);
        let mut bytes = *new.record.id.as_bytes();
        bytes[0] = 7;
        new.record.id = TaskId::from(uuid::Uuid::from_bytes(bytes));
        let id = accept(&*backend.store(), new).await;
        append(&backend, id, 1).await.unwrap();
        fine.insert(format!("{id}/fine"));
    }
    backend.reopen().await;
    let store = backend.store();
    let full = limits(9, &[("dead", 0, Duration::ZERO, 1)]);
    let found = claim(&*store, 9, &full).await;
    assert_eq!(found.leases.iter().map(|lease| lease.key.clone()).collect::<BTreeSet<_>>(), fine);
    let rest = claim(&*store, 500, &LaneLimits::default()).await;
    let mut count = rest.leases.len();
    while count < dead.len() {
        let more = claim(&*store, 500, &LaneLimits::default()).await.leases.len();
        assert!(more > 0, "{count}");
        count += more;
    }
}

async fn a_resend_is_in_its_endpoints_lane(backend: impl Backend) {
    let store = backend.store();
    let id = due(&backend, "lane", 1).await[0];
    let lease = claim(&*store, 9, &LaneLimits::default()).await.leases.remove(0);
    store.advance(&lease, CursorMove::Dead, Some(attempt(1, backend.now(), 500))).await.unwrap();
    let new = NewResend { task: id, endpoint: "lane".to_owned().into(), delivery: 1, url: None, due: backend.now() };
    assert_eq!(store.resend(&new).await, Ok(1));
    let full = limits(9, &[("lane", 0, Duration::ZERO, 1)]);
    assert_eq!(claim(&*store, 9, &full).await.leases, []);
    let again = claim(&*store, 9, &LaneLimits::default()).await;
    assert_eq!(again.leases[0].key, format!("{id}/lane#1.1"));
}

async fn a_waiter_hears_of_changes_and_not_of_full_lanes(backend: impl Backend) {
    let store = backend.store();
    due(&backend, "full", 3).await;
    let full = limits(9, &[("full", 0, Duration::ZERO, 1)]);
    let waits = async {
        loop {
            let seen = store.changes(Queue::Deliveries);
            assert_eq!(claim(&*store, 9, &full).await.leases, []);
            // Spurious wake-ups are allowed; ending without a change is not.
            store.wait_for_change(Queue::Deliveries, seen, Duration::from_millis(1)).await;
            if store.changes(Queue::Deliveries) == seen {
                return seen;
            }
        }
    };
    let seen = tokio::time::timeout(PATIENCE, waits).await.unwrap();
    let id = accept(&*store, task(&backend, &["fine"])).await;
    append(&backend, id, 1).await.unwrap();
    let hears = store.wait_for_change(Queue::Deliveries, seen, FOREVER);
    tokio::time::timeout(PATIENCE, hears).await.unwrap();
    assert_ne!(store.changes(Queue::Deliveries), seen);
    assert_eq!(lanes(&claim(&*store, 9, &full).await), [("fine", 1)].into());
}
