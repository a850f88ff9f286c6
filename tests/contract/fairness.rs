//! The promises of [`morag_core::ports::Flow`]: the order in which waiting tasks start.

use crate::backends::{Backend, promises};
use crate::samples::{LEASE, accept, commit, end, task};
use futures::future::join_all;
use morag_core::ports::{Flow, Guard, Lease, NewTask, Queue};
use morag_core::task::{StatusWord, TaskId};
use std::time::Duration;

promises!(
    a_batch_does_not_delay_other_flows,
    ten_thousand_tasks_do_not_delay_other_flows,
    late_batches_of_several_flows_delay_none,
    weights_are_shares,
    a_flows_tasks_begin_in_the_order_of_acceptance,
    a_cancelled_batch_costs_its_flow_nothing,
    a_cancelled_batch_does_not_delay_a_new_flow,
    a_flow_with_a_postponed_task_gains_no_credit,
    an_idle_flow_gains_no_credit,
    a_started_task_continues_before_others_start,
    a_refused_task_costs_its_flow_nothing,
    a_flow_with_one_task_at_a_time_takes_no_more_than_its_share,
);

fn flow(id: &str, weight: u32) -> Flow {
    Flow { id: id.into(), weight }
}

fn task_of(backend: &impl Backend, flow: &Flow) -> NewTask {
    NewTask { flow: flow.clone(), ..task(backend, &[]) }
}

/// Accepts `count` tasks of a flow.
async fn accept_of(backend: &impl Backend, flow: &Flow, count: usize) -> Vec<TaskId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(accept(&*backend.store(), task_of(backend, flow)).await);
    }
    ids
}

async fn claim_next(backend: &impl Backend) -> Lease {
    let mut leases = backend.store().claim(Queue::Tasks, 1, LEASE).await.unwrap().leases;
    assert_eq!(leases.len(), 1, "a task is due");
    leases.remove(0)
}

/// Starts `count` of the waiting tasks, one after the other, and returns them in order.
async fn begin(backend: &impl Backend, count: usize) -> Vec<TaskId> {
    let mut begun = Vec::new();
    for _ in 0..count {
        let lease = claim_next(backend).await;
        let id = lease.key.parse().unwrap();
        let started = commit(backend, id, Guard::Lease(lease.fence), 1..=1);
        assert_eq!(backend.store().commit(started).await, Ok(()));
        begun.push(id);
    }
    begun
}

/// How many of `these` are in `those`.
fn count(these: &[TaskId], those: &[TaskId]) -> usize {
    these.iter().filter(|id| those.contains(id)).count()
}

async fn a_batch_does_not_delay_other_flows(mut backend: impl Backend) {
    let batch = accept_of(&backend, &flow("batch", 1), 300).await;
    assert_eq!(begin(&backend, 20).await, batch[..20]);
    let single = accept_of(&backend, &flow("single", 1), 1).await;
    backend.reopen().await;
    // The next task of the batch may have the same rank.
    let next = begin(&backend, 2).await;
    assert_eq!(count(&next, &single), 1, "{next:?}");
}

async fn ten_thousand_tasks_do_not_delay_other_flows(backend: impl Backend) {
    let (batch, single) = (flow("batch", 1), flow("single", 1));
    for _ in 0..100 {
        // A hundred concurrently: one after the other they would wait for the disk ten thousand times.
        join_all((0..100).map(|_| accept_of(&backend, &batch, 1))).await;
    }
    begin(&backend, 3).await;
    let one = accept_of(&backend, &single, 1).await;
    assert_eq!(count(&begin(&backend, 2).await, &one), 1, "among the next two");
}

async fn late_batches_of_several_flows_delay_none(backend: impl Backend) {
    let batch = accept_of(&backend, &flow("batch", 1), 100).await;
    begin(&backend, 10).await;
    let mut singles = Vec::new();
    for n in 0..5 {
        singles.extend(accept_of(&backend, &flow(&format!("caller {n}"), 1), 2).await);
    }
    let next = begin(&backend, 12).await;
    assert_eq!((count(&next, &singles), count(&next, &batch)), (10, 2), "two tasks of each flow");
}

async fn weights_are_shares(mut backend: impl Backend) {
    // One after the other, so that only the ranks determine the order.
    let light = accept_of(&backend, &flow("light", 1), 40).await;
    let heavy = accept_of(&backend, &flow("heavy", 3), 40).await;
    let mut begun = begin(&backend, 10).await;
    backend.reopen().await;
    begun.extend(begin(&backend, 10).await);
    let share = count(&begun, &heavy);
    assert!((14..=16).contains(&share), "{share} of 20");
    assert_eq!(share + count(&begun, &light), 20);
    // Evenly: about one of any four consecutive tasks is of the lighter flow.
    for four in begun.windows(4) {
        let share = count(four, &heavy);
        assert!((2..=4).contains(&share), "{share} of {four:?}");
    }
}

async fn a_flows_tasks_begin_in_the_order_of_acceptance(backend: impl Backend) {
    let flows = [flow("a", 1), flow("b", 2), flow("c", 1000)];
    let mut accepted = [const { Vec::new() }; 3];
    let mut begun = Vec::new();
    // Batches of various sizes arrive while others wait and while none do.
    for round in 0..12 {
        for (index, flow) in flows.iter().enumerate() {
            accepted[index].extend(accept_of(&backend, flow, (round * 3 + index * 5) % 4).await);
        }
        let waiting = accepted.iter().map(Vec::len).sum::<usize>() - begun.len();
        begun.extend(begin(&backend, waiting.min(if round % 4 == 3 { waiting } else { 3 })).await);
    }
    assert_eq!(begun.len(), accepted.iter().map(Vec::len).sum::<usize>());
    for own in accepted {
        let order: Vec<_> = begun.iter().copied().filter(|id| own.contains(id)).collect();
        assert_eq!(order, own);
    }
}

async fn a_cancelled_batch_costs_its_flow_nothing(backend: impl Backend) {
    let (a, b) = (flow("a", 1), flow("b", 1));
    for id in accept_of(&backend, &a, 100).await {
        end(&backend, id, StatusWord::Cancelled).await;
    }
    let others = accept_of(&backend, &b, 10).await;
    let own = accept_of(&backend, &a, 10).await;
    let begun = begin(&backend, 20).await;
    for pair in begun.chunks(2) {
        assert_eq!((count(pair, &own), count(pair, &others)), (1, 1), "they take turns: {begun:?}");
    }
}

async fn a_cancelled_batch_does_not_delay_a_new_flow(backend: impl Backend) {
    let others = accept_of(&backend, &flow("others", 1), 50).await;
    for id in accept_of(&backend, &flow("cancelled", 1), 100).await {
        end(&backend, id, StatusWord::Cancelled).await;
    }
    let newcomer = accept_of(&backend, &flow("newcomer", 1), 5).await;
    let begun = begin(&backend, 10).await;
    assert_eq!((count(&begun, &newcomer), count(&begun, &others)), (5, 5));
}

async fn a_flow_with_a_postponed_task_gains_no_credit(backend: impl Backend) {
    let (a, b) = (flow("a", 1), flow("b", 1));
    accept_of(&backend, &a, 1).await;
    let put_off = claim_next(&backend).await;
    let tomorrow = backend.now().plus(Duration::from_secs(24 * 60 * 60));
    assert_eq!(backend.store().release(&put_off, tomorrow).await, Ok(true));
    let others = accept_of(&backend, &b, 60).await;
    begin(&backend, 40).await;
    let own = accept_of(&backend, &a, 20).await;
    let begun = begin(&backend, 20).await;
    let share = count(&begun, &own);
    assert!((9..=11).contains(&share), "{share} of 20");
    assert_eq!(share + count(&begun, &others), 20);
}

async fn an_idle_flow_gains_no_credit(backend: impl Backend) {
    let (a, b) = (flow("a", 1), flow("b", 1));
    accept_of(&backend, &a, 1).await;
    let others = accept_of(&backend, &b, 60).await;
    begin(&backend, 41).await;
    let own = accept_of(&backend, &a, 20).await;
    let begun = begin(&backend, 20).await;
    let share = count(&begun, &own);
    assert!((9..=11).contains(&share), "{share} of 20");
    assert_eq!(share + count(&begun, &others), 20);
}

async fn a_started_task_continues_before_others_start(backend: impl Backend) {
    let batch = accept_of(&backend, &flow("batch", 1), 10).await;
    assert_eq!(begin(&backend, 1).await, batch[..1]);
    backend.advance(LEASE);
    assert_eq!(claim_next(&backend).await.key, batch[0].to_string(), "its worker died, it does not queue up again");
    assert_eq!(begin(&backend, 1).await, batch[1..2]);
}

async fn a_refused_task_costs_its_flow_nothing(backend: impl Backend) {
    let (a, b) = (flow("a", 1), flow("b", 1));
    let holder = NewTask { claims_document: true, ..task_of(&backend, &a) };
    let refused = |_| {
        let mut new = NewTask { claims_document: true, ..task_of(&backend, &a) };
        new.record.document_id = holder.record.document_id.clone();
        new
    };
    let refused: Vec<_> = (0..20).map(refused).collect();
    accept(&*backend.store(), holder).await;
    for new in refused {
        assert!(backend.store().accept(new).await.is_err(), "the document is held");
    }
    let own = accept_of(&backend, &a, 2).await;
    let others = accept_of(&backend, &b, 3).await;
    let begun = begin(&backend, 6).await;
    assert_eq!((count(&begun[..4], &own), count(&begun[..4], &others)), (1, 2), "{begun:?}");
}

async fn a_flow_with_one_task_at_a_time_takes_no_more_than_its_share(backend: impl Backend) {
    let (steady, batch) = (flow("steady", 1), flow("batch", 1));
    let many = accept_of(&backend, &batch, 60).await;
    begin(&backend, 5).await;
    let mut of_batch = 0;
    let mut next = accept_of(&backend, &steady, 1).await;
    for _ in 0..20 {
        let begun = begin(&backend, 1).await;
        of_batch += count(&begun, &many);
        if begun == next {
            next = accept_of(&backend, &steady, 1).await;
        }
    }
    assert!((9..=11).contains(&of_batch), "{of_batch} of 20");
}
