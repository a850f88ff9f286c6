//! The server that `cargo xtask bench delivery` measures: a real dispatcher on real stores, with a generator of events in place of the
//! steps. Reads commands from standard input, one per line, and answers each with a line.
//!
//! Not `morag serve`: there, events come from components that use processor time, and this bench measures only what follows.

mod events;

use anyhow::{Context as _, bail};
use events::Source;
use morag_engine::config::{Config, Role, Roles, Sources};
use morag_engine::{self as engine, App};
use morag_server::wire;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio_util::sync::CancellationToken;

/// A command.
#[derive(Debug, Clone, Copy)]
enum Command {
    /// Creates named endpoints, one for each customer.
    Endpoints { count: usize },
    /// Creates tasks with this many events each, as fast as possible; with `0` endpoints, each task has a `webhook_url`.
    Create { tasks: usize, events: usize, endpoints: usize },
    /// The same at a rate of this many events per second.
    Pace { tasks: usize, events: usize, rate: u32 },
    /// Starts delivering.
    Deliver,
}

fn command(line: &str) -> anyhow::Result<Command> {
    let words: Vec<_> = line.split_whitespace().collect();
    let number = |index: usize| -> anyhow::Result<usize> {
        words.get(index).context("a number is missing")?.parse().context("not a number")
    };
    Ok(match *words.first().context("an empty line")? {
        "endpoints" => Command::Endpoints { count: number(1)? },
        "create" => Command::Create { tasks: number(1)?, events: number(2)?, endpoints: number(3)? },
        "pace" => Command::Pace { tasks: number(1)?, events: number(2)?, rate: u32::try_from(number(3)?)? },
        "deliver" => Command::Deliver,
        other => bail!("unknown command {other}"),
    })
}

/// Usage: `delivery-server DATA_DIR WEBHOOK_URL`, with `REDIS_URL` to use Redis.
fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().context("the data folder is missing")?;
    let webhook_url = arguments.next().context("the webhook's URL is missing")?;
    // Fails only if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(data_dir, webhook_url))
}

async fn serve(data_dir: String, webhook_url: String) -> anyhow::Result<()> {
    let mut environment: BTreeMap<String, String> = [
        ("MORAG_DATA_DIR", data_dir.as_str()),
        ("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/8"),
        ("WEBHOOK_SECRET", "a bench's secret"),
        ("MORAG_SECRETS_KEY", &"00".repeat(32)),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    if let Ok(url) = std::env::var("REDIS_URL") {
        environment.insert("REDIS_URL".to_owned(), url);
    }
    let mut config = Config::load(&Sources { environment, ..Sources::default() })?;
    // Without steps, also on the embedded store.
    config.roles = "dispatcher".parse::<Roles>()?;
    anyhow::ensure!(!config.roles.has(Role::Worker), "the bench runs no worker");
    std::fs::create_dir_all(&config.data_dir)?;
    let shutdown = CancellationToken::new();
    let (app, _) = wire::build(config, &shutdown).await?;
    let app = Arc::new(app);
    let source = Source { app: app.clone(), webhook_url };

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    answer("ready")?;
    let mut loops = tokio::task::JoinSet::new();
    while let Some(line) = lines.next_line().await? {
        let started = Instant::now();
        match command(&line)? {
            Command::Endpoints { count } => source.endpoints(count).await?,
            Command::Create { tasks, events, endpoints } => source.create(tasks, events, endpoints, None).await?,
            Command::Pace { tasks, events, rate } => {
                source.create(tasks, events, 0, Some(Duration::from_secs(1) / rate.max(1))).await?;
            }
            Command::Deliver => loops = deliver(&app, &shutdown),
        }
        answer(&format!("done {:.3}", started.elapsed().as_secs_f64()))?;
    }
    shutdown.cancel();
    while loops.join_next().await.is_some() {}
    Ok(())
}

fn deliver(app: &Arc<App>, shutdown: &CancellationToken) -> tokio::task::JoinSet<()> {
    engine::spawn(app, shutdown)
}

fn answer(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
