//! Stores written by earlier commits (`stores/README.md`) can be read and used.

use crate::backends::{Backend, Store};
use crate::redis::lab::{Lab, ask};
use crate::samples::{LEASE, attempt, document, event};
use morag_adapters::embeddings::HashedEmbedder;
use morag_adapters::store::redis::{FORMAT, FormatOptions, Redis, RedisKnowledge};
use morag_adapters::store::sqlite::{Options, SqliteKnowledge, SqliteStore, Versions};
use morag_core::Timestamp;
use morag_core::pipeline::stored_files;
use morag_core::ports::{
    AcceptError, Clock, Commit, CursorMove, DeliveryState, Embedder, Guard, Knowledge, ListFilter, Next, Queue,
    Recorded,
};
use morag_core::task::{EventKind, StatusWord, TaskId, TenantId};
use morag_testkit::FakeClock;
use morag_tests::old_stores::{DOCUMENT, EMBEDDED, KNOWLEDGE, fill_redis, make_database};
use morag_tests::redis::shared_single;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A minute after the stores were dumped: every lease has expired.
const NOW: Timestamp = Timestamp::from_millis(1_795_882_400_000);

/// Differences between the stores.
struct Written {
    /// Deliveries of the completed and the failed task.
    deliveries: [usize; 2],
    /// The idempotency key, and its request digest if it was stored.
    key: (&'static str, Option<&'static str>),
    /// Whether there is a named endpoint.
    has_endpoint: bool,
    /// Cursors of the interrupted and the waiting task that have pending deliveries once both tasks have ended.
    cursors: usize,
}

const BY_HAND: Written =
    Written { deliveries: [17, 4], key: ("fixture-1", Some("digest")), has_endpoint: false, cursors: 2 };
const BY_HAND_WITH_ENDPOINT: Written = Written { deliveries: [34, 4], has_endpoint: true, ..BY_HAND };
const BY_A_SERVER: Written = Written {
    deliveries: [5, 6],
    key: ("62af8704764faf8ea82fc61ce9c4c390/ingest/file/fixture-1", None),
    has_endpoint: true,
    cursors: 4,
};

async fn tasks(store: &dyn Store) -> BTreeMap<&'static str, TaskId> {
    let page = store.list(&ListFilter { limit: 9, ..ListFilter::default() }).await.unwrap();
    page.items.iter().map(|item| (item.status.as_str(), item.task)).collect()
}

/// All data is as it was dumped.
async fn is_read(store: &dyn Store, written: &Written) {
    let tasks = tasks(store).await;
    assert_eq!(tasks.keys().copied().collect::<Vec<_>>(), ["completed", "failed", "in_progress", "pending"]);
    let (completed, failed) = (tasks["completed"], tasks["failed"]);
    let log = store.load(completed).await.unwrap().unwrap();
    let sequences: Vec<_> = log.events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=17).collect::<Vec<_>>());
    assert!(matches!(&log.events[16].kind, EventKind::TaskCompleted { result } if result["chunks_created"].is_u64()));
    let source = &log.record.source;
    assert_eq!((source.size, source.file_name.as_str()), (DOCUMENT.len() as u64, "harbour.md"));
    let files: Vec<_> = stored_files(&log.record, &log.events).into_keys().map(String::from).collect();
    for name in ["chunks.json", "graph.json", "markdown.md", "metadata.json", "original.md"] {
        assert!(files.iter().any(|file| file == name), "{name} is not among {files:?}");
    }
    let log = store.load(failed).await.unwrap().unwrap();
    let Some(EventKind::TaskFailed { failure, .. }) = log.events.last().map(|event| &event.kind) else {
        panic!("{:?}", log.events)
    };
    assert_eq!((failure.code.as_str(), log.events.len()), ("UNSUPPORTED_FORMAT", 4));
    assert_eq!(store.load(tasks["in_progress"]).await.unwrap().unwrap().last_sequence(), 2);
    assert_eq!(store.load(tasks["pending"]).await.unwrap().unwrap().last_sequence(), 0);
    for (task, count) in [completed, failed].into_iter().zip(written.deliveries) {
        let deliveries = store.deliveries(task).await.unwrap();
        assert_eq!(deliveries.len(), count);
        assert!(deliveries.iter().all(|one| one.state != DeliveryState::Pending && !one.attempts.is_empty()));
    }
    let recent = store.recent(&TenantId::default(), Timestamp::from_millis(0), 100, None).await.unwrap();
    assert_eq!(recent.items.len(), 23);
    let counts = store.counts().await.unwrap();
    let there: u64 = counts.iter().map(|(_, count)| count).sum();
    assert_eq!(there, 4, "{counts:?}");

    assert_eq!(store.document_holder(&TenantId::default(), &document("harbour-1")).await, Ok(Some(completed)));
    let (key, digest) = written.key;
    assert_eq!(store.replay(key, "another").await, Err(AcceptError::IdempotencyConflict));
    if let Some(digest) = digest {
        let answer = store.replay(key, digest).await.unwrap().unwrap();
        assert_eq!(answer["task_id"], completed.to_string());
    }
    let endpoints = store.endpoints(None).await.unwrap().unwrap().endpoints;
    assert_eq!(endpoints.len(), usize::from(written.has_endpoint));
}

/// The two unfinished tasks run to their end, and their events are delivered.
async fn is_worked_on(store: &dyn Store, written: &Written) {
    let before = tasks(store).await;
    let open = [before["in_progress"], before["pending"]];
    let claim = store.claim(Queue::Tasks, 9, LEASE).await.unwrap();
    let mut claimed: Vec<_> = claim.leases.iter().map(|lease| lease.key.parse::<TaskId>().unwrap()).collect();
    claimed.sort();
    let mut expected = open.to_vec();
    expected.sort();
    assert_eq!(claimed, expected);
    for lease in claim.leases {
        let task: TaskId = lease.key.parse().unwrap();
        let next = store.load(task).await.unwrap().unwrap().last_sequence() + 1;
        let ending = Commit {
            task,
            guard: Guard::Lease(lease.fence),
            events: vec![event(next, NOW)],
            live_percent: 0.0,
            status: StatusWord::Completed,
            next: Next::Done,
        };
        assert_eq!(store.commit(ending).await, Ok(()));
    }
    let cursors = store.claim(Queue::Deliveries, 99, LEASE).await.unwrap().leases;
    assert_eq!(cursors.len(), written.cursors, "{cursors:?}");
    for cursor in cursors {
        let pending = store.pending(&cursor, 1).await.unwrap().unwrap();
        assert_eq!(pending.events[0].sequence, pending.cursor.next_event);
        while store.advance(&cursor, CursorMove::Delivered, Some(attempt(1, NOW, 204))).await == Ok(Recorded::More) {}
    }
    for task in open {
        let last = store.load(task).await.unwrap().unwrap().last_sequence();
        let deliveries = store.deliveries(task).await.unwrap();
        assert!(deliveries.iter().any(|one| one.event == last && one.state == DeliveryState::Delivered));
    }
    let after: Vec<_> = store.counts().await.unwrap().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(after, [(StatusWord::Completed, 3), (StatusWord::Failed, 1)]);
}

/// The document's knowledge is found by its content.
async fn is_known(knowledge: &dyn Knowledge) {
    let counts = knowledge.counts("documents", Some(&document("harbour-1"))).await.unwrap();
    assert!(counts.points > 0 && counts.nodes > 0, "{counts:?}");
    let embedder = HashedEmbedder::new();
    let question = embedder.embed(vec!["The harbour of Westport handled ships".into()]).await.unwrap().remove(0);
    let hits = knowledge.search("documents", &question, 3).await.unwrap();
    assert!(hits[0].text.contains("Westport") && hits[0].document == document("harbour-1"), "{hits:?}");
}

fn open(path: &Path) -> Arc<SqliteStore> {
    let clock = Arc::new(FakeClock::at(NOW)) as Arc<dyn Clock>;
    SqliteStore::open_with(path, clock, Options { ends_leases: true, ..Options::default() }).unwrap()
}

/// Names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

async fn an_embedded_store_is_worked_on(version: usize, written: &Written) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("morag.db");
    make_database(&path, EMBEDDED[version - 1]);
    let store = open(&path);
    is_read(&*store, written).await;
    is_worked_on(&*store, written).await;
    drop(store);
    // Opened again, it has the new state, and one backup of the old one.
    let store = open(&path);
    assert_eq!(tasks(&*store).await.keys().copied().collect::<Vec<_>>(), ["completed", "failed"]);
    let copies: Vec<_> = names(folder.path()).into_iter().filter(|name| name.contains(".before-v")).collect();
    assert_eq!(copies.len(), usize::from((version as i64) < Versions::known().tasks), "{copies:?}");
}

macro_rules! embedded {
    ($($name:ident: $version:literal, $written:ident;)+) => {
        $(#[tokio::test] async fn $name() { an_embedded_store_is_worked_on($version, &$written).await; })+
    };
}

embedded! {
    an_embedded_store_of_version_1: 1, BY_HAND;
    an_embedded_store_of_version_2: 2, BY_HAND;
    an_embedded_store_of_version_3: 3, BY_HAND;
    an_embedded_store_of_version_4: 4, BY_HAND_WITH_ENDPOINT;
    an_embedded_store_of_version_5: 5, BY_A_SERVER;
}

#[test]
fn every_version_but_the_latest_has_its_store_here() {
    assert!(
        EMBEDDED.len() as i64 + 1 >= Versions::known().tasks,
        "dump one of the version before, as stores/README.md says"
    );
}

#[tokio::test]
async fn embedded_knowledge_of_version_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("knowledge.db");
    make_database(&path, KNOWLEDGE);
    is_known(&SqliteKnowledge::open(&path, None).unwrap()).await;
}

#[tokio::test]
async fn a_redis_without_a_format() {
    let lab = Lab::new().await.without_process();
    for key in ["format:{format}", "format:{format}:processes"] {
        ask(&["del", &lab.key(key)]);
    }
    fill_redis(shared_single().port(), &lab.key(""));
    lab.advance(Duration::from_millis(NOW.since(lab.now()).as_millis() as u64));
    let url = shared_single().url();
    let store = lab.knowing(&url, FormatOptions::default()).await.unwrap();
    assert_eq!(store.format(), FORMAT, "no other process is alive");
    assert_eq!(ask(&["hget", &lab.key("format:{format}"), "format"]), FORMAT.to_string());
    is_read(&*store, &BY_A_SERVER).await;
    is_worked_on(&*store, &BY_A_SERVER).await;
    let redis = Redis::connect(url.parse().unwrap(), None).await.unwrap();
    is_known(&*RedisKnowledge::open(redis, lab.key(""))).await;
}
