//! A Cluster of three masters with a replica each, whose masters are killed under load: counts which acknowledged tasks are lost, and
//! checks that all others end once and whole.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::fleet::wait_for;
use morag_tests::redis::{RedisCluster, RedisOptions};
use morag_tests::saga::{Report, Store};
use morag_tests::tally::judge::{Finding, Rules};
use std::collections::BTreeSet;

const DURABLE: RedisOptions = RedisOptions { durable: true, tls: false, password: false };

/// Effects of a failover: writes that were not replicated are undone, and so are a dispatcher's records.
const FAILOVER: Rules = Rules { late_repeats: true, failover: true };

/// Replication works: acknowledged writes are on a replica, so nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn each_master_is_killed_under_load_and_its_replica_takes_over() {
    let _alone = alone().await;
    let mut saga = saga("failover", Store::Cluster(RedisCluster::start_with_replicas(DURABLE)), &[]).await;
    for roles in ["api", "worker", "worker", "dispatcher"] {
        saga.fleet.start(roles).await;
    }
    let load = saga.load();
    let submits = load.submit_all(0..tasks());
    let mut masters = saga.store.cluster().masters();
    saga.rng.shuffle(&mut masters);
    for (done, master) in (0..).zip(masters) {
        let enough = tasks() * done / 4;
        assert!(saga.tally.wait_until(STALL, |came| came.ended >= enough && came.taken > 0).await);
        let cluster = saga.store.cluster();
        let replica = cluster.replica_of(master);
        cluster.kill(master);
        let accepted = load.accepted();
        cluster.wait_for_master(replica);
        let ended = saga.tally.arrived().ended;
        saga.say(&format!("killed master {master} after {accepted} were accepted; {replica} took over, {ended} ended"));
        // The killed master returns as a replica, so the next one to be killed has a replica again.
        let cluster = saga.store.cluster();
        cluster.restart(master);
        cluster.wait_for_replica(replica);
    }
    let accepted = submits.await.unwrap();
    saga.say(&format!("{} submissions were repeated", load.repeated()));
    let report = saga.finish(&accepted, FAILOVER).await;
    println!("failover lost        {} of {} acknowledged tasks", report.lost, report.accepted);
    assert_clean(&report, tasks());
    assert_eq!(report.lost, 0, "acknowledged tasks were on the replica");
}

/// Replication is cut before the kill, so writes that were acknowledged since then are lost with the master. They are counted; the other
/// tasks end, and lost ones can be submitted again with the same keys.
#[tokio::test(flavor = "multi_thread")]
async fn a_master_dies_whose_replica_was_cut_off() {
    let _alone = alone().await;
    let mut saga = saga("failover-cut", Store::Cluster(RedisCluster::start_with_replicas(DURABLE)), &[]).await;
    for roles in ["api", "worker", "worker", "dispatcher"] {
        saga.fleet.start(roles).await;
    }
    let load = saga.load();
    let before = load.submit_all(0..tasks() / 2).await.unwrap();
    assert!(saga.tally.wait_until(STALL, |came| came.ended > 0).await);
    let masters = saga.store.cluster().masters();
    let master = masters[saga.rng.usize(..masters.len())];
    let cluster = saga.store.cluster();
    let replica = cluster.replica_of(master);
    cluster.cut_replication(master);
    let during = load.submit_all(tasks() / 2..tasks()).await.unwrap();
    let cluster = saga.store.cluster();
    cluster.kill(master);
    cluster.wait_for_master(replica);
    let warning = "no replica has confirmed a write";
    let warned = || (!saga.fleet.log_lines_with(warning).is_empty()).then_some(());
    assert!(wait_for(warned).await.is_some(), "no warning about writes without a replica");
    saga.say(&format!("master {master} died with what it had not passed on, {replica} took over"));

    // A caller that has a response and does not find the task submits again, with the same key.
    let again = load.submit_all(0..tasks()).await.unwrap();
    let first: BTreeSet<_> = before.iter().chain(&during).cloned().collect();
    let new = again.iter().filter(|task| !first.contains(*task)).count();
    let all: BTreeSet<_> = first.iter().chain(&again).cloned().collect();
    let all: Vec<_> = all.into_iter().collect();
    let report = saga.finish(&all, FAILOVER).await;
    let Report { lost, .. } = report;
    println!("failover-cut lost    {lost} of {} acknowledged tasks; submitted again {new} were new", first.len());
    assert!(lost > 0, "writes of a master that was cut off are lost with it");
    assert!(new as u64 >= lost, "a lost task cannot be submitted again with its key");
    // Vectors that were stored only on the killed master are lost as well: they are counted, and there must be no other findings.
    let contents = report.count(|finding| matches!(finding, Finding::ContentDiffers(_)));
    println!("failover-cut lost    the stored content of {contents} tasks");
    assert_eq!(report.findings.len() as u64, contents, "see the findings above");
    assert_eq!(report.ended + lost, all.len() as u64, "all known tasks have ended");
    assert_eq!(report.completed, report.ended);
    let rest = report.queues.iter().map(|queue| queue.due + queue.leased + queue.later).sum::<u64>();
    assert_eq!((report.duplicated, rest), (0, 0));
}
