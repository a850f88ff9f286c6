//! Servers to be measured: one process on the embedded store, or one or several on a Redis of their own.
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::api::Client;
use crate::children::{self, Running};
use crate::profile::Profile;
use crate::server::{self, KEY, START_MAX};
use crate::toolchain::debian;
use crate::workspace::Workspace;

/// How long a Redis may take to answer: it starts empty.
const REDIS_START_MAX: Duration = Duration::from_secs(20);

/// Which processes run on which store.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Layout {
    /// One process on the embedded store.
    Sqlite,
    /// One process on Redis.
    Redis,
    /// On Redis: a process for API and dispatcher, and one worker that runs one task at a time.
    Redis1,
    /// The same with two such workers.
    Redis2,
}

impl Layout {
    /// All of them, in the order in which they are compared.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Redis, Self::Redis1, Self::Redis2];

    /// What it is.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite, one process",
            Self::Redis => "Redis, one process",
            Self::Redis1 => "Redis, API and dispatcher, one worker process of one place",
            Self::Redis2 => "Redis, API and dispatcher, two worker processes of one place each",
        }
    }

    /// Command lines of its processes; the first has the API.
    fn roles(self) -> &'static [&'static [&'static str]] {
        const FRONT: &[&str] = &["--role", "api,dispatcher"];
        const WORKER: &[&str] = &["--role", "worker", "--concurrency", "1"];
        match self {
            Self::Sqlite | Self::Redis => &[&[]],
            Self::Redis1 => &[FRONT, WORKER],
            Self::Redis2 => &[FRONT, WORKER, WORKER],
        }
    }
}

/// Processes that run. Dropping stops them, Redis last.
pub struct Servers {
    servers: Vec<Running>,
    redis: Option<Running>,
    data: PathBuf,
    /// Of the process with the API.
    pub client: Client,
}

impl Servers {
    /// Starts them, with fresh stores, and waits until they are ready. `collector`: where they send traces, if they do.
    pub fn start(workspace: &Workspace, layout: Layout, collector: Option<&str>) -> Result<Self> {
        let data = workspace.target.join(format!("bench-data-{}", std::process::id()));
        fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let logs = workspace.target.join("bench-logs");
        let redis = match layout {
            Layout::Sqlite => None,
            _ => Some(redis(&data, &logs)?),
        };
        let (mut servers, mut clients) = (Vec::new(), Vec::new());
        for (index, arguments) in layout.roles().iter().enumerate() {
            let port = children::free_port(0)?;
            let mut command = server::command(workspace, Profile::Release, port, &data);
            command
                .args(*arguments)
                .env("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/8")
                .env("WEBHOOK_SECRET", "a bench's secret");
            if let Some(url) = collector {
                command.env("OTEL_EXPORTER_OTLP_ENDPOINT", url);
            }
            if let Some((_, url)) = &redis {
                command.env("REDIS_URL", url);
            }
            servers.push(Running::start("a server", &command, &logs.join(format!("server-{index}.log")))?);
            clients.push(Client::new(&format!("http://127.0.0.1:{port}"), KEY));
        }
        for (server, client) in servers.iter_mut().zip(&clients) {
            server.wait_ready(START_MAX, || client.is_ready())?;
        }
        Ok(Self { servers, redis: redis.map(|(redis, _)| redis), data, client: clients.remove(0) })
    }

    /// Processor time all servers have used, seconds, and Redis's beside it.
    pub fn cpu_seconds(&self) -> (f64, f64) {
        let servers = self.servers.iter().filter_map(Running::cpu_seconds).sum();
        (servers, self.redis.as_ref().and_then(Running::cpu_seconds).unwrap_or_default())
    }

    /// Most memory the largest server had, bytes, and Redis beside it.
    pub fn peak_memory_bytes(&self) -> (u64, u64) {
        let servers = self.servers.iter().filter_map(Running::peak_memory_bytes).max().unwrap_or_default();
        (servers, self.redis.as_ref().and_then(Running::peak_memory_bytes).unwrap_or_default())
    }

    /// Stops them, and removes what they stored.
    pub fn stop(mut self) -> Result<()> {
        self.servers.iter_mut().for_each(Running::stop);
        self.redis.iter_mut().for_each(Running::stop);
        fs::remove_dir_all(&self.data).with_context(|| format!("cannot remove {}", self.data.display()))
    }
}

/// A Redis as the README wants it: nothing that it has answered is lost.
pub fn redis(data: &std::path::Path, logs: &std::path::Path) -> Result<(Running, String)> {
    debian::install(&["redis-server"])?;
    let port = children::free_port(0)?.to_string();
    let mut command = Command::new("redis-server");
    command
        .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "yes", "--appendfsync", "always"])
        .args(["--maxmemory-policy", "noeviction"])
        .arg("--dir")
        .arg(data);
    let mut running = Running::start("Redis", &command, &logs.join("redis.log"))?;
    let answers = || {
        let asked = Command::new("redis-cli").args(["-p", &port, "ping"]).output();
        asked.is_ok_and(|output| output.stdout.starts_with(b"PONG"))
    };
    running.wait_ready(REDIS_START_MAX, answers)?;
    Ok((running, format!("redis://127.0.0.1:{port}/0")))
}
