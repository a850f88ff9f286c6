//! The promises of [`morag_core::ports::Deliveries`].

use crate::backends::{Backend, Store, promises};
use crate::samples::{LEASE, accept, append, attempt, claim_keys, claim_one, commit, end, task};
use morag_core::ports::{CommitError, CursorMove, DeliveryRecord, DeliveryState, Guard, Lease, Queue, Recorded};
use morag_core::task::{StatusWord, TaskId};
use std::time::Duration;

promises!(
    a_cursor_is_due_with_the_first_event,
    a_delivered_event_leads_to_the_next,
    a_skipped_event_is_no_delivery,
    a_dead_delivery_is_recorded_and_the_next_is_tried,
    a_retry_waits_and_counts,
    an_event_does_not_hurry_a_retry,
    an_event_during_a_lease_is_found_by_the_holder,
    a_holder_that_lost_its_lease_records_nothing,
    a_disabled_cursor_ends_for_good,
    a_released_cursor_stands_where_it_stood,
    endpoints_go_their_own_ways,
    attempts_are_kept_in_order,
    a_cursor_survives_a_new_process,
    an_expired_task_leaves_its_holder_nothing,
    a_foreign_lease_leads_nowhere,
);

/// A task with one endpoint and so many events, and the lease of its cursor.
async fn claimed(backend: &impl Backend, events: u64) -> (TaskId, Lease) {
    let store = backend.store();
    let id = accept(&*store, task(backend, &["task"])).await;
    append(backend, id, events).await.unwrap();
    (id, claim_one(&*store, Queue::Deliveries).await)
}

/// Next event, next delivery, attempts made, and the sequence of the event that is there.
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
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "a report is no event");
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

async fn a_skipped_event_is_no_delivery(backend: impl Backend) {
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

async fn a_released_cursor_stands_where_it_stood(backend: impl Backend) {
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

async fn endpoints_go_their_own_ways(backend: impl Backend) {
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

async fn a_foreign_lease_leads_nowhere(backend: impl Backend) {
    let store = backend.store();
    let (id, _) = claimed(&backend, 1).await;
    for key in ["", "/", "x/y", &id.to_string(), &format!("{id}/another"), &format!("{}/task", TaskId::random())] {
        let lease = Lease { queue: Queue::Deliveries, key: key.into(), fence: 1 };
        assert_eq!(store.pending(&lease, 1).await, Ok(None), "{key:?}");
        assert_eq!(store.advance(&lease, CursorMove::Delivered, None).await, Err(CommitError::Stale), "{key:?}");
    }
    // A task's lease has no cursor, whatever its fence.
    let worker = claim_one(&*store, Queue::Tasks).await;
    assert_eq!(store.advance(&worker, CursorMove::Delivered, None).await, Err(CommitError::Stale));
}
