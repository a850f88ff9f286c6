//! The promises of [`morag_core::ports::Tasks`].

use crate::backends::{Backend, promises};
use crate::samples::{
    LEASE, accept, append, attempt, claim_keys, claim_one, claiming, commit, document, end, task, with_key,
};
use futures::future::join_all;
use morag_core::ports::{
    AcceptError, Accepted, Commit, CommitError, CursorMove, Flow, Guard, ListFilter, NewTask, Next, Queue, Recorded,
};
use morag_core::task::{EventKind, Resources, StatusWord, TaskId, TaskStatus};
use morag_core::{JsonObject, Timestamp};
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

promises!(
    an_accepted_task_is_there_and_due,
    a_replayed_key_answers_as_before_and_stores_nothing,
    a_key_with_another_request_is_a_conflict,
    a_refused_task_leaves_nothing,
    concurrent_submissions_of_one_key_are_one_task,
    concurrent_claims_of_a_document_have_one_winner,
    a_document_is_held_until_its_task_fails,
    a_completed_task_keeps_its_document,
    a_replacement_takes_the_document_over,
    a_failed_replacement_gives_the_document_back,
    a_replaced_task_that_fails_takes_nothing_from_its_successor,
    a_commit_appends_and_survives_a_new_process,
    a_commit_that_does_not_continue_the_log_is_stale,
    a_commit_needs_the_last_lease,
    of_two_commits_on_one_sequence_one_wins,
    a_cancel_ends_the_workers_lease,
    an_unknown_task_is_unknown,
    next_decides_the_due_time,
    the_list_is_paged_newest_first,
    the_list_shows_status_and_progress,
    recent_events_are_paged_newest_first,
    a_foreign_page_cursor_finds_nothing,
    counts_follow_the_tasks,
    expiry_deletes_ended_tasks_with_all_their_data,
    expiry_keeps_the_documents_claim,
    an_idempotency_key_is_forgotten_after_a_week,
    an_idempotency_key_is_kept_as_long_as_was_set with Limits { idempotency_kept: super::HOUR, ..Limits::default() },
    many_writers_at_once_lose_nothing,
    a_store_that_works_answers_a_ping,
    a_full_queue_refuses_and_takes_again with Limits { queue_max: 2, ..Limits::default() },
    a_flow_takes_at_most_half_of_the_free_shared_queue with Limits { queue_max: 8, queue_shared: true, ..Limits::default() },
);

const HOUR: Duration = Duration::from_secs(60 * 60);

fn all(limit: usize) -> ListFilter {
    ListFilter { limit, ..ListFilter::default() }
}

async fn listed(backend: &impl Backend) -> Vec<TaskId> {
    let page = backend.store().list(&all(1000)).await.unwrap();
    page.items.into_iter().map(|summary| summary.task).collect()
}

async fn an_accepted_task_is_there_and_due(mut backend: impl Backend) {
    let new = task(&backend, &["task", "second"]);
    let record = new.record.clone();
    accept(&*backend.store(), new).await;
    backend.reopen().await;
    let store = backend.store();
    let log = store.load(record.id).await.unwrap().unwrap();
    assert_eq!(*log.record, record);
    assert_eq!((log.events.len(), log.live_percent), (0, 0.0));
    assert_eq!(claim_one(&*store, Queue::Tasks).await.key, record.id.to_string());
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0], "there is no event to deliver yet");
}

async fn a_replayed_key_answers_as_before_and_stores_nothing(mut backend: impl Backend) {
    let first = with_key(&backend, "k", "digest");
    let answer = first.idempotency.clone().unwrap().response;
    let id = accept(&*backend.store(), first).await;
    backend.reopen().await;
    let store = backend.store();
    let again = store.accept(with_key(&backend, "k", "digest")).await;
    assert_eq!(again, Ok(Accepted::Replayed(answer.clone())));
    assert_eq!(store.replay("k", "digest").await, Ok(Some(answer)));
    assert_eq!(store.replay("other", "digest").await, Ok(None));
    assert_eq!(listed(&backend).await, [id]);
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [id.to_string()]);
}

async fn a_key_with_another_request_is_a_conflict(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, with_key(&backend, "k", "digest")).await;
    assert_eq!(store.accept(with_key(&backend, "k", "another")).await, Err(AcceptError::IdempotencyConflict));
    assert_eq!(store.replay("k", "another").await, Err(AcceptError::IdempotencyConflict));
    assert_eq!(listed(&backend).await, [id]);
}

async fn a_refused_task_leaves_nothing(backend: impl Backend) {
    let store = backend.store();
    let holder = accept(&*store, claiming(&backend, "d", false)).await;
    let mut refused = claiming(&backend, "d", false);
    refused.idempotency = with_key(&backend, "k", "digest").idempotency;
    let id = refused.record.id;
    assert_eq!(store.accept(refused).await, Err(AcceptError::DuplicateDocument(holder)));
    assert_eq!(store.load(id).await, Ok(None));
    assert_eq!(store.replay("k", "digest").await, Ok(None), "the key is still free");
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [holder.to_string()]);
}

async fn concurrent_submissions_of_one_key_are_one_task(backend: impl Backend) {
    let store = backend.store();
    let answers = join_all((0..16).map(|_| store.accept(with_key(&backend, "k", "digest")))).await;
    let new = answers.iter().filter(|answer| **answer == Ok(Accepted::New)).count();
    assert_eq!((new, answers.iter().filter(|answer| answer.is_ok()).count()), (1, 16));
    assert_eq!(listed(&backend).await.len(), 1);
}

async fn concurrent_claims_of_a_document_have_one_winner(backend: impl Backend) {
    let store = backend.store();
    let answers = join_all((0..16).map(|_| store.accept(claiming(&backend, "d", false)))).await;
    let holder = store.document_holder(&Default::default(), &document("d")).await.unwrap().unwrap();
    let refused = Err(AcceptError::DuplicateDocument(holder));
    assert_eq!(answers.iter().filter(|answer| **answer == Ok(Accepted::New)).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 15);
    assert_eq!(listed(&backend).await, [holder]);
}

async fn a_document_is_held_until_its_task_fails(backend: impl Backend) {
    let store = backend.store();
    for ending in [StatusWord::Failed, StatusWord::Cancelled] {
        let first = accept(&*store, claiming(&backend, "d", false)).await;
        assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(first)));
        append(&backend, first, 2).await.unwrap();
        let refused = store.accept(claiming(&backend, "d", false)).await;
        assert_eq!(refused, Err(AcceptError::DuplicateDocument(first)));
        end(&backend, first, ending).await;
        assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(None));
    }
    let unclaimed = claiming(&backend, "d", false);
    accept(&*store, task(&backend, &[])).await;
    accept(&*store, unclaimed).await;
}

async fn a_completed_task_keeps_its_document(mut backend: impl Backend) {
    let first = accept(&*backend.store(), claiming(&backend, "d", false)).await;
    end(&backend, first, StatusWord::Completed).await;
    backend.reopen().await;
    let store = backend.store();
    let refused = store.accept(claiming(&backend, "d", false)).await;
    assert_eq!(refused, Err(AcceptError::DuplicateDocument(first)));
    accept(&*store, claiming(&backend, "another", false)).await;
    let mut no_claim = claiming(&backend, "d", false);
    no_claim.claims_document = false;
    accept(&*store, no_claim).await;
}

async fn a_replacement_takes_the_document_over(backend: impl Backend) {
    let store = backend.store();
    let first = accept(&*store, claiming(&backend, "d", false)).await;
    end(&backend, first, StatusWord::Completed).await;
    let second = accept(&*store, claiming(&backend, "d", true)).await;
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(second)));
    end(&backend, second, StatusWord::Completed).await;
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(second)));
    let third = accept(&*store, claiming(&backend, "d", true)).await;
    end(&backend, third, StatusWord::Failed).await;
    assert_eq!(
        store.document_holder(&Default::default(), &document("d")).await,
        Ok(Some(second)),
        "the one completed last"
    );
    let overtaken = accept(&*store, claiming(&backend, "d", true)).await;
    let overtaking = accept(&*store, claiming(&backend, "d", true)).await;
    end(&backend, overtaking, StatusWord::Completed).await;
    end(&backend, overtaken, StatusWord::Completed).await;
    assert_eq!(
        store.document_holder(&Default::default(), &document("d")).await,
        Ok(Some(overtaken)),
        "its content was stored last"
    );
}

async fn a_failed_replacement_gives_the_document_back(backend: impl Backend) {
    let store = backend.store();
    let first = accept(&*store, claiming(&backend, "d", false)).await;
    end(&backend, first, StatusWord::Completed).await;
    let second = accept(&*store, claiming(&backend, "d", true)).await;
    end(&backend, second, StatusWord::Failed).await;
    assert_eq!(
        store.document_holder(&Default::default(), &document("d")).await,
        Ok(Some(first)),
        "its content is still stored"
    );
}

async fn a_replaced_task_that_fails_takes_nothing_from_its_successor(backend: impl Backend) {
    let store = backend.store();
    let first = accept(&*store, claiming(&backend, "d", false)).await;
    let second = accept(&*store, claiming(&backend, "d", true)).await;
    end(&backend, first, StatusWord::Cancelled).await;
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(Some(second)));
    end(&backend, second, StatusWord::Failed).await;
    assert_eq!(store.document_holder(&Default::default(), &document("d")).await, Ok(None));
}

async fn a_commit_appends_and_survives_a_new_process(mut backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    let lease = claim_one(&*store, Queue::Tasks).await;
    let first = commit(&backend, id, Guard::Lease(lease.fence), 1..=2);
    backend.advance(Duration::from_millis(7));
    let second = Commit { live_percent: 12.5, ..commit(&backend, id, Guard::Lease(lease.fence), 3..=3) };
    let events: Vec<_> = first.events.iter().chain(&second.events).cloned().collect();
    assert_eq!(store.commit(first).await, Ok(()));
    assert_eq!(store.commit(second).await, Ok(()));
    drop(store);
    backend.reopen().await;
    let log = backend.store().load(id).await.unwrap().unwrap();
    assert_eq!((log.events, log.live_percent), (events, 12.5));
    let fourth = commit(&backend, id, Guard::Lease(lease.fence), 4..=4);
    assert_eq!(backend.store().commit(fourth).await, Ok(()), "the lease outlives the process");
}

async fn a_commit_that_does_not_continue_the_log_is_stale(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &["task"])).await;
    let lease = claim_one(&*store, Queue::Tasks).await;
    append(&backend, id, 2).await.unwrap();
    let cursor = claim_one(&*store, Queue::Deliveries).await;
    let before = store.load(id).await.unwrap();
    let gap_inside = {
        let mut gap = commit(&backend, id, Guard::Lease(lease.fence), 3..=4);
        gap.events[1].sequence = 5;
        gap
    };
    let mut stale = vec![gap_inside];
    stale.extend([1, 2, 4, 99].map(|from| commit(&backend, id, Guard::Lease(lease.fence), from..=from)));
    stale.extend([0, 1, 3, u64::MAX].map(|seen| commit(&backend, id, Guard::Sequence(seen), 3..=3)));
    for commit in stale {
        let what = format!("{commit:?}");
        let commit = Commit { live_percent: 77.0, status: StatusWord::Failed, next: Next::Done, ..commit };
        assert_eq!(store.commit(commit).await, Err(CommitError::Stale), "{what}");
    }
    assert_eq!(store.load(id).await.unwrap(), before);
    assert_eq!(store.list(&all(1)).await.unwrap().items[0].status, StatusWord::InProgress);
    assert_eq!(store.renew(&lease, LEASE).await, Ok(true), "the lease is as it was");
    assert_eq!(store.renew(&cursor, LEASE).await, Ok(true));
}

async fn a_commit_needs_the_last_lease(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    assert_eq!(store.commit(commit(&backend, id, Guard::Lease(0), 1..=1)).await, Err(CommitError::Stale), "no lease");
    let dead = claim_one(&*store, Queue::Tasks).await;
    backend.advance(LEASE);
    let alive = claim_one(&*store, Queue::Tasks).await;
    assert_ne!(alive.fence, dead.fence);
    for fence in [dead.fence, alive.fence + 1, u64::MAX] {
        let commit = commit(&backend, id, Guard::Lease(fence), 1..=1);
        assert_eq!(store.commit(commit).await, Err(CommitError::Stale), "{fence}");
    }
    assert_eq!(store.commit(commit(&backend, id, Guard::Lease(alive.fence), 1..=1)).await, Ok(()));
    let done = Commit { next: Next::Done, ..commit(&backend, id, Guard::Lease(alive.fence), 2..=2) };
    assert_eq!(store.commit(done.clone()).await, Ok(()));
    let more = commit(&backend, id, Guard::Lease(alive.fence), 3..=3);
    assert_eq!(store.commit(more).await, Err(CommitError::Stale), "the lease ended with the task");
}

async fn of_two_commits_on_one_sequence_one_wins(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    let results = join_all((0..16).map(|_| store.commit(commit(&backend, id, Guard::Sequence(0), 1..=1)))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Err(CommitError::Stale)).count(), 15);
    assert_eq!(store.load(id).await.unwrap().unwrap().last_sequence(), 1);
}

async fn a_cancel_ends_the_workers_lease(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    let worker = claim_one(&*store, Queue::Tasks).await;
    end(&backend, id, StatusWord::Cancelled).await;
    let late = commit(&backend, id, Guard::Lease(worker.fence), 2..=2);
    assert_eq!(store.commit(late).await, Err(CommitError::Stale));
    let report = Commit { events: vec![], ..commit(&backend, id, Guard::Lease(worker.fence), 1..=1) };
    assert_eq!(store.commit(report).await, Err(CommitError::Stale));
    assert_eq!(store.renew(&worker, LEASE).await, Ok(false));
    assert_eq!(store.release(&worker, backend.now()).await, Ok(false));
    backend.advance(LEASE * 100);
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0]);
}

async fn an_unknown_task_is_unknown(backend: impl Backend) {
    let store = backend.store();
    let id = TaskId::random();
    assert_eq!(store.load(id).await, Ok(None));
    assert_eq!(store.commit(commit(&backend, id, Guard::Sequence(0), 1..=1)).await, Err(CommitError::Unknown));
}

async fn next_decides_the_due_time(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    let lease = claim_one(&*store, Queue::Tasks).await;
    let later = backend.now().plus(Duration::from_secs(5));
    let parked = Commit { next: Next::At(later), ..commit(&backend, id, Guard::Lease(lease.fence), 1..=1) };
    assert_eq!(store.commit(parked).await, Ok(()));
    assert_eq!(store.renew(&lease, LEASE).await, Ok(false), "the lease has ended");
    backend.advance(Duration::from_millis(4_999));
    let early = store.claim(Queue::Tasks, 1, LEASE).await.unwrap();
    assert_eq!((early.leases.len(), early.next_due), (0, Some(later)));
    backend.advance(Duration::from_millis(1));
    let again = claim_one(&*store, Queue::Tasks).await;
    assert_ne!(again.fence, lease.fence);
    let done = Commit { next: Next::Done, ..commit(&backend, id, Guard::Lease(again.fence), 2..=2) };
    assert_eq!(store.commit(done).await, Ok(()));
    backend.advance(LEASE * 100);
    let never = store.claim(Queue::Tasks, 1, LEASE).await.unwrap();
    assert_eq!((never.leases.len(), never.next_due), (0, None));
}

async fn the_list_is_paged_newest_first(backend: impl Backend) {
    let store = backend.store();
    let mut ids = Vec::new();
    for n in 0..25 {
        let id = accept(&*store, task(&backend, &[])).await;
        if n % 3 == 0 {
            end(&backend, id, if n % 2 == 0 { StatusWord::Completed } else { StatusWord::Failed }).await;
        }
        ids.push((n, id));
    }
    ids.reverse();
    let pending = |n: &usize| !n.is_multiple_of(3);
    let filters: [(Vec<StatusWord>, Vec<TaskId>); 4] = [
        (vec![], ids.iter().map(|(_, id)| *id).collect()),
        (vec![StatusWord::Pending], ids.iter().filter(|(n, _)| pending(n)).map(|(_, id)| *id).collect()),
        (
            vec![StatusWord::Failed, StatusWord::Completed, StatusWord::Failed],
            ids.iter().filter(|(n, _)| !pending(n)).map(|(_, id)| *id).collect(),
        ),
        (vec![StatusWord::Cancelled], vec![]),
    ];
    for (statuses, expected) in filters {
        for limit in [1, 2, 7, 25, 26] {
            let (mut cursor, mut seen) = (None, Vec::new());
            loop {
                let page = store
                    .list(&ListFilter { statuses: statuses.clone(), limit, cursor, ..ListFilter::default() })
                    .await
                    .unwrap();
                assert!(page.items.len() <= limit);
                assert!(page.next_cursor.is_none() || page.items.len() == limit);
                seen.extend(page.items.iter().map(|summary| summary.task));
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{statuses:?} by {limit}");
        }
    }
}

async fn the_list_shows_status_and_progress(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    let (step, stage) = ("metadata_extraction".to_owned(), "content_processing".to_owned());
    let completed = EventKind::StepCompleted {
        step: step.clone(),
        stage: stage.clone(),
        data: JsonObject::new(),
        artifacts: vec![],
        resources: Resources::default(),
    };
    // The step's range is 25 to 40: reports beyond it are ignored, and so are those outside of a step.
    let life: [(Option<EventKind>, f64, StatusWord, f64); 8] = [
        (Some(EventKind::TaskStarted { retry: None }), 12.5, StatusWord::InProgress, 0.5),
        (Some(EventKind::StepStarted { step, stage }), 0.0, StatusWord::InProgress, 25.0),
        (None, 30.0, StatusWord::InProgress, 30.0),
        (None, 62.5, StatusWord::InProgress, 40.0),
        (None, 31.0, StatusWord::InProgress, 31.0),
        (Some(completed), 39.0, StatusWord::InProgress, 40.0),
        (None, 62.5, StatusWord::InProgress, 40.0),
        (Some(EventKind::TaskCancelled { step: None, stage: None }), 62.5, StatusWord::Cancelled, 40.0),
    ];
    let mut sequence = 0;
    for (kind, live_percent, status, progress_percent) in life {
        let mut next = commit(&backend, id, Guard::Sequence(sequence), sequence + 1..=sequence + 1);
        match kind {
            Some(kind) => {
                sequence += 1;
                next.events[0].progress_percent = if sequence < 3 { next.events[0].progress_percent } else { 40.0 };
                next.events[0].kind = kind;
            }
            None => next.events.clear(),
        }
        store.commit(Commit { live_percent, status, ..next }).await.unwrap();
        let shown = store.list(&all(1)).await.unwrap().items.remove(0);
        assert_eq!((shown.status, shown.progress_percent), (status, progress_percent), "{sequence} {live_percent}");
        let log = store.load(id).await.unwrap().unwrap();
        let fold = TaskStatus::fold(&log.record.pipeline, &log.events, log.live_percent);
        assert_eq!(
            (shown.status, shown.progress_percent),
            (fold.word, fold.progress_percent),
            "the same status from its log"
        );
    }
}

async fn recent_events_are_paged_newest_first(backend: impl Backend) {
    let store = backend.store();
    let (first, second) = (accept(&*store, task(&backend, &[])).await, accept(&*store, task(&backend, &[])).await);
    let start = backend.now();
    let mut expected = Vec::new();
    for round in 1..=5 {
        for id in [first, second] {
            append(&backend, id, 2).await.unwrap();
            expected.extend([(backend.now(), id, round * 2 - 1), (backend.now(), id, round * 2)]);
        }
        backend.advance(Duration::from_secs(1));
    }
    expected.sort();
    expected.reverse();
    let collect = async |since: Timestamp, limit: usize| {
        let (mut cursor, mut seen) = (None::<String>, Vec::new());
        loop {
            let page = store.recent(&Default::default(), since, limit, cursor.as_deref()).await.unwrap();
            assert!(page.items.len() <= limit);
            seen.extend(page.items.iter().map(|item| (item.event.timestamp, item.task, item.event.sequence)));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return seen;
            }
        }
    };
    let whole = collect(start, 100).await;
    // The order of two tasks' events in the same millisecond is up to the store.
    assert!(whole.is_sorted_by_key(|(at, ..)| Reverse(*at)), "{whole:?}");
    for id in [first, second] {
        let own: Vec<_> = whole.iter().filter(|(_, task, _)| *task == id).map(|(.., sequence)| *sequence).collect();
        assert_eq!(own, (1..=10).rev().collect::<Vec<_>>());
    }
    let mut any_order = whole.clone();
    any_order.sort();
    any_order.reverse();
    assert_eq!(any_order, expected);
    for limit in [1, 3, 4, 20, 100] {
        assert_eq!(collect(start, limit).await, whole, "by {limit}");
        assert_eq!(collect(start.plus(Duration::from_millis(2_001)), limit).await, whole[..8], "by {limit}");
        assert_eq!(collect(start.plus(Duration::from_millis(2_000)), limit).await, whole[..12], "by {limit}");
    }
    assert_eq!(collect(backend.now(), 10).await, []);
}

async fn a_foreign_page_cursor_finds_nothing(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, task(&backend, &[])).await;
    append(&backend, id, 1).await.unwrap();
    for cursor in ["", "x", "1.y", "-", "%", "99999999999999999999"] {
        let filter = ListFilter { cursor: Some(cursor.into()), ..all(10) };
        let page = store.list(&filter).await.unwrap();
        assert_eq!((page.items.len(), page.next_cursor), (0, None), "{cursor:?}");
        let page = store.recent(&Default::default(), Timestamp::from_millis(0), 10, Some(cursor)).await.unwrap();
        assert_eq!((page.items.len(), page.next_cursor), (0, None), "{cursor:?}");
    }
}

async fn counts_follow_the_tasks(mut backend: impl Backend) {
    for n in 0..6 {
        let id = accept(&*backend.store(), task(&backend, &[])).await;
        match n {
            0 | 1 => append(&backend, id, 1).await.unwrap(),
            2 => end(&backend, id, StatusWord::Completed).await,
            3 => {
                append(&backend, id, 1).await.unwrap();
                end(&backend, id, StatusWord::Failed).await;
            }
            _ => {}
        }
    }
    backend.reopen().await;
    let of = async |word| {
        let counts = backend.store().counts().await.unwrap();
        counts.iter().filter(|(status, _)| *status == word).map(|(_, tasks)| *tasks).sum::<u64>()
    };
    assert_eq!(of(StatusWord::Pending).await, 2);
    assert_eq!(of(StatusWord::InProgress).await, 2);
    assert_eq!((of(StatusWord::Completed).await, of(StatusWord::Failed).await), (1, 1));
    assert_eq!(of(StatusWord::Cancelled).await, 0);
    backend.advance(Duration::from_secs(1));
    backend.store().expire(backend.now(), 10).await.unwrap();
    assert_eq!((of(StatusWord::Completed).await, of(StatusWord::Failed).await), (0, 0));
}

async fn expiry_deletes_ended_tasks_with_all_their_data(backend: impl Backend) {
    let store = backend.store();
    let mut ended = Vec::new();
    for _ in 0..5 {
        let id = accept(&*store, task(&backend, &["task"])).await;
        end(&backend, id, StatusWord::Completed).await;
        let held = claim_one(&*store, Queue::Deliveries).await;
        let delivered = Some(attempt(1, backend.now(), 200));
        assert_eq!(store.advance(&held, CursorMove::Delivered, delivered).await, Ok(Recorded::Idle));
        ended.push(id);
        backend.advance(Duration::from_secs(1));
    }
    let new = task(&backend, &["task"]);
    let waits = new.record.cursors().next().unwrap().key(new.record.id);
    let running = accept(&*store, new).await;
    append(&backend, running, 1).await.unwrap();
    let cutoff = backend.now();
    let young = accept(&*store, task(&backend, &[])).await;
    end(&backend, young, StatusWord::Failed).await;
    backend.advance(Duration::from_secs(100));

    let first = store.expire(cutoff, 2).await.unwrap();
    assert_eq!(first.len(), 2);
    let rest = store.expire(cutoff, 100).await.unwrap();
    let gone: BTreeSet<_> = first.iter().chain(&rest).copied().collect();
    assert_eq!((gone.len(), rest.len()), (5, 3), "each once");
    assert_eq!(gone, ended.iter().copied().collect());
    assert_eq!(store.expire(cutoff, 100).await, Ok(vec![]));

    for id in ended {
        assert_eq!(store.load(id).await, Ok(None));
        assert_eq!(store.deliveries(id).await, Ok(vec![]));
    }
    assert_eq!(listed(&backend).await, [young, running]);
    let recent = store.recent(&Default::default(), Timestamp::from_millis(0), 100, None).await.unwrap();
    let recent: Vec<_> = recent.items.into_iter().map(|item| item.task).collect();
    assert!(recent.len() == 2 && recent.contains(&young) && recent.contains(&running), "{recent:?}");
    assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [waits]);
}

async fn expiry_keeps_the_documents_claim(backend: impl Backend) {
    let store = backend.store();
    let id = accept(&*store, claiming(&backend, "d", false)).await;
    end(&backend, id, StatusWord::Completed).await;
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 10).await, Ok(vec![id]));
    let again = store.accept(claiming(&backend, "d", false)).await;
    assert_eq!(again, Err(AcceptError::DuplicateDocument(id)), "the document is still stored");
}

async fn an_idempotency_key_is_forgotten_after_a_week(backend: impl Backend) {
    a_key_is_kept_for(backend, 7 * 24 * HOUR).await;
}

async fn an_idempotency_key_is_kept_as_long_as_was_set(backend: impl Backend) {
    a_key_is_kept_for(backend, HOUR).await;
}

async fn a_key_is_kept_for<B: Backend>(backend: B, kept: Duration) {
    let store = backend.store();
    accept(&*store, with_key(&backend, "k", "digest")).await;
    backend.advance(kept);
    // Keys do not depend on how long tasks are kept.
    store.expire(backend.now(), 10).await.unwrap();
    assert!(store.replay("k", "digest").await.unwrap().is_some());
    backend.advance(Duration::from_millis(1));
    store.expire(backend.now().minus(100 * kept), 10).await.unwrap();
    // A store with a clock of its own, which has not moved, still remembers the key.
    assert_eq!(store.replay("k", "digest").await.unwrap().is_none(), B::KEYS_AGE_BY_CLOCK);
    let again = store.accept(with_key(&backend, "k", "digest")).await.unwrap();
    assert_eq!(again == Accepted::New, B::KEYS_AGE_BY_CLOCK);
}

async fn many_writers_at_once_lose_nothing(mut backend: impl Backend) {
    const WRITERS: u64 = 64;
    let store = backend.store();
    accept(&*store, claiming(&backend, "taken", false)).await;
    let writer = async |n: u64| {
        // One in four is refused between the commits of the others.
        let new = if n.is_multiple_of(4) { claiming(&backend, "taken", false) } else { task(&backend, &["task"]) };
        let id = new.record.id;
        match store.accept(new).await {
            Ok(_) => {
                for sequence in 1..=5 {
                    let commit = commit(&backend, id, Guard::Sequence(sequence - 1), sequence..=sequence);
                    store.commit(commit).await.unwrap();
                }
                Some(id)
            }
            Err(AcceptError::DuplicateDocument(_)) if n.is_multiple_of(4) => None,
            Err(error) => panic!("{error}"),
        }
    };
    let ids: Vec<_> = join_all((0..WRITERS).map(writer)).await.into_iter().flatten().collect();
    assert_eq!(ids.len(), 48);
    drop(store);
    backend.reopen().await;
    for id in &ids {
        let log = backend.store().load(*id).await.unwrap().unwrap();
        assert!(log.events.iter().map(|event| event.sequence).eq(1..=5), "{:?}", log.events);
    }
    assert_eq!(claim_keys(&*backend.store(), Queue::Deliveries).await.len(), 48);
}

async fn a_store_that_works_answers_a_ping(backend: impl Backend) {
    assert_eq!(backend.store().ping().await, Ok(()));
}

async fn a_flow_takes_at_most_half_of_the_free_shared_queue(backend: impl Backend) {
    let store = backend.store();
    let of = |flow: &str| NewTask { flow: Flow::of(flow), ..task(&backend, &[]) };
    // Concurrently: parallel submissions count.
    let racing = join_all((0..8).map(|_| store.accept(of("a")))).await;
    let taken = racing.iter().filter(|answer| **answer == Ok(Accepted::New)).count();
    assert_eq!(taken, 4, "{racing:?}");
    assert!(
        racing.iter().all(|answer| matches!(answer, Ok(Accepted::New) | Err(AcceptError::QueueShare))),
        "{racing:?}"
    );
    let first = accept(&*store, of("b")).await;
    accept(&*store, of("b")).await;
    assert_eq!(store.accept(of("b")).await, Err(AcceptError::QueueShare));
    accept(&*store, of("c")).await;
    assert_eq!(store.accept(of("c")).await, Err(AcceptError::QueueShare));
    accept(&*store, of("d")).await;
    assert_eq!(store.accept(of("e")).await, Err(AcceptError::QueueFull));
    append(&backend, first, 1).await.unwrap();
    assert_eq!(store.accept(of("a")).await, Err(AcceptError::QueueShare), "a started task makes room for others");
    accept(&*store, of("e")).await;
}

async fn a_full_queue_refuses_and_takes_again(backend: impl Backend) {
    let store = backend.store();
    let first = accept(&*store, task(&backend, &[])).await;
    accept(&*store, task(&backend, &[])).await;
    let refused = task(&backend, &[]);
    assert_eq!(store.accept(refused.clone()).await, Err(AcceptError::QueueFull));
    assert_eq!(listed(&backend).await.len(), 2);
    append(&backend, first, 1).await.unwrap();
    accept(&*store, refused).await;
}
