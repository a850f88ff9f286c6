//! Reading the sources into a [`Config`].

use super::checks::ValueCheck;
use super::error::ConfigError;
use super::sources::{Sources, Written};
use super::{
    Config, LogFormat, ai, callers, compiling, endpoints, keys, ocr, pipelines, plugins, plugins_dir, registries,
    storage, unknown,
};
use morag_core::Secret;
use morag_core::connections::CONNECTIONS_MAX;
use morag_core::webhook::{AddressPolicy, RetrySettings};
use std::path::PathBuf;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest duration of any setting: 100 years, so that no sum of durations overflows.
const TIME_MAX: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// Environment variables of the contract that this version ignores. Each is warned of at start.
const NOT_YET: [&str; 4] = ["QDRANT_URL", "NEO4J_URI", "NEO4J_USER", "QDRANT_API_KEY"];

impl Config {
    /// Reads all sources and checks all values.
    pub fn load(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        Self::load_checked(sources, &[])
    }

    /// The same with further checks; what they find is told with everything else.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_checked(sources: &Sources<'_>, checks: &[ValueCheck]) -> Result<Self, ConfigError> {
        Self::checked(sources, sources.text()?.as_deref(), checks)
    }

    /// The same with the file's text already read; none: there is no file.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn of(sources: &Sources<'_>, text: Option<&str>) -> Result<Self, ConfigError> {
        Self::checked(sources, text, &[])
    }

    pub(super) fn checked(
        sources: &Sources<'_>,
        text: Option<&str>,
        checks: &[ValueCheck],
    ) -> Result<Self, ConfigError> {
        let written = Written::read(sources, text)?;
        let config = Self::read(sources, &written);
        checks.iter().for_each(|check| check.apply(&written));
        // Where a value could not be used, another stands in for it.
        written.faults()?;
        Ok(config)
    }

    fn read(sources: &Sources<'_>, written: &Written<'_>) -> Self {
        let mut warnings: Vec<_> = NOT_YET
            .into_iter()
            .filter(|name| written.environment(name).is_some())
            .map(|name| format!("{name} is set, but this version does not use it: it has stores of its own"))
            .collect();

        warnings.extend(unknown::warnings(written));

        let redis = storage::redis(written);
        let s3 = storage::s3(written);
        let roles = storage::roles(written, redis.as_ref());
        let data_dir = PathBuf::from(written.required("data_dir"));
        warnings.extend(storage::split_warning(roles, s3.as_ref(), &data_dir.join("files")));
        let api_host = written.host("api_host");
        let api_keys = keys::read(written, api_host, roles, &mut warnings);
        let has_default_key = keys::is_default(api_host, &api_keys, &mut warnings);
        let callers = callers::read(written, &api_keys);
        let webhook_max_retries = written.number("webhook_max_retries", 0, 20) as u32;
        let webhook_retry_delay = written.time("webhook_retry_delay", SECOND, Duration::ZERO..=DAY);
        let webhook_allow_networks = written.networks("webhook_allow_networks");
        let policy = AddressPolicy::new(webhook_allow_networks.clone());
        let delay_ms = u64::try_from(webhook_retry_delay.as_millis()).unwrap_or(u64::MAX);
        let retry = RetrySettings { max_retries: webhook_max_retries, delay_ms };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            api_host,
            api_port: written.number("api_port", 0, u64::from(u16::MAX)) as u16,
            api_keys,
            roles,
            redis,
            s3,
            compile_cache_dir: match written.value("compile_cache_dir") {
                Some(dir) => PathBuf::from(dir),
                None => data_dir.join("compiled"),
            },
            models_dir: match written.value("models_dir") {
                Some(dir) => PathBuf::from(dir),
                None => data_dir.join("models"),
            },
            data_dir,
            plugins_dir: match written.value("plugins_dir") {
                Some(dir) => PathBuf::from(dir),
                None => plugins_dir::find(sources.binary_dir.as_deref()),
            },
            plugins: plugins::read(written),
            plugin_registries: registries::read(written),
            plugins_reload: written.time("plugins_reload_seconds", SECOND, Duration::ZERO..=HOUR),
            max_upload_size_bytes: written.size("max_upload_size_bytes"),
            worker_concurrency: match written.value("worker_concurrency") {
                Some(_) => written.number("worker_concurrency", 1, 1024) as usize,
                None => cores,
            },
            disk_free_min: written.size_or_zero("disk_free_min"),
            queue_tasks_max: written.number("queue_tasks_max", 1, 1_000_000_000),
            lease: written.time("lease_seconds", SECOND, SECOND..=HOUR),
            drain_timeout: written.time("drain_timeout", SECOND, Duration::ZERO..=HOUR),
            process_wait: written.time("process_wait_seconds", SECOND, Duration::ZERO..=HOUR),
            fetch_timeout: written.time("fetch_timeout", SECOND, Duration::from_millis(1)..=HOUR),
            fetch_allow_networks: written.networks("fetch_allow_networks"),
            ai: ai::read(written),
            ocr: ocr::read(written),
            plugin_http_allow_networks: written.networks("plugin_http_allow_networks"),
            webhook_timeout: written.time("webhook_timeout", SECOND, Duration::from_millis(1)..=SECOND * 600),
            webhook_max_retries,
            webhook_retry_delay,
            webhook_secrets: webhook_secrets(written),
            webhook_allow_networks,
            webhook_proxy: written.proxy("webhook_proxy"),
            webhook_retry_after_max: written.time("webhook_retry_after_max", SECOND, Duration::ZERO..=DAY),
            webhook_give_up_after: written.time("webhook_give_up_after_hours", HOUR, SECOND..=TIME_MAX),
            webhook_disable_after: written.time("webhook_disable_after_hours", HOUR, SECOND..=TIME_MAX),
            secrets_key: written.seal_key("secrets_key"),
            webhook_unreadable_wait: written.time("webhook_unreadable_wait_seconds", SECOND, SECOND..=HOUR),
            pipelines: pipelines::read(written),
            webhook_endpoints: endpoints::read(written, &policy, retry),
            compiling: compiling::read(written),
            webhook_concurrency: written.number("webhook_concurrency", 2, 4096) as usize,
            webhook_endpoint_concurrency: written.number("webhook_endpoint_concurrency", 1, 1024) as usize,
            webhook_host_concurrency: written.number("webhook_host_concurrency", 1, 4096) as usize,
            history_retention: written.time("history_retention_days", DAY, Duration::ZERO..=TIME_MAX),
            temp_retention: written.time("temp_retention_hours", HOUR, Duration::ZERO..=TIME_MAX),
            idempotency_retention: written.time("idempotency_retention_hours", HOUR, HOUR..=TIME_MAX),
            log_format: written.word("log_format", [("text", LogFormat::Text), ("json", LogFormat::Json)]),
            log_filter: written.required("log"),
            warnings,
            secrets_key_lost: written.word("secrets_key_lost", [("true", true), ("false", false)]),
            connections_per_peer: written.number("connections_per_peer", 1, CONNECTIONS_MAX as u64) as usize,
            has_default_key,
            callers,
        }
    }
}

/// Signing secrets of webhooks, newest first.
fn webhook_secrets(written: &Written<'_>) -> Vec<Secret> {
    let secret = written.signing_secret("webhook_secret");
    let previous = written.signing_secret("webhook_previous_secret");
    if previous.is_some() && written.value("webhook_secret").is_none() {
        written.note(
            "webhook_previous_secret",
            "is set, and WEBHOOK_SECRET is not: set WEBHOOK_SECRET, which webhooks are signed with, or neither",
        );
    }
    secret.into_iter().chain(previous).collect()
}
