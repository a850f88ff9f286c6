//! What the operator decides.
//!
//! Sources, each winning over the one before: the defaults, `morag.toml`, the environment. Every setting is one row of
//! [`settings::SETTINGS`], from which the README's table and `config.default.toml` are made; [`load`](Config::load) reads
//! the sources, and [`Config`] holds the values as types.

mod load;
mod plugins_dir;
mod settings;
mod table;
mod units;

pub use load::{ConfigError, Sources};
pub use settings::{SETTINGS, Setting};
pub use table::{default_toml, markdown_table};

use ipnet::IpNet;
use morag_core::Secret;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The settings, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on.
    pub api_host: IpAddr,
    /// Port to listen on; 0 lets the system choose.
    pub api_port: u16,
    /// Keys that callers may use. Never empty.
    pub api_keys: Vec<Secret>,
    /// Folder of the embedded store and the files.
    pub data_dir: PathBuf,
    /// Folder of the step components.
    pub plugins_dir: PathBuf,
    /// Folder of compiled step components; its user's alone.
    pub compile_cache_dir: PathBuf,
    /// Largest upload, bytes.
    pub max_upload_size_bytes: u64,
    /// Tasks that run at once in this process.
    pub worker_concurrency: usize,
    /// Tasks that may wait; more are refused with 429.
    pub queue_tasks_max: u64,
    /// How long a claimed task or delivery stays with a worker that says nothing.
    pub lease: Duration,
    /// How long `POST /api/v1/process` waits for the end of a conversion.
    pub process_wait: Duration,
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
    /// Deliveries under way at once in this process.
    pub webhook_concurrency: usize,
    /// Deliveries under way at once to one host and port.
    pub webhook_host_concurrency: usize,
    /// How long an ended task's events stay.
    pub history_retention: Duration,
    /// How long an ended task's files stay.
    pub temp_retention: Duration,
    /// `text` or `json`.
    pub log_format: LogFormat,
    /// What is logged, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// What the operator should know, to be logged at start.
    pub warnings: Vec<String>,
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
    /// Where the server listens.
    pub fn listen_address(&self) -> SocketAddr {
        SocketAddr::new(self.api_host, self.api_port)
    }
}
