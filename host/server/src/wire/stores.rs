//! Opens the store: embedded or Redis.

use super::{backup, spare};
use anyhow::Context as _;
use morag_adapters::store::redis::{Redis, RedisKnowledge, RedisSetup, RedisStore, RedisUrl, TimeSource};
use morag_adapters::store::{redis, sqlite};
use morag_core::ports::{
    Chains, Clock, Deliveries, DueQueue, Endpoints, Feed, KeyValues, Knowledge, StoreError, StoreSetup, Tasks,
};
use morag_engine::config::{Config, RedisConfig};
use std::path::Path;
use std::sync::Arc;

/// The ports that a store implements.
pub(super) struct Stores {
    pub(super) tasks: Arc<dyn Tasks>,
    pub(super) queue: Arc<dyn DueQueue>,
    pub(super) deliveries: Arc<dyn Deliveries>,
    pub(super) chains: Arc<dyn Chains>,
    pub(super) endpoints: Arc<dyn Endpoints>,
    pub(super) feed: Arc<dyn Feed>,
    pub(super) knowledge: Arc<dyn Knowledge>,
    pub(super) key_values: Arc<dyn KeyValues>,
    pub(super) setup: Arc<dyn StoreSetup>,
    /// The Redis store, if it is used; its identity decides who owns the files in a folder.
    pub(super) redis: Option<Arc<RedisStore>>,
}

/// Opens the store of the settings. For the embedded store the caller must hold the data folder's lock.
pub(super) async fn open(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Stores> {
    match &config.redis {
        None => embedded(config, clock),
        Some(redis) => shared(config, redis, clock).await,
    }
}

fn embedded(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Stores> {
    let options = sqlite::Options {
        queue_max: config.queue_tasks_max,
        queue_shared: config.callers.len() > 1,
        idempotency_kept: config.idempotency_retention,
        // This process holds the folder's lock, so earlier lease holders have ended.
        ends_leases: true,
        ..sqlite::Options::default()
    };
    spare::prepare(&config.data_dir);
    let full = |error| explain_full_disk(error, &config.data_dir);
    let store = sqlite::SqliteStore::open_with(&config.data_dir.join(backup::TASKS_DB), clock.clone(), options);
    let store = store.map_err(full)?;
    let knowledge = sqlite::SqliteKnowledge::open(&config.data_dir.join(backup::KNOWLEDGE_DB), None).map_err(full)?;
    let knowledge = Arc::new(knowledge);
    Ok(Stores {
        tasks: store.clone(),
        queue: store.clone(),
        deliveries: store.clone(),
        chains: store.clone(),
        endpoints: store.clone(),
        feed: store.clone(),
        knowledge,
        key_values: store.clone(),
        setup: store,
        redis: None,
    })
}

/// Parses the Redis URL. It is displayed without user name and password.
pub(super) fn url(settings: &RedisConfig) -> anyhow::Result<RedisUrl> {
    settings.url.expose().parse().map_err(|error| anyhow::anyhow!("invalid REDIS_URL: {error}"))
}

/// Adds advice to an error caused by a full disk.
fn explain_full_disk(error: StoreError, data_dir: &Path) -> anyhow::Error {
    match error {
        StoreError::Full(_) => {
            let advice = format!(
                "the disk of the data folder {} is full: free {} MiB and start again; tasks can then be deleted through the API",
                data_dir.display(),
                spare::BYTES >> 20
            );
            anyhow::Error::new(error).context(advice)
        }
        other => other.into(),
    }
}

async fn shared(config: &Config, settings: &RedisConfig, clock: &Arc<dyn Clock>) -> anyhow::Result<Stores> {
    let connection = Redis::connect(url(settings)?, settings.ca_file.as_deref())
        .await
        .context("cannot connect to Redis: check that it is running and that REDIS_URL is correct")?;
    let setup = RedisSetup::open(connection.clone(), settings.accept_loss).await?;
    let options = redis::Options {
        key_prefix: settings.key_prefix.clone(),
        queue_max: config.queue_tasks_max,
        queue_shared: config.callers.len() > 1,
        history_kept: config.history_retention,
        idempotency_kept: config.idempotency_retention,
        clock: clock.clone(),
        // Clocks differ between machines, but leases and retries need one time.
        time: TimeSource::Server,
        format: redis::FormatOptions::default(),
    };
    let store = RedisStore::open(connection.clone(), options).await?;
    let knowledge = RedisKnowledge::open(connection, settings.key_prefix.clone());
    Ok(Stores {
        tasks: store.clone(),
        queue: store.clone(),
        deliveries: store.clone(),
        chains: store.clone(),
        endpoints: store.clone(),
        feed: store.clone(),
        knowledge,
        key_values: store.clone(),
        setup,
        redis: Some(store),
    })
}
