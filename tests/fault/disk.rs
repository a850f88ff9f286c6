//! The disk with the data folder is full.

use crate::common::{STALL, alone, assert_clean, saga, tasks};
use morag_tests::fleet::wait_for;
use morag_tests::redis::RedisServer;
use morag_tests::saga::{Saga, Store};
use morag_tests::server::{API_KEY, PATIENCE, Server, client};
use morag_tests::tally::judge::Rules;
use reqwest::multipart;
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// Size of the disk: several times what the tasks need.
const DISK: &str = "size=256m";
/// Log text of a worker when the store or the files fail during a run.
const INTERRUPTED: &str = "the run is interrupted";

/// A small file system in memory. Unmounted when dropped.
struct Disk(TempDir);

impl Disk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(folder.path()).status().unwrap();
        assert!(mounted.success(), "this saga mounts a tmpfs: run it as root, in a container with CAP_SYS_ADMIN");
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it to the last byte. Returns the file that does.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        // From large pieces to single bytes, so that not even the smallest fits.
        for size in [1 << 20, 1 << 12, 1] {
            let piece = vec![0; size];
            while file.write_all(&piece).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a process may still be ending.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_the_embedded_store_and_its_files_is_full_for_a_while() {
    let _alone = alone().await;
    let disk = Disk::mount();
    let data = disk.path().join("data").display().to_string();
    let mut saga = saga("disk-full", Store::Sqlite, &[("MORAG_DATA_DIR", &data)]).await;
    saga.fleet.start("all").await;
    full_for_a_while(saga, &disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_of_the_files_is_full_for_a_while_and_the_store_is_not() {
    let _alone = alone().await;
    let disk = Disk::mount();
    let data = disk.path().join("data").display().to_string();
    let store = Store::Redis(RedisServer::start());
    let mut saga = saga("files-full", store, &[("MORAG_DATA_DIR", &data)]).await;
    for roles in ["api", "worker", "worker", "dispatcher"] {
        saga.fleet.start(roles).await;
    }
    full_for_a_while(saga, &disk).await;
}

async fn full_for_a_while(mut saga: Saga, disk: &Disk) {
    let load = saga.load();
    let before = load.submit_all(0..tasks() / 2);
    let accepted = wait_for(|| (load.accepted() >= tasks() / 2).then_some(()));
    assert!(accepted.await.is_some(), "the first half is not accepted");
    assert!(saga.tally.wait_until(STALL, |came| came.ended >= 1).await);
    // Filling takes a while. The workers are paused meanwhile, because finished ones would not meet the full disk.
    let workers: Vec<_> =
        (0..saga.fleet.processes().len()).filter(|number| saga.fleet.processes()[*number].has_role("worker")).collect();
    workers.iter().for_each(|number| saga.fleet.process(*number).stop_the_world());
    let waiting = load.accepted() - saga.tally.arrived().ended;
    assert!(waiting > 0, "everything had ended before the disk was full");
    let earlier = saga.fleet.log_lines_with(INTERRUPTED).len();
    let filler = disk.fill();
    workers.iter().for_each(|number| saga.fleet.process(*number).go_on());
    let interrupted = || saga.fleet.log_lines_with(INTERRUPTED).len();
    saga.say(&format!("the disk is full, {} tasks accepted, {} ended", load.accepted(), saga.tally.arrived().ended));
    let (status, body) = submit(&saga).await;
    saga.say(&format!("a submission is answered {status} {body}"));
    assert!(status == 503 || status == 507, "{status} {body}");
    assert!(body["detail"].as_str().is_some_and(|text| !text.is_empty()), "a readable error: {body}");
    // Workers meet the full disk too.
    let met = wait_for(|| (interrupted() > earlier).then_some(()));
    assert!(met.await.is_some(), "no run was interrupted by the full disk");
    let during = load.submit_all(tasks() / 2..tasks());
    assert!(wait_for(|| (load.repeated() > 0).then_some(())).await.is_some(), "a full disk accepted documents");
    std::fs::remove_file(filler).unwrap();
    saga.say(&format!("there is room again; {} runs were interrupted", interrupted() - earlier));
    let accepted = [before.await.unwrap(), during.await.unwrap()].concat();
    saga.say(&format!("{} submissions were repeated", load.repeated()));
    let report = saga.finish(&accepted, Rules::default()).await;
    assert_clean(&report, tasks());
}

/// A submission that may be refused.
async fn submit(saga: &Saga) -> (u16, Value) {
    let url = saga.fleet.api_urls().swap_remove(0);
    let part = multipart::Part::bytes(morag_fixtures::one_page_markdown(0)).file_name("extra.md");
    let request = client().post(format!("{url}/api/v1/ingest/file")).bearer_auth(API_KEY);
    let answer = request.multipart(multipart::Form::new().part("file", part)).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_disk_reserve_submissions_are_refused_and_tasks_complete() {
    let _alone = alone().await;
    let disk = Disk::mount();
    let data_dir = disk.path().join("data").display().to_string();
    let settings =
        [("MORAG_DATA_DIR", &*data_dir), ("MORAG_DISK_FREE_MIN", "200MiB"), ("MORAG_WORKER_CONCURRENCY", "1")];
    let server = Server::start_with(&settings).await;
    let mut taken = Vec::new();
    for number in 0..8 {
        taken.push(server.submit("note.md", morag_fixtures::one_page_markdown(number), &[]).await);
    }
    let filler = disk.path().join("filler");
    std::fs::write(&filler, vec![1; 100 << 20]).unwrap();
    let says = async |word: &str| {
        let started = Instant::now();
        while server.get("/health/ready").await["dependencies"]["disk"] != word {
            assert!(started.elapsed() < PATIENCE, "the disk is not {word}");
        }
    };
    says("low").await;
    let refused = server.ingest("note.md", b"# Refused\n".to_vec(), &[]).await;
    assert_eq!(refused.status().as_u16(), 507);
    let body: Value = refused.json().await.unwrap();
    assert_eq!((&body["error_code"], &body["type"]), (&"disk_full".into(), &"unavailable".into()), "{body}");
    assert!(body["detail"].as_str().is_some_and(|text| text.contains("below 200 MiB")), "{body}");
    for task in taken {
        let status = server.wait_for_end(&task).await;
        assert_eq!(status["status"], "completed", "{status}");
    }
    std::fs::remove_file(filler).unwrap();
    says("up").await;
    server.submit("note.md", morag_fixtures::one_page_markdown(9), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_on_a_full_disk_and_lets_files_be_deleted() {
    let _alone = alone().await;
    let disk = Disk::mount();
    let data_dir = disk.path().join("data").display().to_string();
    let settings = [("MORAG_DATA_DIR", &*data_dir), ("MORAG_DISK_FREE_MIN", "16MiB")];
    let mut server = Server::start_with(&settings).await;
    let task = server.submit("note.md", morag_fixtures::one_page_markdown(0), &[]).await;
    assert_eq!(server.wait_for_end(&task).await["status"], "completed");
    assert!(server.terminate().await.success());
    disk.fill();
    let server = Server::start_with(&settings).await;
    assert_eq!(server.get(&format!("/api/v1/status/{task}")).await["status"], "completed");
    let refused = server.ingest("note.md", b"# Refused\n".to_vec(), &[]).await;
    assert_eq!(refused.status().as_u16(), 507);
    let path = format!("/api/files/temp/{task}");
    let deleted = server.request(reqwest::Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status().as_u16(), 200);
    let gone = server.request(reqwest::Method::GET, &format!("{path}/markdown.md")).send().await.unwrap();
    assert_eq!(gone.status().as_u16(), 404);
}
