//! The promises of [`morag_core::ports::Tasks::commit`] for an ended task that runs again.

use crate::backends::{Backend, promises};
use crate::samples::{
    LEASE, accept, append, attempt, claim_keys, claim_one, claiming, commit, document, end, event, task,
};
use futures::future::join_all;
use morag_core::caller::{OverQuota, Quota};
use morag_core::ports::{
    AcceptError, Commit, CommitError, CursorMove, Flow, Guard, ListFilter, NewTask, Next, Queue, Recorded,
    RunAgainError, TaskLimits,
};
use morag_core::task::{EventKind, Retry, StatusWord, TaskId};
use std::time::Duration;

promises!(
    a_task_that_runs_again_is_a_running_task,
    a_task_that_runs_again_is_claimed_with_another_fence,
    of_two_retries_one_wins,
    a_task_that_was_cancelled_while_it_waited_runs_again,
    endpoints_get_events_of_the_new_run,
    a_task_that_runs_again_holds_its_document_again,
    a_document_that_another_has_is_not_taken_back,
    a_replacement_that_runs_again_is_a_replacement_again,
    a_refused_retry_leaves_the_document_free,
    a_task_that_runs_again_waits_behind_those_that_wait,
    a_started_retry_continues_before_others_start,
    a_retry_is_within_the_flows_limits,
    a_retry_is_within_the_queues_limit with Limits { queue_max: 2, ..Limits::default() },
    a_cancelled_retry_does_not_wait,
    a_refused_retry_is_not_queued,
    checking_for_entry_is_not_counted,
    the_files_of_a_task_that_runs_again_are_not_to_be_deleted,
    a_task_whose_files_are_deleted_does_not_run_again,
);

/// Commits a new run, as the engine does.
pub async fn begin_again(backend: &impl Backend, id: TaskId) -> Result<(), RunAgainError> {
    begin_again_of(backend, id, &Flow::of("someone"), TaskLimits::default()).await
}

/// The same for a flow with limits.
pub async fn begin_again_of(
    backend: &impl Backend,
    id: TaskId,
    flow: &Flow,
    limits: TaskLimits,
) -> Result<(), RunAgainError> {
    let log = backend.store().load(id).await.unwrap().unwrap();
    let last = log.last_sequence();
    let mut again = commit(backend, id, Guard::Sequence(last), last + 1..=last + 1);
    let retry = Retry { from_step: "chunking".into(), claims_before: log.claims, damaged: None };
    again.events[0].kind = EventKind::TaskStarted { retry: Some(retry) };
    backend.store().run_again(Commit { next: Next::At(backend.now()), ..again }, flow, limits).await
}

async fn count(backend: &impl Backend, word: StatusWord) -> u64 {
    let counts = backend.store().counts().await.unwrap();
    counts.iter().filter(|(status, _)| *status == word).map(|(_, tasks)| *tasks).sum()
}

async fn a_task_that_runs_again_is_a_running_task(mut backend: impl Backend) {
    let id = accept(&*backend.store(), task(&backend, &[])).await;
    append(&backend, id, 2).await.unwrap();
    end(&backend, id, StatusWord::Failed).await;
    assert_eq!(begin_again(&backend, id).await, Ok(()));
    backend.reopen().await;
    let store = backend.store();
    let log = store.load(id).await.unwrap().unwrap();
    assert_eq!(log.last_sequence(), 4);
    assert_eq!((count(&backend, StatusWord::Failed).await, count(&backend, StatusWord::InProgress).await), (0, 1));
    for (word, found) in [(StatusWord::InProgress, 1), (StatusWord::Failed, 0)] {
        let filter = ListFilter { statuses: vec![word], limit: 10, ..ListFilter::default() };
        assert_eq!(store.list(&filter).await.unwrap().items.len(), found, "{word:?}");
    }
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 10).await, Ok(vec![]), "it has not ended");
    // It ends again, at another time.
    drop(store);
    backend.advance(Duration::from_secs(3600));
    end(&backend, id, StatusWord::Completed).await;
    assert_eq!((count(&backend, StatusWord::InProgress).await, count(&backend, StatusWord::Completed).await), (0, 1));
    let store = backend.store();
    assert_eq!(store.expire(backend.now().minus(Duration::from_secs(60)), 10).await, Ok(vec![]), "it ended just now");
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 10).await, Ok(vec![id]));
}

async fn a_task_that_runs_again_is_claimed_with_another_fence(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    assert_eq!(store.load(id).await.unwrap().unwrap().claims, 0);
    let first = claim_one(&*store, Queue::Tasks).await;
    let failed = Commit {
        status: StatusWord::Failed,
        next: Next::Done,
        ..commit(&backend, id, Guard::Lease(first.fence), 1..=2)
    };
    store.commit(failed).await.unwrap();
    assert_eq!(store.load(id).await.unwrap().unwrap().claims, 1);
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0], "an ended task is not due");
    begin_again(&backend, id).await.unwrap();
    let second = claim_one(&*store, Queue::Tasks).await;
    assert_eq!((second.key.clone(), second.fence != first.fence), (id.to_string(), true));
    assert_eq!(store.load(id).await.unwrap().unwrap().claims, 2);
    // A worker of the first run that resumes now cannot commit.
    let late = commit(&backend, id, Guard::Lease(first.fence), 4..=4);
    assert_eq!(store.commit(late).await, Err(CommitError::Stale));
    assert_eq!(store.renew(&first, LEASE).await, Ok(false));
    assert_eq!(store.commit(commit(&backend, id, Guard::Lease(second.fence), 4..=4)).await, Ok(()));
}

async fn of_two_retries_one_wins(backend: impl Backend) {
    let id = accept(&*backend.store(), claiming(&backend, "d", false)).await;
    end(&backend, id, StatusWord::Failed).await;
    let last = backend.store().load(id).await.unwrap().unwrap().last_sequence();
    let attempts = (0..8).map(|_| {
        let mut again = commit(&backend, id, Guard::Sequence(last), last + 1..=last + 1);
        let retry = Retry { from_step: "chunking".into(), claims_before: 0, damaged: None };
        again.events[0].kind = EventKind::TaskStarted { retry: Some(retry) };
        let again = Commit { next: Next::At(backend.now()), ..again };
        let store = backend.store();
        async move { store.run_again(again, &Flow::of("someone"), TaskLimits::default()).await }
    });
    let results = join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| **result == Err(CommitError::Stale.into())).count(), 7, "{results:?}");
    assert_eq!(
        backend.store().document_holder(&Default::default(), &document("d")).await,
        Ok(Some(id)),
        "the losers took nothing away"
    );
}

async fn a_task_that_was_cancelled_while_it_waited_runs_again(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    end(&backend, id, StatusWord::Cancelled).await;
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0]);
    begin_again(&backend, id).await.unwrap();
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [id.to_string()]);
}

async fn endpoints_get_events_of_the_new_run(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &["task"])).await;
    end(&backend, id, StatusWord::Failed).await;
    let first = claim_one(&*store, Queue::Deliveries).await;
    let delivered = Some(attempt(1, backend.now(), 200));
    assert_eq!(store.advance(&first, CursorMove::Delivered, delivered).await, Ok(Recorded::Idle));
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
    begin_again(&backend, id).await.unwrap();
    assert_eq!(claim_one(&*store, Queue::Deliveries).await.key, first.key);
}

async fn a_task_that_runs_again_holds_its_document_again(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, claiming(&backend, "d", false)).await;
    end(&backend, id, StatusWord::Failed).await;
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(None));
    begin_again(&backend, id).await.unwrap();
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(id)));
    let refused = store.accept(claiming(&backend, "d", false)).await;
    assert_eq!(refused, Err(AcceptError::DuplicateDocument(id)));
    end(&backend, id, StatusWord::Completed).await;
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(id)));
}

async fn a_document_that_another_has_is_not_taken_back(backend: impl Backend) {
    let store = backend.store();
    for ended in [false, true] {
        let name = format!("d-{ended}");
        let first = accept(&*store, claiming(&backend, &name, false)).await;
        end(&backend, first, StatusWord::Failed).await;
        let second = accept(&*store, claiming(&backend, &name, false)).await;
        if ended {
            end(&backend, second, StatusWord::Completed).await;
        }
        assert_eq!(begin_again(&backend, first).await, Err(CommitError::DuplicateDocument(second).into()));
        let log = store.load(first).await.unwrap().unwrap();
        assert_eq!(log.events.last(), Some(&event(1, log.events[0].timestamp)), "nothing was changed");
        assert_eq!(store.document_holder(&Default::default(), &document(&name)).await, Ok(Some(second)));
    }
}

async fn a_replacement_that_runs_again_is_a_replacement_again(backend: impl Backend) {
    let store = backend.store();
    let first = accept(&*store, claiming(&backend, "d", false)).await;
    end(&backend, first, StatusWord::Completed).await;
    let second = accept(&*store, claiming(&backend, "d", true)).await;
    end(&backend, second, StatusWord::Failed).await;
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(first)));
    begin_again(&backend, second).await.unwrap();
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(second)));
    end(&backend, second, StatusWord::Failed).await;
    assert_eq!(
        store.document_holder(&Default::default(), &document("d")).await,
        Ok(Some(first)),
        "its content is still stored"
    );
}

async fn a_refused_retry_leaves_the_document_free(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, claiming(&backend, "d", false)).await;
    end(&backend, id, StatusWord::Failed).await;
    let mut stale = commit(&backend, id, Guard::Sequence(9), 10..=10);
    let retry = Retry { from_step: "chunking".into(), claims_before: 0, damaged: None };
    stale.events[0].kind = EventKind::TaskStarted { retry: Some(retry) };
    let refused = store.run_again(stale, &Flow::of("someone"), TaskLimits::default()).await;
    assert_eq!(refused, Err(CommitError::Stale.into()));
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(None));
    accept(&*store, claiming(&backend, "d", false)).await;
}

/// Accepts `count` tasks of a flow.
async fn accept_of(backend: &impl Backend, flow: &Flow, limits: TaskLimits, count: usize) -> Vec<TaskId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let new = NewTask { flow: flow.clone(), limits, ..task(backend, &[]) };
        ids.push(accept(&*backend.store(), new).await);
    }
    ids
}

/// The same, and cancels each before the next.
async fn cancelled_of(backend: &impl Backend, flow: &Flow, limits: TaskLimits, count: usize) -> Vec<TaskId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.extend(accept_of(backend, flow, limits, 1).await);
        end(backend, ids[ids.len() - 1], StatusWord::Cancelled).await;
    }
    ids
}

/// Starts the next task, and returns it.
async fn begin_next(backend: &impl Backend) -> TaskId {
    let store = backend.store();
    let lease = store.claim(Queue::Tasks, 1, LEASE).await.unwrap().leases.remove(0);
    let id = lease.key.parse().unwrap();
    let last = store.load(id).await.unwrap().unwrap().last_sequence();
    let begun = commit(backend, id, Guard::Lease(lease.fence), last + 1..=last + 1);
    assert_eq!(store.commit(begun).await, Ok(()));
    id
}

fn over(quota: Quota, limit: u64) -> impl Fn(Result<(), RunAgainError>) -> bool {
    move |result| match result {
        Err(RunAgainError::Admission(AcceptError::OverQuota(OverQuota { quota: found, limit: most, .. }))) => {
            (found, most) == (quota, limit)
        }
        _ => false,
    }
}

async fn a_task_that_runs_again_waits_behind_those_that_wait(mut backend: impl Backend) {
    let (own, other) = (Flow::of("own"), Flow::of("other"));
    let old = cancelled_of(&backend, &own, TaskLimits::default(), 6).await;
    // Other tasks run meanwhile.
    accept_of(&backend, &other, TaskLimits::default(), 30).await;
    for _ in 0..20 {
        begin_next(&backend).await;
    }
    let waits = accept_of(&backend, &own, TaskLimits::default(), 1).await;
    for id in &old {
        begin_again_of(&backend, *id, &own, TaskLimits::default()).await.unwrap();
    }
    let newcomer = accept_of(&backend, &Flow::of("newcomer"), TaskLimits::default(), 1).await;
    backend.reopen().await;
    let mut begun = Vec::new();
    for _ in 0..6 {
        begun.push(begin_next(&backend).await);
    }
    let place = |id: TaskId| begun.iter().position(|begun| *begun == id);
    assert!(place(newcomer[0]).is_some_and(|place| place < 3), "three flows take turns: {begun:?}");
    assert!(place(waits[0]).is_some_and(|place| place < 3), "waiting tasks of its own flow are first: {begun:?}");
    assert_eq!(begun.iter().filter(|id| old.contains(id)).count(), 2, "{begun:?}");
}

async fn a_started_retry_continues_before_others_start(backend: impl Backend) {
    let flow = Flow::of("own");
    let old = cancelled_of(&backend, &flow, TaskLimits::default(), 1).await;
    begin_again_of(&backend, old[0], &flow, TaskLimits::default()).await.unwrap();
    accept_of(&backend, &flow, TaskLimits::default(), 3).await;
    assert_eq!(begin_next(&backend).await, old[0]);
    backend.advance(LEASE);
    assert_eq!(begin_next(&backend).await, old[0], "its worker died, it does not queue up again");
}

async fn a_retry_is_within_the_flows_limits(mut backend: impl Backend) {
    let flow = Flow::of("own");
    let limits = TaskLimits { waiting_max: Some(2), per_day_max: Some(6) };
    let old = cancelled_of(&backend, &flow, limits, 3).await;
    for id in &old[..2] {
        assert_eq!(begin_again_of(&backend, *id, &flow, limits).await, Ok(()));
    }
    backend.reopen().await;
    let store = backend.store();
    let waiting = over(Quota::WaitingTasks, 2);
    assert!(waiting(begin_again_of(&backend, old[2], &flow, limits).await), "two wait");
    assert!(waiting(store.may_enter(&flow, limits).await.map_err(Into::into)));
    let new = NewTask { flow: flow.clone(), limits, ..task(&backend, &[]) };
    assert!(waiting(store.accept(new).await.map(drop).map_err(Into::into)), "a new task is counted with them");
    let log = store.load(old[2]).await.unwrap().unwrap();
    assert_eq!(log.last_sequence(), 1, "nothing was changed");
    assert_eq!(count(&backend, StatusWord::Cancelled).await, 1);
    // One starts, so there is room; then the day's quota is used up.
    begin_next(&backend).await;
    assert_eq!(begin_again_of(&backend, old[2], &flow, limits).await, Ok(()));
    begin_next(&backend).await;
    begin_next(&backend).await;
    end(&backend, old[0], StatusWord::Failed).await;
    let of_day = over(Quota::TasksPerDay, 6);
    assert!(of_day(begin_again_of(&backend, old[0], &flow, limits).await), "three new tasks and three retries");
    assert!(of_day(store.may_enter(&flow, limits).await.map_err(Into::into)));
    assert_eq!(
        begin_again_of(&backend, old[0], &Flow::of("another"), limits).await,
        Ok(()),
        "the caller's quota counts"
    );
}

async fn a_retry_is_within_the_queues_limit(backend: impl Backend) {
    let flow = Flow::of("own");
    let old = cancelled_of(&backend, &flow, TaskLimits::default(), 1).await;
    accept_of(&backend, &Flow::of("other"), TaskLimits::default(), 2).await;
    let full = RunAgainError::from(AcceptError::QueueFull);
    assert_eq!(begin_again_of(&backend, old[0], &flow, TaskLimits::default()).await, Err(full));
    assert_eq!(backend.store().may_enter(&flow, TaskLimits::default()).await, Err(AcceptError::QueueFull));
    begin_next(&backend).await;
    assert_eq!(begin_again_of(&backend, old[0], &flow, TaskLimits::default()).await, Ok(()));
    assert_eq!(backend.store().accept(task(&backend, &[])).await, Err(AcceptError::QueueFull), "it counts as waiting");
}

async fn a_cancelled_retry_does_not_wait(backend: impl Backend) {
    let flow = Flow::of("own");
    let limits = TaskLimits { waiting_max: Some(1), per_day_max: None };
    let old = cancelled_of(&backend, &flow, limits, 1).await;
    for _ in 0..3 {
        assert_eq!(begin_again_of(&backend, old[0], &flow, limits).await, Ok(()));
        end(&backend, old[0], StatusWord::Cancelled).await;
    }
    accept_of(&backend, &flow, limits, 1).await;
}

async fn a_refused_retry_is_not_queued(backend: impl Backend) {
    let (store, flow) = (backend.store(), Flow::of("own"));
    let limits = TaskLimits { waiting_max: Some(1), per_day_max: Some(2) };
    let first = NewTask { flow: flow.clone(), limits, ..claiming(&backend, "d", false) };
    let first = accept(&*store, first).await;
    end(&backend, first, StatusWord::Failed).await;
    let holder = accept(&*store, claiming(&backend, "d", false)).await;
    for _ in 0..3 {
        let refused = begin_again_of(&backend, first, &flow, limits).await;
        assert_eq!(refused, Err(CommitError::DuplicateDocument(holder).into()));
    }
    // It is neither counted as waiting nor for the day.
    accept_of(&backend, &flow, limits, 1).await;
}

async fn checking_for_entry_is_not_counted(backend: impl Backend) {
    let flow = Flow::of("own");
    let limits = TaskLimits { waiting_max: Some(1), per_day_max: Some(1) };
    for _ in 0..3 {
        assert_eq!(backend.store().may_enter(&flow, limits).await, Ok(()));
    }
    accept_of(&backend, &flow, limits, 1).await;
}

async fn the_files_of_a_task_that_runs_again_are_not_to_be_deleted(backend: impl Backend) {
    let store = backend.store();
    let bytes = async || store.stored_bytes(&Default::default()).await.unwrap();
    let id = accept(&*store, task(&backend, &[])).await;
    let size = bytes().await;
    assert!(size > 0);
    assert_eq!(store.files_deleted(id).await, Ok(false), "it waits");
    append(&backend, id, 1).await.unwrap();
    assert_eq!(store.files_deleted(id).await, Ok(false), "it runs");
    end(&backend, id, StatusWord::Failed).await;
    begin_again(&backend, id).await.unwrap();
    assert_eq!(store.files_deleted(id).await, Ok(false), "it waits again");
    assert_eq!(bytes().await, size, "nothing was changed");
    end(&backend, id, StatusWord::Failed).await;
    assert_eq!(begin_again(&backend, id).await, Ok(()), "the refused deletion changed nothing");
}

async fn a_task_whose_files_are_deleted_does_not_run_again(mut backend: impl Backend) {
    let flow = Flow::of("own");
    let limits = TaskLimits { waiting_max: Some(1), per_day_max: Some(2) };
    let new = NewTask { flow: flow.clone(), limits, ..claiming(&backend, "d", false) };
    let id = accept(&*backend.store(), new).await;
    end(&backend, id, StatusWord::Failed).await;
    for _ in 0..2 {
        assert_eq!(backend.store().files_deleted(id).await, Ok(true));
    }
    backend.reopen().await;
    for _ in 0..2 {
        assert_eq!(begin_again_of(&backend, id, &flow, limits).await, Err(CommitError::FilesGone.into()));
    }
    let alone = commit(&backend, id, Guard::Sequence(1), 2..=2);
    assert_eq!(backend.store().commit(alone).await, Err(CommitError::FilesGone));
    assert_eq!(backend.store().load(id).await.unwrap().unwrap().last_sequence(), 1, "nothing was changed");
    assert_eq!(count(&backend, StatusWord::Failed).await, 1);
    assert_eq!(backend.store().document_holder(&Default::default(), &document("d")).await, Ok(None));
    // It is neither counted as waiting nor for the day.
    accept_of(&backend, &flow, limits, 1).await;
}
