//! The promises of [`morag_core::ports::DueQueue`].

use crate::backends::{Backend, Store, promises};
use crate::samples::{LEASE, accept, append, attempt, claim_keys, claim_one, commit, end, task};
use futures::future::join_all;
use morag_core::ports::{Commit, CommitError, CursorMove, Guard, Lease, Next, Queue, QueueCounts};
use morag_core::task::StatusWord;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

promises!(
    waiting_tasks_are_claimed_in_the_order_of_acceptance,
    due_deliveries_are_claimed_oldest_first,
    a_leased_key_is_not_claimed_until_the_lease_expires,
    concurrent_claims_share_the_keys,
    a_renewed_lease_lasts_longer,
    an_expired_lease_is_valid_until_the_next_claim,
    a_released_key_is_due_when_its_holder_said,
    a_stale_holder_changes_nothing,
    a_fence_is_never_used_twice,
    the_claims_of_a_task_are_counted,
    queues_are_independent,
    counts_tell_due_from_leased_from_later,
    a_wait_ends_for_a_key_that_came_before_it,
    a_wait_ends_when_any_change_makes_a_key_due,
    a_wait_ends_when_a_later_key_comes_due,
    a_wait_without_a_key_ends_in_time,
    waiting_workers_miss_no_key,
);

/// Long enough for any machine; a test that reaches it has failed. Shorter than the leases, whose end wakes waiters too.
const PATIENCE: Duration = Duration::from_secs(15);

/// A timeout that these tests must not reach.
const FOREVER: Duration = Duration::from_secs(3600);

/// Polls a wait until it is pending. A wait may end at once; then no key must be due, and it begins again.
async fn pending_wait(store: &dyn Store, queue: Queue) -> Waiting<'_> {
    let begin = async {
        loop {
            assert_eq!(claim_keys(store, queue).await, [""; 0], "nothing is due yet");
            let mut wait: Pin<Box<dyn Future<Output = ()> + '_>> = Box::pin(store.wait(queue, FOREVER));
            tokio::select! {
                biased;
                () = &mut wait => {}
                // The store answers this ping after it has registered the waiter, or the waiter sees the change itself.
                result = store.ping() => {
                    result.unwrap();
                    return Waiting(wait);
                }
            }
        }
    };
    in_time("a pending wait", begin).await
}

/// A pending wait, to be awaited after the change that ends it.
struct Waiting<'a>(Pin<Box<dyn Future<Output = ()> + 'a>>);

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: it took too long"))
}

async fn waiting_tasks_are_claimed_in_the_order_of_acceptance(backend: impl Backend) {
    let store = backend.store();
    let mut keys = Vec::new();
    for n in 0..6 {
        keys.push(accept(&*store, task(&backend, &[])).await.to_string());
        // Two tasks share each time.
        backend.advance(Duration::from_secs(n % 2));
    }
    let first = store.claim(Queue::Tasks, 4, LEASE).await.unwrap();
    assert_eq!(first.leases.iter().map(|lease| &lease.key).collect::<Vec<_>>(), keys[..4].iter().collect::<Vec<_>>());
    assert!(first.next_due.unwrap() <= backend.now(), "more are due");
    let second = store.claim(Queue::Tasks, 4, LEASE).await.unwrap();
    assert_eq!(second.leases.iter().map(|lease| &lease.key).collect::<Vec<_>>(), keys[4..].iter().collect::<Vec<_>>());
    assert_eq!(second.next_due, Some(backend.now().plus(LEASE)), "when the first lease runs out");
}

async fn due_deliveries_are_claimed_oldest_first(backend: impl Backend) {
    let store = backend.store();
    let mut tasks = Vec::new();
    for _ in 0..6 {
        tasks.push(accept(&*store, task(&backend, &["hook"])).await);
    }
    // Their events come in another order than the tasks. The order within a pair with the same time is unspecified.
    let pairs = [[5, 2], [0, 4], [3, 1]].map(|pair| pair.map(|index: usize| tasks[index]));
    for pair in pairs {
        for id in pair {
            append(&backend, id, 1).await.unwrap();
        }
        backend.advance(Duration::from_secs(1));
    }
    for pair in pairs {
        let claim = store.claim(Queue::Deliveries, 2, LEASE).await.unwrap();
        let keys: BTreeSet<_> = claim.leases.into_iter().map(|lease| lease.key).collect();
        assert_eq!(keys, pair.map(|id| format!("{id}/hook")).into());
    }
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
}

async fn a_leased_key_is_not_claimed_until_the_lease_expires(mut backend: impl Backend) {
    let id = accept(&*backend.store(), task(&backend, &[])).await;
    let first = claim_one(&*backend.store(), Queue::Tasks).await;
    backend.advance(LEASE - Duration::from_millis(1));
    backend.reopen().await;
    let store = backend.store();
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0]);
    backend.advance(Duration::from_millis(1));
    let second = claim_one(&*store, Queue::Tasks).await;
    assert_eq!((second.queue, &second.key), (Queue::Tasks, &id.to_string()));
    assert_ne!(second.fence, first.fence);
}

async fn concurrent_claims_share_the_keys(backend: impl Backend) {
    let store = backend.store();
    for _ in 0..20 {
        accept(&*store, task(&backend, &[])).await;
    }
    let claims = join_all((0..16).map(|_| store.claim(Queue::Tasks, 2, LEASE))).await;
    let keys: Vec<_> = claims.into_iter().flat_map(|claim| claim.unwrap().leases).map(|lease| lease.key).collect();
    assert_eq!((keys.len(), keys.iter().collect::<BTreeSet<_>>().len()), (20, 20));
}

async fn a_renewed_lease_lasts_longer(backend: impl Backend) {
    let store = backend.store();
    accept(&*store, task(&backend, &[])).await;
    let lease = claim_one(&*store, Queue::Tasks).await;
    for _ in 0..3 {
        backend.advance(LEASE - Duration::from_millis(1));
        assert_eq!(store.renew(&lease, LEASE).await, Ok(true));
        assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0]);
    }
    backend.advance(LEASE);
    assert_ne!(claim_one(&*store, Queue::Tasks).await.fence, lease.fence);
}

async fn an_expired_lease_is_valid_until_the_next_claim(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    let lease = claim_one(&*store, Queue::Tasks).await;
    backend.advance(LEASE * 2);
    assert_eq!(store.commit(commit(&backend, id, Guard::Lease(lease.fence), 1..=1)).await, Ok(()));
    assert_eq!(store.renew(&lease, LEASE).await, Ok(true));
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0], "it was renewed");
}

async fn a_released_key_is_due_when_its_holder_said(backend: impl Backend) {
    let store = backend.store();
    accept(&*store, task(&backend, &[])).await;
    let lease = claim_one(&*store, Queue::Tasks).await;
    let due = backend.now().plus(Duration::from_secs(5));
    assert_eq!(store.release(&lease, due).await, Ok(true));
    assert_eq!(store.release(&lease, backend.now()).await, Ok(false), "it was given back already");
    let early = store.claim(Queue::Tasks, 1, LEASE).await.unwrap();
    assert_eq!((early.leases.len(), early.next_due), (0, Some(due)));
    backend.advance(Duration::from_secs(5));
    claim_one(&*store, Queue::Tasks).await;
}

async fn a_stale_holder_changes_nothing(backend: impl Backend) {
    let store = backend.store();
    accept(&*store, task(&backend, &[])).await;
    let dead = claim_one(&*store, Queue::Tasks).await;
    backend.advance(LEASE);
    let alive = claim_one(&*store, Queue::Tasks).await;
    assert_eq!(store.renew(&dead, LEASE * 9).await, Ok(false));
    assert_eq!(store.release(&dead, backend.now()).await, Ok(false));
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0], "still leased by the other");
    assert_eq!(store.renew(&alive, LEASE).await, Ok(true));
    for unexpected in [
        Lease { fence: u64::MAX, ..alive.clone() },
        Lease { key: "no such key".into(), ..alive.clone() },
        Lease { queue: Queue::Deliveries, ..alive.clone() },
    ] {
        assert_eq!(store.renew(&unexpected, LEASE).await, Ok(false), "{unexpected:?}");
        assert_eq!(store.release(&unexpected, backend.now()).await, Ok(false), "{unexpected:?}");
    }
}

async fn a_fence_is_never_used_twice(mut backend: impl Backend) {
    let id = accept(&*backend.store(), task(&backend, &[])).await;
    let mut fences = BTreeSet::new();
    let mut holders = Vec::new();
    for round in 0..6 {
        let store = backend.store();
        let held = claim_one(&*store, Queue::Tasks).await;
        assert!(fences.insert(held.fence), "{fences:?} {held:?}");
        let seen = store.load(id).await.unwrap().unwrap().last_sequence();
        // The key leaves the queue and enters it again while the old holder is still alive.
        for next in [Next::Done, Next::At(backend.now())] {
            let moved = Commit { events: vec![], next, ..commit(&backend, id, Guard::Sequence(seen), 1..=1) };
            assert_eq!(store.commit(moved).await, Ok(()));
        }
        holders.push(held);
        if round % 2 == 0 {
            drop(store);
            backend.reopen().await;
        }
    }
    let store = backend.store();
    let last = claim_one(&*store, Queue::Tasks).await;
    for stale in holders {
        let late = commit(&backend, id, Guard::Lease(stale.fence), 1..=1);
        assert_eq!(store.commit(late).await, Err(CommitError::Stale), "{stale:?}");
        assert_eq!(store.renew(&stale, LEASE).await, Ok(false), "{stale:?}");
    }
    assert_eq!(store.commit(commit(&backend, id, Guard::Lease(last.fence), 1..=1)).await, Ok(()));
}

async fn the_claims_of_a_task_are_counted(backend: impl Backend) {
    let store = backend.store();
    for _ in 0..40 {
        accept(&*store, task(&backend, &[])).await;
    }
    for claims in 1..=3 {
        let leases = store.claim(Queue::Tasks, 100, LEASE).await.unwrap().leases;
        assert_eq!(leases.len(), 40);
        for lease in &leases {
            let log = store.load(lease.key.parse().unwrap()).await.unwrap().unwrap();
            assert_eq!(log.claims, claims, "{lease:?}");
            store.release(lease, backend.now()).await.unwrap();
        }
    }
}

async fn queues_are_independent(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &["a", "b"])).await;
    append(&backend, id, 1).await.unwrap();
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [id.to_string()]);
    let deliveries: BTreeSet<_> = claim_keys(&*store, Queue::Deliveries).await.into_iter().collect();
    assert_eq!(deliveries, [format!("{id}/a"), format!("{id}/b")].into());
}

async fn counts_tell_due_from_leased_from_later(backend: impl Backend) {
    let store = backend.store();
    assert_eq!(store.queue_counts(Queue::Tasks).await, Ok(QueueCounts::default()));
    for _ in 0..6 {
        accept(&*store, task(&backend, &["idle"])).await;
    }
    let ended = accept(&*store, task(&backend, &[])).await;
    end(&backend, ended, StatusWord::Cancelled).await;
    let leases = store.claim(Queue::Tasks, 3, LEASE).await.unwrap().leases;
    store.release(&leases[0], backend.now().plus(LEASE * 2)).await.unwrap();
    assert_eq!(
        store.queue_counts(Queue::Tasks).await,
        Ok(QueueCounts { due: 3, leased: 2, later: 1, oldest_due: Duration::ZERO })
    );
    assert_eq!(store.queue_counts(Queue::Deliveries).await, Ok(QueueCounts::default()), "cursors without an event");
    backend.advance(LEASE);
    let run_out = store.queue_counts(Queue::Tasks).await;
    assert_eq!(
        run_out,
        Ok(QueueCounts { due: 5, leased: 0, later: 1, oldest_due: LEASE }),
        "leases that ran out are due"
    );
}

async fn a_wait_ends_for_a_key_that_came_before_it(backend: impl Backend) {
    let store = backend.store();
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0]);
    let id = accept(&*store, task(&backend, &["task"])).await;
    in_time("a task between claim and wait", store.wait(Queue::Tasks, FOREVER)).await;
    in_time("a second waiter", store.wait(Queue::Tasks, FOREVER)).await;
    append(&backend, id, 1).await.unwrap();
    in_time("an event between claim and wait", store.wait(Queue::Deliveries, FOREVER)).await;
}

async fn a_wait_ends_when_any_change_makes_a_key_due(backend: impl Backend) {
    let store = backend.store();
    // Polls the wait until it is pending, makes the change, and expects the wait to end.
    macro_rules! ends_wait {
        ($what:literal, $queue:expr, $change:expr) => {{
            let wait = pending_wait(&*store, $queue).await;
            $change;
            in_time($what, wait.0).await;
        }};
    }
    let id;
    ends_wait!("accept", Queue::Tasks, id = accept(&*store, task(&backend, &["task"])).await);
    let worker = claim_one(&*store, Queue::Tasks).await;
    ends_wait!("release", Queue::Tasks, store.release(&worker, backend.now()).await.unwrap());
    let worker = claim_one(&*store, Queue::Tasks).await;
    ends_wait!("commit", Queue::Tasks, {
        let guard = Guard::Lease(worker.fence);
        let again = Commit { next: Next::At(backend.now()), ..commit(&backend, id, guard, 1..=1) };
        store.commit(again).await.unwrap();
    });
    let cursor = claim_one(&*store, Queue::Deliveries).await;
    ends_wait!("retry", Queue::Deliveries, {
        let failed = Some(attempt(1, backend.now(), 500));
        store.advance(&cursor, CursorMove::Retry(backend.now()), failed).await.unwrap();
    });
    let cursor = claim_one(&*store, Queue::Deliveries).await;
    store.advance(&cursor, CursorMove::Delivered, Some(attempt(2, backend.now(), 200))).await.unwrap();
    ends_wait!("event", Queue::Deliveries, append(&backend, id, 1).await.unwrap());
}

async fn a_wait_ends_when_a_later_key_comes_due(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    let worker = claim_one(&*store, Queue::Tasks).await;
    // A waiter that registered before this change knows only the end of the lease, which is far away.
    let wait = pending_wait(&*store, Queue::Tasks).await;
    let soon = backend.now().plus(Duration::from_millis(5));
    let parked = Commit { next: Next::At(soon), ..commit(&backend, id, Guard::Lease(worker.fence), 1..=1) };
    store.commit(parked).await.unwrap();
    in_time("a key that comes due sooner than was known", wait.0).await;
    in_time("a key that comes due in 5 ms", store.wait(Queue::Tasks, FOREVER)).await;
}

async fn a_wait_without_a_key_ends_in_time(backend: impl Backend) {
    let store = backend.store();
    for queue in [Queue::Tasks, Queue::Deliveries] {
        in_time("an empty queue", store.wait(queue, Duration::from_millis(1))).await;
    }
}

async fn waiting_workers_miss_no_key(backend: impl Backend) {
    const TASKS: usize = 60;
    const WORKERS: usize = 4;
    let store = backend.store();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let worker = async || {
        loop {
            let claim = store.claim(Queue::Tasks, 1, LEASE).await.unwrap();
            for lease in &claim.leases {
                let id = lease.key.parse().unwrap();
                let ending = Commit {
                    next: Next::Done,
                    status: StatusWord::Completed,
                    ..commit(&backend, id, Guard::Lease(lease.fence), 1..=1)
                };
                assert_eq!(store.commit(ending).await, Ok(()));
                done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
            if claim.leases.is_empty() {
                store.wait(Queue::Tasks, FOREVER).await;
            }
        }
    };
    let submit = async {
        for n in 0..TASKS {
            accept(&*store, task(&backend, &[])).await;
            // From time to time all workers wait first.
            while n % 7 == 0 && done.load(std::sync::atomic::Ordering::SeqCst) <= n {
                tokio::task::yield_now().await;
            }
        }
        while done.load(std::sync::atomic::Ordering::SeqCst) < TASKS {
            tokio::task::yield_now().await;
        }
    };
    let workers = join_all((0..WORKERS).map(|_| worker()));
    in_time("every task", async {
        tokio::select! {
            _ = workers => unreachable!("workers go on"),
            () = submit => {}
        }
    })
    .await;
}
