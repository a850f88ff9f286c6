//! `cargo xtask chaos`: random faults under constant load for some minutes, then a check of the results.
//!
//! Exit code 1 if anything was lost, duplicated, out of order or left over, or a task has not completed.

mod faults;

use clap::{Parser, ValueEnum};
use faults::{Fault, Faults};
use morag_tests::fleet::ProcessClock;
use morag_tests::proxy::Proxy;
use morag_tests::redis::{RedisCluster, RedisOptions, RedisServer};
use morag_tests::saga::{Saga, Store};
use morag_tests::tally::judge::Rules;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Maximum of accepted tasks that have not ended: documents are submitted while nothing ends, and the end still comes soon.
const IN_FLIGHT_MAX: u64 = 300;
/// Pause between faults, milliseconds: some meet a working fleet, some one that is recovering.
const PAUSE_MILLIS: std::ops::Range<u64> = 500..6000;
/// Duration of a fault, milliseconds: shorter and longer than a lease (2 s) and the clients' timeouts.
const FAULT_MILLIS: std::ops::Range<u64> = 0..7000;

/// Random faults under constant load, and a verdict.
#[derive(Parser)]
#[command(name = "chaos")]
struct Options {
    /// Minutes of faults; recovery and the final check come after.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// Store that the processes share. With the embedded store there is one process.
    #[arg(long, value_enum, default_value = "redis")]
    store: StoreKind,
    /// Seed of the random choices; the same seed makes the same choices.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StoreKind {
    Redis,
    Cluster,
    Sqlite,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let durable = RedisOptions { durable: true, ..RedisOptions::default() };
    let mut proxy = None;
    let (store, roles): (_, &[&str]) = match options.store {
        StoreKind::Sqlite => (Store::Sqlite, &["all"]),
        StoreKind::Redis => {
            let server = RedisServer::start_with(durable);
            proxy = Some(Proxy::to(server.port()).await);
            (Store::Redis(server), &["api", "api", "worker", "worker", "dispatcher", "dispatcher"])
        }
        StoreKind::Cluster => {
            let cluster = RedisCluster::start_with(durable);
            (Store::Cluster(cluster), &["api", "api", "worker", "worker", "dispatcher", "dispatcher"])
        }
    };
    // Processes reach the same server through the proxy.
    let url = proxy.as_ref().zip(store.url()).map(|(proxy, _)| format!("redis://127.0.0.1:{}", proxy.port()));
    let settings: Vec<_> = url.iter().map(|url| ("REDIS_URL", url.as_str())).collect();
    let mut saga = Saga::new("chaos", seed, store, &settings).await;
    let folder = tempfile::tempdir();
    let clock = folder.as_ref().ok().map(|folder| ProcessClock::new(folder.path()));
    for (number, roles) in roles.iter().enumerate() {
        // The clock of one worker of several jumps; that of the only process of an embedded store is tested elsewhere.
        saga.fleet.start_with(roles, if number == 2 { clock.clone() } else { None }).await;
    }
    let load = saga.load();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let submits = load.keep_going(saga.tally.clone(), IN_FLIGHT_MAX, stopped);
    let injected = inject(&mut saga, proxy.as_ref(), clock.as_ref(), options.minutes).await;

    stop.send_replace(true);
    saga.say("no more faults");
    saga.fleet.heal().await;
    let accepted = submits.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    saga.say(&format!("{} tasks accepted, {} submissions were repeated", accepted.len(), load.repeated()));
    for (kind, count) in &injected {
        println!("chaos faults      {count} {kind}");
    }
    // Processes are paused and cut off: their pending deliveries arrive late.
    let report = saga.finish(&accepted, Rules { late_repeats: true, ..Rules::default() }).await;
    // All documents are valid, so a failed task is a loss too.
    let is_clean = report.is_clean() && report.completed == accepted.len() as u64 && !accepted.is_empty();
    println!("chaos verdict     {}", if is_clean { "nothing is lost" } else { "LOSS: see above" });
    if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Injects faults until the time is up. Returns their number by kind.
async fn inject(
    saga: &mut Saga,
    proxy: Option<&Proxy>,
    clock: Option<&ProcessClock>,
    minutes: f64,
) -> BTreeMap<&'static str, u64> {
    let started = Instant::now();
    let mut injected = BTreeMap::new();
    let faults = Faults::of(&saga.store);
    while started.elapsed().as_secs_f64() < minutes * 60.0 {
        let pause = saga.rng.u64(PAUSE_MILLIS);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        // Sometimes two at once: a process that starts while the store is down, a cut during a kill.
        let count = if saga.rng.u8(..4) == 0 { 2 } else { 1 };
        let mut chosen: Vec<Fault> = Vec::new();
        for _ in 0..count {
            let fault = faults.choose(&mut saga.rng, saga.fleet.processes().len());
            if !chosen.iter().any(|other| other.excludes(&fault)) {
                chosen.push(fault);
            }
        }
        let long = Duration::from_millis(saga.rng.u64(FAULT_MILLIS));
        for fault in &chosen {
            fault.begin(saga, proxy, clock).await;
            *injected.entry(fault.kind()).or_default() += 1;
        }
        tokio::time::sleep(long).await;
        // The store first: a process does not start without it.
        chosen.sort_by_key(|fault| !fault.is_of_store());
        for fault in &chosen {
            fault.end(saga, proxy, clock).await;
        }
        let names: Vec<_> = chosen.iter().map(|fault| fault.describe(saga)).collect();
        let arrived = saga.tally.arrived();
        saga.say(&format!("{} for {} ms; {} tasks ended", names.join(" and "), long.as_millis(), arrived.ended));
    }
    injected
}
