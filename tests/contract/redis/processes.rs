//! Two processes with one store.

use super::lab::{FOREVER, Lab, PATIENCE, ask, claim_by_waiting, in_time, once_seen};
use crate::backends::redis::{Cluster, InRedis, Servers, Single};
use crate::backends::{Backend, Store};
use crate::samples::{LEASE, accept, append, attempt, claim_one, commit, task};
use futures::future::join_all;
use morag_core::ports::{
    Commit, CommitError, CursorMove, Deliveries, DueQueue, Flow, Guard, NewTask, Next, Queue, Recorded, Tasks,
};
use morag_core::task::StatusWord;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod single {
            $(#[tokio::test] async fn $name() { super::$name::<super::Single>().await; })+
        }
        mod cluster {
            $(#[tokio::test] async fn $name() { super::$name::<super::Cluster>().await; })+
        }
    };
}

on_both!(
    a_wait_ends_by_what_another_process_does,
    two_processes_share_the_tasks,
    ranks_are_one_order_over_both,
    a_task_belongs_to_the_one_that_claimed_it,
);

/// A missed wake-up costs up to 10 s, the interval of the scan: that number would not fit into [`PATIENCE`].
const ROUNDS: usize = 15;

async fn a_wait_ends_by_what_another_process_does<S: Servers>() {
    let backend = InRedis::<S>::fresh().await;
    let (here, there) = (backend.store(), backend.another().await);
    let claim = |queue| claim_by_waiting(&*here, queue, LEASE);
    let now = backend.now();
    let rounds = async {
        for _ in 0..ROUNDS {
            let (claimed, id) = tokio::join!(claim(Queue::Tasks), accept(&*there, task(&backend, &["hook"])));
            assert_eq!(claimed.leases[0].key, id.to_string());

            let release = there.release(&claimed.leases[0], now);
            let (claimed, released) = tokio::join!(claim(Queue::Tasks), release);
            assert_eq!(released, Ok(true));

            let again = commit(&backend, id, Guard::Lease(claimed.leases[0].fence), 1..=1);
            let again = there.commit(Commit { next: Next::At(now), ..again });
            let (claimed, committed) = tokio::join!(claim(Queue::Tasks), again);
            assert_eq!(committed, Ok(()));

            // The first event existed before; the cursor waits for the next.
            let cursor = claim(Queue::Deliveries).await.leases.remove(0);
            let delivered = Some(attempt(1, now, 200));
            assert_eq!(there.advance(&cursor, CursorMove::Delivered, delivered).await, Ok(Recorded::Idle));
            let event = there.commit(commit(&backend, id, Guard::Lease(claimed.leases[0].fence), 2..=2));
            let (cursor, committed) = tokio::join!(claim(Queue::Deliveries), event);
            assert_eq!(committed, Ok(()));

            let retry = there.advance(&cursor.leases[0], CursorMove::Retry(now), Some(attempt(1, now, 500)));
            let (cursor, retried) = tokio::join!(claim(Queue::Deliveries), retry);
            assert_eq!(retried, Ok(Recorded::Idle));
            let dead = there.advance(&cursor.leases[0], CursorMove::Dead, Some(attempt(2, now, 500)));
            assert_eq!(dead.await, Ok(Recorded::Idle));
            let last = commit(&backend, id, Guard::Lease(claimed.leases[0].fence), 3..=3);
            let last = Commit { status: StatusWord::Completed, next: Next::Done, ..last };
            let (cursor, committed) = tokio::join!(claim(Queue::Deliveries), there.commit(last));
            assert_eq!(committed, Ok(()));
            let gone = there.advance(&cursor.leases[0], CursorMove::Disable, None).await;
            assert_eq!(gone, Ok(Recorded::Idle));
        }
    };
    in_time(&format!("{ROUNDS} rounds within {} s", PATIENCE.as_secs()), rounds).await;
}

async fn two_processes_share_the_tasks<S: Servers>() {
    const TASKS: usize = 200;
    let backend = InRedis::<S>::fresh().await;
    let stores: [std::sync::Arc<dyn Store>; 2] = [backend.store(), backend.another().await];
    let mut accepted = BTreeSet::new();
    for turn in 0..TASKS {
        accepted.insert(accept(&*stores[turn % 2], task(&backend, &[])).await.to_string());
    }
    let count = AtomicUsize::new(0);
    let (done, _) = tokio::sync::watch::channel(());
    let claim = async |store: &dyn Store| {
        let (mut keys, mut over) = (Vec::new(), done.subscribe());
        while count.load(Ordering::SeqCst) < TASKS {
            let claim = store.claim(Queue::Tasks, 3, LEASE).await.unwrap();
            count.fetch_add(claim.leases.len(), Ordering::SeqCst);
            if claim.leases.is_empty() {
                tokio::select! {
                    () = store.wait(Queue::Tasks, FOREVER) => {}
                    _ = over.changed() => {}
                }
            }
            keys.extend(claim.leases.into_iter().map(|lease| lease.key));
        }
        done.send_replace(());
        keys
    };
    let claims = join_all((0..8).map(|turn| claim(&*stores[turn % 2])));
    let keys = in_time("claiming", claims).await.concat();
    assert_eq!((keys.len(), keys.into_iter().collect::<BTreeSet<_>>()), (TASKS, accepted));
}

async fn ranks_are_one_order_over_both<S: Servers>() {
    let backend = InRedis::<S>::fresh().await;
    let of = |name: &str| NewTask { flow: Flow::of(name), ..task(&backend, &[]) };
    let stores: [std::sync::Arc<dyn Store>; 2] = [backend.store(), backend.another().await];
    let (mut batch, mut single) = (Vec::new(), Vec::new());
    for turn in 0..20 {
        batch.push(accept(&*stores[turn % 2], of("batch")).await.to_string());
    }
    for turn in 0..4 {
        single.push(accept(&*stores[turn % 2], of("single")).await.to_string());
    }
    // Two new processes, which scan every bucket first: running processes may not know of each other's tasks yet.
    let claimers = [backend.another().await, backend.another().await];
    let mut begun = Vec::new();
    for turn in 0..24 {
        let claimer = &claimers[turn % 2];
        let lease = claimer.claim(Queue::Tasks, 1, LEASE).await.unwrap().leases.remove(0);
        let started = commit(&backend, lease.key.parse().unwrap(), Guard::Lease(lease.fence), 1..=1);
        claimer.commit(started).await.unwrap();
        begun.push(lease.key);
    }
    let of = |flow: &[String]| begun.iter().filter(|key| flow.contains(key)).cloned().collect::<Vec<_>>();
    assert_eq!((of(&batch), of(&single)), (batch.clone(), single.clone()), "each in its order");
    for pair in begun[..8].chunks(2) {
        assert_eq!(pair.iter().filter(|key| single.contains(key)).count(), 1, "in turns: {begun:?}");
    }
}

async fn a_task_belongs_to_the_one_that_claimed_it<S: Servers>() {
    let backend = InRedis::<S>::fresh().await;
    let (here, there) = (backend.store(), backend.another().await);
    let id = accept(&*there, task(&backend, &[])).await;
    let held =
        in_time("a key of another process", claim_by_waiting(&*here, Queue::Tasks, LEASE)).await.leases.remove(0);
    assert_eq!(there.claim(Queue::Tasks, 9, LEASE).await.unwrap().leases, []);
    backend.advance(LEASE);
    let next = there.claim(Queue::Tasks, 9, LEASE).await.unwrap().leases.remove(0);
    assert_ne!(next.fence, held.fence);
    let late = commit(&backend, id, Guard::Lease(held.fence), 1..=1);
    assert_eq!(here.commit(late).await, Err(CommitError::Stale));
    assert_eq!(there.commit(commit(&backend, id, Guard::Lease(next.fence), 1..=1)).await, Ok(()));
}

#[tokio::test]
async fn a_claim_that_a_failover_has_lost_is_no_claim() {
    let lab = Lab::new().await;
    let (here, there) = (lab.store(), lab.another().await);
    let id = accept(&*here, task(&lab, &["hook"])).await;
    append(&lab, id, 1).await.unwrap();
    let lost = claim_one(&*here, Queue::Deliveries).await;
    // The state of a replica that missed the claim.
    let of_queue = |kind| lab.of_queue(kind, id, "deliveries");
    ask(&["hdel", &of_queue("leases"), &lost.key]);
    ask(&["zrem", &of_queue("due"), &lost.key]);
    ask(&["zadd", &of_queue("ready"), "1", &lost.key]);
    let held =
        once_seen("a further claim", async || there.claim(Queue::Deliveries, 1, LEASE).await.unwrap().leases.pop())
            .await;
    assert_eq!(held.key, lost.key);
    let late = here.advance(&lost, CursorMove::Delivered, Some(attempt(1, lab.now(), 200))).await;
    assert_eq!(late, Err(CommitError::Stale), "both claims have the same fence");
    assert_eq!(here.renew(&lost, LEASE).await, Ok(false));
    let delivered = there.advance(&held, CursorMove::Delivered, Some(attempt(1, lab.now(), 200))).await;
    assert_eq!(delivered, Ok(Recorded::Idle));
}
