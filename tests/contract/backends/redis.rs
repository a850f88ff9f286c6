//! The Redis store, with a key prefix per test: on a single server, and on a Cluster.

use super::{Backend, Damaging, Limits, Part, Store};
use async_trait::async_trait;
use morag_adapters::store::redis::{FormatOptions, Options, Redis, RedisStore, TimeSource};
use morag_core::Timestamp;
use morag_core::ports::{Clock, StoreError};
use morag_core::task::TaskId;
use morag_testkit::FakeClock;
use morag_tests::redis::{shared_cluster, shared_single};
use std::marker::PhantomData;
use std::sync::Arc;

/// A kind of Redis server that the tests of a process share.
pub trait Servers: Send + Sync + 'static {
    /// Its URL.
    fn url() -> String;
    /// What it answers, as `redis-cli` prints it.
    fn ask(words: &[&str]) -> String;
}

/// A single server.
pub struct Single;

impl Servers for Single {
    fn url() -> String {
        shared_single().url()
    }

    fn ask(words: &[&str]) -> String {
        shared_single().ask(words)
    }
}

/// A Cluster of three masters.
pub struct Cluster;

impl Servers for Cluster {
    fn url() -> String {
        shared_cluster().url()
    }

    fn ask(words: &[&str]) -> String {
        // Asks the node that has the key.
        shared_cluster().nodes()[0].ask(&[&["-c"][..], words].concat())
    }
}

/// A store in Redis.
pub struct InRedis<S> {
    options: Options,
    clock: Arc<FakeClock>,
    store: Option<Arc<RedisStore>>,
    servers: PhantomData<S>,
}

impl<S: Servers> InRedis<S> {
    /// Another process on the same store.
    pub async fn another(&self) -> Arc<RedisStore> {
        let redis = Redis::connect(S::url().parse().unwrap(), None).await.unwrap();
        RedisStore::open(redis, self.options.clone()).await.unwrap()
    }

    /// Another process on the same store that supports these formats.
    pub async fn knowing(&self, format: FormatOptions) -> Result<Arc<RedisStore>, StoreError> {
        let redis = Redis::connect(S::url().parse().unwrap(), None).await?;
        RedisStore::open(redis, Options { format, ..self.options.clone() }).await
    }

    /// A store that no process has opened yet.
    pub fn unopened() -> Self {
        let clock = Arc::new(FakeClock::at(Timestamp::from_millis(1_769_853_600_000)));
        let given = Arc::clone(&clock) as Arc<dyn Clock>;
        let options = Options {
            key_prefix: format!("{}:", uuid::Uuid::new_v4()),
            time: TimeSource::Clock(Arc::clone(&given)),
            ..Options::new(given)
        };
        Self { options, clock, store: None, servers: PhantomData }
    }
}

#[async_trait]
impl<S: Servers> Backend for InRedis<S> {
    // Each bucket breaks ties between ranks on its own.
    const EXACT_ORDER: bool = false;
    const KEYS_AGE_BY_CLOCK: bool = false;

    async fn with(Limits { queue_max, queue_shared, idempotency_kept }: Limits) -> Self {
        let mut this = Self::unopened();
        (this.options.queue_max, this.options.idempotency_kept) = (queue_max, idempotency_kept);
        this.options.queue_shared = queue_shared;
        this.store = Some(this.another().await);
        this
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.as_ref().unwrap()) as Arc<dyn Store>
    }

    fn clock(&self) -> &FakeClock {
        &self.clock
    }

    async fn reopen(&mut self) {
        drop(self.store.take());
        self.store = Some(self.another().await);
    }
}

impl<S: Servers> Damaging for InRedis<S> {
    fn damage(&self, task: TaskId, part: Part) {
        let key = |kind: &str| format!("{}{kind}:{{q{}}}:{task}", self.options.key_prefix, &task.to_string()[..2]);
        let answer = match part {
            Part::Record => S::ask(&["hset", &key("task"), "record", "{"]),
            // The newest is the first.
            Part::Event(sequence) => S::ask(&["lset", &key("task_history"), &format!("-{sequence}"), "{"]),
        };
        assert!(["0\n", "OK\n"].contains(&answer.as_str()), "{task}: {part:?}: {answer}");
    }
}
