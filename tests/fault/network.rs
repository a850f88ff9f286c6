//! The network to Redis is cut.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::proxy::{Proxy, Wire};
use morag_tests::redis::RedisServer;
use morag_tests::saga::Store;
use morag_tests::tally::judge::Rules;
use std::time::Duration;

/// Duration of each kind of cut: far longer than any lease here, and longer than a client's timeouts.
const CUTS: [(Wire, Duration); 2] = [(Wire::Frozen, Duration::from_secs(20)), (Wire::Reset, Duration::from_secs(5))];

#[tokio::test(flavor = "multi_thread")]
async fn the_network_to_redis_is_cut() {
    let _alone = alone().await;
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let url = server.url_at(proxy.port());
    let mut saga = saga("network-cut", Store::Redis(server), &[("REDIS_URL", &url)]).await;
    for roles in ["api", "worker", "worker", "dispatcher"] {
        saga.fleet.start(roles).await;
    }
    let load = saga.load();
    let submits = load.submit_all(0..tasks());
    for (done, (wire, long)) in (0..).zip(CUTS) {
        let enough = tasks() * done / 3;
        assert!(saga.tally.wait_until(STALL, |came| came.ended >= enough && came.taken > 0).await);
        proxy.cut(wire);
        // Duration of the fault.
        tokio::time::sleep(long).await;
        proxy.heal();
        saga.say(&format!("the network was {wire:?} for {} s", long.as_secs()));
    }
    let accepted = submits.await.unwrap();
    saga.say(&format!("{} submissions were repeated", load.repeated()));
    // Data in transit arrives when the network heals: a dispatcher may then learn of a lease that has expired since, and send.
    let report = saga.finish(&accepted, Rules { late_repeats: true, ..Rules::default() }).await;
    assert_clean(&report, tasks());
}
