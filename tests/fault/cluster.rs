//! A Cluster that loses a master, and a third of its keys with it, until it returns.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::redis::{RedisCluster, RedisOptions};
use morag_tests::saga::Store;
use morag_tests::tally::judge::Rules;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn every_master_of_a_cluster_is_killed_and_restarted() {
    let _alone = alone().await;
    let durable = RedisOptions { durable: true, ..RedisOptions::default() };
    let mut saga = saga("cluster-killed", Store::Cluster(RedisCluster::start_with(durable)), &[]).await;
    for roles in ["api", "worker", "worker", "dispatcher"] {
        saga.fleet.start(roles).await;
    }
    let load = saga.load();
    let submits = load.submit_all(0..tasks());
    let mut nodes = [0, 1, 2];
    saga.rng.shuffle(&mut nodes);
    for (done, node) in (0..).zip(nodes) {
        let enough = tasks() * done / 4;
        assert!(saga.tally.wait_until(STALL, |came| came.ended >= enough && came.taken > 0).await);
        saga.store.cluster().kill(node);
        // Duration of the fault. After the node timeout the others refuse all keys, before it only those of this node fail.
        let away = Duration::from_millis(saga.rng.u64(500..4000));
        tokio::time::sleep(away).await;
        saga.store.cluster().restart(node);
        saga.say(&format!("killed node {node} and started it again after {} ms", away.as_millis()));
    }
    let accepted = submits.await.unwrap();
    saga.say(&format!("{} submissions were repeated", load.repeated()));
    let report = saga.finish(&accepted, Rules::default()).await;
    assert_clean(&report, tasks());
}
