//! The server that `cargo xtask bench delivery` measures: the dispatcher of a real one on its real stores, with a source of
//! events in the place of the steps. Told what to do on standard input, a line each; answers with a line.
//!
//! Why not `morag serve`: its events come out of components that compute, and what is measured here is what comes after.

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

/// What a line may ask for.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// Named endpoints, one for each customer.
    Endpoints { count: usize },
    /// Tasks of so many events each, as fast as they go; `0` endpoints: each with a `webhook_url`.
    Create { tasks: usize, events: usize, endpoints: usize },
    /// The same, so many events a second.
    Pace { tasks: usize, events: usize, rate: u32 },
    /// Begin to deliver.
    Deliver,
}

fn order(line: &str) -> anyhow::Result<Order> {
    let words: Vec<_> = line.split_whitespace().collect();
    let number = |index: usize| -> anyhow::Result<usize> {
        words.get(index).context("a number is missing")?.parse().context("not a number")
    };
    Ok(match *words.first().context("an empty line")? {
        "endpoints" => Order::Endpoints { count: number(1)? },
        "create" => Order::Create { tasks: number(1)?, events: number(2)?, endpoints: number(3)? },
        "pace" => Order::Pace { tasks: number(1)?, events: number(2)?, rate: u32::try_from(number(3)?)? },
        "deliver" => Order::Deliver,
        other => bail!("{other} is no order"),
    })
}

/// `delivery-server DATA_DIR WEBHOOK_URL`, with `REDIS_URL` for a Redis.
fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().context("the data folder is missing")?;
    let webhook_url = arguments.next().context("the webhook's URL is missing")?;
    // Fails only where one is installed already.
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
    // On the embedded store too: without steps.
    config.roles = "dispatcher".parse::<Roles>()?;
    anyhow::ensure!(!config.roles.has(Role::Worker), "no worker is wanted");
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
        match order(&line)? {
            Order::Endpoints { count } => source.endpoints(count).await?,
            Order::Create { tasks, events, endpoints } => source.create(tasks, events, endpoints, None).await?,
            Order::Pace { tasks, events, rate } => {
                source.create(tasks, events, 0, Some(Duration::from_secs(1) / rate.max(1))).await?;
            }
            Order::Deliver => loops = deliver(&app, &shutdown),
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
