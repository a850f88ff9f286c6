//! Power loss: data that was not flushed to the disk is lost.
//!
//! The data folder, and the folder of a Redis that flushes each write, are on a disk image (`morag_tests::image`). The processes are
//! paused, the disk is copied as the device holds it, and new processes continue on the copy.

use crate::common::alone;
use morag_core::task::EventKind;
use morag_tests::fleet::Fleet;
use morag_tests::image::Image;
use morag_tests::redis::RedisServer;
use morag_tests::saga::Store;
use morag_tests::server::{API_KEY, PATIENCE, client};
use reqwest::{Method, Response, StatusCode, multipart};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// Tasks that have completed before the power loss.
const TASKS: u64 = 3;

/// One process with its store and with its data folder on a disk image.
struct Machine {
    fleet: Fleet,
    store: Store,
    disk: Image,
}

impl Machine {
    /// Starts on a disk with its existing content.
    async fn start(disk: Image, is_redis: bool) -> Self {
        let store = match is_redis {
            true => Store::Redis(RedisServer::start_in(&disk.path().join("redis"))),
            false => Store::Sqlite,
        };
        let data = disk.path().join("data").display().to_string();
        let mut settings = vec![("MORAG_DATA_DIR", data.as_str())];
        let url = store.url();
        settings.extend(url.iter().map(|url| ("REDIS_URL", url.as_str())));
        let mut fleet = Fleet::new(&settings);
        fleet.start("all").await;
        Self { fleet, store, disk }
    }

    /// Simulates a power loss. Returns the disk as it is after it.
    fn cut(mut self) -> Image {
        self.fleet.process(0).stop_the_world();
        if let Store::Redis(server) = &mut self.store {
            server.stop_the_world();
        }
        self.disk.without_power()
    }

    async fn ask(&self, method: Method, path: &str) -> Response {
        let url = self.fleet.processes()[0].url();
        client().request(method, format!("{url}{path}")).bearer_auth(API_KEY).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.ask(Method::GET, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn submit(&self, number: u64) -> String {
        self.submit_bytes(morag_fixtures::one_page_markdown(number)).await
    }

    async fn submit_bytes(&self, bytes: Vec<u8>) -> String {
        let url = self.fleet.processes()[0].url();
        let part = multipart::Part::bytes(bytes).file_name("page.md");
        let request = client().post(format!("{url}/api/v1/ingest/file")).bearer_auth(API_KEY);
        let response = request.multipart(multipart::Form::new().part("file", part)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let body: Value = response.json().await.unwrap();
        body["task_id"].as_str().unwrap().to_owned()
    }

    async fn completes(&self, task: &str) {
        let started = Instant::now();
        loop {
            let status = self.get(&format!("/api/v1/status/{task}?wait=60")).await;
            match status["status"].as_str().unwrap() {
                "completed" => return,
                "failed" | "cancelled" => panic!("{status}"),
                _ => assert!(started.elapsed() < PATIENCE, "the task has not ended: {status}"),
            }
        }
    }

    /// A task's files as served by the API.
    async fn served(&self, task: &str) -> BTreeMap<String, Vec<u8>> {
        let list = self.get(&format!("/api/files/temp/{task}")).await;
        let mut files = BTreeMap::new();
        for file in list["files"].as_array().unwrap() {
            let name = file["filename"].as_str().unwrap();
            let response = self.ask(Method::GET, &format!("/api/files/temp/{task}/{name}")).await;
            assert_eq!(response.status(), StatusCode::OK, "{name} of {task}");
            files.insert(name.to_owned(), response.bytes().await.unwrap().to_vec());
        }
        files
    }

    /// Differences between the stored files and those in the tasks' logs, and the number of files.
    async fn damaged(&self, tasks: &[String]) -> (Vec<String>, usize) {
        damaged(&self.store, &self.disk.path().join("data"), tasks).await
    }
}

async fn damaged(store: &Store, data_dir: &Path, tasks: &[String]) -> (Vec<String>, usize) {
    let store = store.tasks(data_dir).await;
    let (mut damaged, mut all) = (Vec::new(), 0);
    for task in tasks {
        let log = store.load(task.parse().unwrap()).await.unwrap().unwrap();
        assert!(matches!(log.events.last().unwrap().kind, EventKind::TaskCompleted { .. }), "{task} has completed");
        for event in &log.events {
            let EventKind::StepCompleted { artifacts, .. } = &event.kind else { continue };
            for artifact in artifacts {
                all += 1;
                let path = data_dir.join(format!("files/tasks/{task}/files/{}", artifact.name));
                let bytes = std::fs::read(path).unwrap_or_default();
                if hex::encode(Sha256::digest(&bytes)) != artifact.sha256 {
                    damaged.push(format!("{}: {} bytes of {}", artifact.name, bytes.len(), artifact.size));
                }
            }
        }
    }
    (damaged, all)
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_completed_tasks_survive_a_loss_of_power_with_the_embedded_store() {
    files_survive(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_completed_tasks_survive_a_loss_of_power_with_redis_that_flushes_always() {
    files_survive(true).await;
}

async fn files_survive(is_redis: bool) {
    let _alone = alone().await;
    let machine = Machine::start(Image::new(), is_redis).await;
    let mut tasks = BTreeMap::new();
    for number in 0..TASKS {
        let task = machine.submit(number).await;
        machine.completes(&task).await;
        let files = machine.served(&task).await;
        assert!(files.len() > 3 && files.values().all(|bytes| !bytes.is_empty()), "{:?}", files.keys());
        tasks.insert(task, files);
    }
    // Makes the log durable up to here.
    let accepted = machine.submit(TASKS).await;
    let disk = machine.cut();

    let ids: Vec<_> = tasks.keys().cloned().collect();
    if !is_redis {
        // Before a server could repair it.
        let (damaged, all) = damaged(&Store::Sqlite, &disk.path().join("data"), &ids).await;
        assert!(damaged.is_empty(), "{} of {all} artifacts are damaged: {damaged:?}", damaged.len());
    }
    let machine = Machine::start(disk, is_redis).await;
    if is_redis {
        let (damaged, all) = machine.damaged(&ids).await;
        assert!(damaged.is_empty(), "{} of {all} artifacts are damaged: {damaged:?}", damaged.len());
    }
    for (task, files) in &tasks {
        assert_eq!(machine.get(&format!("/api/v1/status/{task}")).await["status"], "completed");
        assert!(machine.served(task).await == *files, "the files of {task} differ");
    }
    machine.completes(&accepted).await;
}

/// The caller got the response that it is cancelled.
#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_cancellation_survives_a_loss_of_power() {
    let _alone = alone().await;
    let machine = Machine::start(Image::new(), false).await;
    // Both workers are busy for a while.
    for _ in 0..2 {
        machine.submit_bytes("A sentence of a long document.\n\n".repeat(100_000).into()).await;
    }
    let task = machine.submit(0).await;
    assert_eq!(machine.ask(Method::POST, &format!("/api/v1/cancel/{task}")).await.status(), StatusCode::OK);
    let machine = Machine::start(machine.cut(), false).await;
    assert_eq!(machine.get(&format!("/api/v1/status/{task}")).await["status"], "cancelled");
}

/// Deleted files do not come back, so their bytes must not be counted again.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_deleted_files_are_not_counted_after_a_loss_of_power() {
    let _alone = alone().await;
    let machine = Machine::start(Image::new(), false).await;
    let task = machine.submit(0).await;
    machine.completes(&task).await;
    assert_eq!(machine.ask(Method::DELETE, &format!("/api/files/temp/{task}")).await.status(), StatusCode::OK);
    let disk = machine.cut();
    let store = Store::Sqlite.tasks(&disk.path().join("data")).await;
    assert_eq!(store.stored_bytes(&Default::default()).await, Ok(0));
}

/// The key that seals the credentials of endpoints is on the disk when the server reports that it is ready: before anything is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_secrets_survives_a_loss_of_power() {
    let _alone = alone().await;
    let machine = Machine::start(Image::new(), false).await;
    let key = std::fs::read(machine.disk.path().join("data/secrets.key")).unwrap();
    let disk = machine.cut();
    assert_eq!(std::fs::read(disk.path().join("data/secrets.key")).ok(), Some(key), "the key is lost");
    let machine = Machine::start(disk, false).await;

    let url = machine.fleet.processes()[0].url();
    let request = client().post(format!("{url}/api/v1/webhooks/endpoints")).bearer_auth(API_KEY);
    let body = json!({"id": "mine", "url": "http://127.0.0.1:8009/hook"});
    assert_eq!(request.json(&body).send().await.unwrap().status(), StatusCode::CREATED);
    let machine = Machine::start(machine.cut(), false).await;
    let path = "/api/v1/webhooks/endpoints/mine/secret/rotate";
    let rotated = machine.ask(Method::POST, path).await;
    assert!(rotated.status().is_success(), "its secrets can be read: {}", rotated.text().await.unwrap());
}
