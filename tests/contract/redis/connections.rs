//! Connecting and reconnecting to Redis.

use super::lab::{Lab, ask_at, claim_by_waiting, in_time, once_seen};
use crate::backends::{Backend, Store};
use crate::samples::{LEASE, accept, claim_keys, commit, task};
use morag_adapters::store::redis::Redis;
use morag_core::ports::{AcceptError, Accepted, CommitError, Guard, NewTask, Queue, StoreError, Tasks};
use morag_core::task::TaskId;
use morag_tests::redis::{PASSWORD, RedisCluster, RedisOptions, RedisSentinel, RedisServer, free_port};
use std::path::Path;
use std::sync::Arc;

const DURABLE: RedisOptions = RedisOptions { durable: true, tls: false, password: false };
const CLOSED: RedisOptions = RedisOptions { durable: false, tls: true, password: true };

/// The error of a refused connection. It must name the address, and come in time.
async fn refused(url: &str, port: u16, ca_file: Option<&Path>) -> String {
    let connecting = Redis::connect(url.parse().unwrap(), ca_file);
    match in_time("a refusal", connecting).await {
        Err(StoreError::Unavailable(text)) => {
            assert!(text.contains(&format!("127.0.0.1:{port}")), "it names the address: {text}");
            text
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was connected"),
    }
}

async fn works(lab: &Lab) -> TaskId {
    let id = accept(&*lab.store(), task(lab, &[])).await;
    assert_eq!(claim_keys(&*lab.store(), Queue::Tasks).await, [id.to_string()]);
    id
}

/// Accepts a task once the store works again; until then `accept` must fail as unavailable.
async fn accept_once_able(store: &dyn Store, new: impl Fn() -> NewTask) -> TaskId {
    once_seen("a store that works again", async || {
        let new = new();
        let id = new.record.id;
        match store.accept(new).await {
            Ok(Accepted::New) => Some(id),
            Err(AcceptError::Store(StoreError::Unavailable(_))) => None,
            other => panic!("{other:?}"),
        }
    })
    .await
}

/// A process with an open store is notified of a task of another process.
async fn hears(here: &dyn Store, there: &dyn Store, new: NewTask) {
    let id = accept(there, new).await;
    let heard = in_time("a wake-up", claim_by_waiting(here, Queue::Tasks, LEASE)).await;
    assert_eq!(heard.leases[0].key, id.to_string());
}

#[tokio::test]
async fn tls_with_a_user_and_a_password() {
    let server = RedisServer::start_with(CLOSED);
    let (url, port) = (server.url(), server.port());
    let redis = Redis::connect(url.parse().unwrap(), Some(&server.ca_file())).await.unwrap();
    let lab = Lab::on(redis).await.unwrap();
    works(&lab).await;
    // Wake-ups use a connection of their own.
    let other = Redis::connect(url.parse().unwrap(), Some(&server.ca_file())).await.unwrap();
    let other = lab.over(other).await;
    hears(&*lab.store(), &*other, task(&lab, &[])).await;
    let listeners = async || ask_at(&server, &["pubsub", "numsub", &lab.key("wake")]).ends_with("\n2").then_some(());
    once_seen("both listen", listeners).await;

    let text = refused(&url, port, None).await;
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    assert!(!text.contains(PASSWORD) && !text.contains("%40ss"), "{text}");
    let plain = url.replacen("rediss", "redis", 1);
    refused(&plain, port, None).await;
    let missing = Redis::connect(url.parse().unwrap(), Some(Path::new("/no/such/file.pem"))).await;
    let Err(StoreError::Unavailable(text)) = missing else { panic!("it was connected") };
    assert!(text.contains("/no/such/file.pem"), "{text}");
    let empty = tempfile::NamedTempFile::new().unwrap();
    refused(&url, port, Some(empty.path())).await;
}

#[tokio::test]
async fn a_wrong_password_is_reported_and_not_shown() {
    let server = RedisServer::start_with(RedisOptions { password: true, ..RedisOptions::default() });
    let port = server.port();
    works(&Lab::at(&server.url(), |_| {}).await).await;
    let wrong = "n0t-thi5-one";
    let text = refused(&format!("redis://morag:{wrong}@127.0.0.1:{port}"), port, None).await;
    assert!(!text.contains(wrong), "{text}");
    assert!(text.to_lowercase().contains("password"), "{text}");
    // Without a password the server accepts the connection but no command.
    let url = format!("redis://127.0.0.1:{port}");
    let connecting = async {
        let redis = Redis::connect(url.parse().unwrap(), None).await?;
        Lab::on(redis).await
    };
    let Err(StoreError::Unavailable(text)) = connecting.await else { panic!("it was connected") };
    assert!(text.to_lowercase().contains("auth") && text.contains(&port.to_string()), "{text}");
}

#[tokio::test]
async fn a_database_by_its_number() {
    let server = RedisServer::start();
    let lab = Lab::at(&format!("{}/3", server.url()), |_| {}).await;
    let id = works(&lab).await;
    let key = lab.of_task("task", id);
    assert_eq!(ask_at(&server, &["-n", "3", "exists", &key]), "1");
    assert_eq!(ask_at(&server, &["-n", "0", "dbsize"]), "0");
    let text = refused(&format!("{}/99", server.url()), server.port(), None).await;
    assert!(text.contains("/99"), "{text}");
}

#[tokio::test]
async fn an_address_without_a_listener() {
    let port = free_port();
    refused(&format!("redis://127.0.0.1:{port}"), port, None).await;
    refused(&format!("redis+cluster://127.0.0.1:{port}"), port, None).await;
    refused(&format!("redis+sentinel://127.0.0.1:{port}/mymaster"), port, None).await;
    // A listener that never responds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    refused(&format!("redis://127.0.0.1:{port}"), port, None).await;
    refused(&format!("redis+cluster://127.0.0.1:{port}"), port, None).await;
}

#[tokio::test]
async fn a_server_that_was_killed_and_is_back() {
    let mut server = RedisServer::start_with(DURABLE);
    let lab = Lab::at(&server.url(), |_| {}).await;
    let (store, other) = (lab.store(), lab.another().await);
    let id = accept(&*store, task(&lab, &[])).await;
    let held = store.claim(Queue::Tasks, 1, LEASE).await.unwrap().leases.remove(0);
    server.kill();
    let late = commit(&lab, id, Guard::Lease(held.fence), 1..=1);
    let refused = in_time("a commit that fails", store.commit(late.clone())).await;
    assert!(matches!(refused, Err(CommitError::Store(StoreError::Unavailable(_)))), "{refused:?}");
    server.restart();
    once_seen("a store that works again", async || store.ping().await.ok()).await;
    assert_eq!(store.commit(late).await, Ok(()), "the lease is still valid");
    once_seen("another that works again", async || other.ping().await.ok()).await;
    hears(&*store, &*other, task(&lab, &[])).await;
}

#[tokio::test]
async fn a_node_of_a_cluster_that_was_killed_and_is_back() {
    let mut cluster = RedisCluster::start_with(DURABLE);
    let lab = Lab::at(&cluster.url(), |_| {}).await;
    let (store, other) = (lab.store(), lab.another().await);
    let mut ids = Vec::new();
    for _ in 0..24 {
        ids.push(accept(&*store, task(&lab, &[])).await);
    }
    for node in 0..cluster.nodes().len() {
        cluster.kill(node);
        let refused = in_time("counts that fail", store.counts()).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "node {node}: {refused:?}");
        cluster.restart(node);
        ids.push(accept_once_able(&*store, || task(&lab, &[])).await);
        for id in &ids {
            let load = async || match store.load(*id).await {
                Ok(log) => Some(log),
                Err(StoreError::Unavailable(_)) => None,
                Err(other) => panic!("{other:?}"),
            };
            assert!(once_seen("a task", load).await.is_some(), "node {node}");
        }
    }
    once_seen("another that works again", async || other.counts().await.ok()).await;
    let keys = claim_keys(&*other, Queue::Tasks).await;
    assert!(ids.iter().all(|id| keys.contains(&id.to_string())), "{} of {}", keys.len(), ids.len());
    hears(&*store, &*other, task(&lab, &[])).await;
}

#[tokio::test]
async fn a_sentinel_that_promotes_the_replica() {
    let mut pair = RedisSentinel::start();
    let lab = Lab::at(&pair.url(), |_| {}).await;
    let (store, other) = (lab.store(), lab.another().await);
    works(&lab).await;
    let first = pair.master();
    pair.kill(first);
    let id = accept_once_able(&*store, || task(&lab, &[])).await;
    assert_eq!(pair.master(), 1 - first);
    once_seen("another that works again", async || other.ping().await.ok()).await;
    assert!(other.load(id).await.unwrap().is_some());
    claim_keys(&*store, Queue::Tasks).await;
    hears(&*store, &*other, task(&lab, &[])).await;

    // The former master returns as a replica, and a new process asks the Sentinel for the roles.
    pair.restart(first);
    let third: Arc<dyn Store> = lab.another().await;
    assert!(third.load(id).await.unwrap().is_some());
}

/// A host that accepts connections but never responds, like one that has lost its network.
#[tokio::test]
async fn a_cluster_is_reached_past_a_silent_node() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("127.0.0.1:{}", silent.local_addr().unwrap().port());
    let cluster = morag_tests::redis::shared_cluster().url();
    for url in [cluster.replacen("://", &format!("://{silent},"), 1), format!("{cluster},{silent}")] {
        let redis = in_time("a connection", Redis::connect(url.parse().unwrap(), None)).await;
        assert!(redis.is_ok(), "{url}");
    }
}
