//! The store shared by the processes of a scenario.

use crate::redis::{ACCEPT_LOSS, RedisCluster, RedisServer};
use morag_adapters::SystemClock;
use morag_adapters::store::redis::{self, Redis, RedisKnowledge, RedisStore};
use morag_adapters::store::sqlite::{SqliteKnowledge, SqliteStore};
use morag_core::ports::{DueQueue, Knowledge, Queue, QueueCounts, Tasks};
use std::path::Path;
use std::sync::Arc;

/// The store of a scenario.
#[derive(Debug)]
pub enum Store {
    /// The embedded store, for a single process.
    Sqlite,
    /// A single server.
    Redis(RedisServer),
    /// A Cluster of three masters.
    Cluster(RedisCluster),
}

impl Store {
    /// Name used in output.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Redis(_) => "redis",
            Self::Cluster(_) => "cluster",
        }
    }

    /// URL, for Redis.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Redis(server) => Some(server.url()),
            Self::Cluster(cluster) => Some(cluster.url()),
        }
    }

    /// The server.
    pub fn redis(&mut self) -> &mut RedisServer {
        match self {
            Self::Redis(server) => server,
            other => panic!("{} is not a single Redis", other.name()),
        }
    }

    /// The Cluster.
    pub fn cluster(&mut self) -> &mut RedisCluster {
        match self {
            Self::Cluster(cluster) => cluster,
            other => panic!("{} is not a Cluster", other.name()),
        }
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let durable = match self {
            Self::Sqlite => true,
            Self::Redis(server) => server.is_durable(),
            Self::Cluster(cluster) => cluster.nodes().iter().all(RedisServer::is_durable),
        };
        let accept = (!durable).then(|| (ACCEPT_LOSS.0, ACCEPT_LOSS.1.to_owned()));
        self.url().map(|url| ("REDIS_URL", url)).into_iter().chain(accept).collect()
    }

    /// Sizes of the task and delivery queues, read through the adapter. An embedded store must not be in use.
    pub async fn queue_counts(&self, data_dir: &Path) -> [QueueCounts; 2] {
        let queue: Arc<dyn DueQueue> = match self.url() {
            None => SqliteStore::open(&data_dir.join("morag.db"), Arc::new(SystemClock)).expect("the store opens"),
            Some(url) => {
                let connection = connect(&url).await;
                RedisStore::open(connection, redis::Options::new(Arc::new(SystemClock))).await.expect("the store opens")
            }
        };
        let counts = async |of| queue.queue_counts(of).await.expect("counts");
        [counts(Queue::Tasks).await, counts(Queue::Deliveries).await]
    }

    /// Tasks, read through the adapter. An embedded store must not be in use.
    pub async fn tasks(&self, data_dir: &Path) -> Arc<dyn Tasks> {
        match self.url() {
            None => SqliteStore::open(&data_dir.join("morag.db"), Arc::new(SystemClock)).expect("the store opens"),
            Some(url) => {
                let options = redis::Options::new(Arc::new(SystemClock));
                RedisStore::open(connect(&url).await, options).await.expect("the store opens")
            }
        }
    }

    /// Knowledge store, opened through the adapter. An embedded store must not be in use.
    pub(super) async fn knowledge(&self, data_dir: &Path) -> Arc<dyn Knowledge> {
        match self.url() {
            None => Arc::new(SqliteKnowledge::open(&data_dir.join("knowledge.db"), None).expect("the store opens")),
            Some(url) => {
                // The default prefix, which scenarios do not change.
                let redis::Options { key_prefix, .. } = redis::Options::new(Arc::new(SystemClock));
                RedisKnowledge::open(connect(&url).await, key_prefix)
            }
        }
    }
}

async fn connect(url: &str) -> Arc<Redis> {
    Redis::connect(url.parse().expect("a Redis URL"), None).await.expect("a connection")
}
