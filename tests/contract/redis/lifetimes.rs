//! Expiry of keys.

use super::lab::{Lab, ask, once_seen};
use crate::backends::Backend;
use crate::retry::begin_again;
use crate::samples::{accept, append, attempt, claim_one, claiming, document, end, task, with_key};
use morag_core::ports::{AcceptError, CursorMove, Lease, ListFilter, NewResend, Queue, Recorded};
use morag_core::task::{StatusWord, TaskId, TenantId};
use std::time::Duration;

const KEPT: Duration = Duration::from_secs(90 * 60);

/// The keys of a task.
const KINDS: [&str; 5] = ["task", "task_history", "task_cursors", "task_deliveries", "task_attempts"];

/// The existing keys of a task, and whether each of them expires, within [`KEPT`].
fn lives(lab: &Lab, id: TaskId) -> Vec<(&'static str, bool)> {
    let life = |kind| {
        let millis: i64 = ask(&["pttl", &lab.of_task(kind, id)]).parse().unwrap();
        // TTL -2: absent; -1: persistent; 0: in its last millisecond.
        assert!(millis < 0 || (0..=KEPT.as_millis() as i64).contains(&millis), "{kind}: {millis}");
        (millis != -2).then_some((kind, millis >= 0))
    };
    KINDS.into_iter().filter_map(life).collect()
}

async fn lab() -> Lab {
    Lab::with(|options| options.history_kept = KEPT).await
}

/// Delivers all pending events of a cursor, and returns their number.
async fn deliver_all(lab: &Lab, held: &Lease) -> usize {
    for count in 1.. {
        let delivered = Some(attempt(1, lab.now(), 200));
        match lab.store().advance(held, CursorMove::Delivered, delivered).await.unwrap() {
            Recorded::More => {}
            Recorded::Idle => return count,
        }
    }
    unreachable!("a log ends")
}

#[tokio::test]
async fn an_ended_task_without_endpoints_goes_when_its_time_is_over() {
    for status in [StatusWord::Completed, StatusWord::Failed, StatusWord::Cancelled] {
        let lab = lab().await;
        let id = accept(&*lab.store(), task(&lab, &[])).await;
        append(&lab, id, 3).await.unwrap();
        assert_eq!(lives(&lab, id), [("task", false), ("task_history", false)]);
        end(&lab, id, status).await;
        assert_eq!(lives(&lab, id), [("task", true), ("task_history", true)], "{status:?}");
    }
}

#[tokio::test]
async fn a_task_stays_until_its_last_delivery_and_then_for_its_time() {
    let lab = lab().await;
    let store = lab.store();
    let id = accept(&*store, task(&lab, &["a", "b", "c"])).await;
    append(&lab, id, 2).await.unwrap();
    let mut cursors = store.claim(Queue::Deliveries, 9, crate::samples::LEASE).await.unwrap().leases;
    cursors.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(deliver_all(&lab, &cursors[0]).await, 2);
    end(&lab, id, StatusWord::Completed).await;
    let stays = KINDS.map(|kind| (kind, false));
    assert_eq!(lives(&lab, id), stays, "no endpoint got the end event");

    let first = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!((&first.key, deliver_all(&lab, &first).await), (&cursors[0].key, 1));
    assert_eq!(lives(&lab, id), stays, "two endpoints have pending events");
    assert_eq!(deliver_all(&lab, &cursors[1]).await, 3);
    assert_eq!(lives(&lab, id), stays, "one endpoint has pending events");
    let later = CursorMove::Retry(lab.now().plus(Duration::from_secs(60)));
    store.advance(&cursors[2], later, Some(attempt(1, lab.now(), 500))).await.unwrap();
    assert_eq!(lives(&lab, id), stays, "it is tried again");
    lab.advance(Duration::from_secs(60));
    let last = claim_one(&*store, Queue::Deliveries).await;
    assert_eq!(store.advance(&last, CursorMove::Dead, None).await, Ok(Recorded::More));
    assert_eq!(lives(&lab, id), stays);
    assert_eq!(deliver_all(&lab, &last).await, 2);
    assert_eq!(lives(&lab, id), KINDS.map(|kind| (kind, true)));
}

#[tokio::test]
async fn a_task_whose_last_endpoint_is_gone_goes_too() {
    let lab = lab().await;
    let store = lab.store();
    let id = accept(&*store, task(&lab, &["a"])).await;
    append(&lab, id, 1).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    end(&lab, id, StatusWord::Failed).await;
    let gone = store.advance(&held, CursorMove::Disable, Some(attempt(1, lab.now(), 410))).await;
    assert_eq!(gone, Ok(Recorded::Idle));
    let expected = ["task", "task_history", "task_deliveries", "task_attempts"].map(|kind| (kind, true));
    assert_eq!(lives(&lab, id), expected);

    // Removed before the end.
    let id = accept(&*store, task(&lab, &["a"])).await;
    append(&lab, id, 1).await.unwrap();
    let held = claim_one(&*store, Queue::Deliveries).await;
    store.advance(&held, CursorMove::Disable, None).await.unwrap();
    assert!(lives(&lab, id).iter().all(|(_, goes)| !goes));
    end(&lab, id, StatusWord::Failed).await;
    assert!(lives(&lab, id).iter().all(|(_, goes)| *goes), "{:?}", lives(&lab, id));
}

#[tokio::test]
async fn a_task_whose_cursors_are_parked_goes_unless_they_are_unparked() {
    let lab = lab().await;
    let store = lab.store();
    let goes = |id| lives(&lab, id).iter().all(|(_, goes)| *goes);
    let stays = |id| lives(&lab, id).iter().all(|(_, goes)| !*goes);
    // Parked before the end, and after it.
    for ends_first in [false, true] {
        let id = accept(&*store, task(&lab, &["hook"])).await;
        append(&lab, id, 1).await.unwrap();
        let held = claim_one(&*store, Queue::Deliveries).await;
        if ends_first {
            end(&lab, id, StatusWord::Completed).await;
        }
        store.advance(&held, CursorMove::Park, None).await.unwrap();
        if !ends_first {
            assert!(stays(id), "it runs");
            end(&lab, id, StatusWord::Completed).await;
        }
        assert!(goes(id), "{ends_first}: {:?}", lives(&lab, id));
        assert_eq!(store.unpark(&"hook".to_owned().into()).await, Ok(1));
        assert!(stays(id), "{ends_first}: {:?}", lives(&lab, id));
        let held = claim_one(&*store, Queue::Deliveries).await;
        assert_eq!(deliver_all(&lab, &held).await, 2);
        assert!(goes(id));
        let again = NewResend { task: id, endpoint: "hook".to_owned().into(), delivery: 1, url: None, due: lab.now() };
        assert_eq!(store.resend(&again).await, Ok(1));
        assert!(stays(id), "a delivery is made again");
        let held = claim_one(&*store, Queue::Deliveries).await;
        assert_eq!(deliver_all(&lab, &held).await, 1);
        assert!(goes(id));
    }
}

#[tokio::test]
async fn idempotency_keys_have_a_life_of_their_own() {
    let kept = Duration::from_secs(1234);
    // If the task disappeared earlier, it was lost, and its key with it.
    let history = Duration::from_millis(1);
    let lab = Lab::with(|options| (options.idempotency_kept, options.history_kept) = (kept, history)).await;
    let id = accept(&*lab.store(), with_key(&lab, "key", "digest")).await;
    let life = || ask(&["pttl", &lab.key("idempotency:key")]).parse::<i64>().unwrap();
    assert!((1..=kept.as_millis() as i64).contains(&life()), "{}", life());
    end(&lab, id, StatusWord::Completed).await;
    assert!((1..=kept.as_millis() as i64).contains(&life()), "{}", life());
    assert_eq!(lab.store().replay("key", "other").await, Err(AcceptError::IdempotencyConflict));
    lab.advance(Duration::from_secs(1));
    assert_eq!(lab.store().expire(lab.now(), 9).await, Ok(vec![id]));
    assert!(matches!(lab.store().replay("key", "digest").await, Ok(Some(_))), "it outlives the task");
}

#[tokio::test]
async fn expired_tasks_leave_no_trace_and_are_reported_once() {
    let lab = Lab::with(|options| options.history_kept = Duration::from_secs(1)).await;
    let store = lab.store();
    let silent = accept(&*store, claiming(&lab, "doc", false)).await;
    let told = accept(&*store, task(&lab, &["hook"])).await;
    for id in [silent, told] {
        append(&lab, id, 2).await.unwrap();
        end(&lab, id, StatusWord::Completed).await;
    }
    let lives_on = accept(&*store, task(&lab, &["hook"])).await;
    append(&lab, lives_on, 1).await.unwrap();
    let cursors = store.claim(Queue::Deliveries, 9, crate::samples::LEASE).await.unwrap().leases;
    let held = cursors.iter().find(|lease| lease.key.starts_with(&told.to_string())).unwrap();
    assert_eq!(deliver_all(&lab, held).await, 3);
    once_seen("keys that go by themselves", async || {
        (lives(&lab, silent).is_empty() && lives(&lab, told).is_empty()).then_some(())
    })
    .await;

    for id in [silent, told] {
        assert_eq!(store.load(id).await, Ok(None));
        assert_eq!(store.deliveries(id).await, Ok(vec![]));
    }
    let listed = store.list(&ListFilter { limit: 9, ..ListFilter::default() }).await.unwrap();
    assert_eq!(listed.items.iter().map(|item| item.task).collect::<Vec<_>>(), [lives_on]);
    append(&lab, lives_on, 1).await.unwrap();
    let recent = store.recent(&Default::default(), lab.now().minus(Duration::from_secs(60)), 9, None).await.unwrap();
    let tasks: Vec<_> = recent.items.iter().map(|item| item.task).collect();
    assert!(!tasks.is_empty() && tasks.iter().all(|id| *id == lives_on), "{tasks:?}");
    assert_eq!(
        store.document_holder(&Default::default(), &document("doc")).await,
        Ok(Some(silent)),
        "the content is still stored"
    );

    lab.advance(Duration::from_secs(1));
    let mut gone = store.expire(lab.now(), 9).await.unwrap();
    gone.sort();
    let mut expected = [silent, told];
    expected.sort();
    assert_eq!(gone, expected);
    assert_eq!(store.expire(lab.now(), 9).await, Ok(vec![]), "once");
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 1, "{counts:?}");

    // No key names them any more, except for the document whose content is stored.
    for id in [silent, told] {
        let bucket = format!("{{q{}}}", &id.to_string()[..2]);
        // A feed may name them: it is bounded and expires, and its readers skip missing tasks.
        let named = |key: &String| key.contains(&bucket) && !key.starts_with("feed:");
        for key in lab.keys().into_iter().filter(named) {
            assert!(!dump(&lab.key(&key)).contains(&id.to_string()), "{key}: {}", dump(&lab.key(&key)));
        }
    }
}

/// The content of a key.
fn dump(key: &str) -> String {
    match ask(&["type", key]).as_str() {
        "string" => ask(&["get", key]),
        "hash" => ask(&["hgetall", key]),
        "list" => ask(&["lrange", key, "0", "-1"]),
        "zset" => ask(&["zrange", key, "0", "-1", "withscores"]),
        other => panic!("{key} is a {other}"),
    }
}

#[tokio::test]
async fn a_task_that_runs_again_since_it_was_found_is_not_forgotten() {
    let lab = lab().await;
    let store = lab.store();
    let id = accept(&*store, task(&lab, &[])).await;
    end(&lab, id, StatusWord::Failed).await;
    let ended = lab.key(&format!("ended:{{q{}}}", &id.to_string()[..2]));
    let at = ask(&["zscore", &ended, &id.to_string()]);
    begin_again(&lab, id).await.unwrap();
    // As seen by a process that has looked earlier.
    assert_eq!(ask(&["zadd", &ended, &at, &id.to_string()]), "1");
    lab.advance(Duration::from_secs(1));
    assert_eq!(store.expire(lab.now(), 9).await, Ok(vec![]));
    assert_eq!(store.load(id).await.unwrap().unwrap().last_sequence(), 2);
}

#[tokio::test]
async fn a_tasks_record_names_its_tenant() {
    let lab = lab().await;
    let store = lab.store();
    let acme: TenantId = "acme".parse().unwrap();
    let mut new = task(&lab, &[]);
    (new.record.tenant, new.record.source.size) = (acme.clone(), 100);
    let id = accept(&*store, new).await;
    // The state after an eviction or a partial restore.
    ask(&["del", &lab.key(&format!("owners:{{q{}}}", &id.to_string()[..2]))]);
    assert_eq!(store.tenant_of(id).await, Ok(Some(acme.clone())));
    append(&lab, id, 1).await.unwrap();
    end(&lab, id, StatusWord::Failed).await;
    let listed = async |tenant: &TenantId| {
        let filter = ListFilter { limit: 9, tenant: tenant.clone(), statuses: vec![StatusWord::Failed], cursor: None };
        store.list(&filter).await.unwrap().items.len()
    };
    assert_eq!((listed(&acme).await, listed(&TenantId::default()).await), (1, 0));
    let recent = store.recent(&TenantId::default(), morag_core::Timestamp::from_millis(0), 9, None).await.unwrap();
    assert_eq!(recent.items, [], "other tenants do not see it");
    assert_eq!(store.stored_bytes(&acme).await, Ok(100));
    assert_eq!(store.files_deleted(id).await, Ok(true));
    assert_eq!(store.stored_bytes(&acme).await, Ok(0));
}
