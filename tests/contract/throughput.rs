//! Throughput of the embedded store: `cargo test -p morag-tests --test contract --release -- --ignored --nocapture throughput`

use crate::backends::{Backend, Sqlite, Store};
use crate::samples::{LEASE, accept, commit, task};
use futures::future::join_all;
use morag_core::ports::{Commit, CursorMove, Guard, Lease, Next, Queue};
use morag_core::task::StatusWord;
use std::time::Instant;

/// Number of tasks that are accepted, run and delivered.
const TASKS: usize = 2_000;

fn say(what: &str, count: usize, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:<42} {count:>6} in {seconds:>7.3} s = {:>8.0}/s", count as f64 / seconds);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a test"]
async fn throughput() {
    let backend = Sqlite::fresh().await;
    let store = backend.store();
    let store: &dyn Store = &*store;

    let start = Instant::now();
    for _ in 0..100 {
        accept(store, task(&backend, &["task"])).await;
    }
    say("accept, one at a time (each to the disk)", 100, start);
    let start = Instant::now();
    let many = async |count: usize| {
        for _ in 0..count {
            accept(store, task(&backend, &["task"])).await;
        }
    };
    join_all((0..64).map(|_| many(TASKS / 64))).await;
    say("accept, 64 at a time", TASKS / 64 * 64, start);

    let start = Instant::now();
    let mut leases = Vec::new();
    loop {
        let claim = store.claim(Queue::Tasks, 16, LEASE).await.unwrap();
        if claim.leases.is_empty() {
            break;
        }
        leases.extend(claim.leases);
    }
    say("claim, 16 keys at a time", leases.len(), start);

    let start = Instant::now();
    let (alone, together) = leases.split_at(200);
    let run = async |lease: &Lease| {
        let id = lease.key.parse().unwrap();
        for sequence in 1..=6 {
            let step = commit(&backend, id, Guard::Lease(lease.fence), sequence..=sequence);
            store.commit(step).await.unwrap();
        }
        let last = commit(&backend, id, Guard::Lease(lease.fence), 7..=7);
        store.commit(Commit { next: Next::Done, status: StatusWord::Completed, ..last }).await.unwrap();
    };
    for lease in alone {
        run(lease).await;
    }
    say("commit of one event, one at a time", alone.len() * 7, start);
    let start = Instant::now();
    for group in together.chunks(64) {
        join_all(group.iter().map(run)).await;
    }
    say("commit of one event, 64 tasks at a time", together.len() * 7, start);

    let start = Instant::now();
    let mut delivered = 0;
    loop {
        let claim = store.claim(Queue::Deliveries, 64, LEASE).await.unwrap();
        if claim.leases.is_empty() {
            break;
        }
        let deliver = async |lease: &Lease| {
            for _ in 0..7 {
                store.pending(lease, 1).await.unwrap().unwrap();
                store.advance(lease, CursorMove::Delivered, None).await.unwrap();
            }
            7
        };
        delivered += join_all(claim.leases.iter().map(deliver)).await.into_iter().sum::<usize>();
    }
    say("pending and advance, 64 cursors at a time", delivered, start);
}
