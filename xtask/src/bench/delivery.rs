//! `cargo xtask bench delivery`: delivery throughput, its cost, and the latency of events, without running steps.
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::layout;
use super::machine::{load, outside};
use super::receiver::Receiver;
use crate::children::{self, Running, cpu_seconds_of, peak_memory_bytes_of};
use crate::shell;
use crate::workspace::Workspace;

/// Measure delivery throughput, its cost, and the latency of events, without running steps.
///
/// Sends signed events of about 1 KB, first from a backlog, then while they are created, to one receiver and to many named
/// endpoints; then at a steady rate, for the latency. The server is a real dispatcher (release build); its events are committed
/// one at a time, as a worker commits them. CPU time is that of the whole server, including the creation of events where that is
/// measured, with Redis's shown separately.
#[derive(Args)]
pub struct Options {
    /// Events per part.
    #[arg(long, default_value_t = 20_000)]
    events: usize,
    /// Named endpoints.
    #[arg(long, default_value_t = 1000)]
    endpoints: usize,
    /// Events per task.
    #[arg(long, default_value_t = 20)]
    events_a_task: usize,
    /// Stores to measure; both by default.
    #[arg(long, value_enum)]
    store: Vec<Store>,
    /// Use the existing build of the server.
    #[arg(long)]
    no_build: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    Sqlite,
    Redis,
}

/// Events per second and duration of the latency part; the rate is the one at which Svix was measured.
const PACE: usize = 50;
const PACED_SECONDS: usize = 20;

/// Maximum duration of one part.
const PART_MAX: Duration = Duration::from_secs(600);

/// The command.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::find()?;
    if !options.no_build {
        shell::run(&mut workspace.cargo(&["build", "--release", "-p", "morag-benches", "--bin", "delivery-server"]))?;
    }
    let receiver = Receiver::start()?;
    println!("load average {}", load());
    let stores = if options.store.is_empty() { vec![Store::Sqlite, Store::Redis] } else { options.store.clone() };
    for store in stores {
        println!("== {}", if store == Store::Sqlite { "SQLite" } else { "Redis" });
        for endpoints in [0, options.endpoints] {
            backlog(options, &workspace, store, &receiver, endpoints)?;
            live(options, &workspace, store, &receiver, endpoints)?;
        }
        paced(&workspace, store, &receiver)?;
    }
    outside(&receiver)?;
    println!("load average {}", load());
    Ok(())
}

/// Events are created first by a process that does not deliver, then delivered by another.
fn backlog(
    options: &Options,
    workspace: &Workspace,
    store: Store,
    receiver: &Receiver,
    endpoints: usize,
) -> Result<()> {
    let stage = Stage::new(workspace, store)?;
    let mut creator = stage.server(workspace, receiver)?;
    creator.create(options, endpoints)?;
    creator.end()?;
    let mut server = stage.server(workspace, receiver)?;
    let redis_before = stage.redis_cpu();
    let started = Instant::now();
    server.ask("deliver")?;
    wait(receiver, options.events, &mut server)?;
    report("backlog", endpoints, receiver, started, server.cpu()?, stage.redis_cpu() - redis_before, server.peak()?);
    server.end()?;
    receiver.clear();
    stage.end()
}

/// Events are delivered while they are created, by the same process.
fn live(options: &Options, workspace: &Workspace, store: Store, receiver: &Receiver, endpoints: usize) -> Result<()> {
    let stage = Stage::new(workspace, store)?;
    let mut server = stage.server(workspace, receiver)?;
    if endpoints > 0 {
        server.ask(&format!("endpoints {endpoints}"))?;
    }
    server.ask("deliver")?;
    let (before, redis_before) = (server.cpu()?, stage.redis_cpu());
    let started = Instant::now();
    server.ask(&options.order(endpoints))?;
    wait(receiver, options.events, &mut server)?;
    let cpu = server.cpu()? - before;
    report("created", endpoints, receiver, started, cpu, stage.redis_cpu() - redis_before, server.peak()?);
    server.end()?;
    receiver.clear();
    stage.end()
}

/// Events at a steady rate: latency from commit to receipt.
fn paced(workspace: &Workspace, store: Store, receiver: &Receiver) -> Result<()> {
    let stage = Stage::new(workspace, store)?;
    let mut server = stage.server(workspace, receiver)?;
    server.ask("deliver")?;
    let events = PACE * PACED_SECONDS;
    server.ask(&format!("pace {} {PACE} {PACE}", PACED_SECONDS))?;
    wait(receiver, events, &mut server)?;
    let mut latencies: Vec<_> = receiver.receipts().iter().map(|receipt| receipt.latency_ms).collect();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() as f64 - 1.0) * share) as usize];
    println!(
        "paced        {PACE} events/s, commit to receipt: p50 {} ms, p99 {} ms, max {} ms; peak {:.0} MiB",
        at(0.5),
        at(0.99),
        at(1.0),
        server.peak()? as f64 / f64::from(1 << 20),
    );
    server.end()?;
    receiver.clear();
    stage.end()
}

fn report(what: &str, endpoints: usize, receiver: &Receiver, started: Instant, cpu: f64, redis: f64, peak: u64) {
    let receipts = receiver.receipts();
    let last = receipts.iter().map(|receipt| receipt.at).max().unwrap_or(started);
    let (count, seconds) = (receipts.len(), (last - started).as_secs_f64());
    let whom = if endpoints == 0 { "one receiver".to_owned() } else { format!("{endpoints} endpoints") };
    let per_1000 = |cpu: f64| 1000.0 * cpu / count as f64;
    println!(
        "{what:12} {count} deliveries to {whom} in {seconds:.1} s: {:.0}/s, CPU-s per 1,000: {:.3} ours, {:.3} with Redis; peak {:.0} MiB",
        count as f64 / seconds,
        per_1000(cpu),
        per_1000(cpu + redis),
        peak as f64 / f64::from(1 << 20),
    );
}

impl Options {
    fn order(&self, endpoints: usize) -> String {
        format!("create {} {} {endpoints}", self.events.div_ceil(self.events_a_task), self.events_a_task)
    }
}

/// Waits until `deliveries` deliveries were received.
fn wait(receiver: &Receiver, deliveries: usize, server: &mut Server) -> Result<()> {
    let started = Instant::now();
    while receiver.len() < deliveries {
        if let Some(status) = server.process.try_wait()? {
            bail!("the server ended: {status}");
        }
        if children::stop_wanted() || started.elapsed() > PART_MAX {
            bail!("stopped after {} of {deliveries} deliveries", receiver.len());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Store of one part.
struct Stage {
    data: PathBuf,
    redis: Option<(Running, String)>,
}

impl Stage {
    fn new(workspace: &Workspace, store: Store) -> Result<Self> {
        let data = workspace.target.join(format!("bench-data-{}", std::process::id()));
        fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let redis = match store {
            Store::Sqlite => None,
            Store::Redis => Some(layout::redis(&data, &workspace.target.join("bench-logs"))?),
        };
        Ok(Self { data, redis })
    }

    fn server(&self, workspace: &Workspace, receiver: &Receiver) -> Result<Server> {
        Server::start(workspace, self, receiver)
    }

    fn redis_cpu(&self) -> f64 {
        self.redis.as_ref().and_then(|(redis, _)| redis.cpu_seconds()).unwrap_or_default()
    }

    fn end(mut self) -> Result<()> {
        if let Some((redis, _)) = &mut self.redis {
            redis.stop();
        }
        fs::remove_dir_all(&self.data).with_context(|| format!("cannot remove {}", self.data.display()))
    }
}

/// The server process, controlled by lines on its standard input.
struct Server {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    fn start(workspace: &Workspace, stage: &Stage, receiver: &Receiver) -> Result<Self> {
        let mut command = Command::new(workspace.target.join("release/delivery-server"));
        command.arg(stage.data.join("store")).arg(&receiver.url).env_remove("REDIS_URL");
        if let Some((_, url)) = &stage.redis {
            command.env("REDIS_URL", url);
        }
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start the server")?;
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().context("no output")?);
        let mut server = Self { process, orders, answers };
        server.answer()?;
        Ok(server)
    }

    fn ask(&mut self, order: &str) -> Result<()> {
        let orders = self.orders.as_mut().context("the server is ending")?;
        writeln!(orders, "{order}")?;
        orders.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> Result<()> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the server ended: {}", self.process.wait()?);
        }
        Ok(())
    }

    fn create(&mut self, options: &Options, endpoints: usize) -> Result<()> {
        if endpoints > 0 {
            self.ask(&format!("endpoints {endpoints}"))?;
        }
        self.ask(&options.order(endpoints))
    }

    fn cpu(&self) -> Result<f64> {
        cpu_seconds_of(self.process.id()).context("cannot read the server's processor time")
    }

    fn peak(&self) -> Result<u64> {
        peak_memory_bytes_of(self.process.id()).context("cannot read the server's memory")
    }

    fn end(mut self) -> Result<()> {
        self.orders = None;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("the server ended: {status}");
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either it has already ended, or the benchmark failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
