//! No receiver holds up another's events, and those of a task come in order.

use super::receivers::{Manner, PATIENCE, Receivers};
use super::stage::*;
use morag_core::ports::Queue;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn events_that_wait_for_a_hanging_receiver_hold_up_no_other() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "4"), ("MORAG_WEBHOOK_CONCURRENCY", "32")]).await;
    stage.receivers.set("hanging.example", Manner::Hangs);
    // 1,500 events, all due before the first of the healthy receiver's.
    stage.tasks("hanging.example", 1500, 1).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("the hanging one is full", |all| all.came("hanging.example").len() == 4).await;
    stage.tasks("healthy.example", 50, 4).await;
    stage.receivers.until("the healthy one has all", |all| all.came("healthy.example").len() == 200).await;
    assert_eq!(stage.receivers.came("hanging.example").len(), 4, "its share and no more, all of it under way");
    // A figure, and no check: machines differ.
    let mut ages = stage.receivers.ages.lock().unwrap()["healthy.example"].clone();
    ages.sort_unstable();
    println!(
        "beside 1,500 events for a hanging receiver: p50 {} ms, p99 {} ms",
        ages[ages.len() / 2],
        ages[ages.len() * 99 / 100]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_hanging_receivers_leave_slots_to_one_that_answers() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_CONCURRENCY", "8")]).await;
    let _dispatcher = stage.deliver();
    stage.task("healthy.example", 1).await;
    stage.receivers.until("it has shown that it answers", |all| all.came("healthy.example").len() == 1).await;
    for number in 0..20 {
        let host = format!("hanging{number}.example");
        stage.receivers.set(&host, Manner::Hangs);
        stage.tasks(&host, 5, 1).await;
    }
    stage.tasks("healthy.example", 30, 3).await;
    stage.receivers.until("the healthy one has all", |all| all.came("healthy.example").len() == 91).await;
}

/// Two tenants share the server.
const TENANTS: &str = r#"
    [[callers]]
    name = "one"
    key_sha256 = "1111111111111111111111111111111111111111111111111111111111111111"
    tenant = "one"
    scopes = ["admin"]
    [[callers]]
    name = "other"
    key_sha256 = "2222222222222222222222222222222222222222222222222222222222222222"
    tenant = "other"
    scopes = ["admin"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn hanging_receivers_of_a_tenant_leave_slots_to_a_new_one_of_another() {
    // Whether they have answered before, and how many of 8 slots they get then.
    for (answered, expected) in [(false, 2), (true, 4)] {
        let stage = Stage::with(&[("MORAG_WEBHOOK_CONCURRENCY", "8")], TENANTS).await;
        let hosts: Vec<_> = (0..20).map(|number| format!("receiver.hanging{number}.example")).collect();
        let came = |all: &Receivers| hosts.iter().map(|host| all.came(host).len()).sum::<usize>();
        let _dispatcher = stage.deliver();
        let mut before = 0;
        if answered {
            for host in &hosts {
                stage.task_of_tenant("one", host).await;
            }
            before = hosts.len();
            stage.receivers.until("all have answered", |all| came(all) == before).await;
        }
        for host in &hosts {
            stage.receivers.set(host, Manner::Hangs);
            stage.task_of_tenant("one", host).await;
        }
        stage.receivers.until("they hang", |all| came(all) == before + expected).await;
        stage.task_of_tenant("other", "new.example").await;
        stage.receivers.until("the other tenant's has its event", |all| all.came("new.example").len() == 1).await;
        assert_eq!(came(&stage.receivers), before + expected, "no more than the others are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_waits_for_a_slot_of_its_tenant_is_delivered() {
    let stage = Stage::with(&[("MORAG_WEBHOOK_CONCURRENCY", "4")], TENANTS).await;
    for number in 0..20 {
        for tenant in ["one", "other"] {
            for _ in 0..5 {
                stage.task_of_tenant(tenant, &format!("receiver.{tenant}{number}.example")).await;
            }
        }
    }
    let _dispatcher = stage.deliver();
    let came = |all: &Receivers| all.came.lock().unwrap().values().map(Vec::len).sum::<usize>();
    stage.receivers.until("all have come", |all| came(all) == 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_backlog_takes_turns_with_another_receiver() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_CONCURRENCY", "2"), ("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "2")]).await;
    stage.tasks("busy.example", 400, 2).await;
    stage.tasks("other.example", 4, 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("the other has all", |all| all.came("other.example").len() == 8).await;
    let before = stage.receivers.came("busy.example").len();
    assert!(before < 400, "{before} of 800 events went before the last of the other's 8");
    stage.receivers.until("the backlog is gone", |all| all.came("busy.example").len() == 800).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_pauses_the_whole_receiver_and_one_probe_follows() {
    let stage = Stage::new(&[("MORAG_WEBHOOK_ENDPOINT_CONCURRENCY", "1"), ("WEBHOOK_RETRY_AFTER_MAX", "1")]).await;
    // An hour is asked for, a second is believed.
    stage.receivers.set("limited.example", Manner::AsksToWait(3600));
    stage.tasks("limited.example", 10, 2).await;
    let _dispatcher = stage.deliver();
    stage.receivers.until("the first attempt", |all| all.came("limited.example").len() == 1).await;
    stage.tasks("other.example", 20, 1).await;
    stage.receivers.until("another is not paused", |all| all.came("other.example").len() == 20).await;
    assert_eq!(stage.receivers.came("limited.example").len(), 1, "nothing of any task while it is paused");
    stage.receivers.set("limited.example", Manner::Answers(200));
    stage.receivers.until("it is drained", |all| all.came("limited.example").len() == 21).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_fails_is_tried_one_at_a_time_until_it_is_back() {
    let stage = Stage::new(&[("WEBHOOK_RETRY_DELAY", "200ms"), ("WEBHOOK_MAX_RETRIES", "20")]).await;
    stage.receivers.set("down.example", Manner::Answers(500));
    stage.tasks("down.example", 40, 1).await;
    let _dispatcher = stage.deliver();
    let failures = usize::try_from(lane_failures()).unwrap();
    stage.receivers.until("the breaker opens", |all| all.came("down.example").len() >= failures).await;
    let attempts = stage.receivers.came("down.example").len();
    assert!(attempts < 40, "{attempts} attempts although the first ones failed: each of 40 tasks was tried");
    stage.receivers.set("down.example", Manner::Answers(200));
    let delivered = || async {
        let counts = stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap();
        counts.due + counts.leased + counts.later == 0
    };
    let all = async {
        while !delivered().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("all are delivered once it is back");
    let tasks: std::collections::BTreeSet<_> =
        stage.receivers.came("down.example").into_iter().map(|(task, _)| task).collect();
    assert_eq!(tasks.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tasks_events_come_in_order_without_gaps_and_once() {
    let stage = Stage::new(&[]).await;
    let _dispatcher = stage.deliver();
    let tasks = futures::future::join_all((0..20).map(|_| stage.task("good.example", 40))).await;
    stage.receivers.until("all have come", |all| all.came("good.example").len() == 800).await;
    let came = stage.receivers.came("good.example");
    for task in tasks {
        let task = task.to_string();
        let sequences: Vec<_> = came.iter().filter(|(of, _)| *of == task).map(|(_, sequence)| *sequence).collect();
        assert_eq!(sequences, (1..=40).collect::<Vec<_>>());
    }
    let share = stage.app.config.webhook_endpoint_concurrency;
    assert!((2..=share).contains(&stage.receivers.most_at_once("good.example")));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_gives_back_what_is_under_way() {
    let stage = Stage::new(&[("MORAG_DRAIN_TIMEOUT", "0")]).await;
    stage.receivers.set("hanging.example", Manner::Hangs);
    stage.tasks("hanging.example", 3, 2).await;
    let dispatcher = stage.deliver();
    stage.receivers.until("they are under way", |all| all.came("hanging.example").len() == 3).await;
    stage.shutdown.cancel();
    tokio::time::timeout(PATIENCE, dispatcher).await.unwrap().unwrap();
    let counts = stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap();
    assert_eq!((counts.leased, counts.due), (0, 3));
}
