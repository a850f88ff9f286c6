//! The store of tasks, their queue and their deliveries.

use super::agenda::Agenda;
use super::client::Redis;
use super::format::{Beats, FormatOptions, Gate};
use super::keys::{Bucket, Keys};
use super::queue_update::QueueUpdate;
use super::record_cache::RecordCache;
use super::time::{StoreTime, TimeSource};
use super::wake::{self, Wakes};
use morag_core::Timestamp;
use morag_core::ports::{Clock, Queue, StoreError};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Tasks that may wait for a worker at most, as in the embedded store.
const QUEUE_MAX: u64 = 100_000;

/// Default retention of history and idempotency keys (`docs/http-api.md#history-in-redis`).
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Options of an operator, and of tests.
#[derive(Clone)]
pub struct Options {
    /// What every key begins with, so that several stores may share a Redis. Default: nothing.
    pub key_prefix: String,
    /// Pending tasks at most; a further one is refused. Default 100,000.
    pub queue_max: u64,
    /// Whether several callers share the queue: then a flow may have no more waiting tasks than it leaves room for others. Default no.
    pub queue_shared: bool,
    /// How long an ended task stays after its last delivery, by Redis's own expiry. Default 7 days.
    pub history_kept: Duration,
    /// How long an idempotency key is remembered. Default 7 days.
    pub idempotency_kept: Duration,
    /// This process's clock: callers give due times by it, and the store takes them as durations from now.
    pub clock: Arc<dyn Clock>,
    /// The clock by which leases end and keys come due. Default: the server's.
    pub time: TimeSource,
    /// Which formats of the store this process supports. Default: those of this program.
    pub format: FormatOptions,
}

impl Options {
    /// The defaults.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            key_prefix: String::new(),
            queue_max: QUEUE_MAX,
            queue_shared: false,
            history_kept: WEEK,
            idempotency_kept: WEEK,
            clock,
            time: TimeSource::Server,
            format: FormatOptions::default(),
        }
    }
}

/// Tasks, due-queue and deliveries in Redis, for any number of processes.
pub struct RedisStore {
    pub(super) redis: Arc<Redis>,
    pub(super) keys: Keys,
    pub(super) options: Options,
    pub(super) time: StoreTime,
    pub(super) agenda: Arc<Agenda>,
    pub(super) records: RecordCache,
    pub(super) wakes: Wakes,
    /// For work that continues after its caller has gone.
    pub(super) me: Weak<Self>,
    /// Held while a whole record is read for its summary (`summaries`).
    pub(super) whole_records: tokio::sync::Mutex<()>,
    follows_unannounced: bool,
    gate: Arc<Gate>,
    _beats: Beats,
}

impl RedisStore {
    /// Opens the store in a Redis that is connected. `Unavailable` where this process does not support its format (see
    /// [`super::format`]): then every call over this connection, also one of another store, fails from now on.
    pub async fn open(redis: Arc<Redis>, options: Options) -> Result<Arc<Self>, StoreError> {
        redis.ping().await?;
        let keys = Keys::new(options.key_prefix.clone());
        let gate = Gate::new(keys.format(), options.format);
        redis.set_gate(gate.clone());
        gate.register(&redis.connection).await?;
        let follows_unannounced =
            gate.is_first() && redis.query::<bool>(redis::cmd("EXISTS").arg(keys.number())).await?;
        if follows_unannounced {
            tracing::warn!(
                "the store has tasks of a version that does not register its processes: stop all of them now, because they send \
                 webhooks without their token and mix tenants (docs/operations.md)"
            );
        }
        let _beats = Beats::begin(redis.connection.clone(), gate.clone());
        let agenda = Arc::new(Agenda::new());
        let wakes = wake::listen(redis.clone(), keys.channel(), agenda.clone());
        let time = StoreTime::new(options.time.clone());
        Ok(Arc::new_cyclic(|me| {
            let me = Weak::clone(me);
            Self {
                redis,
                keys,
                options,
                time,
                agenda,
                records: RecordCache::default(),
                wakes,
                me,
                whole_records: Default::default(),
                follows_unannounced,
                gate,
                _beats,
            }
        }))
    }

    /// Whether this process is the first on a store with tasks of versions whose processes do not register: see [`super::format`].
    pub fn follows_unannounced(&self) -> bool {
        self.follows_unannounced
    }

    /// The format to write in: see [`super::format`].
    pub fn format(&self) -> u32 {
        self.gate.format()
    }

    /// A time by this process's clock, as the time from now: the store's clock may differ.
    pub(super) fn delay(&self, due: Timestamp) -> Duration {
        due.since(self.options.clock.now())
    }

    /// Applies what a script answered about where it has scheduled a key.
    pub(super) fn apply_update(&self, queue: Queue, bucket: Bucket, update: &str) {
        if let Ok(update) = update.parse::<QueueUpdate>() {
            self.agenda.of(queue).apply(bucket, update);
        }
    }

    /// A script may have scheduled a key: its answer was lost.
    pub(super) fn invalidate(&self, queue: Queue, bucket: Bucket) {
        self.agenda.of(queue).apply(bucket, QueueUpdate::Unknown);
    }
}
