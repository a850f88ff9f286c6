//! The set of keys in Redis.

use super::lab::{Lab, ask};
use crate::backends::Backend;
use crate::samples::{accept, append, attempt, claim_one, commit, document, end, object, task, with_key};
use morag_core::ports::{Commit, CursorMove, Guard, Next, Queue, Recorded};
use morag_core::task::{Event, StatusWord};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test]
async fn history_is_a_list_of_json_objects_newest_first() {
    let lab = Lab::new().await;
    let id = accept(&*lab.store(), task(&lab, &[])).await;
    append(&lab, id, 3).await.unwrap();
    let key = lab.key(&format!("task_history:{{q{}}}:{id}", &id.to_string()[..2]));
    let text = ask(&["lrange", &key, "0", "-1"]);
    let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut log = lab.store().load(id).await.unwrap().unwrap().events;
    log.reverse();
    assert_eq!((events.len(), events), (3, log));
    let newest: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((newest.is_object(), &newest["sequence"]), (true, &json!(3)));
}

#[tokio::test]
async fn a_finished_task_leaves_only_expected_keys() {
    let lab = Lab::new().await;
    let store = lab.store();
    for (name, status) in
        [("one", StatusWord::Completed), ("two", StatusWord::Failed), ("three", StatusWord::Cancelled)]
    {
        let mut new = with_key(&lab, name, "digest");
        new.record.document_id = document(name);
        new.claims_document = true;
        new.record.endpoints = ["a", "b"].map(crate::samples::endpoint).into();
        new.record.metadata = object(json!({"name": name})).into();
        let id = accept(&*store, new).await;
        let first = claim_one(&*store, Queue::Tasks).await;
        store.release(&first, lab.now()).await.unwrap();
        let worker = claim_one(&*store, Queue::Tasks).await;
        let guard = Guard::Lease(worker.fence);
        store.commit(commit(&lab, id, guard, 1..=2)).await.unwrap();
        assert!(store.renew(&worker, crate::samples::LEASE).await.unwrap());
        store.commit(Commit { next: Next::At(lab.now()), ..commit(&lab, id, guard, 3..=3) }).await.unwrap();
        let worker = claim_one(&*store, Queue::Tasks).await;
        let last = Commit { status, next: Next::Done, ..commit(&lab, id, Guard::Lease(worker.fence), 4..=4) };
        store.commit(last).await.unwrap();
        for held in store.claim(Queue::Deliveries, 9, crate::samples::LEASE).await.unwrap().leases {
            let wait = CursorMove::Retry(lab.now());
            store.advance(&held, wait, Some(attempt(1, lab.now(), 500))).await.unwrap();
        }
        for held in store.claim(Queue::Deliveries, 9, crate::samples::LEASE).await.unwrap().leases {
            let mut movement = CursorMove::Delivered;
            while store.advance(&held, movement, Some(attempt(2, lab.now(), 200))).await.unwrap() == Recorded::More {
                movement = if held.key.ends_with("/b") { CursorMove::Disable } else { CursorMove::Skip };
            }
        }
    }
    lab.advance(Duration::from_secs(1));
    assert_eq!(store.expire(lab.now(), 9).await.unwrap().len(), 3);

    let mut meant: BTreeSet<_> = ["document:one", "fair:{fair}:number", "fair:{fair}:time"].map(str::to_owned).into();
    // These expire.
    meant.extend(["one", "two", "three"].map(|name| format!("idempotency:{name}")));
    let mut left: BTreeSet<_> = lab.keys().into_iter().collect();
    // Progress of callers' flows: one field per caller, removed when the others have caught up.
    left.remove("fair:{fair}:flows");
    // Feeds are bounded, and expire a week after the last event of their bucket.
    left.retain(|key| !key.starts_with("feed:"));
    // The format of the store, and its live processes.
    left.retain(|key| !key.starts_with("format:"));
    assert_eq!(left, meant);
}

#[tokio::test]
async fn stores_with_different_prefixes_are_independent() {
    let (one, other) = (Lab::new().await, Lab::new().await);
    let id = accept(&*one.store(), with_key(&one, "key", "digest")).await;
    accept(&*other.store(), with_key(&other, "key", "another digest")).await;
    assert_eq!(other.store().load(id).await, Ok(None));
    let keys = crate::samples::claim_keys(&*one.store(), Queue::Tasks).await;
    assert_eq!(keys, [id.to_string()]);
    end(&one, id, StatusWord::Completed).await;
    assert_eq!(crate::samples::claim_keys(&*other.store(), Queue::Tasks).await.len(), 1);
}

#[tokio::test]
async fn a_store_is_known_by_an_id_of_its_own_that_all_its_processes_see() {
    let (one, other) = (Lab::new().await, Lab::new().await);
    let (here, there, elsewhere) = (one.another().await, one.another().await, other.another().await);
    assert_eq!(here.identity().await, Ok(None), "reading changes nothing");
    let (first, second) = tokio::join!(here.identify(), there.identify());
    let id = first.unwrap();
    assert_eq!((second, there.identity().await), (Ok(id.clone()), Ok(Some(id.clone()))));
    assert_eq!((id.len(), ask(&["ttl", &one.key("identity")]).as_str()), (32, "-1"));
    assert_ne!(elsewhere.identify().await.unwrap(), id, "another prefix is another store");
    ask(&["del", &one.key("identity")]);
    assert_eq!(here.identity().await, Ok(None));
    assert_ne!(here.identify().await.unwrap(), id, "an emptied store is another store too");
}
