//! The operator's settings.
//!
//! Sources in ascending priority: the defaults, `morag.toml`, the environment, the command line. Every setting is one row of
//! [`settings::SETTINGS`], which also generates the README's table and `config.default.toml`; [`load`](Config::load) reads the [`sources`],
//! and [`Config`] holds the parsed values. Everything that is wrong is told at once, with file and line.
//! The tables of the file are types that `morag_input` reads.

mod ai;
mod callers;
mod checks;
mod compiling;
mod endpoints;
mod error;
mod file_tables;
mod file_values;
mod keys;
mod lines;
mod load;
mod ocr;
mod pipelines;
mod plugins;
mod plugins_dir;
mod registries;
mod roles;
mod settings;
mod sources;
mod storage;
mod table;
mod tables;
#[cfg(test)]
mod tests;
mod toml_json;
mod units;
mod unknown;
mod values;

pub use ai::AiConfig;
pub use callers::{ConfiguredCaller, check_caller_name, digest_of};
pub use checks::ValueCheck;
pub use error::ConfigError;
pub use keys::ApiKey;
pub use ocr::{OcrConfig, OcrEngine};
pub use plugins::ConfiguredPlugin;
pub use plugins_dir::find_of_process as find_plugins_dir;
pub use roles::{InvalidRoles, Role, Roles};
pub use settings::{SETTINGS, Setting};
pub use sources::Sources;
pub use storage::{RedisConfig, S3Config};
pub use table::{default_toml, markdown_table};

use crate::endpoints::ConfiguredEndpoint;
use crate::pipelines::Configured;
use ipnet::IpNet;
use morag_core::Secret;
use morag_core::plugin::{CompileLimits, RegistryAccess};
use morag_core::webhook::WebhookProxy;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The checked settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub api_host: IpAddr,
    /// Port to listen on; 0 lets the system choose.
    pub api_port: u16,
    /// API keys: admins of the default tenant. Empty where only [`Self::callers`] have keys, or the process lacks the role `api`.
    pub api_keys: Vec<ApiKey>,
    /// Roles of the process; all roles without Redis.
    pub roles: Roles,
    /// Redis that stores tasks; none: the embedded store, which only this process uses.
    pub redis: Option<RedisConfig>,
    /// Bucket for files; none: the data folder.
    pub s3: Option<S3Config>,
    /// Folder of the embedded store and the files.
    pub data_dir: PathBuf,
    /// Folder of the step components.
    pub plugins_dir: PathBuf,
    /// Plugins listed in `morag.toml`.
    pub plugins: Vec<ConfiguredPlugin>,
    /// Registries listed in `morag.toml`.
    pub plugin_registries: Vec<RegistryAccess>,
    /// Interval between checks for changed components; zero: no checks.
    pub plugins_reload: Duration,
    /// Folder of compiled step components; only this user may access it.
    pub compile_cache_dir: PathBuf,
    /// Limits of compiling one component.
    pub compiling: CompileLimits,
    /// Largest upload, bytes.
    pub max_upload_size_bytes: u64,
    /// Concurrent tasks of this process.
    pub worker_concurrency: usize,
    /// Free space to leave on the disk, bytes: below it nothing new is accepted. 0: no limit.
    pub disk_free_min: u64,
    /// Tasks that may wait; more are refused with 429.
    pub queue_tasks_max: u64,
    /// Lease of a claimed task or delivery: it becomes due again when the worker does not renew it for this long.
    pub lease: Duration,
    /// How long running work may continue after the process was asked to stop.
    pub drain_timeout: Duration,
    /// How long `POST /api/v1/process` waits for the end of a conversion.
    pub process_wait: Duration,
    /// Timeout of fetching one document by its URL.
    pub fetch_timeout: Duration,
    /// Private networks that documents may be fetched from.
    pub fetch_allow_networks: Vec<IpNet>,
    /// Service for completions and transcription; none: these capabilities are unavailable.
    pub ai: Option<AiConfig>,
    /// What reads text in pictures.
    pub ocr: OcrConfig,
    /// Folder of added models.
    pub models_dir: PathBuf,
    /// Private networks that plugins may reach.
    pub plugin_http_allow_networks: Vec<IpNet>,
    /// Timeout of one webhook exchange.
    pub webhook_timeout: Duration,
    /// Retries after the first attempt.
    pub webhook_max_retries: u32,
    /// Delay before the first retry; it doubles with each.
    pub webhook_retry_delay: Duration,
    /// Secrets that webhooks are signed with, newest first; none: unsigned.
    pub webhook_secrets: Vec<Secret>,
    /// Private networks that deliveries may reach.
    pub webhook_allow_networks: Vec<IpNet>,
    /// Proxy of deliveries.
    pub webhook_proxy: Option<WebhookProxy>,
    /// Longest `Retry-After` that is honoured.
    pub webhook_retry_after_max: Duration,
    /// How long every attempt to a named endpoint may fail before it is disabled.
    pub webhook_disable_after: Duration,
    /// Age of an event at which its delivery is given up while its receiver fails. It limits the backlog of such a receiver, and the
    /// history of its tasks, which is kept while a delivery is due.
    pub webhook_give_up_after: Duration,
    /// Key that encrypts credentials of named endpoints.
    pub secrets_key: Option<Secret>,
    /// How long a delivery waits whose credentials cannot be read.
    pub webhook_unreadable_wait: Duration,
    /// Pipelines of `morag.toml`.
    pub pipelines: Vec<Configured>,
    /// Named endpoints of `morag.toml`.
    pub webhook_endpoints: Vec<ConfiguredEndpoint>,
    /// Concurrent deliveries to one lane: a named endpoint, or a `webhook_url`.
    pub webhook_endpoint_concurrency: usize,
    /// Concurrent deliveries of this process.
    pub webhook_concurrency: usize,
    /// Concurrent deliveries to one host and port.
    pub webhook_host_concurrency: usize,
    /// How long the events of an ended task are kept.
    pub history_retention: Duration,
    /// How long the files of an ended task are kept.
    pub temp_retention: Duration,
    /// How long an `Idempotency-Key` is remembered.
    pub idempotency_retention: Duration,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// Log filter, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// Warnings for the operator, logged at start.
    pub warnings: Vec<String>,
    /// Whether to start although the key that encrypted stored credentials is lost.
    pub secrets_key_lost: bool,
    /// Concurrent connections from one address.
    pub connections_per_peer: usize,
    /// Whether the publicly known default key is accepted, on a loopback address. Then requests with a foreign `Host` are refused, and
    /// those that change something with a foreign `Origin`: they may come from a web page.
    pub has_default_key: bool,
    /// API callers: [`Self::api_keys`], and the tables `[[callers]]`.
    pub callers: Vec<Arc<ConfiguredCaller>>,
}

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Human-readable lines.
    Text,
    /// One JSON object per line.
    Json,
}

impl Config {
    /// Whether callers or endpoints of several tenants share the server.
    pub fn has_tenants(&self) -> bool {
        let of_callers = self.callers.iter().any(|caller| !caller.tenant.is_default());
        of_callers || self.webhook_endpoints.iter().any(|one| !one.endpoint.id.tenant().is_default())
    }

    /// Address and port to listen on.
    pub fn listen_address(&self) -> SocketAddr {
        SocketAddr::new(self.api_host, self.api_port)
    }
}
