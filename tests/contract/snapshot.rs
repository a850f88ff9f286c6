//! Consistent snapshots of both databases of the embedded store while a server uses them.

use crate::samples::document;
use morag_adapters::SystemClock;
use morag_adapters::store::sqlite::{Since, Snapshot, SqliteKnowledge, SqliteStore};
use morag_core::JsonObject;
use morag_core::ports::{Accepted, Knowledge, ListFilter, Point, Revision, StagedBatch, StoreError, Tasks};
use morag_core::task::{TaskId, TaskRecord};
use morag_testkit::{new_task, record};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const COLLECTION: &str = "documents";

/// Snapshots taken while the server works: if one database were copied after the other was read, many of so few would not match.
const SNAPSHOTS: usize = 60;

struct Stores {
    tasks: Arc<SqliteStore>,
    knowledge: SqliteKnowledge,
}

impl Stores {
    fn open(folder: &Path) -> Self {
        Self {
            tasks: SqliteStore::open(&folder.join("tasks.db"), Arc::new(SystemClock)).unwrap(),
            knowledge: SqliteKnowledge::open(&folder.join("knowledge.db"), None).unwrap(),
        }
    }

    /// Accepts a task and publishes its content: two commits, one after the other.
    async fn work(&self) {
        let id = TaskId::random();
        let record =
            TaskRecord { id, document_id: document(&id.to_string()), collection: COLLECTION.into(), ..record() };
        let revision = Revision {
            id: uuid::Uuid::new_v4(),
            task: id,
            document: record.document_id.clone(),
            collection: COLLECTION.into(),
        };
        assert_eq!(self.tasks.accept(new_task(record)).await, Ok(Accepted::New));
        let point = Point { id: "1".into(), vector: vec![1.0, 0.0], text: id.to_string(), payload: JsonObject::new() };
        let batch = StagedBatch::Points { model: "model".into(), points: vec![point] };
        self.knowledge.stage(&revision, batch).await.unwrap();
        self.knowledge.publish(&revision).await.unwrap();
    }

    async fn ids(&self) -> BTreeSet<String> {
        let (mut ids, mut cursor) = (BTreeSet::new(), None);
        loop {
            let page = self.tasks.list(&ListFilter { limit: 100, cursor, ..ListFilter::default() }).await.unwrap();
            ids.extend(page.items.iter().map(|item| item.task.to_string()));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return ids;
            }
        }
    }

    /// Number of points of all documents, or of a task's document.
    async fn points(&self, task: Option<&String>) -> u64 {
        let document = task.map(|id| document(id));
        self.knowledge.counts(COLLECTION, document.as_ref()).await.unwrap().points
    }
}

fn take(folder: &Path) -> Result<Snapshot, StoreError> {
    Snapshot::take(&folder.join("tasks.db"), &folder.join("knowledge.db"))
}

/// Opens a snapshot's copy.
fn copied(snapshot: &Snapshot) -> (tempfile::TempDir, Stores) {
    let folder = tempfile::tempdir().unwrap();
    snapshot.copy_to(&folder.path().join("tasks.db"), &folder.path().join("knowledge.db")).unwrap();
    let copy = Stores::open(folder.path());
    (folder, copy)
}

#[tokio::test]
async fn a_snapshot_stays_what_it_was_while_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let stores = Stores::open(folder.path());
    stores.work().await;
    let expected = stores.ids().await;
    let snapshot = take(folder.path()).unwrap();
    stores.work().await;
    let (_folder, copy) = copied(&snapshot);
    assert_eq!((copy.ids().await, copy.points(None).await), (expected.clone(), 1));
    assert_eq!((stores.ids().await.len(), stores.points(None).await), (2, 2), "the server was blocked");
    let mut seen = Vec::new();
    let count = snapshot.each_task(|id, task| {
        let task = task?;
        assert_eq!(task.record.id, id);
        seen.push((id.to_string(), task.events.len()));
        Ok::<_, StoreError>(())
    });
    assert_eq!((count, seen.len()), (Ok(1), 1));
    let id = expected.first().unwrap().parse().unwrap();
    assert_eq!((snapshot.since(id, 0), snapshot.since(id, 1)), (Ok(Since::Same), Ok(Since::MovedOn)));
    assert_eq!(snapshot.since(TaskId::random(), 0), Ok(Since::Gone));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_databases_are_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, stop) = (Arc::new(Stores::open(folder.path())), Arc::new(AtomicBool::new(false)));
    stores.work().await;
    let work = |stores: Arc<Stores>, stop: Arc<AtomicBool>| async move {
        while !stop.load(Ordering::Relaxed) {
            stores.work().await;
        }
    };
    let workers: Vec<_> = (0..3).map(|_| tokio::spawn(work(stores.clone(), stop.clone()))).collect();
    let mut unpublished = 0;
    for turn in 0..SNAPSHOTS {
        let path = folder.path().to_owned();
        let snapshot = tokio::task::spawn_blocking(move || take(&path)).await.unwrap().unwrap();
        let (_folder, copy) = copied(&snapshot);
        let known = copy.ids().await;
        for later in stores.ids().await.difference(&known) {
            assert_eq!(
                copy.points(Some(later)).await,
                0,
                "snapshot {turn}: content of {later}, which it does not know"
            );
        }
        unpublished += known.len() as u64 - copy.points(None).await;
    }
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.await.unwrap();
    }
    assert!(unpublished > 0, "no task was between its two commits");
}

#[test]
fn a_database_that_is_missing_or_not_ours_is_refused_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let text = take(folder.path()).err().unwrap().to_string();
    assert!(text.contains("tasks.db"), "{text}");
    drop(Stores::open(folder.path()));
    let (knowledge, tasks) = (folder.path().join("knowledge.db"), folder.path().join("tasks.db"));
    let text = Snapshot::take(&knowledge, &tasks).err().unwrap().to_string();
    assert!(text.contains("not a task store"), "{text}");
    std::fs::remove_file(&knowledge).unwrap();
    assert!(take(folder.path()).is_err() && !knowledge.exists());
}
