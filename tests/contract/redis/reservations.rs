//! Recovery from reservations left by a process that crashed while accepting a task; the tests write such reservations directly.

use super::lab::{Lab, ask, in_time, server_time};
use crate::backends::Backend;
use crate::retry::{begin_again, begin_again_of};
use crate::samples::{accept, claiming, document, end, object, task, with_key};
use morag_core::Timestamp;
use morag_core::ports::{AcceptError, Accepted, CommitError, Flow, NewTask, StoreError, TaskLimits, Tasks};
use morag_core::task::{StatusWord, TaskId};
use serde_json::json;
use std::time::Duration;

/// Entries of waiting tasks that are younger are not swept.
const YOUNG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_idempotency_key_of_a_task_never_stored_is_taken_over() {
    let lab = Lab::new().await;
    let store = lab.store();
    let (dead, key) = (TaskId::random(), lab.key("idempotency:key"));
    ask(&["hset", &key, "task", &dead.to_string(), "digest", "digest", "response", "{\"from\":\"the grave\"}"]);
    assert_eq!(store.replay("key", "digest").await, Ok(None), "a reservation has no response");
    assert_eq!(store.replay("key", "another").await, Ok(None), "and no conflict");

    let new = with_key(&lab, "key", "another");
    let (id, answer) = (new.record.id, new.idempotency.clone().unwrap().response);
    assert_eq!(in_time("taking the key over", store.accept(new.clone())).await, Ok(Accepted::New));
    assert_eq!(ask(&["hmget", &key, "task", "accepted"]), format!("{id}\n1"));
    assert!(ask(&["pttl", &key]).parse::<i64>().unwrap() > 0);
    assert_eq!(store.replay("key", "another").await, Ok(Some(answer.clone())));
    assert_eq!(store.accept(with_key(&lab, "key", "another")).await, Ok(Accepted::Replayed(answer)));

    // If the process is alive after all, it is too late.
    let mut late = task(&lab, &[]);
    late.record.id = dead;
    assert!(matches!(store.accept(late).await, Err(AcceptError::Store(StoreError::Unavailable(_)))));
    assert_eq!(store.load(dead).await, Ok(None));
}

#[tokio::test]
async fn an_unconfirmed_idempotency_key_of_a_stored_task_holds() {
    let lab = Lab::new().await;
    let new = with_key(&lab, "key", "digest");
    let answer = new.idempotency.clone().unwrap().response;
    accept(&*lab.store(), new).await;
    assert_eq!(ask(&["hdel", &lab.key("idempotency:key"), "accepted"]), "1");
    let store = lab.another().await;
    assert_eq!(store.replay("key", "digest").await, Ok(Some(answer.clone())));
    assert_eq!(store.accept(with_key(&lab, "key", "digest")).await, Ok(Accepted::Replayed(answer)));
    assert_eq!(store.accept(with_key(&lab, "key", "other")).await, Err(AcceptError::IdempotencyConflict));
}

#[tokio::test]
async fn a_documents_claim_of_a_task_never_stored_does_not_block() {
    let lab = Lab::new().await;
    let store = lab.store();
    let (dead, key) = (TaskId::random(), lab.key("document:doc"));
    ask(&["hset", &key, &dead.to_string(), "4711 running"]);
    assert_eq!(store.document_holder(&Default::default(), &document("doc")).await, Ok(None));
    let id = in_time("taking the document over", accept(&*store, claiming(&lab, "doc", false))).await;
    assert_eq!(ask(&["hkeys", &key]), id.to_string());
    assert_eq!(store.document_holder(&Default::default(), &document("doc")).await, Ok(Some(id)));
    let second = store.accept(claiming(&lab, "doc", false)).await;
    assert_eq!(second, Err(AcceptError::DuplicateDocument(id)));
}

#[tokio::test]
async fn a_documents_claim_that_was_not_settled_is_settled_when_met() {
    let lab = Lab::new().await;
    let store = lab.store();
    let key = lab.key("document:doc");
    let ended = async |status| {
        let id = accept(&*store, claiming(&lab, "doc", false)).await;
        let claim = ask(&["hget", &key, &id.to_string()]);
        assert!(claim.ends_with(" running"), "{claim}");
        end(&lab, id, status).await;
        // The process that ended the task died before it settled the claim.
        ask(&["hset", &key, &id.to_string(), &claim]);
        id
    };
    for status in [StatusWord::Failed, StatusWord::Cancelled] {
        ended(status).await;
        assert_eq!(store.document_holder(&Default::default(), &document("doc")).await, Ok(None), "{status:?}");
    }
    let id = ended(StatusWord::Completed).await;
    assert_eq!(store.document_holder(&Default::default(), &document("doc")).await, Ok(Some(id)));
    let second = store.accept(claiming(&lab, "doc", false)).await;
    assert_eq!(second, Err(AcceptError::DuplicateDocument(id)));
    let claim = ask(&["hgetall", &key]);
    assert!(
        claim.starts_with(&id.to_string()) && claim.ends_with(" completed") && claim.lines().count() == 2,
        "{claim}"
    );
}

#[tokio::test]
async fn a_claim_that_was_not_settled_is_settled_before_its_task_expires() {
    let lab = Lab::new().await;
    let store = lab.store();
    let key = lab.key("document:doc");
    let id = accept(&*store, claiming(&lab, "doc", false)).await;
    let claim = ask(&["hget", &key, &id.to_string()]);
    end(&lab, id, StatusWord::Completed).await;
    ask(&["hset", &key, &id.to_string(), &claim]);
    lab.advance(Duration::from_secs(1));
    assert_eq!(store.expire(lab.now(), 9).await, Ok(vec![id]));
    assert_eq!(store.document_holder(&Default::default(), &document("doc")).await, Ok(Some(id)));
}

/// Restores the state before [`accept`] stores the task, by removing what it stored.
fn unstore(lab: &Lab, id: TaskId) {
    let text = id.to_string();
    for kind in ["task", "task_cursors"] {
        ask(&["del", &lab.of_task(kind, id)]);
    }
    ask(&["zrem", &lab.of_queue("ready", id, "tasks"), &text]);
    ask(&["hdel", &lab.of_queue("ranks", id, "tasks"), &text]);
    let bucket = format!("tasks:{{q{}}}", &text[..2]);
    for index in [lab.key(&bucket), lab.key(&format!("{bucket}:pending"))] {
        ask(&["zrem", &index, &text]);
    }
}

#[tokio::test]
async fn the_waiting_entry_of_a_lost_task_is_swept() {
    let lab = Lab::with(|options| options.queue_max = 2).await;
    let store = lab.store();
    let lives = accept(&*store, task(&lab, &[])).await;
    unstore(&lab, accept(&*store, task(&lab, &[])).await);
    let full = || async { store.accept(task(&lab, &[])).await == Err(AcceptError::QueueFull) };
    assert!(full().await);
    lab.advance(YOUNG);
    store.expire(lab.now(), 9).await.unwrap();
    assert!(full().await, "its task may still be stored");
    lab.advance(Duration::from_millis(1));
    store.expire(lab.now(), 9).await.unwrap();
    let next = accept(&*store, task(&lab, &[])).await;
    let mut waiting: Vec<_> = ask(&["hkeys", &lab.key("fair:{fair}:waiting")]).lines().map(str::to_owned).collect();
    waiting.sort();
    let mut expected = [lives.to_string(), next.to_string()];
    expected.sort();
    assert_eq!(waiting, expected, "an entry that waits for long stays");
}

#[tokio::test]
async fn a_process_that_claims_nothing_sweeps_too() {
    let lab = Lab::wrong_by(0).await;
    let id = accept(&*lab.store(), task(&lab, &[])).await;
    unstore(&lab, id);
    let key = lab.key("fair:{fair}:waiting");
    let entry = ask(&["hget", &key, &id.to_string()]);
    let mut words: Vec<_> = entry.split(' ').map(str::to_owned).collect();
    let entered: f64 = words[2].parse().unwrap();
    assert!(
        (0.0..=PATIENCE_MILLIS).contains(&(server_time() - entered)),
        "the third field is the time of entry: {entry}"
    );
    words[2] = (entered - YOUNG.as_millis() as f64 - 1.0).to_string();
    ask(&["hset", &key, &id.to_string(), &words.join(" ")]);
    let janitor = lab.another().await;
    janitor.expire(lab.now(), 9).await.unwrap();
    assert_eq!(ask(&["exists", &key]), "0");
}

/// An entry was made after the test began.
const PATIENCE_MILLIS: f64 = super::lab::PATIENCE.as_millis() as f64;

#[tokio::test]
async fn a_vetoed_task_is_refused_and_leaves_nothing() {
    let lab = Lab::new().await;
    let store = lab.store();
    let mut vetoed = with_key(&lab, "key", "digest");
    vetoed.record.document_id = document("doc");
    vetoed.claims_document = true;
    let id = vetoed.record.id;
    let veto = lab.of_task("task_veto", id);
    ask(&["set", &veto, "1"]);
    assert!(matches!(store.accept(vetoed).await, Err(AcceptError::Store(StoreError::Unavailable(_)))));
    assert_eq!(store.load(id).await, Ok(None));
    let is_other = |key: &String| lab.key(key) != veto && !key.starts_with("format:");
    let left: Vec<_> = lab.keys().into_iter().filter(is_other).collect();
    assert_eq!(left, ["fair:{fair}:number"]);
    assert!(ask(&["pttl", &veto]).parse::<i64>().unwrap() > 0, "the veto expires");

    let mut next = with_key(&lab, "key", "digest");
    next.idempotency.as_mut().unwrap().response = object(json!({}));
    next.record.document_id = document("doc");
    next.claims_document = true;
    accept(&*store, next).await;
}

/// Entries of waiting tasks, by name.
fn places(lab: &Lab) -> Vec<String> {
    let mut places: Vec<_> = ask(&["hkeys", &lab.key("fair:{fair}:waiting")]).lines().map(str::to_owned).collect();
    places.retain(|place| !place.is_empty());
    places.sort();
    places
}

/// Sweeps the entries that are old enough; expires no task.
async fn sweep(lab: &Lab) {
    lab.advance(YOUNG + Duration::from_millis(1));
    lab.store().expire(Timestamp::from_millis(0), 9).await.unwrap();
}

#[tokio::test]
async fn entries_left_by_earlier_versions_are_swept() {
    let lab = Lab::new().await;
    let id = accept(&*lab.store(), task(&lab, &[])).await;
    end(&lab, id, StatusWord::Failed).await;
    begin_again(&lab, id).await.unwrap();
    let (waiting, place) = (lab.key("fair:{fair}:waiting"), places(&lab).remove(0));
    let entry = ask(&["hget", &waiting, &place]);
    sweep(&lab).await;
    assert_eq!(places(&lab), std::slice::from_ref(&place), "it waits");
    end(&lab, id, StatusWord::Failed).await;
    assert_eq!((places(&lab).len(), ask(&["hexists", &lab.of_task("task", id), "waits"]).as_str()), (0, "0"));
    // An earlier version, which does not know these entries, ends the task.
    ask(&["hset", &lab.of_task("task", id), "waits", "1"]);
    ask(&["hset", &waiting, &place, &entry]);
    sweep(&lab).await;
    assert_eq!(places(&lab), [""; 0]);
}

#[tokio::test]
async fn an_uncommitted_retry_releases_its_entry_and_quota() {
    let lab = Lab::new().await;
    let (flow, limits) = (Flow::of("own"), TaskLimits { waiting_max: None, per_day_max: Some(2) });
    let new = || NewTask { flow: flow.clone(), limits, ..task(&lab, &[]) };
    let id = accept(&*lab.store(), new()).await;
    end(&lab, id, StatusWord::Failed).await;
    begin_again_of(&lab, id, &flow, limits).await.unwrap();
    let (waiting, place) = (lab.key("fair:{fair}:waiting"), places(&lab).remove(0));
    // The second of the day, by a process that died before the commit.
    let dead = format!("{id}/dead");
    ask(&["hset", &waiting, &dead, &ask(&["hget", &waiting, &place])]);
    assert!(matches!(lab.store().accept(new()).await, Err(AcceptError::OverQuota(_))));
    sweep(&lab).await;
    assert_eq!(places(&lab), [place], "and leaves the entry of the committed retry");
    accept(&*lab.store(), new()).await;
    assert!(matches!(lab.store().accept(new()).await, Err(AcceptError::OverQuota(_))));
}

#[tokio::test]
async fn concurrent_retries_have_one_queue_entry() {
    let lab = Lab::new().await;
    let id = accept(&*lab.store(), task(&lab, &[])).await;
    end(&lab, id, StatusWord::Failed).await;
    let results = futures::future::join_all((0..8).map(|_| begin_again(&lab, id))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    assert_eq!(results.iter().filter(|result| **result == Err(CommitError::Stale.into())).count(), 7, "{results:?}");
    let won = ask(&["hget", &lab.of_task("task", id), "place"]);
    assert_eq!(places(&lab), [format!("{id}/{won}")]);
    sweep(&lab).await;
    assert_eq!(places(&lab).len(), 1, "it is an old entry");
    end(&lab, id, StatusWord::Cancelled).await;
    assert_eq!(places(&lab), [""; 0]);
}
