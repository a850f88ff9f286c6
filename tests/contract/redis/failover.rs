//! Losses that a failover may cause, and what must still work. A replica that missed the last writes is simulated by removing
//! them.

use super::lab::{Lab, ask, once_seen};
use crate::backends::Backend;
use crate::samples::{LEASE, accept, claim_one, claiming, commit, document, end, task, with_key};
use morag_adapters::store::redis::{Redis, RedisSetup};
use morag_core::ports::{Accepted, CommitError, DueQueue as _, Guard, ListFilter, Queue, StoreSetup as _, Tasks as _};
use morag_core::task::{StatusWord, TaskId, TenantId};
use morag_tests::proxy::{Proxy, Wire};
use morag_tests::redis::{RedisOptions, RedisServer};
use std::time::Duration;

/// Removes a stored task and its queue entry.
fn lose(lab: &Lab, id: TaskId) {
    for kind in ["task", "task_history", "task_cursors"] {
        ask(&["del", &lab.of_task(kind, id)]);
    }
    ask(&["zrem", &lab.of_queue("ready", id, "tasks"), &id.to_string()]);
}

#[tokio::test]
async fn the_key_of_a_lost_task_can_be_used_again() {
    let lab = Lab::new().await;
    let store = lab.store();
    let first = with_key(&lab, "key", "digest");
    let answer = first.idempotency.clone().unwrap().response;
    let lost = accept(&*store, first).await;
    assert_eq!(store.replay("key", "digest").await, Ok(Some(answer)));
    lose(&lab, lost);
    assert_eq!(store.replay("key", "digest").await, Ok(None), "the response names a lost task");
    assert_eq!(store.accept(with_key(&lab, "key", "digest")).await, Ok(Accepted::New));
}

#[tokio::test]
async fn the_key_of_an_expired_task_is_answered_as_before() {
    let hour = Duration::from_secs(3600);
    let lab = Lab::with(|options| (options.history_kept, options.idempotency_kept) = (hour, hour * 24)).await;
    let store = lab.store();
    let first = with_key(&lab, "key", "digest");
    let answer = first.idempotency.clone().unwrap().response;
    let expired = accept(&*store, first).await;
    // Simulates that an hour has passed.
    ask(&["pexpire", &lab.key("idempotency:key"), &(hour * 23).as_millis().to_string()]);
    lose(&lab, expired);
    assert_eq!(store.replay("key", "digest").await, Ok(Some(answer.clone())));
    assert_eq!(store.accept(with_key(&lab, "key", "digest")).await, Ok(Accepted::Replayed(answer)));
}

#[tokio::test]
async fn a_task_whose_claim_was_lost_has_one_worker() {
    let lab = Lab::new().await;
    let (here, there) = (lab.store(), lab.another().await);
    let id = accept(&*here, task(&lab, &[])).await;
    let lost = claim_one(&*here, Queue::Tasks).await;
    // The state of a replica that missed the claim.
    let of_queue = |kind| lab.of_queue(kind, id, "tasks");
    ask(&["hdel", &of_queue("leases"), &lost.key]);
    ask(&["hdel", &of_queue("fences"), &lost.key]);
    ask(&["zrem", &of_queue("due"), &lost.key]);
    ask(&["zadd", &of_queue("ready"), "1", &lost.key]);
    let held =
        once_seen("a further claim", async || there.claim(Queue::Tasks, 1, LEASE).await.unwrap().leases.pop()).await;
    assert_eq!(held.key, lost.key);
    assert_eq!(here.renew(&lost, LEASE).await, Ok(false), "it would overwrite the other worker's files");
    let late = here.commit(commit(&lab, id, Guard::Lease(lost.fence), 1..=1)).await;
    assert_eq!(late, Err(CommitError::Stale));
    assert_eq!(there.commit(commit(&lab, id, Guard::Lease(held.fence), 1..=1)).await, Ok(()));
    assert_eq!(there.load(id).await.unwrap().unwrap().claims, 1);
}

#[tokio::test]
async fn a_lost_number_is_not_reused() {
    let lab = Lab::new().await;
    let store = lab.store();
    let number = lab.key("fair:{fair}:number");
    let before = ask(&["get", &number]);
    let one = accept(&*store, task(&lab, &[])).await;
    ask(&["set", &number, if before.is_empty() { "0" } else { &before }]);
    lab.advance(Duration::from_millis(1));
    let other = accept(&*store, task(&lab, &[])).await;
    let of = |id| ask(&["hget", &lab.of_task("task", id), "number"]);
    assert_ne!(of(one), of(other));
    // Pages continue after the number: a duplicate number would hide a task.
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list(&ListFilter { limit: 1, cursor, ..ListFilter::default() }).await.unwrap();
        listed.extend(page.items.into_iter().map(|item| item.task));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(listed, [other, one]);
}

#[tokio::test]
async fn a_document_whose_claim_was_lost_is_its_tasks_again_when_that_completes() {
    let lab = Lab::new().await;
    let store = lab.store();
    let key = lab.key("document:doc");
    let first = accept(&*store, claiming(&lab, "doc", false)).await;
    ask(&["del", &key]);
    end(&lab, first, StatusWord::Completed).await;
    assert_eq!(store.document_holder(&TenantId::default(), &document("doc")).await, Ok(Some(first)));
    // A replaced document's claim does not come back.
    lab.advance(Duration::from_secs(1));
    let second = accept(&*store, claiming(&lab, "doc", true)).await;
    end(&lab, second, StatusWord::Completed).await;
    lab.advance(Duration::from_secs(1));
    assert_eq!(store.expire(lab.now(), 9).await.map(|gone| gone.len()), Ok(2));
    assert_eq!(store.document_holder(&TenantId::default(), &document("doc")).await, Ok(Some(second)));
}

/// A master, and a replica behind a slow connection.
#[tokio::test]
async fn accepted_tasks_are_replicated_before_the_response() {
    let master = RedisServer::start();
    let proxy = Proxy::to(master.port()).await;
    let follows = ["--replicaof", "127.0.0.1", &proxy.port().to_string()];
    let replica = RedisServer::start_with_arguments(RedisOptions::default(), &follows);
    let followed = async || master.ask(&["info", "replication"]).contains("state=online").then_some(());
    once_seen("a replica that follows", followed).await;
    let redis = Redis::connect(master.url().parse().unwrap(), None).await.unwrap();
    let setup = RedisSetup::open(redis.clone(), "restart".parse().unwrap()).await.unwrap();
    assert!(setup.shortcomings().iter().all(|found| found.is_accepted));
    let lab = Lab::on(redis).await.unwrap();
    // Loads the scripts first, so that each call below is a single request.
    accept(&*lab.store(), with_key(&lab, "before", "digest")).await;
    proxy.lag(Duration::from_millis(20));
    let mut new = with_key(&lab, "key", "digest");
    (new.record.document_id, new.claims_document) = (document("doc"), true);
    let id = accept(&*lab.store(), new).await;
    // Data that has not arrived by now is lost.
    proxy.cut(Wire::Reset);
    let key = |name: &str| lab.key(name);
    for key in [lab.of_task("task", id), key("idempotency:key"), key("document:doc")] {
        assert_eq!(replica.ask(&["exists", &key]), "1\n", "{key}");
    }
    // Without a replica, calls still succeed.
    accept(&*lab.store(), task(&lab, &[])).await;
}
