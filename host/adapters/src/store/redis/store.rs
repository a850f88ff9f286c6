//! The store of tasks, their queue and their deliveries.

use super::agenda::Agenda;
use super::format::{Beats, FormatOptions, Gate};
use super::keys::Keys;
use super::link::Redis;
use super::records::Records;
use super::time::{StoreTime, TimeSource};
use super::wake::{self, Wakes};
use morag_core::Timestamp;
use morag_core::ports::{Clock, StoreError};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Tasks that may wait for a worker, as in the embedded store.
const QUEUE_MAX: u64 = 100_000;

/// How long history and idempotency keys are kept where nothing else is said (`docs/http-api.md#history-in-redis`).
const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What an operator may choose.
#[derive(Clone)]
pub struct Options {
    /// What every key begins with, so that several servers may share a Redis. Default: nothing.
    pub key_prefix: String,
    /// Tasks that may be pending; a further one is refused. Default 100,000.
    pub queue_max: u64,
    /// Whether several callers share the queue: a flow may have no more tasks waiting then than it leaves room for others.
    /// Default no.
    pub queue_shared: bool,
    /// How long an ended task stays after its last delivery, by Redis's own expiry. Default 7 days.
    pub history_kept: Duration,
    /// How long an idempotency key is remembered. Default 7 days.
    pub idempotency_kept: Duration,
    /// This process's clock: due times are given by it and taken as the time from now.
    pub clock: Arc<dyn Clock>,
    /// Whose clock leases and due times go by. Default: the server's.
    pub time: TimeSource,
    /// Which formats of the store this process knows. Default: those of this program.
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

/// Tasks, due-queue and deliveries in Redis, for as many processes as wanted.
pub struct RedisStore {
    pub(super) redis: Arc<Redis>,
    pub(super) keys: Keys,
    pub(super) options: Options,
    pub(super) time: StoreTime,
    pub(super) agenda: Arc<Agenda>,
    pub(super) records: Records,
    pub(super) wakes: Wakes,
    /// For work that outlasts its caller.
    pub(super) me: Weak<Self>,
    /// Held by who reads a whole record for its summary (`summaries`).
    pub(super) whole_records: tokio::sync::Mutex<()>,
    follows_unannounced: bool,
    gate: Arc<Gate>,
    _beats: Beats,
}

impl RedisStore {
    /// Opens the store in a Redis that is connected. `Unavailable` where its format is not known (see [`super::format`]): each call
    /// over this connection, those of other stores too, fails so from then on.
    pub async fn open(redis: Arc<Redis>, options: Options) -> Result<Arc<Self>, StoreError> {
        redis.ping().await?;
        let keys = Keys::new(options.key_prefix.clone());
        let gate = Gate::new(keys.format(), options.format);
        redis.pass(gate.clone());
        gate.beat(&redis).await?;
        let follows_unannounced =
            gate.is_first() && redis.query::<bool>(redis::cmd("EXISTS").arg(keys.number())).await?;
        if follows_unannounced {
            tracing::warn!(
                "the store has tasks of a version that does not say that it is alive: stop all its processes now, for they send \
                 webhooks without their token and mix tenants (docs/operations.md)"
            );
        }
        let _beats = Beats::begin(redis.clone(), gate.clone());
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
                records: Records::default(),
                wakes,
                me,
                whole_records: Default::default(),
                follows_unannounced,
                gate,
                _beats,
            }
        }))
    }

    /// Whether this process is the first on a store with tasks of versions that do not say that they are alive: see
    /// [`super::format`].
    pub fn follows_unannounced(&self) -> bool {
        self.follows_unannounced
    }

    /// The format to write in: see [`super::format`].
    pub fn format(&self) -> u32 {
        self.gate.format()
    }

    /// A time given by this process's clock, as milliseconds from now: the store's clock may be another.
    pub(super) fn delay(&self, due: Timestamp) -> u128 {
        due.since(self.options.clock.now()).as_millis()
    }
}

/// Ten random bytes in text: tells a call that is sent again from another.
pub(super) fn token() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// What a stored text says.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("{error} in a stored text")))
}

/// The text that is stored.
pub(super) fn to_json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(format!("a value cannot be written: {error}")))
}

/// What a script answers that it never should.
pub(super) fn strange(answer: &impl std::fmt::Debug) -> StoreError {
    StoreError::Corrupt(format!("a script answered {answer:?}"))
}
