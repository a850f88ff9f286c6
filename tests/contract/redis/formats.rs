//! The format version of a store, and processes that support different versions.

use super::lab::{Lab, ask, claim_by_waiting, in_time, once_seen};
use crate::backends::redis::{Cluster, InRedis, Servers, Single};
use crate::backends::{Backend, Store};
use crate::samples::{LEASE, accept, attempt, commit, task};
use morag_adapters::store::redis::{FORMAT, FormatOptions, Redis, RedisKnowledge, RedisStore};
use morag_core::ports::{
    Commit, CursorMove, Deliveries, DueQueue, Guard, Knowledge, Next, Queue, Recorded, StoreError, Tasks,
};
use morag_core::task::{StatusWord, TaskId};
use morag_tests::proxy::{Proxy, Wire};
use morag_tests::redis::shared_single;
use std::sync::Arc;
use std::time::Duration;

/// Long enough that no process of a test counts as dead because the machine was busy.
const SILENCE_MAX: Duration = Duration::from_secs(15);

fn knowing(supported: u32) -> FormatOptions {
    FormatOptions { supported, silence_max: SILENCE_MAX }
}

/// Whether it is the refusal for these formats, with advice.
fn is_refusal(error: &StoreError, format: u32, known: u32) -> bool {
    let StoreError::Unavailable(text) = error else { return false };
    let written = format!("is of format {format}, written by MoRAG {}", env!("CARGO_PKG_VERSION"));
    let knows = format!("knows formats up to {known}");
    [&*written, &*knows, "docs/operations.md"].iter().all(|said| text.contains(said))
}

#[track_caller]
fn refused<T>(result: Result<T, StoreError>, format: u32, known: u32) {
    match result {
        Ok(_) => panic!("not refused"),
        Err(error) => assert!(is_refusal(&error, format, known), "{error}"),
    }
}

fn format_of(lab: &Lab) -> String {
    ask(&["hget", &lab.key("format:{format}"), "format"])
}

#[tokio::test]
async fn a_store_without_a_format_has_format_1() {
    let lab = Lab::new().await;
    let id = accept(&*lab.store(), task(&lab, &[])).await;
    // The state that an earlier version leaves.
    ask(&["del", &lab.key("format:{format}"), &lab.key("format:{format}:processes")]);
    let store = lab.knowing(&shared_single().url(), knowing(1)).await.unwrap();
    assert_eq!((store.format(), &*format_of(&lab)), (1, "1"));
    assert!(store.follows_unannounced(), "the operator is told");
    let next = lab.knowing(&shared_single().url(), knowing(1)).await.unwrap();
    assert!(!next.follows_unannounced(), "once");
    assert!(store.load(id).await.unwrap().is_some());
    assert_eq!(ask(&["hget", &lab.key("format:{format}"), "by"]), env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_new_store_has_the_format_of_this_program() {
    let lab = Lab::new().await;
    assert_eq!(format_of(&lab), FORMAT.to_string());
    let lab = Lab::with(|options| options.format = knowing(FORMAT + 1)).await;
    assert_eq!(format_of(&lab), (FORMAT + 1).to_string());
    ask(&["del", &lab.key("format:{format}"), &lab.key("format:{format}:processes")]);
    let empty = lab.knowing(&shared_single().url(), knowing(1)).await.unwrap();
    assert!(!empty.follows_unannounced(), "no process used it before");
}

#[tokio::test]
async fn a_process_with_older_formats_is_refused_at_start() {
    let lab = Lab::with(|options| options.format = knowing(3)).await;
    let before = lab.keys();
    refused(lab.knowing(&shared_single().url(), knowing(2)).await, 3, 2);
    assert_eq!(lab.keys(), before);
    assert_eq!(ask(&["hlen", &lab.key("format:{format}:processes")]), "1", "a refused process does not count as alive");
}

/// An old process is cut off while it holds a task; meanwhile the store is upgraded. Once reconnected, it must not write any more.
#[tokio::test]
async fn a_process_cut_off_during_an_upgrade_writes_nothing() {
    let lab = Lab::with(|options| options.format = knowing(1)).await;
    let proxy = Proxy::to(shared_single().port()).await;
    let url = shared_single().url_at(proxy.port());
    let old = lab.knowing(&url, knowing(1)).await.unwrap();
    let id = accept(&*old, task(&lab, &["hook"])).await;
    let held = claim_by_waiting(&*old, Queue::Tasks, LEASE).await.leases.remove(0);
    proxy.cut(Wire::Reset);

    // The lab's own process is an old one too, and shuts down normally.
    let lab = lab.without_process();
    let new = lab.knowing(&shared_single().url(), knowing(2)).await.unwrap();
    assert_eq!(new.format(), 1, "the old processes may still be alive");
    once_seen("a raised store", async || (new.format() == 2).then_some(())).await;
    proxy.heal();

    let late = || commit(&lab, id, Guard::Lease(held.fence), 1..=1);
    let text = once_seen("a refusal", async || {
        let error = old.commit(late()).await.expect_err("a late commit was taken");
        error.to_string().contains("is of format").then(|| error.to_string())
    })
    .await;
    assert!(text.contains("is of format 2") && text.contains("up to 1"), "{text}");
    assert_eq!(new.load(id).await.unwrap().unwrap().last_sequence(), 0);
    refused(old.claim(Queue::Tasks, 1, LEASE).await, 2, 1);
    refused(old.load(id).await, 2, 1);
    refused(old.ping().await, 2, 1);
    assert!(old.accept(task(&lab, &[])).await.is_err());

    // A new process finishes its task once the lease has expired.
    lab.advance(LEASE);
    assert_eq!(work(&lab, &*new).await, id);
}

#[tokio::test]
async fn knowledge_of_a_newer_format_is_not_touched_either() {
    let lab = Lab::with(|options| options.format = knowing(2)).await;
    let redis = Redis::connect(shared_single().url().parse().unwrap(), None).await.unwrap();
    let knowledge = RedisKnowledge::open(redis.clone(), lab.key(""));
    assert!(knowledge.counts("default", None).await.is_ok());
    assert!(lab.opened_over(redis, knowing(1)).await.is_err());
    refused(knowledge.counts("default", None).await, 2, 1);
}

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod single {
            $(#[tokio::test] async fn $name() { super::$name::<super::Single>().await; })+
        }
        mod cluster {
            $(#[tokio::test] async fn $name() { super::$name::<super::Cluster>().await; })+
        }
    };
}

on_both!(processes_are_replaced_one_by_one);

/// Finishes any task and delivers its events.
async fn work(backend: &impl Backend, store: &dyn Store) -> TaskId {
    let lease = in_time("a task", claim_by_waiting(store, Queue::Tasks, LEASE)).await.leases.remove(0);
    let id: TaskId = lease.key.parse().unwrap();
    let done = Commit {
        status: StatusWord::Completed,
        next: Next::Done,
        ..commit(backend, id, Guard::Lease(lease.fence), 1..=3)
    };
    assert_eq!(store.commit(done).await, Ok(()));
    for cursor in store.claim(Queue::Deliveries, 9, LEASE).await.unwrap().leases {
        while store.advance(&cursor, CursorMove::Delivered, Some(attempt(1, backend.now(), 200))).await.unwrap()
            == Recorded::More
        {}
    }
    id
}

/// Two old processes are replaced by two new ones, one after the other, while each process accepts and finishes tasks.
async fn processes_are_replaced_one_by_one<S: Servers>() {
    const OLD: u32 = 1;
    const NEW: u32 = 2;
    let backend = InRedis::<S>::unopened();
    let process = async |known| backend.knowing(knowing(known)).await;
    let mut fleet = vec![process(OLD).await.unwrap(), process(OLD).await.unwrap()];
    let (mut accepted, mut worked) = (Vec::new(), Vec::new());
    let mut turn = async |fleet: &[Arc<RedisStore>]| {
        for store in fleet {
            accepted.push(accept(&**store, task(&backend, &["hook"])).await);
        }
        for store in fleet {
            worked.push(work(&backend, &**store).await);
        }
    };
    turn(&fleet).await;
    for _ in 0..2 {
        let successor = process(NEW).await.unwrap();
        assert_eq!(successor.format(), OLD, "an old process is alive");
        fleet.push(successor);
        turn(&fleet).await;
        drop(fleet.remove(0));
    }
    // The last old process is gone: the next heartbeat of a process upgrades the store, and the others notice.
    for store in &fleet {
        once_seen("a raised store", async || (store.format() == NEW).then_some(())).await;
    }
    refused(process(OLD).await, NEW, OLD);
    turn(&fleet).await;

    worked.sort();
    accepted.sort();
    assert_eq!((worked.len(), &worked), (10, &accepted), "each task once, by any process");
    let last = &fleet[0];
    for id in accepted {
        let log = last.load(id).await.unwrap().unwrap();
        assert_eq!(log.last_sequence(), 3);
        let delivered = last.deliveries(id).await.unwrap();
        assert_eq!(delivered.len(), 3, "{id}");
    }
}
