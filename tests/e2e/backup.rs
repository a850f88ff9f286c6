//! `morag backup` of a running server, and `morag restore`.

use crate::endpoints_support::{create, deliver_all, signed_by, wait_for};
use morag_adapters::SystemClock;
use morag_adapters::store::sqlite::{SqliteKnowledge, SqliteStore};
use morag_core::pipeline::stored_files;
use morag_core::ports::{Deliveries as _, DeliveryState, Knowledge as _, ListFilter, TaskLog, Tasks as _};
use morag_core::task::{EventKind, TaskId};
use morag_tests::child::until;
use morag_tests::fleet::{self, Fleet};
use morag_tests::old_stores::{EMBEDDED_LAST, SECRETS_KEY, make_data_folder, open_tasks};
use morag_tests::receiver::{Received, Receiver};
use morag_tests::s3::{Bucket, KEY_ID, KEY_SECRET};
use morag_tests::server::{API_KEY, PATIENCE, Server, binary, client, serve};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Large enough that an operation on it is still running when the test looks.
const LARGE_BYTES: u64 = 256 * 1024 * 1024;

fn command(verb: &str, folder: &Path, data: &Path) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().arg(verb).arg(folder).arg("--data-dir").arg(data);
    command
}

fn run(verb: &str, folder: &Path, data: &Path) -> Output {
    command(verb, folder, data).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The one-line error of a failed command.
fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(1) && said.lines().count() == 1, "{:?}: {said}", output.status);
    said
}

/// Names in a folder, in order; empty if it does not exist.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A data folder that no server uses.
struct Lab {
    folder: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        make_data_folder(&this.data(), EMBEDDED_LAST);
        std::fs::write(this.data().join("secrets.key"), SECRETS_KEY).expect("a key");
        this
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.at("data")
    }

    /// A file of a waiting task, below the data folder or a backup.
    fn document(&self) -> String {
        format!("files/tasks/{}/files/original.md", open_tasks(EMBEDDED_LAST)[1])
    }

    /// Adds a file to that task that takes time to copy.
    fn add_large_file(&self) {
        let path = self.data().join(self.document()).with_file_name("large.bin");
        // Sparse: no byte is on the disk.
        std::fs::File::create(path).and_then(|file| file.set_len(LARGE_BYTES)).expect("a large file");
    }
}

/// Submits documents one after the other, to the endpoint and to a webhook of their own, until `stop` is set.
async fn load(server: &Server, url: &str, stop: &AtomicBool) -> Vec<String> {
    let mut tasks = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let document = morag_fixtures::one_page_markdown(tasks.len() as u64);
        tasks.push(server.submit("note.md", document, &[("webhook_url", url)]).await);
    }
    tasks
}

/// The tasks of a data folder, read from the store.
async fn logs(data: &Path) -> (Arc<SqliteStore>, BTreeMap<TaskId, TaskLog>) {
    let store = SqliteStore::open(&data.join("morag.db"), Arc::new(SystemClock)).expect("the store");
    let (mut logs, mut cursor) = (BTreeMap::new(), None);
    loop {
        let filter = ListFilter { limit: 100, cursor, ..ListFilter::default() };
        let page = store.list(&filter).await.expect("a page");
        for item in page.items {
            logs.insert(item.task, store.load(item.task).await.expect("a log").expect("a task"));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return (store, logs);
        }
    }
}

/// Numbers of the deliveries of a task to its own webhook that succeeded according to the store.
async fn delivered(store: &SqliteStore, task: TaskId) -> Vec<u64> {
    let deliveries = store.deliveries(task).await.expect("deliveries");
    let own = deliveries.iter().filter(|one| one.endpoint.as_str() == "task" && one.state == DeliveryState::Delivered);
    let mut numbers: Vec<_> = own.map(|one| one.delivery).collect();
    numbers.sort_unstable();
    numbers
}

/// The files and knowledge in a copied store are exactly those that it refers to.
async fn matches_itself(data: &Path, logs: &BTreeMap<TaskId, TaskLog>) {
    let knowledge = SqliteKnowledge::open(&data.join("knowledge.db"), None).expect("the knowledge");
    for (id, log) in logs {
        let files = stored_files(&log.record, &log.events);
        for (name, said) in &files {
            let bytes = std::fs::read(data.join(format!("files/tasks/{id}/files/{name}"))).expect("a file of the log");
            let is = (bytes.len() as u64, hex::encode(Sha256::digest(&bytes)));
            assert_eq!(is, (said.size, said.sha256.clone()), "{id} {name}");
        }
        let points =
            knowledge.counts(&log.record.collection, Some(&log.record.document_id)).await.expect("counts").points;
        match log.events.last().map(|event| &event.kind) {
            Some(EventKind::TaskCompleted { .. }) => {
                assert!(points > 0 && files.len() > 5, "{id}: {points} points, {files:?}");
            }
            None => assert_eq!((points, files.len()), (0, 1), "{id} has not begun"),
            Some(_) => {}
        }
    }
    let mut known: Vec<_> = logs.keys().map(ToString::to_string).collect();
    known.sort();
    assert_eq!(names(&data.join("files/tasks")), known, "files of a task that is not in the copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_consistent_and_can_be_continued() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (own, named) = (Receiver::start().await, Receiver::start().await);
    let mut server = Server::start_with(&[("MORAG_WORKER_CONCURRENCY", "1")]).await;
    let endpoint = create(&server, json!({"url": named.url, "events": ["task_*"]})).await;
    let secret = endpoint["secret"].as_str().expect("a secret").to_owned();

    let stop = AtomicBool::new(false);
    let taking = async {
        let mut taken = Vec::new();
        for number in 1..=3 {
            // Each a few tasks later than the last.
            let ends = |received: &[Received]| {
                received.iter().filter(|one| one.event_type() == "task_completed").count() >= number * 3
            };
            own.wait_until(ends).await;
            let target = folder.path().join(format!("backup-{number}"));
            let data = server.data_dir();
            let to = target.clone();
            let output = tokio::task::spawn_blocking(move || run("backup", &to, &data)).await.expect("it runs");
            succeeds(&output);
            taken.push(target);
        }
        stop.store(true, Ordering::Relaxed);
        taken
    };
    let (submitted, backups) = tokio::join!(load(&server, &own.url, &stop), taking);
    for task in &submitted {
        assert_eq!(server.wait_for_end(task).await["status"], "completed");
        wait_for(&server, &format!("/api/v1/tasks/{task}/deliveries"), |log| deliver_all(log, 17 + 5)).await;
    }
    assert!(server.terminate().await.success());
    let (original, whole) = logs(&server.data_dir()).await;
    assert_eq!(whole.len(), submitted.len());

    let mut restored = Vec::new();
    for (number, backup) in backups.iter().enumerate() {
        let data = folder.path().join(format!("restored-{number}"));
        succeeds(&run("restore", backup, &data));
        let (store, copied) = logs(&data).await;
        assert!((3..whole.len()).contains(&copied.len()), "{} of {} tasks", copied.len(), whole.len());
        matches_itself(&data, &copied).await;
        for (id, log) in &copied {
            let then = &whole[id];
            assert_eq!(log.record, then.record);
            assert_eq!(
                log.events[..],
                then.events[..log.events.len()],
                "the history is not a prefix of the original's"
            );
            let numbers = delivered(&store, *id).await;
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
            assert!(numbers.len() <= log.events.len() && delivered(&original, *id).await.starts_with(&numbers));
        }
        let unfinished = copied.values().filter(|log| log.events.last().is_none_or(|last| !last.kind.ends_task()));
        assert!(unfinished.count() > 0, "no task was running");
        restored.push(data);
    }

    // A server on the second copy: it ends the open tasks, and continues delivering where the copy was taken.
    let data = &restored[1];
    let (store, copied) = logs(data).await;
    let mut expected = BTreeMap::new();
    for id in copied.keys() {
        let first = delivered(&store, *id).await.len() as u64 + 1;
        expected.insert(id.to_string(), (first..=17).collect::<Vec<_>>());
    }
    drop(store);
    let (before, before_named) = (own.received().len(), named.received().len());
    let moved = |to: &Path| std::fs::rename(data, to).expect("the folder moves");
    let server = Server::start_on(moved, &[("MORAG_WORKER_CONCURRENCY", "1")]).await;
    for id in copied.keys() {
        assert_eq!(server.wait_for_end(&id.to_string()).await["status"], "completed");
        wait_for(&server, &format!("/api/v1/tasks/{id}/deliveries"), |log| deliver_all(log, 17 + 5)).await;
    }
    let mut sent: BTreeMap<String, Vec<u64>> = expected.keys().map(|id| (id.clone(), Vec::new())).collect();
    for one in &own.received()[before..] {
        let task = one.json()["data"]["task_id"].as_str().expect("a task").to_owned();
        sent.get_mut(&task)
            .expect("a task of the copy")
            .push(one.header("x-morag-sequence").parse().expect("a number"));
    }
    assert_eq!(sent, expected, "deliveries do not continue after those in the backup");
    let again = &named.received()[before_named..];
    assert!(
        !again.is_empty() && again.iter().all(|one| signed_by(one, &[&secret])),
        "the key does not open the secret"
    );
    let listed = server.get("/api/v1/webhooks/endpoints").await;
    assert_eq!(listed["endpoints"][0]["credentials_readable"], true, "{listed}");
}

#[test]
fn an_interrupted_backup_is_refused() {
    let lab = Lab::new();
    lab.add_large_file();
    let backup = lab.at("backup");
    let mut child = command("backup", &backup, &lab.data()).spawn().expect("the binary runs");
    until(PATIENCE, || backup.join("files.jsonl").exists().then_some(())).expect("it begins");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert!(!backup.join("manifest.json").exists(), "it was done before it could be killed");

    let said = refused(&run("restore", &backup, &lab.at("new")));
    assert!(said.contains("interrupted") && said.contains("morag backup"), "{said}");
    assert!(!lab.at("new").exists(), "{:?}", names(&lab.at("new")));
    let said = refused(&run("backup", &backup, &lab.data()));
    assert!(said.contains("is not empty"), "{said}");
    succeeds(&run("backup", &lab.at("another"), &lab.data()));
    succeeds(&run("restore", &lab.at("another"), &lab.at("new")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_starts_on_half_a_restore() {
    let lab = Lab::new();
    lab.add_large_file();
    let (backup, data) = (lab.at("backup"), lab.at("new"));
    succeeds(&run("backup", &backup, &lab.data()));
    let mut child = command("restore", &backup, &data).spawn().expect("the binary runs");
    until(PATIENCE, || data.join("restoring").exists().then_some(())).expect("it begins to write");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert!(data.join("restoring").exists(), "it was done before it could be killed");

    let mut start = tokio::process::Command::from(serve(&data));
    let started = start.env("RUST_LOG", "off").stdin(Stdio::null()).kill_on_drop(true).output();
    let ended = tokio::time::timeout(PATIENCE, started).await.expect("it does not start");
    let said = refused(&ended.expect("the binary runs"));
    assert!(said.contains("restore was interrupted") && said.contains("morag restore"), "{said}");
    let said = refused(&run("restore", &backup, &data));
    assert!(said.contains("restore was interrupted"), "{said}");
    std::fs::remove_dir_all(&data).expect("the folder can be removed");
    succeeds(&run("restore", &backup, &data));
    assert!(!data.join("restoring").exists());

    let moved = |to: &Path| std::fs::rename(&data, to).expect("the folder moves");
    let server = Server::start_on(moved, &[("MORAG_HISTORY_RETENTION_DAYS", "30000")]).await;
    for task in open_tasks(EMBEDDED_LAST) {
        assert_eq!(server.wait_for_end(&task).await["status"], "completed");
    }
    // Nothing in a running server's folder is overwritten.
    let said = refused(&run("restore", &backup, &server.data_dir()));
    assert!(said.contains("another server uses"), "{said}");
}

#[test]
fn a_backup_has_the_original_content() {
    let lab = Lab::new();
    let output = run("backup", &lab.at("backup"), &lab.data());
    succeeds(&output);
    let said = stdout(&output);
    assert!(said.contains("4 tasks and 2 files") && said.contains("2 ended tasks have no files any more"), "{said}");
    let kept = ["files", "files.jsonl", "knowledge.db", "manifest.json", "morag.db", "secrets.key"];
    assert_eq!(names(&lab.at("backup")), kept);
    let output = run("restore", &lab.at("backup"), &lab.at("new"));
    succeeds(&output);
    assert!(stdout(&output).contains("4 tasks"), "{}", stdout(&output));
    let kept = ["files", "knowledge.db", "lock", "morag.db", "secrets.key"];
    assert_eq!(names(&lab.at("new")), kept);
    for name in ["secrets.key", &lab.document()] {
        let read = |folder: &str| std::fs::read(lab.at(folder).join(name)).expect("a file");
        assert_eq!(read("new"), read("data"), "{name}");
    }
    use std::os::unix::fs::MetadataExt as _;
    let node = |folder: &str| std::fs::metadata(lab.at(folder).join(lab.document())).expect("a file").ino();
    assert!(node("backup") == node("data") && node("new") != node("backup"), "linked, and then copied");
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_written() {
    let lab = Lab::new();
    succeeds(&run("backup", &lab.at("whole"), &lab.data()));
    for name in ["morag.db", "knowledge.db", "secrets.key", "files.jsonl", &lab.document()] {
        let damaged = lab.at("damaged");
        succeeds(&Command::new("cp").arg("-r").arg(lab.at("whole")).arg(&damaged).output().expect("cp runs"));
        let mut bytes = std::fs::read(damaged.join(name)).expect("a file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(damaged.join(name), bytes).expect("a file");
        let said = refused(&run("restore", &damaged, &lab.at("new")));
        assert!(said.contains(name) && said.contains("use another"), "{name}: {said}");
        assert_eq!(names(&lab.at("new")), ["lock"], "{name}");
        std::fs::remove_dir_all(&damaged).expect("the folder can be removed");
    }
    succeeds(&run("restore", &lab.at("whole"), &lab.at("new")));
}

#[test]
fn damaged_files_are_reported_and_the_rest_is_backed_up() {
    let lab = Lab::new();
    std::fs::write(lab.data().join(lab.document()), "another content").expect("a file");
    let output = run("backup", &lab.at("backup"), &lab.data());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let path = lab.document();
    let path = path.strip_prefix("files/").expect("a file below files");
    assert!(said.contains(&format!("damaged in the data folder: {path}: 15 bytes")), "{said}");
    succeeds(&run("restore", &lab.at("backup"), &lab.at("new")));
}

#[test]
fn an_unreadable_task_is_reported_and_the_rest_is_backed_up() {
    let lab = Lab::new();
    let task = &open_tasks(EMBEDDED_LAST)[1];
    let id: TaskId = task.parse().expect("an id");
    let by_hand = rusqlite::Connection::open(lab.data().join("morag.db")).expect("the database");
    let broken = "UPDATE tasks SET record = '{' WHERE id = ?1";
    assert_eq!(by_hand.execute(broken, [id.as_bytes()]).expect("a change"), 1);
    drop(by_hand);
    let in_bucket = command("backup", &lab.at("bucket"), &lab.data()).env("MORAG_BLOBS_URL", "s3://documents").output();
    for output in [run("backup", &lab.at("backup"), &lab.data()), in_bucket.expect("it runs")] {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("damaged in the data folder: the record of task {task} cannot be read")),
            "{said}"
        );
        assert!(stdout(&output).contains("4 tasks"), "{}", stdout(&output));
    }
    succeeds(&run("restore", &lab.at("backup"), &lab.at("new")));
    assert!(lab.at("new").join(lab.document()).exists(), "its files are kept without their record");
}

#[test]
fn only_empty_folders_are_written_to() {
    let lab = Lab::new();
    std::fs::create_dir(lab.at("full")).expect("a folder");
    std::fs::write(lab.at("full").join("note.txt"), "mine").expect("a file");
    let said = refused(&run("backup", &lab.at("full"), &lab.data()));
    assert!(said.contains("is not empty: it contains note.txt"), "{said}");
    let said = refused(&run("backup", &lab.data().join("backup"), &lab.data()));
    assert!(said.contains("is inside the data folder"), "{said}");
    let said = refused(&run("backup", &lab.at("backup"), &lab.at("full")));
    assert!(said.contains("has no morag.db: set MORAG_DATA_DIR"), "{said}");
    succeeds(&run("backup", &lab.at("backup"), &lab.data()));
    let said = refused(&run("restore", &lab.at("backup"), &lab.at("full")));
    assert!(said.contains("is not empty: it contains note.txt") && said.contains("--data-dir"), "{said}");
    assert_eq!(names(&lab.at("full")), ["lock", "note.txt"]);
}

#[test]
fn with_redis_the_operator_is_sent_to_redis_s_own_backup() {
    let lab = Lab::new();
    for (verb, word) in [("backup", "Back up Redis"), ("restore", "Restore Redis")] {
        let mut command = command(verb, &lab.at("backup"), &lab.data());
        let said = refused(&command.env("REDIS_URL", "redis://127.0.0.1:1/0").output().expect("the binary runs"));
        assert!(said.contains(word) && said.contains("docs/operations.md"), "{said}");
        assert!(!lab.at("backup").exists());
    }
}

#[test]
fn files_in_a_bucket_are_named_and_not_copied() {
    let lab = Lab::new();
    let bucket = ("MORAG_BLOBS_URL", "s3://documents/team");
    let output = command("backup", &lab.at("backup"), &lab.data()).env(bucket.0, bucket.1).output().expect("it runs");
    succeeds(&output);
    let said = stdout(&output);
    assert!(said.contains("files are not included: they stay in s3://documents/team"), "{said}");
    assert_eq!(names(&lab.at("backup")), ["knowledge.db", "manifest.json", "morag.db", "secrets.key"]);
    let manifest = std::fs::read(lab.at("backup/manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(manifest["files"], json!({"kept": "bucket", "url": "s3://documents/team"}));
    let said = refused(&run("restore", &lab.at("backup"), &lab.at("new")));
    assert!(said.contains("s3://documents/team") && said.contains("set MORAG_BLOBS_URL"), "{said}");
    let restored = command("restore", &lab.at("backup"), &lab.at("new")).env(bucket.0, bucket.1).output();
    succeeds(&restored.expect("it runs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_store_takes_no_bucket_from_another_unless_it_is_told_to() {
    let (bucket, folder) = (Bucket::new().await, tempfile::tempdir().expect("a temporary folder"));
    let (at, url) = (|name: &str| folder.path().join(name), format!("{}/team", bucket.url()));
    let endpoint = bucket.settings().endpoint.expect("the server's address");
    let settings = [
        ("MORAG_BLOBS_URL", url.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", KEY_SECRET),
    ];
    let mut server = Server::start_with(&settings).await;
    succeeds(&command("backup", &at("backup"), &server.data_dir()).envs(settings).output().expect("it runs"));
    let task = server.submit("note.md", morag_fixtures::markdown(), &[]).await;
    server.wait_for_end(&task).await;
    let restore = |name: &str, more: &[&str]| {
        succeeds(&command("restore", &at("backup"), &at(name)).args(more).envs(settings).output().expect("it runs"));
    };

    restore("trial", &[]);
    // The state of a bucket whose store was of a version that recorded no owner.
    let unowned = format!("{}/before", bucket.url());
    for (url, expected) in [(&url, "contains the files of another store"), (&unowned, "has no recorded owner")] {
        let mut start = tokio::process::Command::from(serve(&at("trial")));
        start.envs(settings).env("MORAG_BLOBS_URL", url).env("RUST_LOG", "off").stdin(Stdio::null()).kill_on_drop(true);
        let ended = tokio::time::timeout(PATIENCE, start.output()).await.expect("it does not start");
        let said = refused(&ended.expect("the binary runs"));
        assert!(said.contains(expected) && said.contains("--take-over-bucket"), "{said}");
    }
    assert!(!bucket.keys().await.contains(&"before/owner".to_owned()));

    restore("new", &["--take-over-bucket"]);
    assert!(server.terminate().await.success());
    let moved = |to: &Path| std::fs::rename(at("new"), to).expect("the folder moves");
    let _restored = Server::start_on(moved, &settings).await.terminate_and_restart().await;
    let keys = bucket.keys().await;
    let kept = format!("team/tasks/{task}/files/original.md");
    assert!(keys.contains(&kept), "files accepted after the backup were deleted at once: {keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_bucket_is_taken_over_while_it_runs_deletes_nothing_from_it() {
    let (bucket, folder) = (Bucket::new().await, tempfile::tempdir().expect("a temporary folder"));
    let at = |name: &str| folder.path().join(name);
    let (url, endpoint) = (bucket.url(), bucket.settings().endpoint.expect("the server's address"));
    let settings = [
        ("MORAG_BLOBS_URL", url.as_str()),
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", KEY_SECRET),
    ];
    // Without retention there is a round every ten seconds, which deletes the files of all ended tasks.
    let mut old = Fleet::new(&[&settings[..], &[("MORAG_TEMP_RETENTION_HOURS", "0")]].concat());
    old.start("all").await;
    succeeds(&command("backup", &at("backup"), old.data_dir()).envs(settings).output().expect("it runs"));
    let mut restore = command("restore", &at("backup"), &at("new"));
    succeeds(&restore.arg("--take-over-bucket").envs(settings).output().expect("it runs"));
    let _new = Server::start_on(|to| std::fs::rename(at("new"), to).expect("the folder moves"), &settings).await;

    let url = old.api_urls().swap_remove(0);
    let part = reqwest::multipart::Part::bytes(morag_fixtures::one_page_markdown(1)).file_name("note.md");
    let form = reqwest::multipart::Form::new().part("file", part);
    let submitted = client().post(format!("{url}/api/v1/ingest/file")).bearer_auth(API_KEY).multipart(form);
    let submitted: Value = submitted.send().await.expect("an answer").json().await.expect("a JSON body");
    let task = submitted["task_id"].as_str().expect("a task");
    let completes = async {
        loop {
            let status = client().get(format!("{url}/api/v1/status/{task}?wait=10")).bearer_auth(API_KEY);
            let status: Value = status.send().await.expect("an answer").json().await.expect("a JSON body");
            if status["status"] == "completed" {
                break;
            }
            assert_ne!(status["status"], "failed", "{status}");
        }
    };
    tokio::time::timeout(PATIENCE, completes).await.expect("the task completes");
    let rounds = || old.log_lines_with("nothing is tidied up");
    let before = rounds().len();
    // The first round may have begun before the task had ended.
    let passed = fleet::wait_for(|| (rounds().len() >= before + 2).then_some(())).await;
    assert!(passed.is_some() && rounds()[0].contains("no longer belongs to this store"), "{:?}", rounds());
    let keys = bucket.keys().await;
    assert!(keys.contains(&format!("tasks/{task}/files/original.md")), "{keys:?}");
}

#[test]
fn databases_of_a_later_version_are_refused_by_name() {
    let lab = Lab::new();
    succeeds(&run("backup", &lab.at("backup"), &lab.data()));
    let path = lab.at("backup/manifest.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&path).expect("a manifest")).expect("JSON");
    (manifest["databases"][0]["version"], manifest["morag"]) = (json!(99), json!("7.0.0"));
    std::fs::write(&path, manifest.to_string()).expect("a manifest");
    let said = refused(&run("restore", &lab.at("backup"), &lab.at("new")));
    assert!(said.contains("morag.db in the backup is of version 99, written by MoRAG 7.0.0"), "{said}");
    assert!(!lab.at("new").exists());
}
