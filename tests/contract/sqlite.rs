//! Promises of the embedded store beyond the ports: its file format, and independence from clock changes.

use crate::backends::{Backend, Sqlite};
use crate::samples::{LEASE, accept, append, attempt, claim_keys, claim_one, commit, end, task};
use futures::future::join_all;
use morag_adapters::store::sqlite::{Options, SqliteStore};
use morag_core::ports::{
    AcceptError, Accepted, Commit, CursorMove, DueQueue, Guard, Lease, Next, Queue, QueueCounts, StoreError, Tasks,
};
use morag_core::task::StatusWord;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Offsets of `user_version` and `application_id` in SQLite's file format, 4 bytes each, big-endian.
const USER_VERSION: u64 = 60;
const APPLICATION_ID: u64 = 68;

fn open(path: &Path) -> Result<Arc<SqliteStore>, StoreError> {
    SqliteStore::open(path, Arc::new(morag_adapters::SystemClock))
}

/// Creates a store, closes it and changes one number in its file header.
fn with_header(at: u64, value: u32) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    drop(open(&path).unwrap());
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&value.to_be_bytes()).unwrap();
    (folder, path)
}

fn refused(path: &Path) -> String {
    match open(path) {
        Err(StoreError::Corrupt(text)) => {
            assert!(text.contains(path.to_str().unwrap()), "it names the file: {text}");
            text
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[test]
fn a_database_of_another_version_is_refused_by_both_numbers() {
    let (_folder, path) = with_header(USER_VERSION, 4711);
    let text = refused(&path);
    assert!(text.contains("4711") && text.contains("above 6"), "{text}");
}

#[test]
fn a_foreign_database_is_refused() {
    let (_folder, path) = with_header(APPLICATION_ID, 7);
    assert!(refused(&path).contains("not a task store"));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    let text = "these are notes, not a database\n".repeat(400);
    std::fs::write(&path, &text).unwrap();
    refused(&path);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_missing_folder_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/tasks.db");
    let Err(StoreError::Unavailable(text)) = open(&path) else { panic!("it must not be opened") };
    assert!(text.contains("missing/tasks.db"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tasks.db");
    // Also an existing file with wider permissions.
    std::fs::File::create(&path).unwrap().set_permissions(std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = open(&path).unwrap();
    store.ping().await.unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
        seen += 1;
    }
    assert_eq!(seen, 3, "the database, its log and the log's index");
}

#[tokio::test]
async fn acknowledged_writes_survive_a_kill() {
    let backend = Sqlite::fresh().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let id = accept(&*backend.store(), task(&backend, &["task"])).await;
        append(&backend, id, 3).await.unwrap();
        ids.push(id);
    }
    // The files as they are while the store is open: nothing was closed or checkpointed.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("tasks.db");
    for end in ["", "-wal"] {
        let name = |path: &Path| format!("{}{end}", path.display());
        std::fs::copy(name(&backend.path()), name(&copy)).unwrap();
    }
    let store = open(&copy).unwrap();
    for id in ids {
        assert_eq!(store.load(id).await.unwrap().unwrap().last_sequence(), 3);
    }
    assert_eq!(store.queue_counts(Queue::Deliveries).await.unwrap().due, 20);
}

#[tokio::test]
async fn leases_of_the_only_process_end_with_it() {
    let backend = Sqlite::fresh().await;
    let id = accept(&*backend.store(), task(&backend, &[])).await;
    let lease = Duration::from_secs(3600);
    let before = backend.store().claim(Queue::Tasks, 1, lease).await.unwrap().leases.remove(0);
    let options = Options { ends_leases: true, ..Options::default() };
    let store = SqliteStore::open_with(&backend.path(), Arc::new(morag_adapters::SystemClock), options).unwrap();
    let again = store.claim(Queue::Tasks, 1, lease).await.unwrap().leases.remove(0);
    assert_eq!(again.key, id.to_string());
    assert!(again.fence > before.fence);
    assert!(!store.renew(&before, lease).await.unwrap());
}

#[tokio::test]
async fn a_damaged_page_is_an_error_not_a_wrong_answer() {
    let mut backend = Sqlite::fresh().await;
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(accept(&*backend.store(), task(&backend, &[])).await);
    }
    backend.reopen().await;
    drop(open(&backend.path()));
    let mut file = std::fs::OpenOptions::new().read(true).write(true).open(backend.path()).unwrap();
    let mut whole = Vec::new();
    file.read_to_end(&mut whole).unwrap();
    // All pages after the first, which has the header.
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xa5; whole.len() - 4096]).unwrap();
    match open(&backend.path()) {
        // That page describes tables, too.
        Err(error) => assert!(matches!(error, StoreError::Corrupt(_)), "{error}"),
        Ok(store) => {
            for id in ids {
                assert!(store.load(id).await.is_err());
            }
        }
    }
}

#[tokio::test]
async fn a_damaged_cursor_delivers_nothing_and_stops_nothing() {
    let backend = Sqlite::fresh().await;
    let (store, id) = (backend.store(), accept(&*backend.store(), task(&backend, &["hook"])).await);
    // Without an event there is nothing to claim; a damaged file can say otherwise.
    let lease = Lease { queue: Queue::Deliveries, key: format!("{id}/hook"), fence: 1 };
    for next_event in [0, i64::MIN, i64::MAX] {
        let database = rusqlite::Connection::open(backend.path()).unwrap();
        assert_eq!(database.execute("UPDATE cursors SET next_event = ?1", [next_event]), Ok(1));
        let pending = store.pending(&lease, 10).await.unwrap().expect("the cursor is there");
        let found = (pending.record.id, pending.events.len());
        assert_eq!(found, (id, 0), "{next_event}");
    }
}

#[tokio::test]
async fn events_without_a_task_are_passed_once() {
    let backend = Sqlite::fresh().await;
    let (store, id) = (backend.store(), accept(&*backend.store(), task(&backend, &[])).await);
    let from = store.tail().await.unwrap();
    append(&backend, id, 2).await.unwrap();
    let database = rusqlite::Connection::open(backend.path()).unwrap();
    database.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM tasks").unwrap();
    let page = store.since(from, 10).await.unwrap();
    assert_eq!((page.items.len(), page.gap), (0, true));
    // They are the last of all. What comes after them is waited for; nothing is read again from the beginning.
    let next = store.since(page.position, 10).await.unwrap();
    assert_eq!((next.position, next.gap), (page.position, false));
}

#[tokio::test]
async fn a_full_disk_refuses_and_changes_nothing() {
    let backend = Sqlite::with_options(Options { bytes_max: Some(600 * 1024), ..Options::default() });
    let store = backend.store();
    let mut kept = Vec::new();
    // Without endpoints: a task with pending webhooks does not expire.
    for _ in 0..20 {
        let id = accept(&*store, task(&backend, &[])).await;
        end(&backend, id, StatusWord::Completed).await;
    }
    let mut full = false;
    while !full {
        let batch: Vec<_> = (0..32).map(|_| task(&backend, &["task"])).collect();
        let ids: Vec<_> = batch.iter().map(|new| new.record.id).collect();
        let answers = join_all(batch.into_iter().map(|new| store.accept(new))).await;
        for (id, answer) in ids.into_iter().zip(answers) {
            match answer {
                Ok(Accepted::New) => kept.push(id),
                Err(AcceptError::Store(StoreError::Full(_))) => {
                    full = true;
                    assert_eq!(store.load(id).await, Ok(None));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(kept.len() > 100, "{} fitted", kept.len());
    for id in &kept {
        assert!(store.load(*id).await.unwrap().is_some());
    }
    let counts = store.counts().await.unwrap();
    assert!(counts.contains(&(StatusWord::Pending, kept.len() as u64)), "{counts:?}");
    store.ping().await.unwrap();

    // Expiring tasks frees space.
    backend.advance(Duration::from_secs(1));
    assert_eq!(store.expire(backend.now(), 100).await.unwrap().len(), 20);
    accept(&*store, task(&backend, &["task"])).await;
}

/// Changes of the clock, seconds.
const JUMPS: [i64; 2] = [3600, -3600];

const SOON: Duration = Duration::from_secs(5);

/// A store that only this process uses, with a task and its cursor, both due.
async fn with_work() -> (Sqlite, morag_core::task::TaskId) {
    let backend = Sqlite::with_options(Options { ends_leases: true, ..Options::default() });
    let id = accept(&*backend.store(), task(&backend, &["hook"])).await;
    append(&backend, id, 1).await.unwrap();
    (backend, id)
}

/// The only key of the queue comes due exactly after this time.
async fn comes_due(backend: &Sqlite, queue: Queue, after: Duration, what: &str) {
    let (store, last) = (backend.store(), Duration::from_millis(1));
    backend.advance(after - last);
    let early = store.claim(queue, 10, LEASE).await.unwrap();
    assert_eq!(early.leases, [], "{what}: too early");
    assert_eq!(early.next_due, Some(backend.now().plus(last)), "{what}: when to ask again");
    assert_eq!(store.queue_counts(queue).await.unwrap().due, 0, "{what}");
    backend.advance(last);
    assert_eq!(
        store.queue_counts(queue).await,
        Ok(QueueCounts { due: 1, ..QueueCounts::default() }),
        "{what}: too late"
    );
    claim_one(&*store, queue).await;
}

#[tokio::test]
async fn setting_the_clock_moves_no_lease() {
    for jump in JUMPS {
        for queue in [Queue::Tasks, Queue::Deliveries] {
            let (backend, _) = with_work().await;
            let lease = claim_one(&*backend.store(), queue).await;
            backend.clock().set(jump);
            comes_due(&backend, queue, LEASE, "a lease from before").await;
            let lease = Lease { fence: lease.fence + 1, ..lease };
            backend.clock().set(jump);
            assert_eq!(backend.store().renew(&lease, LEASE).await, Ok(true));
            backend.clock().set(-jump);
            comes_due(&backend, queue, LEASE, "a renewed lease").await;
        }
    }
}

#[tokio::test]
async fn setting_the_clock_moves_no_due_time() {
    for jump in JUMPS {
        // Set before the call, and after it.
        for before in [0, jump] {
            let (backend, id) = with_work().await;
            let store = backend.store();
            backend.clock().set(before);
            let soon = || backend.now().plus(SOON);

            let held = claim_one(&*store, Queue::Tasks).await;
            assert_eq!(store.release(&held, soon()).await, Ok(true));
            backend.clock().set(jump);
            comes_due(&backend, Queue::Tasks, SOON, "a release").await;

            let guard = Guard::Lease(held.fence + 1);
            let again = Commit { next: Next::At(soon()), ..commit(&backend, id, guard, 2..=2) };
            assert_eq!(store.commit(again).await, Ok(()));
            backend.clock().set(jump);
            comes_due(&backend, Queue::Tasks, SOON, "a commit").await;

            let held = claim_one(&*store, Queue::Deliveries).await;
            let failed = Some(attempt(1, backend.now(), 500));
            store.advance(&held, CursorMove::Retry(soon()), failed).await.unwrap();
            backend.clock().set(jump);
            comes_due(&backend, Queue::Deliveries, SOON, "a retry").await;
        }
    }
}

#[tokio::test]
async fn setting_the_clock_delays_no_new_key() {
    for jump in JUMPS {
        let (backend, id) = with_work().await;
        let store = backend.store();
        claim_one(&*store, Queue::Tasks).await;
        let cursor = claim_one(&*store, Queue::Deliveries).await;
        store.advance(&cursor, CursorMove::Delivered, Some(attempt(1, backend.now(), 200))).await.unwrap();
        backend.clock().set(jump);
        accept(&*store, task(&backend, &[])).await;
        append(&backend, id, 1).await.unwrap();
        for queue in [Queue::Tasks, Queue::Deliveries] {
            let wait = store.wait(queue, Duration::from_secs(3600));
            tokio::time::timeout(Duration::from_secs(15), wait).await.expect("a key is due");
            claim_one(&*store, queue).await;
        }
    }
}

/// Opens the store as a new process does.
async fn restart(backend: &mut Sqlite) {
    backend.clock().begin();
    backend.reopen().await;
}

#[tokio::test]
async fn setting_the_clock_back_between_runs_delays_nothing() {
    let (mut backend, _) = with_work().await;
    let held = claim_one(&*backend.store(), Queue::Tasks).await;
    assert_eq!(backend.store().release(&held, backend.now().plus(SOON)).await, Ok(true));
    // The second time there is nothing left to adjust.
    for jump in [-3600, 0] {
        backend.clock().set(jump);
        restart(&mut backend).await;
    }
    assert_eq!(claim_keys(&*backend.store(), Queue::Deliveries).await.len(), 1, "it was due before");
    comes_due(&backend, Queue::Tasks, SOON, "after the start").await;
}

#[tokio::test]
async fn time_that_passes_while_nothing_runs_counts() {
    let (mut backend, _) = with_work().await;
    let held = claim_one(&*backend.store(), Queue::Tasks).await;
    assert_eq!(backend.store().release(&held, backend.now().plus(SOON)).await, Ok(true));
    backend.advance(Duration::from_secs(3));
    restart(&mut backend).await;
    comes_due(&backend, Queue::Tasks, Duration::from_secs(2), "after the start").await;
}

#[tokio::test]
async fn a_process_whose_clock_was_set_leaves_due_times_that_the_next_one_reads_right() {
    for jump in JUMPS {
        // Also if it runs for long afterwards, until no event is newer than the clock.
        for long in [Duration::ZERO, Duration::from_secs(3 * 3600)] {
            let (mut backend, id) = with_work().await;
            let held = claim_one(&*backend.store(), Queue::Tasks).await;
            assert_eq!(backend.store().release(&held, backend.now().plus(long + SOON)).await, Ok(true));
            let cursor = claim_one(&*backend.store(), Queue::Deliveries).await;
            backend.clock().set(jump);
            backend.advance(long);
            assert_eq!(claim_keys(&*backend.store(), Queue::Tasks).await, [""; 0]);
            assert_eq!(backend.store().release(&cursor, backend.now()).await, Ok(true));
            restart(&mut backend).await;
            assert_eq!(claim_keys(&*backend.store(), Queue::Deliveries).await, [format!("{id}/hook")]);
            comes_due(&backend, Queue::Tasks, SOON, "after the start").await;
        }
    }
}

/// Another process that holds the write lock of the database until it is dropped.
struct Locked(std::process::Child);

impl Locked {
    fn hold(path: &Path) -> Self {
        let program = "import sqlite3, sys\n\
                       held = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                       held.execute('BEGIN IMMEDIATE')\n\
                       print('held', flush=True)\n\
                       sys.stdin.read()\n";
        let mut child = std::process::Command::new("python3")
            .args(["-c", program])
            .arg(path)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let out = child.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut said).unwrap();
        assert_eq!(said, "held\n");
        Self(child)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_task_is_refused_in_two_seconds_where_the_database_is_locked() {
    let backend = Sqlite::fresh().await;
    let store = backend.store();
    let new = crate::samples::with_key(&backend, "key", "digest");
    let locked = Locked::hold(&backend.path());
    let refused = tokio::time::timeout(Duration::from_secs(2), store.accept(new.clone())).await.unwrap();
    assert!(matches!(refused, Err(AcceptError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    assert_eq!(store.replay("key", "digest").await, Ok(None), "nothing is half-written");
    drop(locked);
    // Queued after the refused job, so that job has ended.
    let mut again = crate::samples::with_key(&backend, "key", "digest");
    again.record.metadata = Default::default();
    let id = accept(&*store, again).await;
    assert_eq!(store.load(new.record.id).await, Ok(None));
    assert!(store.load(id).await.unwrap().is_some());
}
