//! The promises of [`morag_core::ports::Deliveries`].

use crate::backends::{Backend, Store, promises};
use crate::samples::{LEASE, accept, append, attempt, claim_keys, claim_one, commit, end, task};
use morag_core::ports::{
    CommitError, CursorMove, DeliveryFilter, DeliveryMove, DeliveryRecord, DeliveryState, Guard, Lease, NewResend,
    Queue, RESENDS_MAX, Recorded, ResendError,
};
use morag_core::task::{StatusWord, TaskId};
use std::time::Duration;

promises!(
    a_cursor_is_due_with_the_first_event,
    a_delivered_event_leads_to_the_next,
    a_skipped_event_is_not_a_delivery,
    a_dead_delivery_is_recorded_and_the_next_is_tried,
    a_retry_waits_and_counts,
    an_event_does_not_hurry_a_retry,
    an_event_during_a_lease_is_found_by_the_holder,
    a_holder_that_lost_its_lease_records_nothing,
    a_disabled_cursor_ends_for_good,
    a_released_cursor_does_not_move,
    endpoints_are_independent,
    attempts_are_kept_in_order,
    a_cursor_survives_a_new_process,
    an_expired_task_leaves_its_holder_nothing,
    a_foreign_lease_is_refused,
    several_events_are_read_and_recorded_at_once,
    a_batch_of_one_that_lost_its_lease_records_nothing,
    a_parked_cursor_waits_until_it_is_unparked,
    only_the_endpoints_own_cursors_are_unparked,
    a_parked_attempt_is_recorded,
    a_task_whose_cursor_is_parked_expires,
    a_dead_delivery_is_resent,
    a_resend_can_be_retried_parked_and_given_up,
    pending_and_unknown_deliveries_are_not_resent,
    resends_of_a_delivery_are_limited,
    a_delivery_is_replayed_to_another_url,
    an_ended_task_keeps_its_resends_until_they_are_done,
    a_waiting_key_is_hastened,
    an_endpoints_deliveries_are_listed_newest_first,
    an_endpoints_deliveries_come_in_pages,
    deliveries_of_an_expired_task_are_listed_no_more,
);

/// A task with one endpoint and this many events, and the lease of its cursor.
async fn claimed(backend: &impl Backend, events: u64) -> (TaskId, Lease) {
    let store = backend.store();
    let id = accept(&*store, task(backend, &["task"])).await;
    append(backend, id, events).await.unwrap();
    (id, claim_one(&*store, Queue::Deliveries).await)
}

/// Next event, next delivery, attempts, and the sequence of the pending event.
async fn place(store: &dyn Store, held: &Lease) -> (u64, u64, u32, Option<u64>) {
    let pending = store.pending(held, 1).await.unwrap().unwrap();
    let cursor = pending.cursor;
    (cursor.next_event, cursor.next_delivery, cursor.attempts, pending.events.first().map(|event| event.sequence))
}

/// Delivery, event, state and number of attempts of each delivery.
fn brief(records: &[DeliveryRecord]) -> Vec<(u64, u64, DeliveryState, usize)> {
    records.iter().map(|record| (record.delivery, record.event, record.state, record.attempts.len())).collect()
}

async fn a_cursor_is_due_with_the_first_event(backend: impl Backend) {
    let store = backend.store();
    let new = task(&backend, &["task"]);
    let record = new.record.clone();
    let id = accept(&*store, new).await;
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
    let worker = claim_one(&*store, Queue::Tasks).await;
    let mut first = commit(&backend, id, Guard::Lease(worker.fence), 1..=1);
    let event = first.events[0].clone();
    let report = morag_core::ports::Commit { events: vec![], ..first.clone() };
    store.commit(report).await.unwrap();
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "a progress report is not an event");
    first.live_percent = 1.0;
    store.commit(first).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(held.key, record.cursors().next().unwrap().key(id));
    let pending = store.pending(&held, 1).await.unwrap().unwrap();
    assert_eq!((&*pending.record, pending.events), (&record, vec![event]));
    assert_eq!((pending.cursor.task, pending.cursor.name.endpoint().as_str()), (id, "task"));
    assert_eq!(place(&*store, &held).await, (1, 1, 0, Some(1)));
    assert_eq!(store.deliveries(id).await, Ok(vec![]), "nothing was tried");
}

async fn a_delivered_event_leads_to_the_next(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 2).await;
    let ok = |backend: &_, number| Some(attempt(number, Backend::now(backend), 200));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok(&backend, 1)).await, Ok(Recorded::More));
    assert_eq!(place(&*store, &held).await, (2, 2, 0, Some(2)));
    assert_eq!(store.renew(&held, LEASE).await, Ok(true), "the lease goes on");
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok(&backend, 1)).await, Ok(Recorded::Idle));
    assert_eq!(store.renew(&held, LEASE).await, Ok(false), "the lease has ended");
    let delivered = [(1, 1, DeliveryState::Delivered, 1), (2, 2, DeliveryState::Delivered, 1)];
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), delivered);
    backend.advance(LEASE * 100);
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "it waits for an event");
    append(&backend, id, 1).await.unwrap();
    let again = claim_one(&*store, Queue::Deliveries).await;
    assert_ne!(again.fence, held.fence);
    assert_eq!(place(&*store, &again).await, (3, 3, 0, Some(3)));
}

async fn a_skipped_event_is_not_a_delivery(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 3).await;
    assert_eq!(store.advance(&held, CursorMove::Skip, None).await, Ok(Recorded::More));
    assert_eq!(place(&*store, &held).await, (2, 1, 0, Some(2)), "the delivery's number is still free");
    let ok = Some(attempt(1, backend.now(), 204));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok).await, Ok(Recorded::More));
    assert_eq!(store.advance(&held, CursorMove::Skip, None).await, Ok(Recorded::Idle));
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 2, DeliveryState::Delivered, 1)]);
}

async fn a_dead_delivery_is_recorded_and_the_next_is_tried(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 2).await;
    let failed = Some(attempt(4, backend.now(), 500));
    assert_eq!(store.advance(&held, CursorMove::Dead, failed).await, Ok(Recorded::More));
    assert_eq!(place(&*store, &held).await, (2, 2, 0, Some(2)));
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 1, DeliveryState::Dead, 1)]);
}

async fn a_retry_waits_and_counts(backend: impl Backend) {
    let store = backend.store();
    let (id, mut held) = claimed(&backend, 1).await;
    for number in 1..=3 {
        let due = backend.now().plus(Duration::from_secs(5));
        let failed = Some(attempt(number, backend.now(), 503));
        assert_eq!(store.advance(&held, CursorMove::Retry(due), failed).await, Ok(Recorded::Idle));
        assert_eq!(store.renew(&held, LEASE).await, Ok(false), "the lease has ended");
        let attempts = usize::try_from(number).unwrap();
        assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 1, DeliveryState::Pending, attempts)]);
        backend.advance(Duration::from_millis(4_999));
        assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
        backend.advance(Duration::from_millis(1));
        held = claim_one(&*store, Queue::Deliveries).await;
        assert_eq!(place(&*store, &held).await, (1, 1, number, Some(1)));
    }
    let ok = Some(attempt(4, backend.now(), 200));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok).await, Ok(Recorded::Idle));
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 1, DeliveryState::Delivered, 4)]);
}

async fn an_event_does_not_hurry_a_retry(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 1).await;
    let due = backend.now().plus(Duration::from_secs(5));
    let failed = Some(attempt(1, backend.now(), 500));
    store.advance(&held, CursorMove::Retry(due), failed).await.unwrap();
    append(&backend, id, 1).await.unwrap();
    let early = store.claim(Queue::Deliveries, 1, LEASE).await.unwrap();
    assert_eq!((early.leases.len(), early.next_due), (0, Some(due)));
    backend.advance(Duration::from_secs(5));
    let held = claim_one(&*store, Queue::Deliveries).await;
    let ok = Some(attempt(2, backend.now(), 200));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok).await, Ok(Recorded::More), "the new event");
}

async fn an_event_during_a_lease_is_found_by_the_holder(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 1).await;
    append(&backend, id, 1).await.unwrap();
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "one at a time");
    let ok = Some(attempt(1, backend.now(), 200));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok.clone()).await, Ok(Recorded::More));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok).await, Ok(Recorded::Idle));
}

async fn a_holder_that_lost_its_lease_records_nothing(backend: impl Backend) {
    let store = backend.store();
    let (id, dead) = claimed(&backend, 2).await;
    backend.advance(LEASE);
    let alive = claim_one(&*store, Queue::Deliveries).await;
    for movement in [
        CursorMove::Skip,
        CursorMove::Delivered,
        CursorMove::Dead,
        CursorMove::Retry(backend.now()),
        CursorMove::Disable,
    ] {
        let late = store.advance(&dead, movement, Some(attempt(1, backend.now(), 200))).await;
        assert_eq!(late, Err(CommitError::Stale), "{movement:?}");
    }
    assert_eq!(store.deliveries(id).await, Ok(vec![]));
    assert_eq!(place(&*store, &alive).await, (1, 1, 0, Some(1)));
    assert_eq!(store.renew(&alive, LEASE).await, Ok(true));
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
}

async fn a_disabled_cursor_ends_for_good(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 2).await;
    let gone = Some(attempt(1, backend.now(), 410));
    assert_eq!(store.advance(&held, CursorMove::Disable, gone).await, Ok(Recorded::Idle));
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 1, DeliveryState::Dead, 1)]);
    assert_eq!(store.pending(&held, 1).await, Ok(None));
    assert_eq!(store.renew(&held, LEASE).await, Ok(false));
    assert_eq!(store.advance(&held, CursorMove::Delivered, None).await, Err(CommitError::Stale));
    append(&backend, id, 1).await.unwrap();
    backend.advance(LEASE * 100);
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
}

async fn a_released_cursor_does_not_move(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 2).await;
    store.advance(&held, CursorMove::Skip, None).await.unwrap();
    assert_eq!(store.release(&held, backend.now()).await, Ok(true));
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(place(&*store, &held).await, (2, 1, 0, Some(2)));
    let ok = Some(attempt(1, backend.now(), 200));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok.clone()).await, Ok(Recorded::Idle));
    let beyond = store.advance(&held, CursorMove::Delivered, ok).await;
    assert_eq!(beyond, Err(CommitError::Stale), "the lease ended with the log");
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 2, DeliveryState::Delivered, 1)]);
}

async fn endpoints_are_independent(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &["a", "b"])).await;
    append(&backend, id, 2).await.unwrap();
    let leases = store.claim(Queue::Deliveries, 10, LEASE).await.unwrap().leases;
    let of = |name: &str| leases.iter().find(|lease| lease.key.ends_with(name)).unwrap();
    let now = backend.now();
    let later = now.plus(Duration::from_secs(5));
    let advance =
        async |lease, movement, status| store.advance(lease, movement, Some(attempt(1, now, status))).await.unwrap();
    assert_eq!(advance(of("/a"), CursorMove::Delivered, 200).await, Recorded::More);
    assert_eq!(advance(of("/b"), CursorMove::Retry(later), 500).await, Recorded::Idle);
    assert_eq!(advance(of("/a"), CursorMove::Delivered, 200).await, Recorded::Idle);
    let records = store.deliveries(id).await.unwrap();
    let named = |name: &str| -> Vec<DeliveryRecord> {
        records.iter().filter(|record| record.endpoint.as_str() == name).cloned().collect()
    };
    assert_eq!(records.len(), 3);
    let delivered = [(1, 1, DeliveryState::Delivered, 1), (2, 2, DeliveryState::Delivered, 1)];
    assert_eq!(brief(&named("a")), delivered);
    assert_eq!(brief(&named("b")), [(1, 1, DeliveryState::Pending, 1)]);
    assert!(records.is_sorted_by_key(|record| record.event), "{records:?}");
}

async fn attempts_are_kept_in_order(mut backend: impl Backend) {
    let (id, mut held) = claimed(&backend, 1).await;
    let mut expected = Vec::new();
    for number in 1..=12 {
        let tried = attempt(number, backend.now(), 500 + u16::try_from(number).unwrap());
        expected.push(tried.clone());
        backend.store().advance(&held, CursorMove::Retry(backend.now()), Some(tried)).await.unwrap();
        backend.advance(Duration::from_millis(1));
        held = claim_one(&*backend.store(), Queue::Deliveries).await;
    }
    backend.reopen().await;
    let records = backend.store().deliveries(id).await.unwrap();
    assert_eq!(records[0].attempts, expected);
}

async fn a_cursor_survives_a_new_process(mut backend: impl Backend) {
    let (_, held) = claimed(&backend, 3).await;
    let ok = Some(attempt(1, backend.now(), 200));
    backend.store().advance(&held, CursorMove::Delivered, ok).await.unwrap();
    backend.reopen().await;
    let store = backend.store();
    assert_eq!(place(&*store, &held).await, (2, 2, 0, Some(2)));
    assert_eq!(store.renew(&held, LEASE).await, Ok(true), "the lease too");
    backend.advance(LEASE);
    let next = claim_one(&*store, Queue::Deliveries).await;
    assert_ne!(next.fence, held.fence);
}

async fn an_expired_task_leaves_its_holder_nothing(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 1).await;
    store.advance(&held, CursorMove::Retry(backend.now()), Some(attempt(1, backend.now(), 500))).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    end(&backend, id, StatusWord::Failed).await;
    backend.advance(Duration::from_millis(1));
    assert_eq!(store.expire(backend.now(), 10).await, Ok(vec![]), "its webhooks are still to be delivered");
    assert_eq!(
        store.advance(&held, CursorMove::Disable, Some(attempt(2, backend.now(), 410))).await,
        Ok(Recorded::Idle)
    );
    assert_eq!(store.expire(backend.now(), 10).await, Ok(vec![id]));
    assert_eq!(store.pending(&held, 1).await, Ok(None));
    assert_eq!(store.advance(&held, CursorMove::Delivered, None).await, Err(CommitError::Stale));
    assert_eq!(store.renew(&held, LEASE).await, Ok(false));
    backend.advance(LEASE * 100);
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
}

async fn a_foreign_lease_is_refused(backend: impl Backend) {
    let store = backend.store();
    let (id, _) = claimed(&backend, 1).await;
    for key in ["", "/", "x/y", &id.to_string(), &format!("{id}/another"), &format!("{}/task", TaskId::random())] {
        let lease = Lease { queue: Queue::Deliveries, key: key.into(), fence: 1 };
        assert_eq!(store.pending(&lease, 1).await, Ok(None), "{key:?}");
        assert_eq!(store.advance(&lease, CursorMove::Delivered, None).await, Err(CommitError::Stale), "{key:?}");
    }
    // The lease of a task has no cursor, whatever its fence.
    let worker = claim_one(&*store, Queue::Tasks).await;
    assert_eq!(store.advance(&worker, CursorMove::Delivered, None).await, Err(CommitError::Stale));
}

fn delivered(backend: &impl Backend) -> DeliveryMove {
    DeliveryMove { movement: CursorMove::Delivered, attempt: Some(attempt(1, backend.now(), 200)) }
}

fn bare(movement: CursorMove) -> DeliveryMove {
    DeliveryMove { movement, attempt: None }
}

fn resend(backend: &impl Backend, task: TaskId, delivery: u64) -> NewResend {
    NewResend { task, endpoint: "hook".to_owned().into(), delivery, url: None, due: backend.now() }
}

/// A task with a named endpoint and this many events, and the lease of its cursor.
async fn claimed_named(backend: &impl Backend, events: u64) -> (TaskId, Lease) {
    let store = backend.store();
    let id = accept(&*store, task(backend, &["hook"])).await;
    append(backend, id, events).await.unwrap();
    (id, claim_one(&*store, Queue::Deliveries).await)
}

/// A task whose first delivery was given up.
async fn dead(backend: &impl Backend) -> TaskId {
    let (id, held) = claimed_named(backend, 1).await;
    let failed = Some(attempt(1, backend.now(), 500));
    assert_eq!(backend.store().advance(&held, CursorMove::Dead, failed).await, Ok(Recorded::Idle));
    id
}

/// Delivery, resend, event, state and number of attempts of each delivery.
fn with_resends(records: &[DeliveryRecord]) -> Vec<(u64, u32, u64, DeliveryState, usize)> {
    let brief =
        |record: &DeliveryRecord| (record.delivery, record.resend, record.event, record.state, record.attempts.len());
    records.iter().map(brief).collect()
}

async fn several_events_are_read_and_recorded_at_once(backend: impl Backend) {
    let store = backend.store();
    let (id, held) = claimed(&backend, 5).await;
    let sequences = async |max: usize| {
        let pending = store.pending(&held, max).await.unwrap().unwrap();
        (pending.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), pending.is_end)
    };
    assert_eq!(sequences(3).await, (vec![1, 2, 3], false));
    let retry = DeliveryMove {
        movement: CursorMove::Retry(backend.now().plus(Duration::from_secs(5))),
        attempt: Some(attempt(1, backend.now(), 500)),
    };
    let moves = vec![delivered(&backend), bare(CursorMove::Skip), delivered(&backend), retry];
    assert_eq!(store.advance_all(&held, moves).await, Ok(Recorded::Idle));
    let states =
        [(1, 1, DeliveryState::Delivered, 1), (2, 3, DeliveryState::Delivered, 1), (3, 4, DeliveryState::Pending, 1)];
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), states);
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "it waits for its retry");
    backend.advance(Duration::from_secs(5));
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(place(&*store, &held).await, (4, 3, 1, Some(4)));
    end(&backend, id, StatusWord::Completed).await;
    let pending = store.pending(&held, 2).await.unwrap().unwrap();
    assert_eq!((pending.events.len(), pending.is_end), (2, false));
    let pending = store.pending(&held, 16).await.unwrap().unwrap();
    assert_eq!((pending.events.len(), pending.is_end), (3, true));
    let moves = vec![delivered(&backend), delivered(&backend)];
    assert_eq!(store.advance_all(&held, moves).await, Ok(Recorded::More));
    assert_eq!(store.advance_all(&held, vec![delivered(&backend)]).await, Ok(Recorded::Idle));
    assert_eq!(store.renew(&held, LEASE).await, Ok(false), "the lease has ended");
    let pending = store.pending(&held, 16).await.unwrap().unwrap();
    assert_eq!((pending.events.len(), pending.is_end), (0, true));
}

async fn a_batch_of_one_that_lost_its_lease_records_nothing(backend: impl Backend) {
    let store = backend.store();
    let (id, late) = claimed(&backend, 3).await;
    backend.advance(LEASE);
    let held = claim_one(&*store, Queue::Deliveries).await;
    let moves = vec![delivered(&backend), delivered(&backend)];
    assert_eq!(store.advance_all(&late, moves).await, Err(CommitError::Stale));
    assert_eq!(store.deliveries(id).await, Ok(vec![]));
    assert_eq!(place(&*store, &held).await, (1, 1, 0, Some(1)));
}

async fn a_parked_cursor_waits_until_it_is_unparked(mut backend: impl Backend) {
    let (id, held) = claimed_named(&backend, 2).await;
    let store = backend.store();
    let moves = vec![delivered(&backend), bare(CursorMove::Park)];
    assert_eq!(store.advance_all(&held, moves).await, Ok(Recorded::Idle));
    assert_eq!(store.renew(&held, LEASE).await, Ok(false), "the lease has ended");
    append(&backend, id, 1).await.unwrap();
    backend.advance(LEASE * 100);
    drop(store);
    backend.reopen().await;
    let store = backend.store();
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "an event does not unpark it");
    assert_eq!(store.hasten(Queue::Deliveries, &held.key).await, Ok(false));
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 1, DeliveryState::Delivered, 1)]);
    let hook = "hook".to_owned().into();
    assert_eq!(store.unpark(&hook).await, Ok(1));
    assert_eq!(store.unpark(&hook).await, Ok(0));
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(place(&*store, &held).await, (2, 2, 0, Some(2)));
    let moves = vec![delivered(&backend), delivered(&backend)];
    assert_eq!(store.advance_all(&held, moves).await, Ok(Recorded::Idle));
    append(&backend, id, 1).await.unwrap();
    claim_one(&*store, Queue::Deliveries).await;
}

async fn only_the_endpoints_own_cursors_are_unparked(backend: impl Backend) {
    let store = backend.store();
    for _ in 0..3 {
        let id = accept(&*store, task(&backend, &["a", "ab", "b"])).await;
        append(&backend, id, 1).await.unwrap();
    }
    for lease in store.claim(Queue::Deliveries, 99, LEASE).await.unwrap().leases {
        assert_eq!(store.advance(&lease, CursorMove::Park, None).await, Ok(Recorded::Idle));
    }
    assert_eq!(store.unpark(&"a".to_owned().into()).await, Ok(3));
    let keys = claim_keys(&*store, Queue::Deliveries).await;
    assert!(keys.len() == 3 && keys.iter().all(|key| key.ends_with("/a")), "{keys:?}");
}

async fn a_parked_attempt_is_recorded(backend: impl Backend) {
    let (id, held) = claimed_named(&backend, 1).await;
    let store = backend.store();
    let gone = Some(attempt(1, backend.now(), 410));
    assert_eq!(store.advance(&held, CursorMove::Park, gone).await, Ok(Recorded::Idle));
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 1, DeliveryState::Pending, 1)]);
    store.unpark(&"hook".to_owned().into()).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(place(&*store, &held).await, (1, 1, 1, Some(1)));
    let ok = Some(attempt(2, backend.now(), 200));
    assert_eq!(store.advance(&held, CursorMove::Delivered, ok).await, Ok(Recorded::Idle));
    assert_eq!(brief(&store.deliveries(id).await.unwrap()), [(1, 1, DeliveryState::Delivered, 2)]);
}

async fn a_task_whose_cursor_is_parked_expires(backend: impl Backend) {
    let (id, held) = claimed_named(&backend, 1).await;
    let store = backend.store();
    end(&backend, id, StatusWord::Completed).await;
    assert_eq!(store.advance(&held, CursorMove::Park, None).await, Ok(Recorded::Idle));
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 9).await, Ok(vec![id]));
    assert_eq!(store.unpark(&"hook".to_owned().into()).await, Ok(0));
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
}

async fn a_dead_delivery_is_resent(backend: impl Backend) {
    let store = backend.store();
    let id = dead(&backend).await;
    assert_eq!(store.resend(&resend(&backend, id, 1)).await, Ok(1));
    let states = [(1, 0, 1, DeliveryState::Resent, 1), (1, 1, 1, DeliveryState::Pending, 0)];
    assert_eq!(with_resends(&store.deliveries(id).await.unwrap()), states);
    append(&backend, id, 1).await.unwrap();
    let mut leases = store.claim(Queue::Deliveries, 9, LEASE).await.unwrap().leases;
    leases.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(
        leases.iter().map(|lease| &lease.key).collect::<Vec<_>>(),
        [&format!("{id}/hook"), &format!("{id}/hook#1.1")]
    );
    let pending = store.pending(&leases[1], 16).await.unwrap().unwrap();
    assert_eq!(pending.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1], "its one event");
    assert_eq!((pending.cursor.next_delivery, pending.cursor.attempts, pending.cursor.url), (1, 0, None));
    let ok = Some(attempt(1, backend.now(), 200));
    assert_eq!(store.advance(&leases[1], CursorMove::Delivered, ok).await, Ok(Recorded::Idle));
    assert_eq!(store.pending(&leases[1], 1).await, Ok(None), "its cursor has ended");
    assert_eq!(store.advance(&leases[1], CursorMove::Delivered, None).await, Err(CommitError::Stale));
    let states = [(1, 0, 1, DeliveryState::Resent, 1), (1, 1, 1, DeliveryState::Delivered, 1)];
    assert_eq!(with_resends(&store.deliveries(id).await.unwrap()), states);
    assert_eq!(place(&*store, &leases[0]).await, (2, 2, 0, Some(2)), "the other goes on");
    assert_eq!(store.pending(&leases[0], 1).await.unwrap().unwrap().resent_at, None);
    assert_eq!(store.resend(&resend(&backend, id, 1)).await, Ok(2), "one that was delivered, too");
}

async fn a_resend_can_be_retried_parked_and_given_up(backend: impl Backend) {
    let store = backend.store();
    let id = dead(&backend).await;
    let due = backend.now().plus(Duration::from_secs(7));
    assert_eq!(store.resend(&NewResend { due, ..resend(&backend, id, 1) }).await, Ok(1));
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "not before");
    backend.advance(Duration::from_secs(7));
    let held = claim_one(&*store, Queue::Deliveries).await;
    let asked = store.pending(&held, 1).await.unwrap().unwrap().resent_at.unwrap();
    let failed = |number| Some(attempt(number, backend.now(), 500));
    assert_eq!(store.advance(&held, CursorMove::Retry(backend.now()), failed(1)).await, Ok(Recorded::Idle));
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(place(&*store, &held).await, (1, 1, 1, Some(1)));
    let tried = store.pending(&held, 1).await.unwrap().unwrap().resent_at.unwrap();
    assert!(tried.since(asked) >= Duration::from_secs(6), "asked for at {asked}, tried at {tried}");
    assert_eq!(store.deliveries(id).await.unwrap()[1].at, tried);
    assert_eq!(store.advance(&held, CursorMove::Park, None).await, Ok(Recorded::Idle));
    append(&backend, id, 1).await.unwrap();
    let keys = claim_keys(&*store, Queue::Deliveries).await;
    assert_eq!(keys, [format!("{id}/hook")], "new events do not affect a resend");
    assert_eq!(store.unpark(&"hook".to_owned().into()).await, Ok(1));
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(store.advance(&held, CursorMove::Dead, failed(2)).await, Ok(Recorded::Idle));
    let states = [(1, 0, 1, DeliveryState::Resent, 1), (1, 1, 1, DeliveryState::Dead, 2)];
    assert_eq!(with_resends(&store.deliveries(id).await.unwrap()), states);
    backend.advance(LEASE * 100);
    assert_eq!(store.resend(&resend(&backend, id, 1)).await, Ok(2));
    assert_eq!(store.deliveries(id).await.unwrap()[1].state, DeliveryState::Resent);
}

async fn pending_and_unknown_deliveries_are_not_resent(backend: impl Backend) {
    let store = backend.store();
    let id = dead(&backend).await;
    for unexpected in [
        NewResend { task: TaskId::random(), ..resend(&backend, id, 1) },
        NewResend { endpoint: "other".to_owned().into(), ..resend(&backend, id, 1) },
        resend(&backend, id, 2),
        resend(&backend, id, 0),
    ] {
        assert_eq!(store.resend(&unexpected).await, Err(ResendError::Unknown), "{unexpected:?}");
    }
    assert_eq!(store.resend(&resend(&backend, id, 1)).await, Ok(1));
    assert_eq!(store.resend(&resend(&backend, id, 1)).await, Err(ResendError::Pending));
    append(&backend, id, 1).await.unwrap();
    for lease in store.claim(Queue::Deliveries, 9, LEASE).await.unwrap().leases {
        let failed = Some(attempt(1, backend.now(), 500));
        store.advance(&lease, CursorMove::Retry(backend.now().plus(LEASE)), failed).await.unwrap();
    }
    for delivery in [1, 2] {
        assert_eq!(store.resend(&resend(&backend, id, delivery)).await, Err(ResendError::Pending));
    }
}

async fn resends_of_a_delivery_are_limited(backend: impl Backend) {
    let store = backend.store();
    let id = dead(&backend).await;
    for number in 1..=RESENDS_MAX {
        assert_eq!(store.resend(&resend(&backend, id, 1)).await, Ok(number));
        let held = claim_one(&*store, Queue::Deliveries).await;
        assert_eq!(store.advance_all(&held, vec![delivered(&backend)]).await, Ok(Recorded::Idle));
    }
    assert_eq!(store.resend(&resend(&backend, id, 1)).await, Err(ResendError::TooMany));
    let resends: Vec<_> = store.deliveries(id).await.unwrap().iter().map(|record| record.resend).collect();
    assert_eq!(resends, (0..=RESENDS_MAX).collect::<Vec<_>>());
}

async fn a_delivery_is_replayed_to_another_url(backend: impl Backend) {
    let store = backend.store();
    let id = dead(&backend).await;
    let url: morag_core::webhook::WebhookUrl = "https://example.com/a%20b?c=d#e".parse().unwrap();
    let elsewhere = NewResend { url: Some(url.clone()), ..resend(&backend, id, 1) };
    assert_eq!(store.resend(&elsewhere).await, Ok(1));
    let held = claim_one(&*store, Queue::Deliveries).await;
    let retry = CursorMove::Retry(backend.now());
    store.advance(&held, retry, Some(attempt(1, backend.now(), 500))).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(store.pending(&held, 1).await.unwrap().unwrap().cursor.url, Some(url.clone()));
    store.advance_all(&held, vec![delivered(&backend)]).await.unwrap();
    let records = store.deliveries(id).await.unwrap();
    assert_eq!(records.iter().map(|record| record.url.clone()).collect::<Vec<_>>(), [None, Some(url.clone())]);
    let filter = DeliveryFilter { state: Some(DeliveryState::Delivered), ..all_of("hook", 9) };
    assert_eq!(store.endpoint_deliveries(&filter).await.unwrap().items[0].record.url, Some(url));
}

async fn an_ended_task_keeps_its_resends_until_they_are_done(backend: impl Backend) {
    let store = backend.store();
    let id = dead(&backend).await;
    end(&backend, id, StatusWord::Completed).await;
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(store.advance_all(&held, vec![delivered(&backend)]).await, Ok(Recorded::Idle));
    assert_eq!(store.resend(&resend(&backend, id, 1)).await, Ok(1));
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 9).await, Ok(vec![]), "something is still to be delivered");
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert!(store.pending(&held, 1).await.unwrap().unwrap().is_end);
    assert_eq!(store.advance_all(&held, vec![delivered(&backend)]).await, Ok(Recorded::Idle));
    assert_eq!(store.expire(backend.now(), 9).await, Ok(vec![id]));
}

async fn a_waiting_key_is_hastened(backend: impl Backend) {
    let (id, held) = claimed_named(&backend, 1).await;
    let store = backend.store();
    assert_eq!(store.hasten(Queue::Deliveries, &held.key).await, Ok(false), "it is leased");
    store.release(&held, backend.now().plus(LEASE)).await.unwrap();
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
    assert_eq!(store.hasten(Queue::Deliveries, &held.key).await, Ok(true));
    assert_eq!(store.hasten(Queue::Deliveries, &held.key).await, Ok(true), "it is due");
    let held = claim_one(&*store, Queue::Deliveries).await;
    store.advance_all(&held, vec![delivered(&backend)]).await.unwrap();
    assert_eq!(store.hasten(Queue::Deliveries, &held.key).await, Ok(false), "it waits for an event");
    let worker = claim_one(&*store, Queue::Tasks).await;
    store.release(&worker, backend.now().plus(LEASE)).await.unwrap();
    assert_eq!(store.hasten(Queue::Tasks, &id.to_string()).await, Ok(true));
    claim_one(&*store, Queue::Tasks).await;
    for unexpected in ["", "x/y", &TaskId::random().to_string()] {
        assert_eq!(store.hasten(Queue::Tasks, unexpected).await, Ok(false), "{unexpected}");
    }
}

fn all_of(endpoint: &str, limit: usize) -> DeliveryFilter {
    DeliveryFilter { endpoint: endpoint.to_owned().into(), state: None, since: None, limit, cursor: None }
}

/// Creates tasks, each a second after the last, with two deliveries: one succeeded and one failed. Returns the tasks.
async fn listed(backend: &impl Backend, count: usize) -> Vec<TaskId> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        let (id, held) = claimed_named(backend, 2).await;
        let failed = Some(attempt(1, backend.now(), 500));
        let retry = DeliveryMove { movement: CursorMove::Retry(backend.now().plus(LEASE * 1000)), attempt: failed };
        let moves = vec![delivered(backend), retry];
        backend.store().advance_all(&held, moves).await.unwrap();
        tasks.push(id);
        backend.advance(Duration::from_secs(1));
    }
    tasks
}

async fn an_endpoints_deliveries_are_listed_newest_first(mut backend: impl Backend) {
    let begin = backend.now();
    let tasks = listed(&backend, 4).await;
    backend.reopen().await;
    let store = backend.store();
    let all = store.endpoint_deliveries(&all_of("hook", 99)).await.unwrap();
    assert_eq!(all.next_cursor, None);
    let seen: Vec<_> = all.items.iter().map(|item| (item.task, item.record.delivery, item.record.state)).collect();
    let both = |id: &TaskId| [(*id, 2, DeliveryState::Pending), (*id, 1, DeliveryState::Delivered)];
    assert_eq!(seen, tasks.iter().rev().flat_map(both).collect::<Vec<_>>());
    for item in &all.items {
        assert!(item.record.attempts.is_empty());
        let mut whole = store.deliveries(item.task).await.unwrap();
        whole.retain(|record| record.delivery == item.record.delivery);
        whole[0].attempts.clear();
        assert_eq!(whole[0], item.record);
    }
    let of_state = async |state| {
        let filter = DeliveryFilter { state: Some(state), ..all_of("hook", 99) };
        let page = store.endpoint_deliveries(&filter).await.unwrap();
        page.items.iter().map(|item| item.task).collect::<Vec<_>>()
    };
    let newest_first: Vec<_> = tasks.iter().rev().copied().collect();
    assert_eq!(of_state(DeliveryState::Pending).await, newest_first);
    assert_eq!(of_state(DeliveryState::Delivered).await, newest_first);
    assert_eq!(of_state(DeliveryState::Dead).await, []);
    // Deliveries that are retried are listed with their new time only.
    let key = format!("{}/hook", tasks[0]);
    assert_eq!(store.hasten(Queue::Deliveries, &key).await, Ok(true));
    let held = claim_one(&*store, Queue::Deliveries).await;
    store.advance(&held, CursorMove::Dead, Some(attempt(2, backend.now(), 500))).await.unwrap();
    assert_eq!(of_state(DeliveryState::Dead).await, [tasks[0]]);
    assert_eq!(of_state(DeliveryState::Pending).await, newest_first[..3]);
    let first = store.endpoint_deliveries(&all_of("hook", 1)).await.unwrap().items.remove(0);
    assert_eq!((first.task, first.record.state, first.record.at), (tasks[0], DeliveryState::Dead, backend.now()));
    let number = store.resend(&resend(&backend, tasks[0], 2)).await;
    assert_eq!(number, Ok(1));
    assert_eq!(of_state(DeliveryState::Dead).await, []);
    assert_eq!(of_state(DeliveryState::Resent).await, [tasks[0]]);
    assert_eq!(of_state(DeliveryState::Pending).await.len(), 4);
    let since = DeliveryFilter { since: Some(begin.plus(Duration::from_secs(2))), ..all_of("hook", 99) };
    let since: Vec<_> = store.endpoint_deliveries(&since).await.unwrap().items.iter().map(|item| item.task).collect();
    assert_eq!(since, [tasks[0], tasks[0], tasks[3], tasks[3], tasks[2], tasks[2]]);
    for other in ["task", "hoo", "hook2"] {
        assert_eq!(store.endpoint_deliveries(&all_of(other, 9)).await.unwrap().items, [], "{other}");
    }
}

async fn an_endpoints_deliveries_come_in_pages(backend: impl Backend) {
    let store = backend.store();
    listed(&backend, 5).await;
    // Many with the same time.
    let id = accept(&*store, task(&backend, &["hook"])).await;
    append(&backend, id, 12).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    store.advance_all(&held, (0..12).map(|_| delivered(&backend)).collect()).await.unwrap();
    for state in [None, Some(DeliveryState::Delivered), Some(DeliveryState::Pending)] {
        let whole = DeliveryFilter { state, ..all_of("hook", 99) };
        let whole = store.endpoint_deliveries(&whole).await.unwrap().items;
        for limit in [1, 4, 7] {
            let (mut filter, mut pages) = (DeliveryFilter { state, ..all_of("hook", limit) }, Vec::new());
            loop {
                let page = store.endpoint_deliveries(&filter).await.unwrap();
                assert!(page.items.len() <= limit);
                pages.extend(page.items);
                filter.cursor = page.next_cursor;
                if filter.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(pages, whole, "{state:?} {limit}");
        }
    }
    let unexpected = DeliveryFilter { cursor: Some("no cursor".into()), ..all_of("hook", 9) };
    assert_eq!(store.endpoint_deliveries(&unexpected).await.unwrap().items, []);
}

async fn deliveries_of_an_expired_task_are_listed_no_more(backend: impl Backend) {
    let store = backend.store();
    let id = dead(&backend).await;
    let other = dead(&backend).await;
    end(&backend, id, StatusWord::Completed).await;
    let held = claim_one(&*store, Queue::Deliveries).await;
    store.advance_all(&held, vec![delivered(&backend)]).await.unwrap();
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 9).await, Ok(vec![id]));
    let page = store.endpoint_deliveries(&all_of("hook", 9)).await.unwrap();
    assert_eq!(page.items.iter().map(|item| item.task).collect::<Vec<_>>(), [other]);
}
