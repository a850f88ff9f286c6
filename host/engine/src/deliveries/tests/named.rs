//! What a named endpoint's deliveries do that a task's own endpoint's do not: the order of a document, and waiting for a receiver that
//! has said that it is gone.

use super::receivers::Manner;
use super::stage::*;
use morag_core::ports::{DeliveryState, Queue};
use morag_core::task::TaskId;
use morag_core::webhook::{DisabledReason, EndpointId};
use std::collections::BTreeSet;

/// The receiver of [`crm`].
const HOST: &str = "crm.example";

/// A `morag.toml` with the endpoint `crm`, and more of its keys.
fn crm(more: &str) -> String {
    let url = format!("http://{HOST}/hook");
    format!("[[webhook_endpoints]]\nid = \"crm\"\nurl = \"{url}\"\nsecret = \"0123456789abcdef01234567\"\n{more}")
}

/// What came of these tasks, in order.
fn came_of(stage: &Stage, tasks: &[TaskId]) -> Vec<(String, u64)> {
    let tasks: BTreeSet<_> = tasks.iter().map(ToString::to_string).collect();
    stage.receivers.came(HOST).into_iter().filter(|(task, _)| tasks.contains(task)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_of_a_document_take_turns_and_are_numbered_on_where_the_endpoint_wants_that() {
    let stage = Stage::with(&[], &crm("order = \"document\"\n")).await;
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        one.push(stage.task_for("crm", "doc-1", 4).await);
        other.push(stage.task_for("crm", "doc-2", 4).await);
    }
    let _dispatcher = stage.deliver();
    stage.receivers.until("all have come", |all| all.came(HOST).len() == 80).await;
    until_nothing_is_due(&stage).await;
    for tasks in [&one, &other] {
        let came = came_of(&stage, tasks);
        assert_eq!(came.iter().map(|(_, sequence)| *sequence).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
        let turns: BTreeSet<_> = came.chunks(4).map(|turn| &turn[0].0).collect();
        assert!(turns.len() == 10 && came.chunks(4).all(|turn| turn.iter().all(|(task, _)| *task == turn[0].0)));
    }
    assert!(stage.receivers.most_at_once(HOST) <= 2, "one event of each document at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_receiver_that_is_gone_is_disabled_and_gets_all_once_it_is_enabled() {
    let stage = Stage::with(&[], &crm("")).await;
    stage.receivers.set(HOST, Manner::Answers(410));
    let first = stage.task_for("crm", "doc-1", 3).await;
    let _dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came(HOST).len(), 1, "it is believed at once");
    let id = EndpointId::from("crm".to_owned());
    let known = stage.app.endpoints.fresh().await.unwrap();
    let disabled = known.get(&id).unwrap().endpoint.disabled.clone();
    assert_eq!(disabled.map(|disabled| disabled.reason), Some(DisabledReason::Gone));
    assert_eq!(states_of(&stage, first).await, [DeliveryState::Pending], "its event waits for it");

    // It answers again, but nobody has enabled it.
    stage.receivers.set(HOST, Manner::Answers(200));
    let second = stage.task_for("crm", "doc-2", 2).await;
    stage.task("other.example", 1).await;
    until_nothing_is_due(&stage).await;
    assert_eq!((stage.receivers.came(HOST).len(), stage.receivers.came("other.example").len()), (1, 1));
    assert_eq!(states_of(&stage, second).await, []);

    stage.app.endpoints.update(&id, |endpoint| endpoint.disabled.take().is_some()).await.unwrap();
    assert_eq!(stage.app.deliveries.unpark(&id).await, Ok(2));
    stage.receivers.until("what waited comes", |all| all.came(HOST).len() == 6).await;
    until_nothing_is_due(&stage).await;
    for (task, sequences) in [(first, vec![1, 1, 2, 3]), (second, vec![1, 2])] {
        let came = came_of(&stage, &[task]);
        assert_eq!(came.iter().map(|(_, sequence)| *sequence).collect::<Vec<_>>(), sequences);
        assert!(states_of(&stage, task).await.iter().all(|state| *state == DeliveryState::Delivered));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_s_own_receiver_that_is_gone_gets_no_more_of_the_task() {
    let stage = Stage::new(&[]).await;
    stage.receivers.set("gone.example", Manner::Answers(410));
    let task = stage.task("gone.example", 3).await;
    let _dispatcher = stage.deliver();
    until_nothing_is_due(&stage).await;
    assert_eq!(stage.receivers.came("gone.example").len(), 1);
    assert_eq!(states_of(&stage, task).await, [DeliveryState::Dead]);
    // Another task's may be another receiver at the same address.
    stage.receivers.set("gone.example", Manner::Answers(200));
    let next = stage.task("gone.example", 3).await;
    until_nothing_is_due(&stage).await;
    assert_eq!(states_of(&stage, next).await, [DeliveryState::Delivered; 3]);
    assert_eq!(stage.app.queue.queue_counts(Queue::Deliveries).await.unwrap().later, 0);
}
