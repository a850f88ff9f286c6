//! What the operator decides.
//!
//! Sources, each winning over the one before: the defaults, `morag.toml`, the environment, the command line. Every setting
//! is one row of [`settings::SETTINGS`], from which the README's table and `config.default.toml` are made;
//! [`load`](Config::load) reads the [`sources`], and [`Config`] holds the values as types.

mod ai;
mod callers;
mod compiling;
mod endpoints;
mod file_tables;
mod keys;
mod load;
mod pipelines;
mod plugins;
mod plugins_dir;
mod roles;
mod settings;
mod sources;
mod storage;
mod table;
mod table_reader;
#[cfg(test)]
mod tests;
mod units;
mod unknown;
mod values;

pub use ai::AiConfig;
pub use callers::{ConfiguredCaller, check_caller_name, digest_of};
pub use keys::ApiKey;
pub use plugins::ConfiguredPlugin;
pub use plugins_dir::find_of_process as find_plugins_dir;
pub use roles::{InvalidRoles, Role, Roles};
pub use settings::{SETTINGS, Setting};
pub use sources::{ConfigError, Sources};
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

/// The settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub api_host: IpAddr,
    /// Port to listen on; 0 lets the system choose.
    pub api_port: u16,
    /// Keys that callers may use: admins of the default tenant. Empty where [`Self::callers`] are others, or the process has not
    /// the role `api`.
    pub api_keys: Vec<ApiKey>,
    /// What the process does. Every role where there is no Redis.
    pub roles: Roles,
    /// Where tasks are kept; none: in the embedded store, which is this process's alone.
    pub redis: Option<RedisConfig>,
    /// Where files are kept; none: in the data folder.
    pub s3: Option<S3Config>,
    /// Folder of the embedded store and the files.
    pub data_dir: PathBuf,
    /// Folder of the step components.
    pub plugins_dir: PathBuf,
    /// What `morag.toml` says of single plugins.
    pub plugins: Vec<ConfiguredPlugin>,
    /// What `morag.toml` says of registries of plugins.
    pub plugin_registries: Vec<RegistryAccess>,
    /// Between two looks at whether a component changed; zero: nobody looks.
    pub plugins_reload: Duration,
    /// Folder of compiled step components; its user's alone.
    pub compile_cache_dir: PathBuf,
    /// How much compiling one of them may take.
    pub compiling: CompileLimits,
    /// Largest upload, bytes.
    pub max_upload_size_bytes: u64,
    /// Tasks that run at once in this process.
    pub worker_concurrency: usize,
    /// Bytes that stay free on the disk: below it nothing new is taken. 0: none.
    pub disk_free_min: u64,
    /// Tasks that may wait; more are refused with 429.
    pub queue_tasks_max: u64,
    /// How long a claimed task or delivery stays with a worker that says nothing.
    pub lease: Duration,
    /// How long what runs may go on once the process was asked to stop.
    pub drain_timeout: Duration,
    /// How long `POST /api/v1/process` waits for the end of a conversion.
    pub process_wait: Duration,
    /// Limit of fetching one document by its URL.
    pub fetch_timeout: Duration,
    /// Networks that documents may be fetched from although they are not public.
    pub fetch_allow_networks: Vec<IpNet>,
    /// Service of completions and transcription; none: there is none.
    pub ai: Option<AiConfig>,
    /// Networks that plugins may reach although they are not public.
    pub plugin_http_allow_networks: Vec<IpNet>,
    /// Limit of one webhook exchange.
    pub webhook_timeout: Duration,
    /// Retries after the first attempt.
    pub webhook_max_retries: u32,
    /// Delay before the first retry; it doubles with each.
    pub webhook_retry_delay: Duration,
    /// Secrets that webhooks are signed with, newest first; none: unsigned.
    pub webhook_secrets: Vec<Secret>,
    /// Networks that deliveries may reach although they are not public.
    pub webhook_allow_networks: Vec<IpNet>,
    /// What deliveries go through, if anything.
    pub webhook_proxy: Option<WebhookProxy>,
    /// Longest `Retry-After` that is believed.
    pub webhook_retry_after_max: Duration,
    /// How long a named endpoint may fail before it is disabled.
    pub webhook_disable_after: Duration,
    /// How old an event may be whose delivery is attempted while its receiver fails. It limits the backlog of such a receiver, and
    /// the history of its tasks, which stays while a delivery is due.
    pub webhook_give_up_after: Duration,
    /// Key that credentials of named endpoints are stored with.
    pub secrets_key: Option<Secret>,
    /// Pipelines of `morag.toml`.
    pub pipelines: Vec<Configured>,
    /// Named endpoints of `morag.toml`.
    pub webhook_endpoints: Vec<ConfiguredEndpoint>,
    /// Deliveries under way at once to one lane: a named endpoint, or a `webhook_url`.
    pub webhook_endpoint_concurrency: usize,
    /// Deliveries under way at once in this process.
    pub webhook_concurrency: usize,
    /// Deliveries under way at once to one host and port.
    pub webhook_host_concurrency: usize,
    /// How long an ended task's events stay.
    pub history_retention: Duration,
    /// How long an ended task's files stay.
    pub temp_retention: Duration,
    /// How long an `Idempotency-Key` is remembered.
    pub idempotency_retention: Duration,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// What is logged, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// What the operator should know, to be logged at start.
    pub warnings: Vec<String>,
    /// Whether the server starts although the key of what is sealed in the store is lost.
    pub secrets_key_lost: bool,
    /// Connections at once from one address.
    pub connections_per_peer: usize,
    /// Whether a key is the one that everybody knows, on a loopback address: then no page of a browser is let in by another name.
    pub has_default_key: bool,
    /// Who may call: [`Self::api_keys`], and the tables `[[callers]]`.
    pub callers: Vec<Arc<ConfiguredCaller>>,
}

/// Shape of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Whether callers or endpoints of several tenants share the server.
    pub fn has_tenants(&self) -> bool {
        let of_callers = self.callers.iter().any(|caller| !caller.tenant.is_default());
        of_callers || self.webhook_endpoints.iter().any(|one| !one.endpoint.id.tenant().is_default())
    }

    /// Where the server listens.
    pub fn listen_address(&self) -> SocketAddr {
        SocketAddr::new(self.api_host, self.api_port)
    }
}
