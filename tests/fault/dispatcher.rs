//! A dispatcher that is killed between sending and recording.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::redis::RedisServer;
use morag_tests::saga::Store;
use morag_tests::tally::Answer;
use morag_tests::tally::judge::Rules;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Tasks per kill.
const TASKS_A_KILL: u64 = 10;

/// The receiver takes an event and delays its response; then the dispatcher is killed. It cannot know that the event has arrived, so the
/// event must be delivered again.
#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_is_killed_between_sending_and_recording() {
    let _alone = alone().await;
    let mut saga = saga("dispatcher-killed", Store::Redis(RedisServer::start()), &[]).await;
    saga.fleet.start("api").await;
    saga.fleet.start("worker").await;
    let dispatcher = saga.fleet.start("dispatcher").await;
    let hang = Arc::new(AtomicBool::new(false));
    let armed = Arc::clone(&hang);
    // The first delivery after arming hangs.
    saga.tally.answer(move |_, _, _| match armed.swap(false, Ordering::SeqCst) {
        true => Answer::TakeAndHang,
        false => Answer::Take,
    });
    let load = saga.load().submit_all(0..tasks());
    let kills = (tasks() / TASKS_A_KILL).max(2);
    for kill in 0..kills {
        let events = saga.rng.u64(1..10);
        let enough = saga.tally.arrived().taken + events;
        assert!(saga.tally.wait_until(STALL, |came| came.taken >= enough).await);
        hang.store(true, Ordering::SeqCst);
        assert!(saga.tally.wait_until(STALL, |came| came.hung > kill).await, "no delivery came that could hang");
        saga.fleet.process(dispatcher).kill();
        saga.fleet.process(dispatcher).start().await;
        saga.say(&format!("killed the dispatcher while delivery {} waited for its answer", saga.tally.arrived().taken));
    }
    let accepted = load.await.unwrap();
    let report = saga.finish(&accepted, Rules::default()).await;
    assert_eq!(report.arrived.hung, kills);
    assert!(report.repeats >= kills, "unrecorded deliveries must be repeated");
    assert_clean(&report, tasks());
}
