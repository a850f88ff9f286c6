//! Workers that are killed, and workers that lose their leases without knowing.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::fleet::{Process, wait_for};
use morag_tests::redis::RedisServer;
use morag_tests::saga::Store;
use morag_tests::tally::judge::Rules;
use std::collections::BTreeMap;

/// Tasks per kill.
const TASKS_A_KILL: u64 = 12;

/// Kills one of two workers repeatedly while both have more than enough work, so that it is killed inside a step.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_killed_in_the_middle_of_a_step() {
    let _alone = alone().await;
    let mut saga = saga("worker-killed", Store::Redis(RedisServer::start()), &[]).await;
    saga.fleet.start("api").await;
    saga.fleet.start("dispatcher").await;
    let workers = [saga.fleet.start("worker").await, saga.fleet.start("worker").await];
    let load = saga.load().submit_all(0..tasks());
    let kills = (tasks() / TASKS_A_KILL).max(2);
    let mut in_work = 0;
    for kill in 0..kills {
        let enough = tasks() * kill / (kills + 1);
        // The first kill must meet work too, so at least one event must have arrived.
        assert!(saga.tally.wait_until(STALL, |came| came.ended >= enough && came.taken > 0).await);
        let worker = workers[saga.rng.usize(..workers.len())];
        let process = saga.fleet.process(worker);
        // Paused first, so that nothing changes between reading its leases and killing it.
        process.stop_the_world();
        let [leased, _] = saga.store.queue_counts(saga.fleet.data_dir()).await;
        in_work += leased.leased;
        let process = saga.fleet.process(worker);
        process.kill();
        process.start().await;
        saga.say(&format!("killed worker {worker} ({} tasks leased)", leased.leased));
    }
    let accepted = load.await.unwrap();
    let report = saga.finish(&accepted, Rules::default()).await;
    assert!(in_work > 0, "no kill met a working worker");
    assert_clean(&report, tasks());
}

/// Pauses one of two workers for longer than its lease, and resumes it when the other has done its work. Its log must then say that it
/// gives up a run, because the store has refused its renewal or its commit; nothing is cancelled here. The final check verifies that such
/// runs wrote nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_stopped_past_its_lease_gives_its_runs_up() {
    let _alone = alone().await;
    const ROUNDS: u64 = 3;
    let mut saga = saga("worker-stopped", Store::Redis(RedisServer::start()), &[]).await;
    saga.fleet.start("api").await;
    saga.fleet.start("dispatcher").await;
    let workers = [saga.fleet.start("worker").await, saga.fleet.start("worker").await];
    let load = saga.load();
    let mut accepted = Vec::new();
    // Runs that each worker had given up when it was first paused.
    let mut earlier = BTreeMap::new();
    for round in 0..ROUNDS {
        let zombie = workers[saga.rng.usize(..workers.len())];
        let before = saga.tally.arrived();
        let submits = load.submit_all(tasks() * round / ROUNDS..tasks() * (round + 1) / ROUNDS);
        assert!(saga.tally.wait_until(STALL, |came| came.ended > before.ended).await);
        saga.fleet.process(zombie).stop_the_world();
        earlier.entry(zombie).or_insert_with(|| given_up(&saga.fleet.processes()[zombie]));
        accepted.extend(submits.await.unwrap());
        assert!(saga.tally.wait_for_ends(&accepted, STALL).await, "the other worker did not finish all tasks");
        saga.fleet.process(zombie).go_on();
        saga.say(&format!("worker {zombie} went on after {} tasks had ended without it", accepted.len()));
    }
    let lost = wait_for(|| {
        let of = |(zombie, earlier): (&usize, &usize)| given_up(&saga.fleet.processes()[*zombie]) - earlier;
        let runs = earlier.iter().map(of).sum::<usize>();
        (runs > 0).then_some(runs)
    });
    let lost = lost.await.expect("no worker that was stopped has given up a run");
    saga.say(&format!("workers that went on have given up {lost} runs"));
    let report = saga.finish(&accepted, Rules::default()).await;
    assert_clean(&report, tasks());
}

/// Runs that a worker has given up because their tasks were cancelled or claimed by another worker.
fn given_up(worker: &Process) -> usize {
    worker.log().lines().filter(|line| line.contains("the run stops")).count()
}
