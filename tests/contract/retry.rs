//! The promises of [`morag_core::ports::Tasks::commit`] for a task that had ended and runs again.

use crate::backends::{Backend, promises};
use crate::samples::{
    LEASE, accept, append, attempt, claim_keys, claim_one, claiming, commit, document, end, event, task,
};
use futures::future::join_all;
use morag_core::ports::{AcceptError, Commit, CommitError, CursorMove, Guard, ListFilter, Next, Queue, Recorded};
use morag_core::task::{EventKind, Retry, StatusWord, TaskId};
use std::time::Duration;

promises!(
    a_task_that_runs_again_is_as_one_that_runs,
    a_task_that_runs_again_is_claimed_with_another_fence,
    of_two_retries_one_wins,
    a_task_that_was_cancelled_while_it_waited_runs_again,
    endpoints_hear_of_the_new_run,
    a_task_that_runs_again_holds_its_document_again,
    a_document_that_another_has_is_not_taken_back,
    a_replacement_that_runs_again_is_a_replacement_again,
    a_refused_retry_leaves_the_document_free,
);

/// A new run, as the engine commits it.
async fn begin_again(backend: &impl Backend, id: TaskId) -> Result<(), CommitError> {
    let log = backend.store().load(id).await.unwrap().unwrap();
    let last = log.last_sequence();
    let mut again = commit(backend, id, Guard::Sequence(last), last + 1..=last + 1);
    let retry = Retry { from_step: "chunking".into(), claims_before: log.claims, damaged: None };
    again.events[0].kind = EventKind::TaskStarted { retry: Some(retry) };
    backend.store().commit(Commit { next: Next::At(backend.now()), ..again }).await
}

async fn count(backend: &impl Backend, word: StatusWord) -> u64 {
    let counts = backend.store().counts().await.unwrap();
    counts.iter().filter(|(status, _)| *status == word).map(|(_, tasks)| *tasks).sum()
}

async fn a_task_that_runs_again_is_as_one_that_runs(mut backend: impl Backend) {
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
    // And it ends again, at its own time.
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
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0], "an ended task is due for nothing");
    begin_again(&backend, id).await.unwrap();
    let second = claim_one(&*store, Queue::Tasks).await;
    assert_eq!((second.key.clone(), second.fence != first.fence), (id.to_string(), true));
    assert_eq!(store.load(id).await.unwrap().unwrap().claims, 2);
    // A worker of the first run that wakes now has nothing to say.
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
        async move { store.commit(again).await }
    });
    let results = join_all(attempts).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| **result == Err(CommitError::Stale)).count(), 7, "{results:?}");
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

async fn endpoints_hear_of_the_new_run(backend: impl Backend) {
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
        assert_eq!(begin_again(&backend, first).await, Err(CommitError::DuplicateDocument(second)));
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
    assert_eq!(store.commit(stale).await, Err(CommitError::Stale));
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(None));
    accept(&*store, claiming(&backend, "d", false)).await;
}
