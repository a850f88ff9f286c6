//! A Redis that is killed and restarted with its data.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::redis::{RedisOptions, RedisServer};
use morag_tests::saga::Store;
use morag_tests::tally::judge::Rules;
use std::time::Duration;

/// Tasks per kill.
const TASKS_A_KILL: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_and_restarted_with_its_append_only_file() {
    let _alone = alone().await;
    let durable = RedisOptions { durable: true, ..RedisOptions::default() };
    let mut saga = saga("redis-killed", Store::Redis(RedisServer::start_with(durable)), &[]).await;
    for roles in ["api", "worker", "worker", "dispatcher"] {
        saga.fleet.start(roles).await;
    }
    let load = saga.load();
    let submits = load.submit_all(0..tasks());
    let kills = (tasks() / TASKS_A_KILL).max(2);
    for kill in 0..kills {
        let enough = tasks() * kill / (kills + 1);
        assert!(saga.tally.wait_until(STALL, |came| came.ended >= enough && came.taken > 0).await);
        saga.store.redis().kill();
        // Duration of the fault.
        let away = Duration::from_millis(saga.rng.u64(0..3000));
        tokio::time::sleep(away).await;
        saga.store.redis().restart();
        saga.say(&format!("killed Redis and started it again after {} ms", away.as_millis()));
    }
    let accepted = submits.await.unwrap();
    saga.say(&format!("{} submissions were repeated", load.repeated()));
    // A dispatcher that sent while Redis was down cannot record the delivery. It retries for the duration of its lease, and may load an
    // event again; it sends only the events that it has claimed.
    let report = saga.finish(&accepted, Rules::default()).await;
    assert_clean(&report, tasks());
}
