//! A Redis that would lose acknowledged data: refused at the start, reported as not ready when it is reconfigured, and full instead of
//! evicting.

use morag_tests::fleet::{Fleet, wait_for};
use morag_tests::redis::{RedisCluster, RedisOptions, RedisServer};
use morag_tests::server::{API_KEY, PATIENCE, client, serve};
use reqwest::{StatusCode, multipart};
use serde_json::Value;

const DURABLE: RedisOptions = RedisOptions { durable: true, tls: false, password: false };
const EVICTS: [&str; 2] = ["--maxmemory-policy", "allkeys-lru"];
/// Disables `CONFIG`, as hosted services do.
const NO_CONFIG: [&str; 3] = ["--rename-command", "CONFIG", ""];

/// The error of a `morag serve` that does not start with this Redis.
async fn refusal(url: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = tokio::process::Command::from(serve(&folder.path().join("data")));
    command.env("REDIS_URL", url).env("MORAG_ROLE", "api").current_dir(folder.path()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it starts: {said}");
    said
}

/// A fleet of one process, which accepts tasks and runs none.
async fn api(url: &str, more: &[(&str, &str)]) -> Fleet {
    let mut fleet = Fleet::new(&[&[("REDIS_URL", url)], more].concat());
    fleet.start("api").await;
    fleet
}

/// Status and body of `/health/ready`, which needs no key.
async fn readiness(fleet: &Fleet) -> (StatusCode, Value) {
    let url = format!("{}/health/ready", fleet.api_urls().swap_remove(0));
    let answer = client().get(url).send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("a JSON body"))
}

/// Waits until it responds with a status.
async fn ready_becomes(fleet: &Fleet, status: StatusCode) -> Value {
    let started = std::time::Instant::now();
    loop {
        let (found, body) = readiness(fleet).await;
        if found == status {
            return body;
        }
        assert!(started.elapsed() < PATIENCE, "{found} {body}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Submits a document with much metadata, so that Redis is soon full.
async fn submit(fleet: &Fleet, number: usize) -> (StatusCode, Value) {
    let url = format!("{}/api/v1/ingest/file", fleet.api_urls().swap_remove(0));
    let part = multipart::Part::bytes(morag_fixtures::one_page_markdown(number as u64)).file_name("note.md");
    let metadata = format!(r#"{{"filler": "{}"}}"#, "x".repeat(8 << 10));
    let form = multipart::Form::new().part("file", part).text("metadata", metadata);
    let answer = client().post(url).bearer_auth(API_KEY).multipart(form).send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("a JSON body"))
}

async fn is_known(fleet: &Fleet, task: &str) -> bool {
    let url = format!("{}/api/v1/status/{task}", fleet.api_urls().swap_remove(0));
    client().get(url).bearer_auth(API_KEY).send().await.expect("an answer").status() == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_evicts_is_refused_with_advice() {
    let evicts = RedisServer::start_with_arguments(DURABLE, &EVICTS);
    let said = refusal(&evicts.url()).await;
    let port = evicts.port().to_string();
    for text in ["allkeys-lru", "noeviction", "MORAG_REDIS_ACCEPT_LOSS=eviction", &port] {
        assert!(said.contains(text), "{text:?} is not in {said}");
    }
    assert!(!said.contains("appendonly is no"), "{said}");
    let in_memory = RedisServer::start();
    let said = refusal(&in_memory.url()).await;
    for text in ["appendonly is no", "MORAG_REDIS_ACCEPT_LOSS=restart"] {
        assert!(said.contains(text), "{text:?} is not in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_from_info_without_config() {
    let evicts = RedisServer::start_with_arguments(DURABLE, &[&EVICTS[..], &NO_CONFIG].concat());
    assert!(evicts.ask(&["config", "get", "appendfsync"]).contains("unknown command"));
    assert!(refusal(&evicts.url()).await.contains("maxmemory-policy is allkeys-lru"));
    let keeps = RedisServer::start_with_arguments(DURABLE, &NO_CONFIG);
    let fleet = api(&keeps.url(), &[]).await;
    assert_eq!(readiness(&fleet).await.0, StatusCode::OK);
    let unknown = fleet.log_lines_with("neither INFO nor CONFIG reports it");
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].contains("appendfsync of "), "only that setting is unknown: {unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_loss_is_warned_of_and_shown() {
    let server = RedisServer::start_with_arguments(RedisOptions::default(), &EVICTS);
    let fleet = api(&server.url(), &[("MORAG_REDIS_ACCEPT_LOSS", "eviction,restart")]).await;
    let (status, body) = readiness(&fleet).await;
    assert_eq!((status, &body["status"]), (StatusCode::OK, &"ready".into()));
    let shown: Vec<_> = body["store_shortcomings"].as_array().expect("a list").iter().collect();
    let settings: Vec<_> = shown.iter().map(|one| (one["setting"].as_str(), one["accepted"].as_bool())).collect();
    assert_eq!(settings, [(Some("maxmemory-policy"), Some(true)), (Some("appendonly"), Some(true))]);
    assert!(!body.to_string().contains(&server.port().to_string()), "it names no address: {body}");
    assert_eq!(fleet.log_lines_with("accepted by MORAG_REDIS_ACCEPT_LOSS").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_in_a_power_cut_of_a_second_is_a_warning() {
    let server = RedisServer::start_with_arguments(DURABLE, &["--appendfsync", "everysec"]);
    let fleet = api(&server.url(), &[]).await;
    assert_eq!(fleet.log_lines_with("appendfsync is everysec").len(), 1);
    assert_eq!(readiness(&fleet).await.1["store_shortcomings"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_at_run_time_makes_a_process_unready_until_it_is_changed_back() {
    let server = RedisServer::start_with(DURABLE);
    let fleet = api(&server.url(), &[]).await;
    assert_eq!(readiness(&fleet).await, (StatusCode::OK, readiness(&fleet).await.1));
    assert_eq!(server.ask(&["config", "set", "maxmemory-policy", "volatile-lru"]), "OK\n");
    let body = ready_becomes(&fleet, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!((&body["status"], &body["dependencies"]["tasks"]), (&"unavailable".into(), &"up".into()));
    let found = &body["store_shortcomings"][0];
    assert_eq!((&found["setting"], &found["accepted"]), (&"maxmemory-policy".into(), &false.into()));
    assert!(found["message"].as_str().is_some_and(|text| text.contains("volatile-lru")), "{body}");
    assert_eq!(fleet.log_lines_with("Redis is not configured as required any more").len(), 1);
    assert_eq!(server.ask(&["config", "set", "maxmemory-policy", "noeviction"]), "OK\n");
    let body = ready_becomes(&fleet, StatusCode::OK).await;
    assert_eq!(body["store_shortcomings"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_of_a_cluster_counts_a_replica_too() {
    let cluster = RedisCluster::start_with_replicas(DURABLE);
    let replica = &cluster.nodes()[cluster.replica_of(cluster.masters()[0])];
    assert_eq!(replica.ask(&["config", "set", "maxmemory-policy", "allkeys-random"]), "OK\n");
    let said = refusal(&cluster.url()).await;
    assert!(said.contains("allkeys-random") && said.contains(&format!("(on 127.0.0.1:{})", replica.port())), "{said}");
    assert_eq!(replica.ask(&["config", "set", "maxmemory-policy", "noeviction"]), "OK\n");
    let fleet = api(&cluster.url(), &[]).await;
    assert_eq!(readiness(&fleet).await.0, StatusCode::OK);
}

/// Results of submitting to a Redis that cannot hold all documents.
struct Outcome {
    accepted: Vec<String>,
    refused: Option<(StatusCode, Value)>,
    forgotten: usize,
}

/// Submits until one is refused, or three times as many as fit.
async fn overfill(server: &RedisServer, fleet: &Fleet) -> Outcome {
    const ROOM: usize = 1 << 20;
    const DOCUMENTS: usize = 3 * ROOM / (8 << 10);
    let used = server.ask(&["info", "memory"]);
    let used = used.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("its memory");
    let full = used.trim().parse::<usize>().expect("bytes") + ROOM;
    assert_eq!(server.ask(&["config", "set", "maxmemory", &full.to_string()]), "OK\n");
    let (mut accepted, mut refused) = (Vec::new(), None);
    for number in 0..DOCUMENTS {
        match submit(fleet, number).await {
            (StatusCode::OK, body) => accepted.push(body["task_id"].as_str().expect("a task_id").to_owned()),
            other => {
                refused = Some(other);
                break;
            }
        }
    }
    let mut forgotten = 0;
    for task in &accepted {
        forgotten += usize::from(!is_known(fleet, task).await);
    }
    println!("{} accepted, {forgotten} forgotten, then {refused:?}", accepted.len());
    Outcome { accepted, refused, forgotten }
}

/// Shows what the refusal at the start prevents.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_that_evicts_forgets_accepted_tasks() {
    let server = RedisServer::start_with_arguments(DURABLE, &EVICTS);
    let fleet = api(&server.url(), &[("MORAG_REDIS_ACCEPT_LOSS", "eviction")]).await;
    let outcome = overfill(&server, &fleet).await;
    assert!(outcome.refused.is_none() && outcome.forgotten > 0, "{} forgotten", outcome.forgotten);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_redis_that_keeps_what_it_has_refuses_more_and_forgets_nothing() {
    let server = RedisServer::start_with(DURABLE);
    let mut fleet = api(&server.url(), &[]).await;
    let Outcome { accepted, refused, forgotten } = overfill(&server, &fleet).await;
    assert!(!accepted.is_empty());
    assert_eq!(forgotten, 0);
    let (status, body) = refused.expect("a refusal");
    assert_eq!((status, &body["error_code"]), (StatusCode::INSUFFICIENT_STORAGE, &"storage_full".into()));
    assert!(body["error"].as_str().is_some_and(|text| text.contains("full")), "{body}");
    // A refused submission leaves nothing, however often it is repeated.
    for number in 0..5 {
        assert_eq!(submit(&fleet, number).await.0, StatusCode::INSUFFICIENT_STORAGE);
    }
    let folders = || std::fs::read_dir(fleet.data_dir().join("files/tasks")).expect("the tasks' folders").count();
    let cleared = wait_for(|| (folders() == accepted.len()).then_some(())).await;
    assert!(cleared.is_some(), "{} folders of {} tasks", folders(), accepted.len());

    // A worker meets the full store: it claims nothing, so no task uses up its claims.
    let worker = fleet.start("worker").await;
    let met = || fleet.processes()[worker].log().contains("cannot claim a task").then_some(());
    assert!(
        wait_for(met).await.is_some(),
        "the worker has met no full store:\n{}",
        fleet.processes()[worker].log_tail()
    );
    assert_eq!(server.ask(&["config", "set", "maxmemory", "0"]), "OK\n");
    let url = fleet.api_urls().swap_remove(0);
    for task in &accepted {
        let started = std::time::Instant::now();
        loop {
            let request = client().get(format!("{url}/api/v1/status/{task}?wait=60")).bearer_auth(API_KEY);
            let body: Value = request.send().await.expect("an answer").json().await.expect("a JSON body");
            if body["status"] == "completed" {
                break;
            }
            assert!(started.elapsed() < PATIENCE && body["status"] != "failed", "{body}");
        }
    }
    let interrupted = fleet.log_lines_with("the run is interrupted");
    assert!(interrupted.is_empty(), "a task was started although the store was full: {interrupted:?}");
}
