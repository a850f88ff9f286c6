//! Jumps of a process's clock.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::fleet::ProcessClock;
use morag_tests::redis::RedisServer;
use morag_tests::saga::Store;
use morag_tests::tally::judge::Rules;

/// Successive offsets of the clock from the right time, seconds.
const JUMPS: [i64; 4] = [3600, 0, -3600, 0];

/// One of several processes, which share leases and due times: these use the clock of Redis.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_one_process_of_many_jumps() {
    let _alone = alone().await;
    jumps("clock-of-one", Store::Redis(RedisServer::start()), &["api,worker,dispatcher", "worker,dispatcher"]).await;
}

/// The only process. The embedded store uses its monotonic clock, which does not jump.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_the_only_process_jumps() {
    let _alone = alone().await;
    jumps("clock-alone", Store::Sqlite, &["all"]).await;
}

async fn jumps(name: &str, store: Store, processes: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let clock = ProcessClock::new(folder.path());
    let mut saga = saga(name, store, &[]).await;
    for (number, roles) in processes.iter().enumerate() {
        // Only the first process has the test's clock.
        saga.fleet.start_with(roles, (number == 0).then(|| clock.clone())).await;
    }
    let submits = saga.load().submit_all(0..tasks());
    for (done, seconds) in (1..).zip(JUMPS) {
        let enough = tasks() * done / 6;
        assert!(saga.tally.wait_until(STALL, |came| came.ended >= enough).await, "no progress");
        clock.jump(seconds);
        saga.say(&format!(
            "the clock stands {seconds} s from the right time, {} tasks ended",
            saga.tally.arrived().ended
        ));
    }
    let accepted = submits.await.unwrap();
    // A jump ends no lease early, so no process sends what another holds.
    let report = saga.finish(&accepted, Rules::default()).await;
    assert_clean(&report, tasks());
}
