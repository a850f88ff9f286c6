//! A store whose keys tests read and write directly.

use crate::backends::{Backend, Limits, Store};
use async_trait::async_trait;
use morag_adapters::store::redis::{FormatOptions, Options, Redis, RedisStore, TimeSource};
use morag_core::Timestamp;
use morag_core::ports::{Claim, Clock, Queue, StoreError};
use morag_core::task::TaskId;
use morag_testkit::FakeClock;
use morag_tests::redis::{RedisServer, shared_single};
use std::sync::Arc;
use std::time::Duration;

/// Long enough for any machine, and too short for a dozen wake-ups that are found only by the scan every 10 s.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polling interval where there is no notification.
const LOOK: Duration = Duration::from_millis(20);

/// A timeout that these tests must not reach.
pub const FOREVER: Duration = Duration::from_secs(3600);

/// A store with its own prefix, and the process that has it open.
pub struct Lab {
    url: String,
    options: Options,
    clock: Arc<FakeClock>,
    store: Option<Arc<RedisStore>>,
}

impl Lab {
    /// A store on the shared server.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with options.
    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::at(&shared_single().url(), change).await
    }

    /// A store at this URL.
    pub async fn at(url: &str, change: impl FnOnce(&mut Options)) -> Self {
        let clock = Arc::new(FakeClock::at(Timestamp::from_millis(1_769_853_600_000)));
        let mut options = Self::options(&clock);
        change(&mut options);
        Self::open(url, options, clock).await
    }

    /// A store that uses the clock of Redis, in a process whose own clock is wrong by this many milliseconds.
    pub async fn wrong_by(millis: i64) -> Self {
        Self::new().await.as_seen_by_one_wrong_by(millis).await
    }

    /// Another process on the same store, likewise.
    pub async fn as_seen_by_one_wrong_by(&self, millis: i64) -> Self {
        let clock = Arc::new(FakeClock::at(Timestamp::from_millis(server_time() as i64 + millis)));
        let given = Arc::clone(&clock) as Arc<dyn Clock>;
        let options = Options { clock: given, time: TimeSource::Server, ..self.options.clone() };
        Self::open(&self.url, options, clock).await
    }

    /// A store over an existing connection.
    pub async fn on(redis: Arc<Redis>) -> Result<Self, StoreError> {
        let clock = Arc::new(FakeClock::at(Timestamp::from_millis(1_769_853_600_000)));
        let options = Self::options(&clock);
        let store = Some(RedisStore::open(redis, options.clone()).await?);
        Ok(Self { url: String::new(), options, clock, store })
    }

    /// Another process on the same store, over an existing connection.
    pub async fn over(&self, redis: Arc<Redis>) -> Arc<RedisStore> {
        RedisStore::open(redis, self.options.clone()).await.unwrap()
    }

    fn options(clock: &Arc<FakeClock>) -> Options {
        let given = Arc::clone(clock) as Arc<dyn Clock>;
        Options {
            key_prefix: format!("{}:", uuid::Uuid::new_v4()),
            time: TimeSource::Clock(Arc::clone(&given)),
            ..Options::new(given)
        }
    }

    async fn open(url: &str, options: Options, clock: Arc<FakeClock>) -> Self {
        let mut this = Self { url: url.to_owned(), options, clock, store: None };
        this.store = Some(this.another().await);
        this
    }

    /// Another process on the same store.
    pub async fn another(&self) -> Arc<RedisStore> {
        self.over(Redis::connect(self.url.parse().unwrap(), None).await.unwrap()).await
    }

    /// The store after the process has closed it.
    pub fn without_process(self) -> Self {
        Self { store: None, ..self }
    }

    /// Another process over an existing connection, which supports these formats.
    pub async fn opened_over(&self, redis: Arc<Redis>, format: FormatOptions) -> Result<Arc<RedisStore>, StoreError> {
        RedisStore::open(redis, Options { format, ..self.options.clone() }).await
    }

    /// Another process on the same store, at this URL, which supports these formats.
    pub async fn knowing(&self, url: &str, format: FormatOptions) -> Result<Arc<RedisStore>, StoreError> {
        let redis = Redis::connect(url.parse().unwrap(), None).await?;
        self.opened_over(redis, format).await
    }

    /// The full key of a name.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.options.key_prefix)
    }

    /// A key of a task, such as `task_history`.
    pub fn of_task(&self, kind: &str, task: TaskId) -> String {
        self.key(&format!("{kind}:{{q{}}}:{task}", &task.to_string()[..2]))
    }

    /// A key of a task's bucket and a queue, such as `due`.
    pub fn of_queue(&self, kind: &str, task: TaskId, queue: &str) -> String {
        self.key(&format!("{kind}:{{q{}}}:{queue}", &task.to_string()[..2]))
    }

    /// All keys without the prefix, in order.
    pub fn keys(&self) -> Vec<String> {
        let found = ask(&["--scan", "--pattern", &self.key("*")]);
        let prefix = self.options.key_prefix.len();
        let mut keys: Vec<_> = found.lines().map(|key| key[prefix..].to_owned()).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

#[async_trait]
impl Backend for Lab {
    const EXACT_ORDER: bool = false;
    const KEYS_AGE_BY_CLOCK: bool = false;

    async fn with(Limits { queue_max, queue_shared, idempotency_kept }: Limits) -> Self {
        Self::with(|options| {
            (options.queue_max, options.idempotency_kept) = (queue_max, idempotency_kept);
            options.queue_shared = queue_shared;
        })
        .await
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

/// Output of `redis-cli` on the shared server, without the final line feed.
pub fn ask(words: &[&str]) -> String {
    ask_at(shared_single(), words)
}

/// Output of `redis-cli` on a server.
pub fn ask_at(server: &RedisServer, words: &[&str]) -> String {
    server.ask(words).trim_end_matches('\n').to_owned()
}

/// The time of the shared server, milliseconds.
pub fn server_time() -> f64 {
    let time = ask(&["time"]);
    let (seconds, micros) = time.split_once('\n').unwrap();
    (seconds.parse::<i64>().unwrap() * 1000 + micros.parse::<i64>().unwrap() / 1000) as f64
}

/// Awaits a future with a timeout.
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what}: it took too long"))
}

/// Polls until there is a result, and returns it.
pub async fn once_seen<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    in_time(what, looking).await
}

/// Waits for due keys as a worker does, and claims them.
pub async fn claim_by_waiting(store: &dyn Store, queue: Queue, lease: Duration) -> Claim {
    loop {
        let claim = store.claim(queue, 1, lease).await.unwrap();
        if !claim.leases.is_empty() {
            return claim;
        }
        store.wait(queue, FOREVER).await;
    }
}
