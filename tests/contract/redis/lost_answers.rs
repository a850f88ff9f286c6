//! Lost responses: the server has executed a command, and the process does not know.
//!
//! Each operation is tried once per request that it makes, with the response to that request lost.

use super::lab::{Lab, ask};
use crate::backends::Backend;
use crate::retry::begin_again;
use crate::samples::{LEASE, accept, append, attempt, claim_keys, claim_one, commit, document, end, task, with_key};
use morag_core::ports::{
    AcceptError, Accepted, Commit, CursorMove, Guard, ListFilter, NewResend, NewTask, Next, Queue, Recorded, StoreError,
};
use morag_core::task::{StatusWord, TaskId};
use morag_tests::proxy::Proxy;
use morag_tests::redis::shared_single;
use std::time::Duration;

/// A store behind a proxy. The server knows its scripts, so that the dropped response is that of the operation.
async fn lab() -> (Lab, Proxy) {
    let proxy = Proxy::to(shared_single().port()).await;
    let lab = Lab::at(&shared_single().url_at(proxy.port()), |_| {}).await;
    let store = lab.store();
    let id = accept(&*store, full_task(&lab, "warm")).await;
    let worker = claim_one(&*store, Queue::Tasks).await;
    assert!(store.renew(&worker, LEASE).await.unwrap() && store.release(&worker, lab.now()).await.unwrap());
    append(&lab, id, 1).await.unwrap();
    let cursor = claim_one(&*store, Queue::Deliveries).await;
    store.advance(&cursor, CursorMove::Disable, None).await.unwrap();
    end(&lab, id, StatusWord::Failed).await;
    let mut refused = full_task(&lab, "warm");
    (refused.idempotency, refused.claims_document) = (None, false);
    ask(&["set", &lab.of_task("task_veto", refused.record.id), "1"]);
    assert!(store.accept(refused).await.is_err());
    lab.advance(Duration::from_secs(1));
    assert_eq!(store.expire(lab.now(), 9).await, Ok(vec![id]));
    (lab, proxy)
}

/// A task with an idempotency key, a document with this name, and an endpoint.
fn full_task(lab: &Lab, name: &str) -> NewTask {
    let mut new = with_key(lab, name, "digest");
    new.record.endpoints = vec![crate::samples::endpoint("hook")];
    new.record.document_id = document(name);
    new.claims_document = true;
    new
}

async fn listed(lab: &Lab) -> Vec<TaskId> {
    let page = lab.store().list(&ListFilter { limit: 100, ..ListFilter::default() }).await.unwrap();
    page.items.into_iter().map(|item| item.task).collect()
}

#[tokio::test]
async fn an_accepted_task_is_new_and_there_once() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    for nth in 0.. {
        let name = format!("task {nth}");
        let new = full_task(&lab, &name);
        let (id, answer) = (new.record.id, new.idempotency.clone().unwrap().response);
        proxy.lose_answers(&id.to_string(), nth, 1);
        assert_eq!(store.accept(new).await, Ok(Accepted::New), "{nth}");
        let lost = proxy.lost();
        proxy.lose_answers("", 0, 0);
        assert_eq!(listed(&lab).await, [id], "{nth}");
        assert_eq!(claim_keys(&*store, Queue::Tasks).await, [id.to_string()], "{nth}");
        assert_eq!(store.replay(&name, "digest").await, Ok(Some(answer)), "{nth}");
        assert_eq!(store.document_holder(&Default::default(), &document(&name)).await, Ok(Some(id)), "{nth}");
        assert_eq!(ask(&["hkeys", &lab.key("fair:{fair}:waiting")]), id.to_string(), "{nth}");
        end(&lab, id, StatusWord::Cancelled).await;
        assert_eq!(ask(&["hlen", &lab.key("fair:{fair}:waiting")]), "0", "{nth}");
        store.expire(lab.now().plus(LEASE), 9).await.unwrap();
        store.claim(Queue::Deliveries, 9, LEASE).await.unwrap();
        forget(&lab, id).await;
        if lost == 0 {
            assert_eq!(nth, 5, "key, place, document, task, and the key again");
            return;
        }
    }
}

/// Delivers the events of a task and expires it.
async fn forget(lab: &Lab, id: TaskId) {
    let store = lab.store();
    lab.advance(LEASE);
    for held in store.claim(Queue::Deliveries, 9, LEASE).await.unwrap().leases {
        store.advance(&held, CursorMove::Disable, None).await.unwrap();
    }
    store.expire(lab.now(), 9).await.unwrap();
    assert_eq!(store.load(id).await, Ok(None));
}

#[tokio::test]
async fn a_task_with_unknown_outcome_keeps_its_reservations() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    for (claims_document, lost) in [(false, 6), (true, 6), (false, 9), (true, 9)] {
        let name = format!("{claims_document} {lost}");
        let new = NewTask { claims_document, ..full_task(&lab, &name) };
        let (id, answer) = (new.record.id, new.idempotency.clone().unwrap().response);
        // Storing it, checking whether it is stored, and checking again: three tries each.
        proxy.lose_answers(&lab.of_task("task_veto", id), 0, lost);
        match store.accept(new.clone()).await {
            Ok(Accepted::New) | Err(AcceptError::Store(StoreError::Unavailable(_))) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(proxy.lost(), lost);
        assert!(store.load(id).await.unwrap().is_some());
        assert_eq!(store.replay(&name, "digest").await, Ok(Some(answer.clone())), "{name}");
        assert_eq!(store.accept(full_task(&lab, &name)).await, Ok(Accepted::Replayed(answer)), "{name}");
        assert_eq!(ask(&["hexists", &lab.key("fair:{fair}:waiting"), &id.to_string()]), "1", "{name}");
        let holder = store.document_holder(&Default::default(), &document(&name)).await;
        assert_eq!(holder, Ok(claims_document.then_some(id)), "{name}");
        assert_eq!(claim_keys(&*store, Queue::Tasks).await.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_refused_task_leaves_nothing() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    let holder = accept(&*store, full_task(&lab, "doc")).await;
    for nth in 0.. {
        let mut new = full_task(&lab, &format!("task {nth}"));
        new.record.document_id = document("doc");
        proxy.lose_answers(&new.record.id.to_string(), nth, 1);
        assert_eq!(store.accept(new).await, Err(AcceptError::DuplicateDocument(holder)), "{nth}");
        let lost = proxy.lost();
        proxy.lose_answers("", 0, 0);
        assert_eq!(ask(&["hkeys", &lab.key("fair:{fair}:waiting")]), holder.to_string(), "{nth}");
        assert!(!lab.keys().contains(&format!("idempotency:task {nth}")), "{nth}");
        if lost == 0 {
            assert_eq!(nth, 5, "key, place, document, and the first two again");
            return;
        }
    }
}

#[tokio::test]
async fn a_commit_happens_once_and_the_next_continues() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    for (status, next) in [
        (StatusWord::InProgress, Next::Keep),
        (StatusWord::InProgress, Next::At(lab.now())),
        (StatusWord::Completed, Next::Done),
        (StatusWord::Cancelled, Next::Done),
    ] {
        for nth in 0.. {
            let name = format!("{status:?} {next:?} {nth}");
            let id = accept(&*store, full_task(&lab, &name)).await;
            let worker = claim_one(&*store, Queue::Tasks).await;
            let next = if let Next::At(_) = next { Next::At(lab.now()) } else { next };
            let first = Commit { status, next, ..commit(&lab, id, Guard::Lease(worker.fence), 1..=2) };
            proxy.lose_answers(&id.to_string(), nth, 1);
            assert_eq!(store.commit(first).await, Ok(()), "{name}");
            let lost = proxy.lost();
            proxy.lose_answers("", 0, 0);
            let sequences = async || {
                let log = store.load(id).await.unwrap().unwrap();
                log.events.iter().map(|event| event.sequence).collect::<Vec<_>>()
            };
            assert_eq!(sequences().await, [1, 2], "{name}");
            assert_eq!(claim_one(&*store, Queue::Deliveries).await.key, format!("{id}/hook"), "{name}");
            assert_eq!(ask(&["hlen", &lab.key("fair:{fair}:waiting")]), "0", "{name}");
            let claim = ask(&["hget", &lab.key(&format!("document:{name}")), &id.to_string()]);
            let claims = match status {
                StatusWord::Completed => "completed",
                StatusWord::Cancelled => "",
                _ => "running",
            };
            assert_eq!(claim.rsplit(' ').next().unwrap(), claims, "{name}");
            if !status.is_ended() {
                let fence = match next {
                    Next::Keep => worker.fence,
                    // At once: no wake-up and no time is waited for.
                    _ => claim_one(&*store, Queue::Tasks).await.fence,
                };
                let second = commit(&lab, id, Guard::Lease(fence), 3..=3);
                assert_eq!(store.commit(second).await, Ok(()), "{name}");
                assert_eq!(sequences().await, [1, 2, 3], "{name}");
                end(&lab, id, StatusWord::Failed).await;
            }
            assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0], "{name}");
            forget(&lab, id).await;
            if lost == 0 {
                assert!(nth >= 2, "the commit, and the task's other keys: {name}");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_retry_happens_once_and_has_one_place() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    let places = || ask(&["hlen", &lab.key("fair:{fair}:waiting")]);
    for nth in 0.. {
        let id = accept(&*store, full_task(&lab, &format!("task {nth}"))).await;
        end(&lab, id, StatusWord::Failed).await;
        proxy.lose_answers(&id.to_string(), nth, 1);
        assert_eq!(begin_again(&lab, id).await, Ok(()), "{nth}");
        let lost = proxy.lost();
        proxy.lose_answers("", 0, 0);
        assert_eq!((store.load(id).await.unwrap().unwrap().last_sequence(), places().as_str()), (2, "1"), "{nth}");
        let worker = claim_one(&*store, Queue::Tasks).await;
        proxy.lose_answers(&id.to_string(), 0, 1);
        assert_eq!(store.commit(commit(&lab, id, Guard::Lease(worker.fence), 3..=3)).await, Ok(()), "{nth}");
        assert_eq!((proxy.lost(), places().as_str()), (1, "0"), "it has begun: {nth}");
        proxy.lose_answers("", 0, 0);
        end(&lab, id, StatusWord::Failed).await;
        forget(&lab, id).await;
        if lost == 0 {
            assert!(nth >= 4, "the log, the place, the document and the commit");
            return;
        }
    }
}

#[tokio::test]
async fn an_advance_happens_once_and_says_what_it_led_to() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    // Moves before the one whose response is lost, that move, its result, and the deliveries and attempts after it.
    let (retry, skip, delivered) = (CursorMove::Retry(lab.now()), CursorMove::Skip, CursorMove::Delivered);
    let cases: [(&[CursorMove], CursorMove, Recorded, usize); 9] = [
        (&[], delivered, Recorded::More, 1),
        (&[delivered], delivered, Recorded::Idle, 2),
        (&[], skip, Recorded::More, 0),
        (&[skip], skip, Recorded::Idle, 0),
        (&[], CursorMove::Dead, Recorded::More, 1),
        (&[], retry, Recorded::Idle, 1),
        (&[], CursorMove::Disable, Recorded::Idle, 1),
        (&[delivered], CursorMove::Disable, Recorded::Idle, 2),
        // After the end of the log: another commit may have made the cursor due, and its event may be gone.
        (&[delivered, delivered], skip, Recorded::Idle, 2),
    ];
    for (case, (before, movement, led_to, attempts)) in cases.into_iter().enumerate() {
        for lost in [0, 1] {
            let id = accept(&*store, task(&lab, &["hook"])).await;
            append(&lab, id, 2).await.unwrap();
            let mut held = claim_one(&*store, Queue::Deliveries).await;
            let key = format!("{id}/hook");
            for movement in before {
                let attempt = (*movement != skip).then(|| attempt(1, lab.now(), 200));
                store.advance(&held, *movement, attempt).await.unwrap();
            }
            if before.len() == 2 {
                ask(&["zadd", &lab.of_queue("ready", id, "deliveries"), "0", &key]);
                // A new process finds it.
                let finder = lab.another().await;
                held = claim_one(&*finder, Queue::Deliveries).await;
            }
            proxy.lose_answers(&key, 0, lost);
            let attempt = (movement != skip).then(|| attempt(1, lab.now(), 500));
            assert_eq!(store.advance(&held, movement, attempt).await, Ok(led_to), "{case} {lost}");
            assert_eq!(proxy.lost(), lost);
            proxy.lose_answers("", 0, 0);
            let records = store.deliveries(id).await.unwrap();
            assert_eq!(records.iter().map(|record| record.attempts.len()).sum::<usize>(), attempts, "{case} {lost}");
            let due = claim_keys(&*store, Queue::Deliveries).await;
            assert_eq!(due, vec![key; usize::from(movement == retry)], "{case} {lost}");
            // Where the lease has ended, the same move again is refused.
            if led_to == Recorded::Idle {
                assert!(store.advance(&held, movement, None).await.is_err(), "{case} {lost}");
            }
            end(&lab, id, StatusWord::Failed).await;
            forget(&lab, id).await;
        }
    }
}

#[tokio::test]
async fn a_claimed_key_comes_due_again_when_its_lease_ends() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    let id = accept(&*store, task(&lab, &[])).await;
    proxy.lose_answers(&lab.of_queue("ready", id, "tasks"), 0, 1);
    let nothing = store.claim(Queue::Tasks, 9, LEASE).await.unwrap();
    assert_eq!((nothing.leases, proxy.lost()), (vec![], 1));
    assert_eq!(nothing.next_due, Some(lab.now().plus(LEASE)));
    lab.advance(LEASE);
    assert_eq!(claim_one(&*store, Queue::Tasks).await.key, id.to_string());
}

#[tokio::test]
async fn a_renewal_holds_and_what_was_given_back_is_due() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    let id = accept(&*store, task(&lab, &[])).await;
    let held = claim_one(&*store, Queue::Tasks).await;
    proxy.lose_answers(&id.to_string(), 0, 1);
    assert_eq!(store.renew(&held, LEASE * 2).await, Ok(true));
    assert_eq!(proxy.lost(), 1);
    lab.advance(LEASE);
    assert_eq!(claim_keys(&*store, Queue::Tasks).await, [""; 0]);
    proxy.lose_answers(&id.to_string(), 0, 1);
    // It reports that the lease has ended, which is true.
    store.release(&held, lab.now()).await.unwrap();
    assert_eq!(proxy.lost(), 1);
    assert_eq!(claim_one(&*store, Queue::Tasks).await.key, id.to_string());
}

#[tokio::test]
async fn an_expired_task_is_named() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    for nth in 0.. {
        let id = accept(&*store, task(&lab, &[])).await;
        end(&lab, id, StatusWord::Completed).await;
        lab.advance(Duration::from_secs(1));
        proxy.lose_answers(&id.to_string(), nth, 1);
        assert_eq!(store.expire(lab.now(), 9).await, Ok(vec![id]), "{nth}");
        if proxy.lost() == 0 {
            assert!(nth >= 2);
            return;
        }
    }
}

/// Claims within which the other bucket must have its turn.
const CLAIMS_MAX: usize = 10;

#[tokio::test]
async fn an_unreachable_bucket_does_not_block_others() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    for queue in [Queue::Tasks, Queue::Deliveries] {
        let mut ids = Vec::new();
        for bucket in [1, 2] {
            let mut new = task(&lab, &["hook"]);
            let mut bytes = *new.record.id.as_bytes();
            bytes[0] = bucket;
            new.record.id = TaskId::from(uuid::Uuid::from_bytes(bytes));
            let id = accept(&*store, new).await;
            append(&lab, id, 1).await.unwrap();
            ids.push(id);
        }
        // Every try of the first bucket, which is claimed from first.
        let name = if queue == Queue::Tasks { "tasks" } else { "deliveries" };
        proxy.lose_answers(&lab.of_queue("ready", ids[0], name), 0, 1000);
        let mut claimed = Vec::new();
        for _ in 0..CLAIMS_MAX {
            let claim = store.claim(queue, 1, LEASE).await.unwrap();
            claimed.extend(claim.leases.into_iter().map(|lease| lease.key[..36].to_owned()));
            if !claimed.is_empty() {
                break;
            }
        }
        assert!(proxy.lost() > 0, "{queue:?}: the first was asked");
        assert_eq!(claimed, [ids[1].to_string()], "{queue:?}");
        proxy.lose_answers("", 0, 0);
        for id in ids {
            end(&lab, id, StatusWord::Cancelled).await;
        }
        forget_deliveries(&lab).await;
    }
}

/// Finishes all pending deliveries.
async fn forget_deliveries(lab: &Lab) {
    let store = lab.store();
    lab.advance(LEASE);
    store.claim(Queue::Tasks, 0, LEASE).await.unwrap();
    for held in store.claim(Queue::Deliveries, 9, LEASE).await.unwrap().leases {
        store.advance(&held, CursorMove::Disable, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_resend_and_what_it_leads_to_happen_once() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    for lost in [0, 1] {
        let id = accept(&*store, task(&lab, &["hook"])).await;
        append(&lab, id, 1).await.unwrap();
        let held = claim_one(&*store, Queue::Deliveries).await;
        store.advance(&held, CursorMove::Dead, Some(attempt(1, lab.now(), 500))).await.unwrap();
        let new = NewResend { task: id, endpoint: "hook".to_owned().into(), delivery: 1, url: None, due: lab.now() };
        // The first one names the task too: its record is read.
        proxy.lose_answers(&format!("task_cursors:{{q{}}}:{id}", &id.to_string()[..2]), 0, lost);
        assert_eq!(store.resend(&new).await, Ok(1), "{lost}");
        assert_eq!(proxy.lost(), lost);
        proxy.lose_answers("", 0, 0);
        let held = claim_one(&*store, Queue::Deliveries).await;
        proxy.lose_answers(&held.key, 0, lost);
        assert_eq!(store.advance(&held, CursorMove::Park, None).await, Ok(Recorded::Idle), "{lost}");
        assert_eq!(proxy.lost(), lost);
        proxy.lose_answers(&held.key, 0, lost);
        assert_eq!(store.unpark(&"hook".to_owned().into()).await, Ok(1), "{lost}");
        assert_eq!(proxy.lost(), lost);
        proxy.lose_answers("", 0, 0);
        let held = claim_one(&*store, Queue::Deliveries).await;
        proxy.lose_answers(&held.key, 0, lost);
        let tried = Some(attempt(1, lab.now(), 200));
        assert_eq!(store.advance(&held, CursorMove::Delivered, tried).await, Ok(Recorded::Idle), "{lost}");
        assert_eq!(proxy.lost(), lost);
        proxy.lose_answers("", 0, 0);
        let records = store.deliveries(id).await.unwrap();
        let seen: Vec<_> = records.iter().map(|record| (record.resend, record.attempts.len())).collect();
        assert_eq!(seen, [(0, 1), (1, 1)], "{lost}");
        assert_eq!(claim_keys(&*store, Queue::Deliveries).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_cursor_with_a_lost_claim_response_is_claimed() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    let id = accept(&*store, task(&lab, &["hook"])).await;
    append(&lab, id, 1).await.unwrap();
    proxy.lose_answers(&lab.of_queue("ready", id, "deliveries"), 0, 1);
    let held = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!((held.key.clone(), proxy.lost()), (format!("{id}/hook"), 1));
    assert_eq!(store.renew(&held, LEASE).await, Ok(true));
}

#[tokio::test]
async fn a_task_is_refused_in_two_seconds_and_the_same_key_is_answered_later() {
    let (lab, proxy) = lab().await;
    let store = lab.store();
    let in_two_seconds = |new| tokio::time::timeout(Duration::from_secs(2), store.accept(new));
    for lost in [None, Some(0), Some(1), Some(2), Some(3)] {
        let name = format!("{lost:?}");
        let new = full_task(&lab, &name);
        match lost {
            None => proxy.cut(morag_tests::proxy::Wire::Frozen),
            // Drops all responses from the nth request on.
            Some(nth) => proxy.lose_answers(&new.record.id.to_string(), nth, 1_000),
        }
        let refused = in_two_seconds(new.clone()).await.unwrap();
        assert!(matches!(refused, Err(AcceptError::Store(StoreError::Unavailable(_)))), "{name}: {refused:?}");
        proxy.lose_answers("", 0, 0);
        proxy.heal();
        super::lab::once_seen("a store that works again", async || store.ping().await.ok()).await;
        let mut again = full_task(&lab, &name);
        again.idempotency = new.idempotency.clone();
        let original = again.idempotency.clone().unwrap().response;
        let answer =
            super::lab::once_seen("an answer", async || in_two_seconds(again.clone()).await.unwrap().ok()).await;
        assert!(matches!(&answer, Accepted::New) || answer == Accepted::Replayed(original), "{name}: {answer:?}");
        let tasks = listed(&lab).await;
        assert_eq!(tasks.len(), 1, "{name}");
        let holder = store.document_holder(&Default::default(), &document(&name)).await;
        assert_eq!(holder, Ok(Some(tasks[0])), "{name}");
        end(&lab, tasks[0], StatusWord::Cancelled).await;
        forget(&lab, tasks[0]).await;
    }
}

#[tokio::test]
async fn a_process_without_responses_fails_in_time() {
    let (lab, proxy) = lab().await;
    let new = task(&lab, &[]);
    proxy.cut(morag_tests::proxy::Wire::Frozen);
    let store = lab.store();
    let refused = super::lab::in_time("an accept that fails", store.accept(new.clone())).await;
    let Err(AcceptError::Store(StoreError::Unavailable(text))) = refused else { panic!("{refused:?}") };
    assert!(text.contains(&proxy.port().to_string()), "{text}");
    proxy.heal();
    super::lab::once_seen("a store that works again", async || store.ping().await.ok()).await;
    let there = store.load(new.record.id).await.unwrap();
    assert!(there.is_none(), "it was not stored yet");
    accept(&*store, task(&lab, &[])).await;
}
