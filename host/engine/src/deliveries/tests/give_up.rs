//! Which deliveries are given up for their age.

use super::receivers::Manner;
use super::stage::*;
use crate::testing::record;
use morag_core::ports::*;
use morag_core::task::TaskId;
use morag_core::webhook::EndpointId;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3600);

/// A server that gives events up which are older than a minute, for a receiver that has failed for a quarter of that; `down.example`
/// fails, and one attempt goes at a time.
async fn giving_up() -> Stage {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
        ("WEBHOOK_MAX_RETRIES", "0"),
        ("WEBHOOK_RETRY_DELAY", "100ms"),
    ];
    let stage = Stage::new(&settings).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    stage
}

/// Lets the receiver of a task have failed for longer than a delivery needs to be given up.
async fn fail_for_long(stage: &Stage, host: &str) {
    stage.task(host, 1).await;
    until_nothing_is_due(stage).await;
    assert_eq!(stage.receivers.came(host).len(), 1);
    stage.clock.pass(20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_for_a_failing_receiver_is_given_up_without_an_attempt_and_then_forgotten() {
    let mut stage = giving_up().await;
    let _dispatcher = stage.deliver();
    // Its breaker is open then, and half open after the pause.
    let failures = usize::try_from(lane_failures()).unwrap();
    stage.tasks("down.example", failures, 1).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("down.example").len(), failures);
    stage.clock.pass(20);
    stage.age = HOUR;
    let old = futures::future::join_all((0..50).map(|_| stage.task("down.example", 40))).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("down.example").len(), failures, "no further exchange");
    let why = "not sent: the event is older than 60 s (MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS)".to_owned();
    assert_eq!(log_of(&stage, old[7]).await, vec![(DeliveryState::Dead, vec![why]); 40]);
    let gone = stage.app.tasks.expire(stage.app.clock.now().plus(HOUR), 100).await.unwrap();
    assert_eq!(gone.len(), 50 + failures, "nothing holds their history");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_sent_to_a_receiver_that_answers() {
    let stage = Stage { age: HOUR, ..giving_up().await };
    let task = stage.task("up.example", 3).await;
    let _dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_waits_for_a_receiver_that_has_just_begun_to_fail() {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
        ("WEBHOOK_MAX_RETRIES", "20"),
        ("WEBHOOK_RETRY_DELAY", "100ms"),
    ];
    let stage = Stage { age: HOUR, ..Stage::new(&settings).await };
    stage.receivers.set("down.example", Manner::Answers(503));
    let tasks = futures::future::join_all((0..20).map(|_| stage.task("down.example", 2))).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it fails, and others wait", |all| all.came("down.example").len() >= 3).await;
    stage.receivers.set("down.example", Manner::Answers(200));
    until_nothing_is_due(&stage).await;
    for task in tasks {
        assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_long_ago_says_nothing_of_a_receiver() {
    let mut stage = giving_up().await;
    let _dispatcher = stage.deliver();
    fail_for_long(&stage, "down.example").await;
    stage.receivers.set("down.example", Manner::Answers(200));
    stage.clock.pass(1000);
    stage.age = HOUR;
    let task = stage.task("down.example", 2).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tried_and_is_too_old_by_then_is_given_up() {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("WEBHOOK_RETRY_DELAY", "100"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
    ];
    let stage = Stage::new(&settings).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    let task = stage.task("down.example", 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it fails", |all| all.came("down.example").len() == 1).await;
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("the retry waits", waits).await;
    stage.clock.pass(120);
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("down.example").len(), 1);
    let log = log_of(&stage, task).await;
    let attempts: Vec<_> = log.iter().map(|(_, attempts)| attempts.len()).collect();
    assert_eq!(attempts, [2, 1], "{log:?}");
    assert!(log.iter().all(|(state, _)| *state == DeliveryState::Dead), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_only_asks_to_wait_is_given_up_too() {
    let settings = [
        ("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"),
        ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"),
        ("WEBHOOK_RETRY_AFTER_MAX", "1000"),
    ];
    let stage = Stage { age: HOUR, ..Stage::new(&settings).await };
    stage.receivers.set("limited.example", Manner::AsksToWait(3600));
    stage.tasks("limited.example", 10, 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("it asks to wait", |all| all.came("limited.example").len() == 1).await;
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().leased == 0;
    until("the pause is known", waits).await;
    // Its pause is over, and it is not silent: it could not be asked.
    stage.clock.pass(1001);
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("limited.example").len(), 1);
}

fn again(stage: &Stage, task: TaskId) -> NewResend {
    NewResend { task, endpoint: EndpointId::of_task(), delivery: 1, url: None, due: stage.app.clock.now() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_again_is_sent_however_old_it_is() {
    let mut stage = giving_up().await;
    let _dispatcher = stage.deliver();
    fail_for_long(&stage, "down.example").await;
    stage.age = HOUR;
    let task = stage.task("down.example", 1).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Dead]);
    stage.receivers.set("down.example", Manner::Answers(200));
    stage.app.deliveries.resend(&again(&stage, task)).await.unwrap();
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Resent, DeliveryState::Delivered]);
    assert_eq!(stage.receivers.came("down.example").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_again_long_ago_is_given_up() {
    let stage = giving_up().await;
    let task = stage.task("down.example", 1).await;
    let dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    stage.shutdown.cancel();
    dispatcher.await.unwrap();
    stage.app.deliveries.resend(&again(&stage, task)).await.unwrap();
    stage.clock.pass(61);
    let stage = Stage { shutdown: CancellationToken::new(), ..stage };
    let _dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Resent, DeliveryState::Dead]);
    assert_eq!(stage.receivers.came("down.example").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_ahead_gives_nothing_up() {
    let settings = [("MORAG_WEBHOOK_GIVE_UP_AFTER_HOURS", "60s"), ("WEBHOOK_RETRY_DELAY", "10")];
    let stage = Stage::new(&settings).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    let task = stage.task("down.example", 3).await;
    stage.clock.set_forward(365);
    let _dispatcher = stage.deliver();
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("the retry waits", &waits).await;
    // It has failed for long enough, and the event seems to be a year old.
    stage.clock.pass(20);
    stage.receivers.until("it is tried again", |all| all.came("down.example").len() == 2).await;
    until("the next retry waits", &waits).await;
    stage.receivers.set("down.example", Manner::Answers(200));
    stage.clock.pass(40);
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Delivered; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_key_is_given_up_when_it_is_too_old() {
    let mut stage = giving_up().await;
    let unreadable = || Some("neither sealed nor readable".to_owned());
    stage.age = HOUR;
    let old = stage.task_of(record(), "up.example", 2, (None, unreadable())).await;
    let _dispatcher = stage.deliver();
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("it waits", &waits).await;
    assert_eq!(log_of(&stage, old).await, [], "not at once");
    // That others of its receiver can be sent changes nothing for it.
    stage.task("up.example", 1).await;
    stage.receivers.until("another is sent", |all| all.came("up.example").len() == 1).await;
    until("and settled", async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().leased == 0).await;
    stage.clock.pass(61);
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, old).await, [DeliveryState::Dead; 2]);
    let stage = Stage { age: Duration::ZERO, ..stage };
    let new = stage.task_of(record(), "up.example", 2, (None, unreadable())).await;
    let waits = async || stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later == 1;
    until("the other waits", &waits).await;
    assert_eq!(log_of(&stage, new).await, []);
    assert_eq!(stage.receivers.came("up.example").len(), 1, "the other alone");
}
